"""What does the paper itself say of each claim: is the quotation there, and does the number follow?

This is a paper check and never a reproduction: a number that follows from the paper's own tables is
printed consistently, whether or not it is true.
"""

from __future__ import annotations

from claims.claim import Claim, ClaimSet, GainClaim, SelectedGainClaim, ValueClaim
from claims.estimand import Condition
from claims.grounding import NumberCheck, Says, Sentence, check_number
from claims.paper import PaperText, Quantity
from claims.quantities import quantities_in
from claims.quoted import QuoteCheck, check_quote
from claims.record import UNKNOWN, Record

__all__ = ["Grounded", "PaperCheck", "ground"]


class Grounded(Record):
    """The paper check of one claim."""

    claim: str
    statement: str
    quote: QuoteCheck | None
    """None where the claim quotes nothing."""
    number: NumberCheck | None
    """None where the claim states no number."""

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
        notices=paper.notices,
        claims=tuple(_grounded(claim, paper) for claim in claims.claims),
    )


def _grounded(claim: Claim, paper: PaperText) -> Grounded:
    quote = claim.source.quote
    sentence = _sentence(claim)
    return Grounded(
        claim=claim.id,
        statement=claim.statement,
        quote=None if quote == UNKNOWN else check_quote(quote, paper),
        number=None if sentence is None else check_number(sentence, paper),
    )


def _sentence(claim: Claim) -> Sentence | None:
    """Return the number that a claim states and the wording that names its cells."""
    if not isinstance(claim, GainClaim | SelectedGainClaim | ValueClaim):
        return None
    if isinstance(claim.reported, str):
        return None
    says: Says = "value" if isinstance(claim, ValueClaim) else "gain"
    baseline, control = False, ""
    if isinstance(claim, GainClaim | SelectedGainClaim):
        baseline = not claim.control.intermediate and not claim.control.mlm
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
    tasks = condition.intermediate
    return "all tasks" if tasks == "all" else " ".join(tasks).replace("_", " ")
