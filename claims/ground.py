"""What does the paper itself say of each claim: is the quotation there, and does the number follow?

This is a paper check and never a reproduction: a number that follows from the paper's own tables is
printed consistently, whether or not it is true.
"""

from __future__ import annotations

from claims.claim import (
    Claim,
    ClaimSet,
    ConsistencyClaim,
    GainClaim,
    RankingClaim,
    SelectedGainClaim,
    ValueClaim,
)
from claims.comparators import Comparator, comparators, mixed
from claims.estimand import Condition
from claims.finding import TableFinding
from claims.grounding import NumberCheck, Says, Sentence, check_number
from claims.paper import Cell, PaperText, Quantity
from claims.quantities import quantities_in
from claims.quoted import QuoteCheck, check_quote
from claims.record import UNKNOWN, Record
from claims.table_findings import left_out, table_findings

__all__ = ["Grounded", "PaperCheck", "ground"]


class Grounded(Record):
    """The paper check of one claim."""

    claim: str
    statement: str
    quote: QuoteCheck | None
    """None where the claim quotes nothing."""
    number: NumberCheck | None
    """None where the claim states no number."""
    comparators: tuple[Comparator, ...] = ()
    """Whose numbers a difference was taken against, as far as the headers name its cells."""
    mixed_baselines: bool = False
    """Whether those numbers are of different origin, such as an own run and another paper's."""

    def contradicted(self) -> bool:
        """Return whether the paper itself says something else."""
        number, quote = self.number, self.quote
        return (number is not None and number.status == "impossible") or (
            quote is not None and quote.status == "altered"
        )

    def settled(self) -> bool:
        """Return whether all that could be checked was found and follows."""
        number = self.number is None or self.number.status == "entailed"
        return number and (self.quote is None or self.quote.status == "found")


class PaperCheck(Record):
    """The paper check of a claim set."""

    paper: str
    format: str
    tables: int
    notices: tuple[str, ...]
    """What of the paper could not be read."""
    findings: tuple[TableFinding, ...] = ()
    """Where the paper's tables contradict themselves, whatever is claimed; no claim's outcome."""
    claims: tuple[Grounded, ...]


def ground(claims: ClaimSet, paper: PaperText, name: str) -> PaperCheck:
    """Check claims against the paper's own text and tables.

    Args:
        claims: of that paper.
        paper: as `claims.reading.read_paper` returns it.
        name: of the paper's file, for the report.
    """
    return PaperCheck(
        paper=name,
        format=paper.format,
        tables=len(paper.tables),
        notices=(*paper.notices, *left_out(paper)),
        findings=table_findings(paper),
        claims=tuple(_grounded(claim, paper) for claim in claims.claims),
    )


def _grounded(claim: Claim, paper: PaperText) -> Grounded:
    quote = claim.source.quote
    sentence = _sentence(claim)
    number = None if sentence is None else check_number(sentence, paper)
    against = _comparators(number, paper)
    return Grounded(
        claim=claim.id,
        statement=claim.statement,
        quote=None if quote == UNKNOWN else check_quote(quote, paper),
        number=number,
        comparators=against,
        mixed_baselines=mixed(against),
    )


def _comparators(number: NumberCheck | None, paper: PaperText) -> tuple[Comparator, ...]:
    """Return whose numbers the difference was taken against, where headers tie it to its cells."""
    if number is None or number.says != "gain":
        return ()
    found = []
    for hit in number.hits:
        cells = [c for a in hit.cells if isinstance(c := paper.find(a), Cell)]
        if hit.tied and cells:
            found.append(tuple(cells))
    return comparators(found, paper)


def _sentence(claim: Claim) -> Sentence | None:
    """Return the number that a claim states and the wording that names its cells."""
    if isinstance(claim, RankingClaim) and len(claim.claimed) == 1:
        text = f"{claim.statement} {_names(claim.claimed[0])}"
        rank = Quantity(raw=str(claim.top), value=claim.top)
        return Sentence(text, rank, "rank", of=len(claim.candidates), bound="at most")
    if isinstance(claim, ConsistencyClaim) and isinstance(claim.at_least, int):
        count = Quantity(raw=str(claim.at_least), value=claim.at_least)
        return Sentence(claim.statement, count, "count", bound="at least")
    if not isinstance(claim, GainClaim | SelectedGainClaim | ValueClaim):
        return None
    if isinstance(claim.reported, str):
        return None
    says: Says = "value" if isinstance(claim, ValueClaim) else "gain"
    baseline, control = False, ""
    if isinstance(claim, GainClaim | SelectedGainClaim):
        of_paper = claim.control.base == "protocol"
        baseline = of_paper and not claim.control.intermediate and not claim.control.mlm
        control = "" if baseline else _names(claim.control)
    return Sentence(claim.statement, _printed(claim, claim.reported), says, control, baseline)


def _printed(claim: Claim, reported: float) -> Quantity:
    """Return a reported number with the places it was printed with, if the claim's words show them."""
    for text in (claim.statement, claim.source.quote):
        for quantity in quantities_in(text):
            if abs(quantity.value) == abs(reported) and quantity.scale == 1:
                return quantity.model_copy(update={"value": reported})
    whole, _, fraction = repr(float(reported)).partition(".")
    decimals = 0 if fraction == "0" and len(whole) > 2 else len(fraction)
    return Quantity(raw=f"{reported:g}", value=reported, decimals=min(decimals, 12))


def _names(condition: Condition) -> str:
    """Return the words for a condition: its base, where that is not the paper's own, and its tasks."""
    base = [] if condition.base == "protocol" else [condition.base]
    tasks = condition.intermediate
    return " ".join([*base, *(["all tasks"] if tasks == "all" else tasks)]).replace("_", " ")
