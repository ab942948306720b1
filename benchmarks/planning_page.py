"""How does a reader see what planning saves?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.paper_matrix import LOOKS, MATRIX_HOURS, hours_of, make, paper, recipe
from benchmarks.planning_rows import CURVE, Row
from benchmarks.strategies import BASELINE

__all__ = ["document"]

_PLANNED = """\
Under `--budget-hours`, runs are made in the order in which claims are decided soonest
(`verifier.adaptive.ranking`). A claim is decided only when all its runs are finished, since deciding on
some of them would be an unplanned look. So what is ordered is claims, each at the cost of the runs that
it still lacks, shared ones once:

1. The set of claims with the most claims per GPU-hour goes first (a minimum cut finds it), then the
   best set at what it costs after that. Within a set, the claim that lacks least goes first.
2. Of this order, the order by what each claim alone lacks, and the plan's own, the one with the least
   sum of waiting times is taken. So it is never worse than the plan's, and at most twice as bad as the
   best (`verifier/claim_order.py` names the sources; tests hold it against all permutations).

Where the protocol plans looks, such as 3, 5 and 10 seeds, all claims get the runs of the first. Then
they are verified, and those still open, with all their runs finished, get the seeds of the next
(`verifier.adaptive.next_plan`). Decided claims get no further run and no further look: their verdict
stays that of the look that decided them. The error that a claim allows is spread over the looks, so
that all of them together err no more often than one."""

_MATRIX = """\
The full matrix of the flagship paper has {configurations} configurations (baseline, nine intermediate
tasks, all nine at once; each with and without masked-language modelling) and nine targets. Of the
paper's sixteen claims {claims} take part: three are about settings and wait for no run, and for one, on
translated data, no run can be planned. What the paper leaves open is filled in
(`benchmarks/paper_matrix.py`); `many` of nine tasks counts as seven.

**GPU-hours are arithmetic, never measured**: tokens times operations, scaled so that (b) takes {whole:g}
hours on one H200. By the same arithmetic the claim on XNLI alone takes {xnli:.1f} hours, and one gain
over nine tasks {gain:.1f}; a separate step-time model has 4 and 1.1.

Plans are the real planner's. Verdicts are by the real rule of each kind of claim
(`verifier.decisions.decide`, at the level of the look; a test holds it against `verifier.verify`), as if
the recipe were the paper's own: in an audit, what departs from that makes evidence conceptual, and that
decides nothing. The gain of the best per target is such a case with public labels alone.
Scores are drawn: effects around the claimed ones, by coins half of which are for a claim and half
against it, and seeds that move a task's mean over languages by about as much as in five runs of XLM-R
Base (standard deviation 0.2 to 0.5 points). No such figure is known of XLM-R Large, so each table has a
factor on it."""

_LEGEND = """\
*hours*: until nothing is left to run. *decided*: claims of {claims} with a verdict of reproduced or not
reproduced, mean over papers. *as many as (b)*: hours until as many claims are decided as (b) decides at
its end, and in how many papers that happens. *wrong*: reproduced though false, and not reproduced
though true, of all false and all true claims; each may happen in 2.5 %."""

_READING = """\
Strategies of every cell verify once, at the end. With fixed seeds a claim's whole error is used at one
look; planned looks share it, so that with three seeds a little less is decided, and more in the end. (c)
spends its later hours on claims that (a), (b) and (d) leave open for good: to decide about as many,
every cell needs 10 seeds too."""


def document(rows: Sequence[Row], *, command: str) -> str:
    """Return docs/planning.md: how runs are ordered, and what that saves in simulation.

    Args:
        rows: of all strategies, by spread.
        command: that made them.
    """
    claims = len(paper().claims)
    spreads = list(dict.fromkeys(row.spread for row in rows))
    told = _MATRIX.format(
        configurations=22, claims=claims, whole=MATRIX_HOURS, xnli=_alone("xnli-no-benefit"),
        gain=_alone("mnli-gain"),
    )  # fmt: skip
    lines = [
        "# Planning under a budget", "", _PLANNED, "", "## What it saves, in simulation", "", told, "",
        f"Made by `{command}`, {rows[0].papers} papers for each table.", "",
        _LEGEND.format(claims=claims), "",
    ]  # fmt: skip
    for spread in spreads:
        chosen = [row for row in rows if row.spread == spread]
        lines += [f"### Spread over seeds times {spread:g}", "", *_table(chosen), ""]
        lines += [
            "Claims decided, after so many hours:",
            "",
            *_curve(chosen),
            "",
            *_short(chosen),
            "",
        ]
    return "\n".join([*lines, _READING]) + "\n"


def _alone(claim: str) -> float:
    """Return the hours of what one claim needs, with three seeds."""
    plan = make([paper()], recipe())
    specs = {spec.digest(): spec for spec in plan.specs}
    found: set[str] = set()
    for digest in next(n.runs for n in plan.needs if n.claim == claim):
        current: str | None = digest
        while current is not None:
            found.add(current)
            current = specs[current].parent
    return sum(hours_of(specs[digest]) for digest in found)


def _table(rows: Sequence[Row]) -> Iterator[str]:
    heads = (
        "strategy", "hours", "decided", "hours per decision", "as many as (b)", "wrong: reproduced",
        "wrong: not reproduced",
    )  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        then = "never" if row.hours_to_baseline is None else f"{row.hours_to_baseline:.1f} h"
        errors = " | ".join(
            f"{row.wrong[e]} of {row.chances[e]} ({100 * row.wrong[e] / max(1, row.chances[e]):.1f} %)"
            for e in ("reproduced", "not_reproduced")
        )
        yield (
            f"| {row.strategy} | {row.hours:.1f} | {row.decided:.1f} | {row.hours_per_decision:.1f} "
            f"| {then}, {100 * row.reached:.0f} % | {errors} |"
        )


def _curve(rows: Sequence[Row]) -> Iterator[str]:
    yield "| strategy | " + " | ".join(f"{hours:g}" for hours in CURVE) + " |"
    yield "|---|" + "---|" * len(CURVE)
    for row in rows:
        yield f"| {row.strategy} | " + " | ".join(f"{n:.1f}" for n in row.curve) + " |"


def _short(rows: Sequence[Row]) -> Iterator[str]:
    """Yield in a sentence each what sharing, claims, order and looks save."""
    by = {row.strategy: row for row in rows}
    whole, apart = by[BASELINE], by["(a) every cell, targets apart"]
    ranked, looks = by["(d) claims' runs, ranked"], by["(c) claims' runs, ranked, looks"]
    planned, ten = by["claims' runs, plan order"], by["(b) with 10 seeds"]
    yield f"- Sharing: {_less(whole.hours, apart.hours)} of (a)'s hours."
    yield f"- Running what claims need and nothing else: {_less(planned.hours, whole.hours)} of (b)'s."
    yield (
        f"- Order alone: (d) has {_after(ranked, 8):.1f} claims decided after 8 hours and "
        f"{_after(ranked, 14):.1f} after 14, in plan order they are {_after(planned, 8):.1f} and "
        f"{_after(planned, 14):.1f}."
    )
    yield (
        f"- Looks at {', '.join(map(str, LOOKS))} seeds: {looks.decided:.1f} claims decided in "
        f"{looks.hours:.1f} hours; every cell with 10 seeds decides {ten.decided:.1f} in "
        f"{ten.hours:.1f}."
    )


def _less(after: float, before: float) -> str:
    return f"{100 * (1 - after / before):.0f} % less"


def _after(row: Row, hours: float) -> float:
    return row.curve[CURVE.index(hours)]
