"""What became of each statement, table cell and claim between two versions of a paper?

Statements are sentences or clauses. `kept` needs the same words and numbers, citations, articles and
the numbers of sections and tables apart; whatever else is paired is `changed`, or `reversed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Literal

from claims.alignment import Pair, align
from claims.claim import ClaimSet
from claims.paper import PaperText, Quantity, finer
from claims.quoted import check_quote
from claims.record import UNKNOWN, Record
from claims.statements import MAX_STATEMENTS, Printed, Statement, statements_of
from claims.table_lineage import CellLineage, TableLineage, lineage_of_tables
from claims.turns import directions_of, strengths, turn

__all__ = [
    "Became",
    "ClaimLineage",
    "Lineage",
    "NumberChange",
    "Said",
    "StatementLineage",
    "lineage_of",
    "said_in",
]

Became = Literal["kept", "changed", "reversed", "dropped", "new"]
What = Literal["numbers", "direction", "strength", "names", "wording"]
_MOST_NUMBERS = 60
"""Numbers of a statement that are set side by side."""
_COVERED = 0.6
"""Share of the words of a quotation or of a statement that the other must have."""


class Said(Record):
    """A statement at its place."""

    address: str
    place: str
    text: str


class NumberChange(Record):
    """A number of a statement in both versions, or what one of them has instead."""

    earlier: str | None
    """As printed; None where the earlier version has no such number."""
    later: str | None
    relation: Literal["same", "finer", "changed", "dropped", "new"]
    """`finer`: one is the other with more places, rounded or cut off."""
    difference: float | None = None
    """Later less earlier as printed, where they are counted alike."""
    low: float | None = None
    """Least difference between numbers that print like these when rounded; None for counts."""
    high: float | None = None


class StatementLineage(Record):
    """What became of one statement."""

    status: Became
    earlier: Said | None
    later: Said | None
    what: tuple[What, ...] = ()
    """In what they differ, empty where it was kept; of what was dropped or is new, which of numbers,
    direction and names it has."""
    numbers: tuple[NumberChange, ...] = ()
    """Every number of the pair, those kept too; of one side only for what was dropped or is new."""
    turned: str = ""
    """What was reversed."""
    alike: float
    """Share of their telling words, 0 to 1."""


class ClaimLineage(Record):
    """What became of a claim, by the statements that its quotation is from."""

    claim: str
    stands_in: Literal["both", "earlier", "later", "neither", "unknown"]
    """Where the quotation stands; `unknown` where the claim quotes nothing."""
    became: Became | Literal["unknown"]
    statements: tuple[StatementLineage, ...] = ()


class Lineage(Record):
    """Two versions of a paper, compared."""

    earlier: str
    later: str
    """Names of the files."""
    counts: dict[str, int]
    """Status -> statements."""
    statements: tuple[StatementLineage, ...]
    """In the order of the later version, what was dropped last."""
    tables: tuple[TableLineage, ...]
    cells: tuple[CellLineage, ...]
    """Cells that were not kept."""
    claims: tuple[ClaimLineage, ...] = ()
    notices: tuple[str, ...] = ()


def lineage_of(
    earlier: PaperText,
    later: PaperText,
    names: tuple[str, str] = ("earlier", "later"),
    claims: Sequence[ClaimSet] = (),
) -> Lineage:
    """Compare two versions of a paper.

    Args:
        earlier: the version that came first.
        later: the version that came after it.
        names: of the two files, for the report.
        claims: of the paper, to follow from one version to the other.
    """
    sides = statements_of(earlier), statements_of(later)
    found = tuple(_became(pair, *sides) for pair in align(*sides))
    tables, cells = lineage_of_tables(earlier.tables, later.tables)
    counts = Counter(s.status for s in found)
    statuses: tuple[Became, ...] = ("kept", "changed", "reversed", "dropped", "new")
    return Lineage(
        earlier=names[0],
        later=names[1],
        counts={s: counts[s] for s in statuses},
        statements=found,
        tables=tables,
        cells=cells,
        claims=tuple(_followed(c.id, c.source.quote, earlier, later, found)
                     for s in claims for c in s.claims),
        notices=tuple(_notices(names, (earlier, later), sides)),
    )  # fmt: skip


def said_in(paper: PaperText, quote: str, said: Mapping[str, Sequence[Said]]) -> tuple[Said, ...]:
    """Return the statements of a paper that a quotation is from; none where it is not found.

    Args:
        paper: one version.
        quote: which may be cut off.
        said: address -> the statements there.
    """
    checked = check_quote(quote, paper)
    if checked.status != "found":
        return ()
    words = set(quote.casefold().split())
    found = []
    for here in said.get(checked.address, ()):
        own = set(here.text.casefold().split()) - {"[…]"}
        shared = len(own & words)
        if shared >= _COVERED * len(own) or shared >= _COVERED * len(words):
            found.append(here)
    return tuple(found)


def _became(
    pair: Pair, earlier: Sequence[Statement], later: Sequence[Statement]
) -> StatementLineage:
    one = None if pair.earlier is None else earlier[pair.earlier]
    other = None if pair.later is None else later[pair.later]
    same = one is not None and other is not None and one.key == other.key
    numbers = tuple(_numbers(one.numbers if one else (), other.numbers if other else (), same))
    status: Became = "new" if one is None else "dropped"
    what: tuple[What, ...] = tuple(_has(one or other)) if one is None or other is None else ()
    turned = ""
    if one is not None and other is not None:
        status = "kept" if same else "changed"
        if status == "changed":
            turned = turn(one, other, pair.alike)
            what = tuple(_what(one, other, numbers, turned))
            status = "reversed" if turned else "changed"
    return StatementLineage(
        status=status,
        earlier=_said(one),
        later=_said(other),
        what=what,
        numbers=numbers,
        turned=turned,
        alike=round(pair.alike, 4),
    )


def _has(statement: Statement | None) -> Iterator[What]:
    if statement is not None and statement.numbers:
        yield "numbers"
    if statement is not None and directions_of(statement):
        yield "direction"
    if statement is not None and statement.names:
        yield "names"


def _said(statement: Statement | None) -> Said | None:
    if statement is None:
        return None
    return Said(address=statement.address, place=statement.place, text=statement.text)


def _what(
    one: Statement, other: Statement, numbers: Sequence[NumberChange], turned: str
) -> Iterator[What]:
    if any(n.relation != "same" for n in numbers):
        yield "numbers"
    if turned:
        yield "direction"
    if Counter(strengths(one)) != Counter(strengths(other)):
        yield "strength"
    if one.names != other.names:
        yield "names"
    if one.content != other.content or not (numbers or one.names ^ other.names or turned):
        yield "wording"


def _numbers(
    one: Sequence[Printed], other: Sequence[Printed], same: bool
) -> Iterator[NumberChange]:
    """Yield the numbers of two wordings side by side, paired by the words around them."""
    if same:
        for a, b in zip(one, other, strict=True):
            yield _change(a.quantity, b.quantity)
        return
    one, other = one[:_MOST_NUMBERS], other[:_MOST_NUMBERS]
    scored = sorted(
        (-_likeness(a, b), abs(a.quantity.value - b.quantity.value), i, j)
        for i, a in enumerate(one)
        for j, b in enumerate(other)
        if a.quantity.unit == b.quantity.unit or a.around & b.around
    )
    pairs: dict[int, int] = {}
    for _, _, i, j in scored:
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    for i, a in enumerate(one):
        yield _change(a.quantity, other[pairs[i]].quantity if i in pairs else None)
    for j, b in enumerate(other):
        if j not in pairs.values():
            yield _change(None, b.quantity)


def _likeness(one: Printed, other: Printed) -> float:
    around = one.around | other.around
    alike = len(one.around & other.around) / len(around) if around else 0.0
    return round(alike + (one.quantity.unit == other.quantity.unit) / 4, 9)


def _change(one: Quantity | None, other: Quantity | None) -> NumberChange:
    if one is None or other is None:
        return NumberChange(
            earlier=one.raw if one else None,
            later=other.raw if other else None,
            relation="dropped" if one else "new",
        )
    alike = (one.unit, one.scale) == (other.unit, other.scale)
    # A whole number without a unit counts things and was not rounded.
    rounded = alike and (one.unit != "none" or min(one.decimals, other.decimals) > 0)
    places = ("value", "decimals", "unit", "scale", "spread")
    same = all(getattr(one, p) == getattr(other, p) for p in places)
    low, high = (
        (other.rounded.low - one.rounded.high) * Fraction(one.scale),
        (other.rounded.high - one.rounded.low) * Fraction(one.scale),
    )
    return NumberChange(
        earlier=one.raw,
        later=other.raw,
        relation="same" if same else "finer" if alike and finer(one, other) else "changed",
        difference=float(other.exact - one.exact) * one.scale if alike else None,
        low=float(low) if rounded else None,
        high=float(high) if rounded else None,
    )


def _followed(
    claim: str,
    quote: str,
    earlier: PaperText,
    later: PaperText,
    statements: Sequence[StatementLineage],
) -> ClaimLineage:
    if quote == UNKNOWN:
        return ClaimLineage(claim=claim, stands_in="unknown", became="unknown")
    before = set(said_in(earlier, quote, _by_address([s.earlier for s in statements])))
    after = set(said_in(later, quote, _by_address([s.later for s in statements])))
    own = tuple(s for s in statements if s.earlier in before or s.later in after)
    places = {(True, True): "both", (True, False): "earlier", (False, True): "later"}
    stands = places.get((bool(before), bool(after)), "neither")
    # Of several statements the one that fared worst: a verdict holds only where all are unchanged.
    order: tuple[Became, ...] = ("reversed", "dropped", "new", "changed", "kept")
    statuses = {s.status for s in own}
    became = next((s for s in order if s in statuses), "unknown")
    return ClaimLineage.model_validate(
        {"claim": claim, "stands_in": stands, "became": became, "statements": own}
    )


def _by_address(said: Sequence[Said | None]) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = {}
    for here in said:
        if here is not None:
            found.setdefault(here.address, []).append(here)
    return found


def _notices(
    names: tuple[str, str],
    papers: tuple[PaperText, PaperText],
    sides: tuple[Sequence[Statement], Sequence[Statement]],
) -> Iterator[str]:
    for name, paper, statements in zip(names, papers, sides, strict=True):
        if len(statements) >= MAX_STATEMENTS:
            yield f"{name}: only the first {MAX_STATEMENTS} statements were compared."
        yield from (f"{name}: {notice}" for notice in paper.notices[:20])
    if papers[0].format != papers[1].format:
        yield (
            f"The versions are {papers[0].format} and {papers[1].format}: what one format leaves out "
            "looks dropped or new."
        )
