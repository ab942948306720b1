"""How do published rows read on a terminal: where they agree, differ, and do not add up?"""

from __future__ import annotations

from collections.abc import Iterator

from claims.reprints import AverageCheck, Reprints, RowPair

__all__ = ["reprints_text"]

_NEEDS = 3
"""Most parts of an average for which the text says what they would have to be; the JSON has all."""


def reprints_text(found: Reprints) -> str:
    """Return what published rows say of each other."""
    lines = [f"published rows '{found.name}': {found.about}"]
    for row in found.rows:
        where = row.source if row.table == "unknown" else f"{row.source}, {row.table}"
        copied = "" if row.copied_from == "unknown" else f"; copied from {row.copied_from}"
        lines.append(f'  {row.id}: {row.system}, as "{row.label}" in {where}{copied}')
        lines.append(f"    read in {row.found_in}")
    lines += [f"  note: {notice}" for notice in found.notices]
    lines += ["", "Rows of one system:"]
    for pair in found.pairs:
        lines += _pair(pair)
    lines += [] if found.pairs else ["  no two rows share a column"]
    lines += ["", "Averages:"]
    by_place: dict[tuple[str, str], list[AverageCheck]] = {}
    for check in found.averages:
        by_place.setdefault((check.row, check.column), []).append(check)
    for checks in by_place.values():
        lines += _average(checks)
    lines += [] if found.averages else ["  none whose parts are printed"]
    for suspect in found.suspects:
        by = " and ".join(suspect.printed_by)
        lines.append(
            f"  {suspect.column} {suspect.printed} of {suspect.system} (printed in {by}): were it "
            f"{suspect.low:.4g} to {suspect.high:.4g}, these would follow at once:"
        )
        lines += [f"    {average}" for average in suspect.averages]
    lines += [
        "",
        "Rows that agree may be copies of each other; agreement is no second measurement.",
    ]
    return "\n".join(lines)


def _pair(pair: RowPair) -> Iterator[str]:
    differing, number = pair.differing(), len(pair.scores)
    if not differing:
        yield f"  {pair.system}: {pair.first} and {pair.second} agree in all {number} columns"
        return
    yield (
        f"  {pair.system}: {pair.first} and {pair.second} DIFFER in {len(differing)} of {number} columns"
    )
    wide = max(len(s.column) for s in differing)
    for score in differing:
        yield (
            f"    {score.column:<{wide}}  {score.first:>6}  {score.second:>6}  ({score.difference:+.4g})"
        )


def _average(checks: list[AverageCheck]) -> Iterator[str]:
    """Yield one printed average with every set of rows from which it may be."""
    first = checks[0]
    yield f"  {first.column} {first.printed} of {first.system} ({first.row})"
    follows = any(c.status != "impossible" for c in checks)
    for check in checks:
        rows = " and ".join(check.parts_from)
        said = {
            "entailed": "follows from",
            "possible": "may follow, once rounding is allowed for, from",
            "impossible": "does NOT follow from",
        }[check.status]
        yield f"    {said} {rows}: {check.formula} = {check.result:.5g}, may be {_range(check)}"
        if not follows:
            yield from _needs(check)


def _needs(check: AverageCheck) -> Iterator[str]:
    elsewhere = [n for n in check.needs if n.found_in]
    for need in (elsewhere or list(check.needs))[:_NEEDS]:
        where = f", as {' and '.join(need.found_in)} has it" if need.found_in else ""
        yield (
            f"      it would with {need.column} {need.low:.4g} to {need.high:.4g} in place of "
            f"{need.printed}{where}"
        )
    rest = len(check.needs) - _NEEDS
    if not elsewhere and rest > 0:
        yield f"      or with another value of one of {rest} more: see --json"


def _range(check: AverageCheck) -> str:
    return f"{check.low:.5g} to {check.high:.5g}"
