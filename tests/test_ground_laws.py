"""Laws of the paper check on tables that are drawn: no accident is entailed, nothing true impossible."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from printed_numbers import printed

from claims.algebra import Formula, Shape, formulas_of, share_of_gap
from claims.grounding import Says, Sentence, check_number
from claims.lines import values_in
from claims.paper import PaperText, Quantity, Table
from claims.tables import RawCell, RawRow, RawTable, assemble

MODELS = ("Heron", "Stork", "Egret", "Crane", "Ibis")
TASKS = ("Irish", "Welsh", "Manx", "Breton", "Cornish")
RANKS = ("first", "second", "third", "fourth", "fifth")


def quantity(text: str) -> Quantity:
    return Quantity(raw=text, value=float(text), decimals=len(text.partition(".")[2]))


def paper_of(cells: list[list[str]], models: tuple[str, ...] = MODELS) -> PaperText:
    head = RawRow([RawCell(t, t) for t in ("Model", *TASKS[: len(cells[0])])], header=True)
    body = [
        RawRow([RawCell(t, t) for t in (name, *row)])
        for name, row in zip(models, cells, strict=False)
    ]
    empty = Table(
        address="tables/1",
        place="table 1",
        number=1,
        rows=0,
        columns=0,
        cells=(),
        caption="Accuracy.",
    )
    return PaperText(format="text", passages=(), tables=(assemble(RawTable([head, *body]), empty),))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[Fraction]], list[list[str]], PaperText, int, bool]:
    """Draw true scores, and a table that prints them with fewer places, rounded or cut off."""
    width, height = draw(st.integers(2, 5)), draw(st.integers(3, 5))
    score = st.integers(10_000, 99_000).map(lambda n: Fraction(n, 1000))
    row = st.lists(score, min_size=width, max_size=width)
    true = draw(st.lists(row, min_size=height, max_size=height))
    places, cut = draw(st.integers(0, 2)), draw(st.booleans())
    cells = [[printed(x, places, cut=cut) for x in line] for line in true]
    return true, cells, paper_of(cells), places, cut


def said(
    true: list[list[Fraction]], kind: str, a: int, b: int, t: int
) -> tuple[Says, Fraction, str]:
    """Return what is true of two models and a task, and a sentence that names them."""
    one, other, task = MODELS[a], MODELS[b], TASKS[t]
    x, y = true[a][t], true[b][t]
    if kind == "value":
        return "value", x, f"{one} reaches NUMBER on {task}."
    if kind == "gain":
        return "gain", x - y, f"On {task}, {one} gains NUMBER points over {other}."
    if kind == "relative":
        return "relative", 100 * (x - y) / y, f"On {task}, {one} gains NUMBER percent over {other}."
    if kind == "factor":
        return "factor", x / y, f"On {task}, {one} is NUMBER times higher than {other}."
    if kind == "average":
        mean = sum(true[a], Fraction(0)) / len(true[a])
        return "value", mean, f"{one} has NUMBER on average."
    if kind == "average gain":
        mean = sum(true[a], Fraction(0)) / len(true[a]) - sum(true[b], Fraction(0)) / len(true[b])
        return "gain", mean, f"{one} gains NUMBER points over {other} on average."
    if kind == "best":
        best = max(row[t] for k, row in enumerate(true) if k != b)
        return "gain", best - true[b][t], f"On {task}, our best model gains NUMBER over {other}."
    if kind == "rank":
        return (
            "rank",
            Fraction(1 + sum(row[t] > x for row in true)),
            f"{one} ranks NUMBER on {task}.",
        )
    wins = sum(p > q for p, q in zip(true[a], true[b], strict=True))
    return "count", Fraction(wins), f"{one} outperforms {other} on NUMBER languages."


KINDS = ("value", "gain", "relative", "factor", "average", "average gain", "best", "rank", "count")


@settings(max_examples=250, deadline=None)
@given(tables(), st.sampled_from(KINDS), st.data())
def test_what_is_true_is_never_impossible_however_it_was_rounded(drawn, kind, data) -> None:
    true, _, paper, places, _ = drawn
    a, b = data.draw(st.permutations(range(len(true))))[:2]
    says, value, text = said(true, kind, a, b, data.draw(st.integers(0, len(true[0]) - 1)))
    whole = says in {"rank", "count"}
    assume(whole or value > 0)
    number = str(value) if whole else printed(value, places, cut=data.draw(st.booleans()))
    found = check_number(Sentence(text.replace("NUMBER", number), quantity(number), says), paper)
    assert found.status in {"entailed", "possible"}, found
    assert found.chance is None, found


@settings(max_examples=250, deadline=None)
@given(tables(), st.sampled_from(KINDS), st.data())
def test_what_no_rounding_gives_is_impossible(drawn, kind, data) -> None:
    true, _, paper, places, _ = drawn
    a, b = data.draw(st.permutations(range(len(true))))[:2]
    says, value, text = said(true, kind, a, b, data.draw(st.integers(0, len(true[0]) - 1)))
    if says in {"rank", "count"}:
        number = str(value + data.draw(st.sampled_from([-9, 9])))
        assume(int(number) > 0)
    else:
        unit = (
            Fraction(10) ** -places
        )  # 14 units: both ends of a difference of means, and the number's own
        off = 40 * unit if says in {"relative", "factor"} else 4 * unit
        off += value if says in {"relative", "factor"} else 0
        assume(value > 0)
        number = printed(value + off + 30 * (says == "relative"), places, cut=False)
    found = check_number(Sentence(text.replace("NUMBER", number), quantity(number), says), paper)
    assert found.status == "impossible", found


OTHERS = (
    "Our parser reaches NUMBER on the Penn Treebank.",
    "We pay annotators NUMBER euros an hour.",
    "Pruning gains NUMBER points over distillation.",
    "Pruning ranks NUMBER among all compressors.",
    "Distillation wins on NUMBER devices.",
    "The loader is NUMBER times faster than before.",
)


@settings(max_examples=250, deadline=None)
@given(tables(), st.sampled_from(OTHERS), st.data())
def test_a_coincidence_is_never_entailed_nor_impossible(drawn, text, data) -> None:
    true, cells, paper, places, _ = drawn
    says = data.draw(st.sampled_from(["value", "gain", "relative", "factor", "rank", "count"]))
    if says in {"rank", "count"}:
        number = str(data.draw(st.integers(1, 3)))
    elif says in {"relative", "factor"}:
        _, value, _ = said(true, says, 0, 1, 0)
        assume(value > 0)
        number = printed(value, places, cut=False)
    else:
        number = data.draw(st.sampled_from([x for row in cells for x in row]))
    found = check_number(Sentence(text.replace("NUMBER", number), quantity(number), says), paper)
    assert found.status in {"possible", "not_derivable"}, found
    assert (found.chance is None) == (found.status == "not_derivable")
    assert not any(hit.tied for hit in found.hits)


SHAPES: frozenset[Shape] = frozenset({
    "cell", "mean", "maximum", "minimum", "difference", "difference of means", "mean of differences",
    "best less one", "relative change", "ratio", "ratio of differences",
})  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_every_formula_of_the_true_numbers_lies_in_the_interval_of_the_printed_ones(
    drawn, data
) -> None:
    true, _, paper, _, cut = drawn
    (table,) = paper.tables
    exact = {c.address: true[c.row - 2][c.column - 2] for c in values_in(table)}
    every = list(formulas_of(table, SHAPES))
    assert {f.shape for f in every} >= SHAPES - {"mean of differences", "ratio of differences"}
    for formula in data.draw(st.lists(st.sampled_from(every), min_size=30, max_size=60)):
        low, high = formula.truncated if cut else formula.rounded
        value = truth(formula, exact)
        assert value is None or low <= value <= high, formula


def truth(formula: Formula, exact: dict[str, Fraction]) -> Fraction | None:
    """Compute a formula anew from the true numbers; None for extremes, which cells do not tell."""
    x = [exact[c.address] for c in formula.cells]
    half = len(x) // 2
    if formula.shape in {"cell", "mean"}:
        return sum(x, Fraction(0)) / len(x)
    if formula.shape in {"difference", "difference of means", "mean of differences"}:
        return (sum(x[:half], Fraction(0)) - sum(x[half:], Fraction(0))) / half
    if formula.shape in {"ratio", "relative change"}:
        ratio = sum(x[:half], Fraction(0)) / sum(x[half:], Fraction(0))
        return ratio if formula.shape == "ratio" else 100 * (ratio - 1)
    if formula.shape == "ratio of differences":
        return 100 * (x[0] - x[1]) / (x[2] - x[1])
    return None


@given(st.lists(st.integers(100, 999), min_size=3, max_size=3, unique=True))
def test_share_of_a_gap_is_found_only_where_there_surely_is_a_gap(numbers) -> None:
    paper = paper_of([[f"{n / 10:.1f}", "1.0"] for n in numbers])
    cells = [c for c in values_in(paper.tables[0]) if c.column == 2]
    found = list(share_of_gap(*cells))
    assert bool(found) == (abs(numbers[2] - numbers[1]) > 1)
