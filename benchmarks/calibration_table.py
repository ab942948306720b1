"""How does a reader see the measured error rates?"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

from benchmarks.closed_forms import Welch, least_coverage
from benchmarks.judgement import Judgement
from benchmarks.scenario import LEVEL
from benchmarks.simulated_audits import EXAMPLES
from benchmarks.truths import SPREADS
from verifier.verdict import VERDICTS
from verifier.version import corroborate_version

__all__ = ["document", "summary_lines"]

_MADE = """\
Each audit draws scores whose truth is known, and they go through the entry of real runs, with claim
file, plan and run records. A score is the mean of its task and language, plus the effect of the arm,
plus what the seed does to all languages, plus what it does to this one."""

_LEGEND = """\
Rates in percent of audits. *allowed*: the most that a wrong verdict may have, `r` for reproduced, `n`
for not reproduced; at an edge both are bounded. *coverage*: of the interval of the true value; over
cells, the mean over them; in rankings, of all margins shown at once, which may be higher than nominal.
*closed form*: rates of `r` and `n` by integration, where there is one; cells are then independent.
*naive*: how often point estimates alone, held against the claim's numbers, would say reproduced."""

_WELCH = """\
The interval is not exact for two arms of unknown variance. By integration over the sample variances,
for arms whose standard deviations have the given ratio: its coverage; and how many intervals would
miss, by how many may, at the level that Bonferroni over 36 comparisons asks for, were they Welch's."""

_WIDE = """\
Over two seeds of arms that vary alike the interval covers more than it says, so such verdicts are more
careful than promised; rows in which that shows are marked `wide`. The other way round, where one arm
varies several times as much as the other and many comparisons ask for a high level, it would miss more
often than it may: the last columns say how often. So what is corrected over cells or claims is tested
with the smallest degrees of freedom of any arm instead, with which it never does."""

_LEAST = f"""\
Could another interval be closer to {LEVEL:.0%}? Not by much. One that covers the floor named below
whatever the arms' variances are, and that is never shorter than where they are known to vary alike,
covers at least this much where they do (a lower bound, by duality: `least_coverage`)."""

_RATIOS = (1, 2, 4, 10)
"""Standard deviation of one arm by that of the other."""
_HEADS = (
    "truth", "k", "spread", *(v.replace("_", " ") for v in VERDICTS), "allowed", "coverage",
    "closed form", "naive", "",
)  # fmt: skip


def document(rows: Sequence[Judgement], *, command: str, date: str) -> str:
    """Return docs/calibration.md: what was measured, in one table per group.

    Args:
        rows: of the whole table, in its order.
        command: that made them.
        date: of the day on which it ran.
    """
    lines = [
        "# How often a verdict is wrong",
        "",
        *_how(rows, command, date),
        "",
        "## In short",
        "",
        *summary_lines(rows),
        "",
        *_welch(),
        "",
        "## Every row",
        "",
        _LEGEND,
    ]
    for group in dict.fromkeys(row.scenario.group for row in rows):
        lines += ["", f"### {group[0].upper()}{group[1:]}", "", *_table(rows, group)]
    return "\n".join(lines) + "\n"


def summary_lines(rows: Sequence[Judgement]) -> list[str]:
    """Return the worst of all rows, a line each."""
    worst = max(rows, key=lambda row: row.excess)
    bad = sum(bool(row.faults) for row in rows)
    lines = [f"- {len(rows)} rows of {_audits(rows)} audits, {bad} worse than nominal (`FAILS`)."]
    lines.append(
        f"- Wrong verdicts: the largest excess over what is allowed is {100 * worst.excess:+.2f} "
        f"points ({worst.scenario.name})."
    )
    covered = [(c[0], row) for row in rows if (c := row.tally.coverage())]
    if covered:
        low = min(covered, key=lambda pair: pair[0])
        high = max(
            (p for p in covered if p[1].scenario.coverage == "each"), default=low, key=_first
        )
        lines.append(
            f"- Intervals of {LEVEL:.0%}: the lowest coverage is {low[0]:.1%} "
            f"({low[1].scenario.name}), the highest {high[0]:.1%} ({high[1].scenario.name}); "
            f"{sum(row.wide for row in rows)} rows cover over a point too much."
        )
    gaps = [(apart, row) for row in rows if (apart := row.power_gap) is not None]
    if gaps:
        gap = max(gaps, key=_first)
        lines.append(
            f"- Against closed forms, in {len(gaps)} rows: the largest difference of a rate is "
            f"{100 * gap[0]:.1f} points ({gap[1].scenario.name})."
        )
    naive = [r for r in rows if "reproduced" in r.scenario.bounds]
    if naive:
        fooled = max(naive, key=_naive)
        high_rate = sum(_naive(r) > r.scenario.bounds["reproduced"] for r in naive)
        lines.append(
            f"- Looking at point estimates alone would be wrong more often than allowed in "
            f"{high_rate} of {len(naive)} rows where `reproduced` is wrong, and at most in "
            f"{_naive(fooled):.1%} of audits ({fooled.scenario.name})."
        )
    lines += [f"- **{row.scenario.name}**: {'; '.join(row.faults)}." for row in rows if row.faults]
    return lines


def _first(pair: tuple[float, Judgement]) -> float:
    return pair[0]


def _naive(row: Judgement) -> float:
    return row.tally.naive / row.tally.audits


def _audits(rows: Sequence[Judgement]) -> str:
    return " or ".join(f"{n:,}" for n in sorted({row.tally.audits for row in rows}))


def _how(rows: Sequence[Judgement], command: str, date: str) -> list[str]:
    made = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    wrote = (
        f"Written by `{command}` on {date}: {_audits(rows)} audits a row, Corroborate "
        f"{corroborate_version()}, Python {platform.python_version()}, {made}. Do not edit this file."
    )
    return [wrote, "", _MADE, "", *_spreads()]


def _spreads() -> Iterator[str]:
    yield "Spreads, after five seeds of XLM-R base, in points:"
    yield ""
    for spread in SPREADS.values():
        seed, _ = spread.parts(10)
        totals = spread.totals(10)
        cells = (
            f"{totals.min():.2f}" if totals.min() == totals.max()
            else f"{totals.min():.2f} to {totals.max():.2f}"
        )  # fmt: skip
        average = float((seed**2 + ((totals**2 - seed**2).mean()) / 10) ** 0.5)
        line = (
            f"- {spread.name}: standard deviation over seeds of a single task and language {cells}, of "
            f"the average over ten {average:.2f}, of what moves all of them together {seed:.2f}"
        )
        if spread.ratio != 1:
            line += f"; the control, and every other arm after it, has {spread.ratio:g} times that"
        yield f"{line}."
    yield ""
    yield f"Each score is over {EXAMPLES:,} examples, which are fixed, as the benchmark's are."


def _welch() -> Iterator[str]:
    """Yield the exact coverage of Welch's interval, which explains the coverage of the rows."""
    pairs = 1 - (1 - LEVEL) / 36
    yield from ("## What can be computed: Welch's interval for few seeds", "", _WELCH, "")
    yield f"| k | {' | '.join(f'{LEVEL:.0%}, ratio {r}' for r in _RATIOS)} | " + (
        " | ".join(f"36 pairs, ratio {r}" for r in _RATIOS) + " |"
    )
    yield "|---|" + "---:|" * (2 * len(_RATIOS))
    for k in (2, 3, 5, 10):
        single = [f"{Welch.of((1.0, float(r)), k, LEVEL).coverage():.1%}" for r in _RATIOS]
        misses = [
            (1 - Welch.of((1.0, float(r)), k, pairs).coverage()) / (1 - pairs) for r in _RATIOS
        ]
        yield f"| {k} | {' | '.join(single)} | {' | '.join(f'{m:.2f}' for m in misses)} |"
    yield from ("", _WIDE, "", _LEAST, "")
    floors = (LEVEL - 0.01, LEVEL)
    yield f"| k | {' | '.join(f'floor {f:.0%}' for f in floors)} | Welch |"
    yield "|---|---:|---:|---:|"
    for k in (2, 3, 5):
        least = " | ".join(f"{least_coverage(k, LEVEL, f):.1%}" for f in floors)
        yield f"| {k} | {least} | {Welch.of((1.0, 1.0), k, LEVEL).coverage():.1%} |"


def _table(rows: Sequence[Judgement], group: str) -> Iterator[str]:
    yield f"| {' | '.join(_HEADS)} |"
    yield "|---|---:|---|" + "---:|" * len(VERDICTS) + "---|---:|---|---:|---|"
    for row in rows:
        if row.scenario.group == group:
            yield f"| {' | '.join(_cells(row))} |"


def _cells(row: Judgement) -> list[str]:
    scenario, tally = row.scenario, row.tally
    coverage = tally.coverage()
    state = "FAILS" if row.faults else "wide" if row.wide else "ok"
    return [
        scenario.truth,
        str(scenario.seeds),
        scenario.spread,
        *(f"{100 * tally.rate(label):.1f}" for label in VERDICTS),
        _short(scenario.bounds),
        f"{100 * coverage[0]:.1f}" if coverage else "-",
        _short(row.form.rates) or "-",
        f"{100 * tally.naive / tally.audits:.1f}",
        state,
    ]


def _short(rates: Mapping[str, float]) -> str:
    return ", ".join(
        f"{label[0]} {100 * rate:.1f}" for label, rate in sorted(rates.items(), reverse=True)
    )
