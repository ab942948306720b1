"""Does a number in a sentence follow from the paper's own tables?

A formula counts as tied to a sentence only where the sentence names the rows and columns of its cells
by their headers, and says which is compared with which. Searching many formulas finds some that fit by
accident: whatever is not tied is `possible` at most, with the chance of such an accident beside it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from claims.algebra import MAX_FORMULAS, Formula, formulas_of
from claims.directions import alike, better_of, measures_in
from claims.lines import grouped, is_difference, panels, values_in
from claims.paper import Cell, Interval, PaperText, Quantity, Table
from claims.record import Record
from claims.standings import COUNTED, best_count, improvements, ranks_in
from claims.tied_standings import TiedStandings
from claims.tying import Says, Sentence, Tied
from claims.wordings import phrase

__all__ = ["Hit", "NumberCheck", "Says", "Sentence", "check_number"]

_SHAPES: dict[Says, frozenset[str]] = {
    "value": frozenset({"cell", "mean", "maximum", "minimum"}),
    "gain": frozenset(
        {"cell", "difference", "difference of means", "mean of differences", "best less one"}
    ),
    "relative": frozenset({"cell", "relative change", "ratio of differences"}),
    "factor": frozenset({"cell", "ratio"}),
}
_MAX_TIED = 500
"""Formulas of one part of one table that a sentence may name."""
_MAX_RANKED = 60
"""Longest line in which ranks are tried that no sentence names."""
_DENIES = re.compile(
    r"\b(?:not(?! (?:only|just|merely))|never|cannot|neither|nor|hardly|fail(?:s|ed)? to|"
    r"(?:do|does|did|is|are|was|were|has|have|had|can|could|would) ?n t)\b"
)
"""A denial in plain words, as `phrase` writes them; `no` and `without` are parts of headers, too."""
_SUPPOSES = re.compile(r"\b(?:could|might|would)\b|\bno [a-z ]{1,40} (?:but|except)\b")
"""What is said to be possible, or true of everything else."""
_BOUND = r"(?:less|more|fewer|lower|higher|greater|smaller|larger|better|worse) than"
_JUDGES = re.compile(
    r"\b(?:gain|improv|better|worse|outperform|beat|surpass|benefit|help|hurt|degrad|boost|los[est])"
)
"""Words that say what is good, and not which way a number went."""
_MOVES = re.compile(
    r"\b(?:low|reduc|decreas|drop|fall|fell|down|rais|increas|ris(?:e|ing)|rose|high|cut)"
)
_SHOWN = 5
_WINDOW = 40
"""Width, in intervals of the number, around it in which results are counted to guess at accidents."""


class Hit(Record):
    """A formula whose result is, or may be, the number."""

    formula: str
    shape: str
    result: float
    """From the numbers as printed."""
    low: float
    high: float
    """What the result may be when the cells were rounded."""
    cells: tuple[str, ...]
    """Machine addresses."""
    places: tuple[str, ...]
    """The same for people."""
    tied: bool


class NumberCheck(Record):
    """What the paper's tables say of one number."""

    status: Literal["entailed", "possible", "impossible", "not_derivable"]
    number: float
    reason: str
    hits: tuple[Hit, ...]
    """The formulas on which the status rests, those tied by headers first."""
    tried: int
    """Formulas that were tried."""
    says: Says = "value"
    """What the number is: a score, a difference, a rank and so on."""
    chance: float | None = None
    """Of at least one accidental hit among the formulas that are not tied, where that matters."""


def check_number(sentence: Sentence, paper: PaperText) -> NumberCheck:
    """Compare a number with all that may be computed from the paper's tables."""
    return _checked(sentence, paper).model_copy(update={"says": sentence.says})


def _checked(sentence: Sentence, paper: PaperText) -> NumberCheck:
    wanted = sentence.number
    kind = TiedStandings if sentence.says in COUNTED else Tied
    target = wanted.exact * Fraction(wanted.scale)
    by_table = [
        (t, list(itertools.islice(kind(sentence, t, cells).formulas(), _MAX_TIED)))
        for t in paper.tables
        for cells in panels(t)
    ]
    tied = [f for _, formulas in by_table for f in formulas]
    # Where a sentence names several cells, that one of them has the number says little.
    exact = [
        f
        for _, formulas in by_table
        for f in formulas
        if all(_gives(g, sentence) for g in formulas)
    ]
    near = [f for f in tied if _fits(f, sentence)]
    number = float(target)
    doubt = _doubt(sentence, by_table) if tied else ""
    if doubt:
        return _check("possible", number, f"The headers name cells, but {doubt}.", near or tied,
                      len(tied))  # fmt: skip
    if exact:
        return _check("entailed", number, "The headers name the cells, and they give this number.",
                      exact, len(tied))  # fmt: skip
    if near:
        several = any(_gives(f, sentence) for f in near)
        reason = (
            "The headers name several cells, of which only some give this number."
            if several
            else "The headers name the cells, whose rounding leaves room for this number; from the "
            "numbers as printed another one follows."
        )
        return _check("possible", number, reason, near, len(tied))
    if tied:
        return _check("impossible", number, "The headers name the cells, and no rounding of them gives "
                      "this number.", tied, len(tied))  # fmt: skip
    return _untied(sentence, paper, number)


def _turned(flat: str) -> str:
    """Return why a sentence may not assert its number; empty where nothing says so."""
    if denied := _DENIES.search(flat):
        return f"the sentence denies something ('{denied[0]}'), and what is not understood"
    if supposed := _SUPPOSES.search(flat):
        return f"the sentence only supposes or excepts something ('{supposed[0]}')"
    return ""


def _doubt(sentence: Sentence, by_table: Sequence[tuple[Table, Sequence[Formula]]]) -> str:
    """Return why cells that are named may still not be meant; empty where nothing says so."""
    if turned := _turned(phrase(sentence.text)):
        return turned
    digits = f"{abs(sentence.number.value):.{max(0, sentence.number.decimals)}f}"
    if bound := re.search(rf"\b{_BOUND} [-+]?{re.escape(digits)}(?![\d.]\d)", sentence.text):
        return f"the sentence bounds the number ('{bound[0]}')"
    flat = phrase(sentence.text)
    judges = sentence.says in {"gain", "relative"} and _JUDGES.search(flat) is not None
    judges = judges and _MOVES.search(flat) is None
    without = sentence.says == "value" and " without " in f" {flat} "
    said = measures_in(sentence.text)
    for table, formulas in by_table:
        if judges and any(better_of(f.cells, table) == "lower" for f in formulas):
            return "less is better there, and the sentence does not say whether the number fell"
        headers = {
            h for f in formulas for c in f.cells for h in (*c.column_headers, *c.row_headers)
        }
        if formulas and without and not any(" without " in f" {phrase(h)} " for h in headers):
            return "they are not of what the sentence says is without something"
        # Headers say it more closely than a caption, which may be about several columns.
        shown = frozenset[str]().union(*map(measures_in, headers)) or measures_in(table.caption)
        if formulas and said and shown and not alike(said, shown):
            return (
                f"the sentence speaks of {' and '.join(sorted(said))}, the table of "
                f"{' and '.join(sorted(shown))}"
            )
    return ""


def _untied(sentence: Sentence, paper: PaperText, number: float) -> NumberCheck:
    every, cut = _every(paper.tables, sentence.says)
    wanted = sentence.number
    width = float(wanted.rounded.high - wanted.rounded.low) * wanted.scale
    hits = [
        f
        for low, high, f in every
        if low <= number + width and high >= number - width and _fits(f, sentence)
    ]
    more = f" More than the {len(every)} that were tried exist." if cut else ""
    if not hits:
        reason = f"No cell and no formula that was tried gives this number.{more}"
        return _check("not_derivable", number, reason, [], len(every))
    window = (1.5 if sentence.says in COUNTED else _WINDOW / 2) * width
    inside = [f for low, high, f in every if abs((low + high) / 2 - number) <= window]
    share = 1 / 3 if sentence.says in COUNTED else 2 / _WINDOW
    expected = share * (len(inside) + 1)  # a result's own interval is about as wide again
    return _check("possible", number, "Some formulas give this number, but the headers of their cells "
                  f"are not those that the sentence names.{more}", hits, len(every),
                  1 - math.exp(-expected))  # fmt: skip


@lru_cache(maxsize=8)
def _every(
    tables: tuple[Table, ...], says: Says
) -> tuple[tuple[tuple[float, float, Formula], ...], bool]:
    """Return all that is tried, with the least and greatest that each may be, and if that is not all.

    Every table has its share of the formulas, so that a large one leaves room for those after it.
    """
    found: list[Formula] = []
    cut = False
    for k, table in enumerate(tables):
        room = (MAX_FORMULAS - len(found)) // (len(tables) - k)
        some = list(itertools.islice(_of_table(table, says), room + 1))
        cut = cut or len(some) > room
        found += some[:room]
    return tuple(
        (
            float(min(f.rounded.low, f.truncated.low)),
            float(max(f.rounded.high, f.truncated.high)),
            f,
        )
        for f in found
    ), cut


def _of_table(table: Table, says: Says) -> Iterator[Formula]:
    if says not in COUNTED:
        yield from formulas_of(table, _SHAPES[says])
        return
    cells = [c for c in values_in(table) if not is_difference(c)]
    rows, columns = grouped(cells, lambda c: c.row), grouped(cells, lambda c: c.column)
    for lines, across in ((columns, rows), (rows, columns)):
        short = [line for line in lines if 1 < len(line) <= _MAX_RANKED]
        ranks = list(ranks_in(short, [better_of(line, table) for line in short]))
        if says == "rank":
            yield from ranks
        else:
            yield from _counts(table, across, ranks)


def _counts(
    table: Table, lines: Sequence[Sequence[Cell]], ranks: Sequence[Formula]
) -> Iterator[Formula]:
    """Yield in how many of its comparisons each line wins, and how many cells improve on another's."""
    for line in lines:
        addresses = {c.address for c in line}
        mine = [r for r in ranks if r.cells[0].address in addresses]
        if len(mine) > 1:
            yield best_count(mine)
    for one, other in itertools.permutations(lines[:_MAX_RANKED], 2):
        across = len({c.row for c in one}) == 1
        theirs = {c.column if across else c.row: c for c in other}
        pairs = [(c, theirs[k]) for c in one if (k := c.column if across else c.row) in theirs]
        if len(pairs) > 1:
            yield improvements(pairs, [better_of(pair, table) for pair in pairs])


def _check(
    status: Literal["entailed", "possible", "impossible", "not_derivable"],
    number: float,
    reason: str,
    formulas: list[Formula],
    tried: int,
    chance: float | None = None,
) -> NumberCheck:
    hits = tuple(
        Hit(
            formula=f.text,
            shape=f.shape,
            result=float(f.value),
            low=float(f.rounded.low),
            high=float(f.rounded.high),
            cells=tuple(c.address for c in f.cells[:20]),
            places=tuple(c.place for c in f.cells[:20]),
            tied=chance is None,
        )
        for f in formulas[:_SHOWN]
    )
    return NumberCheck(
        status=status, number=number, reason=reason, hits=hits, tried=tried, chance=chance
    )


def _gives(formula: Formula, sentence: Sentence) -> bool:
    """Return whether a formula gives a number as printed; ranks and counts must leave nothing open."""
    if formula.shape not in COUNTED:
        return _prints_as(formula.value, sentence.number)
    return all(
        _bound_holds(end, sentence) for i in (formula.rounded, formula.truncated) for end in i
    )


def _bound_holds(value: Fraction, sentence: Sentence) -> bool:
    wanted = sentence.number.exact
    return {"exactly": value == wanted, "at least": value >= wanted, "at most": value <= wanted}[
        sentence.bound
    ]


def _prints_as(value: Fraction, wanted: Quantity) -> bool:
    """Return whether a number, rounded to the places of another, prints like it."""
    scale = Fraction(wanted.scale)
    return wanted.rounded.low * scale <= value <= wanted.rounded.high * scale


def _fits(formula: Formula, sentence: Sentence) -> bool:
    wanted = sentence.number
    if formula.shape in COUNTED:
        ends = [x for i in (formula.rounded, formula.truncated) for x in i]
        between = min(ends) <= wanted.exact <= max(ends)
        return between or any(_bound_holds(end, sentence) for end in ends)
    scale = Fraction(wanted.scale)
    return any(
        formula.may_be(Interval(i.low * scale, i.high * scale))
        for i in (wanted.rounded, wanted.truncated)
    )
