"""The tables of docs/performance.md, made from the JSON of a benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench_parts import Document, Row
from benchmarks.bench_targets import Target
from benchmarks.turns import against

__all__ = ["around", "in_page", "shown"]

_UNITS = {
    "ratio": "{} times",
    "seconds": "{} s",
    "hours": "{} h",
    "peak_mib": "{} MiB",
    "peak_gib": "{} GiB",
    "share_of_peak": "{} of peak",
    "tokens_per_second": "{} real tokens/s",
}
"""Quantity -> how a number of it is shown."""
_BESIDE = ("tokens_per_second", "share_of_peak", "peak_gib", "hours")
"""Numbers that are shown beside the seconds where a row has them."""


def shown(document: Document, names: Sequence[str], targets: Sequence[Target]) -> str:
    """Return the tables of all parts, with where and when they were measured."""
    parts = document.get("parts", {})
    state = document["state"]
    lines = [
        f"Made by `{document['command']}`, {state['turns']} turns of each way, medians (least to most).",
        "",
        _where(state) + ".",
        "",
        "| work | way | peer | seconds of the way | found | target | met |",
        "|---|---|---|---|---|---|---|",
    ]
    verdicts: list[str] = []
    for name in names:
        part = parts.get(name)
        mine = [t for t in targets if t.part == name]
        found = list(_part(part, mine))
        verdicts += [met for *_, wanted, met in found if wanted != "-"]
        lines += ["| " + " | ".join(_cell(c) for c in cells) + " |" for cells in found]
        if part is None and not mine:
            lines.append(f"| {_cell(name)} | | | | not measured: not asked for | - | - |")
        elif part and not part["rows"] and not mine:
            lines.append(f"| {_cell(name)} | | | | not measured: {_cell(part['reason'])} | - | - |")
    if verdicts:
        lines[2:2] = [_counted(verdicts), ""]
    lines += ["", "When and at which commit: "]
    lines[-1] += "; ".join(_when(name, parts[name], state) for name in names if name in parts) + "."
    return "\n".join(lines) + "\n"


def in_page(page: Path, name: str, text: str) -> None:
    """Put a text between the page's two markers of a name, leaving the rest as it is.

    Raises:
        ValueError: the page has no such markers.
    """
    before, _, after = around(page, name)
    page.write_text(before + text + after, encoding="utf-8")


def around(page: Path, name: str) -> tuple[str, str, str]:
    """Return a page's text up to its first marker of a name, between the two, and from the second on.

    Raises:
        ValueError: the page has no such markers, or there is no page.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    before, found, rest = old.partition(begin)
    between, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(
            f"{page}: found no markers of '{name}' ; expected {begin.strip()} and {end}."
        )
    return before + begin, between, end + after


def _counted(verdicts: Sequence[str]) -> str:
    """Return how many targets were met, from the last column of their lines."""
    met = sum(verdict.startswith("yes") for verdict in verdicts)
    missed = verdicts.count("no")
    left = len(verdicts) - met - missed
    return f"Of {len(verdicts)} targets {met} met, {missed} not met, {left} not measured."


def _part(part: Mapping[str, Any] | None, targets: Sequence[Target]) -> Iterator[list[str]]:
    """Yield the lines of one part: its targets with what answers them, then its other rows."""
    rows: list[Row] = part["rows"] if part else []
    reason = "not asked for" if part is None else part["reason"] or "its module has no such row"
    shown: set[tuple[str, str, str]] = set()
    for target in targets:
        row = _answer(rows, target)
        if row is None or row.get("reason"):
            why = row["reason"] if row else reason
            key = [target.work, target.way, target.peer]
            yield [*key, "", f"not measured: {why}", _wanted(target), "-"]
        elif _key(row) in shown:
            yield ["", "", "", "", *_judged(row, target, noted=False)]
        else:
            yield [*_key(row), _seconds(row), *_judged(row, target, noted=True)]
        shown |= {_key(row)} if row else {(target.work, target.way, target.peer)}
    # a way against itself tells nothing
    for row in (r for r in rows if _key(r) not in shown and r["way"] != r["peer"]):
        if row.get("reason"):
            yield [*_key(row), "", f"not measured: {row['reason']}", "-", "-"]
        else:
            yield [*_key(row), _seconds(row), *_judged(row, None, noted=True)]


def _answer(rows: Sequence[Row], target: Target) -> Row | None:
    """Return the row that a target is about, from two ways' rows where none has that peer."""
    same = [row for row in rows if row["work"] == target.work]
    mine = [row for row in same if row["way"] == target.way]
    if target.peer.endswith("*"):
        begins = target.peer[:-1]
        peers = [r for r in same if r["way"].startswith(begins) and r["seconds"] is not None]
    else:
        for row in mine:
            if row["peer"] == target.peer:
                return row
        peers = [r for r in same if r["way"] == target.peer and r["seconds"] is not None]
    if not mine or not peers or mine[0]["seconds"] is None:
        return next((r for r in mine if r.get("reason")), None)
    peer = min(peers, key=lambda r: float(r["seconds"]))
    found = {**mine[0], "peer": peer["way"], "ratio": peer["seconds"] / mine[0]["seconds"]}
    turns = peer.get("each", ()), mine[0].get("each", ())
    same = len(turns[0]) == len(turns[1]) > 0
    return found | (against(*turns) if same else {"ratio_spread": None})


def _judged(row: Row, target: Target | None, *, noted: bool) -> list[str]:
    """Return what was found, the target, and whether it was met."""
    note = f" ({row['note']})" if noted and row.get("note") else ""
    if target is None:
        return [_found(row, "ratio") + note if row["ratio"] is not None else note.strip(), "-", "-"]
    value = row.get(target.quantity)
    if value is None:
        return [f"not measured: the row has no {target.quantity}", _wanted(target), "-"]
    met = (target.least is None or value >= target.least) and (
        target.most is None or value <= target.most
    )
    beyond = met and target.stretch is not None and value >= target.stretch
    verdict = "yes, and its stretch" if beyond else "yes" if met else "no"
    return [_found(row, target.quantity) + note, _wanted(target), verdict]


def _found(row: Row, quantity: str) -> str:
    said = _UNITS[quantity].format(_number(row[quantity]))
    spread = row.get("ratio_spread") if quantity == "ratio" else None
    return said + (f" ({_number(spread[0])} to {_number(spread[1])})" if spread else "")


def _wanted(target: Target) -> str:
    unit = _UNITS[target.quantity]
    if target.most is not None:
        return "at most " + unit.format(_number(target.most))
    stretch = f" (stretch {_number(target.stretch)})" if target.stretch is not None else ""
    return "at least " + unit.format(_number(target.least or 0.0)) + stretch


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(row: Row) -> str:
    numbers = []
    if row["seconds"] is not None:
        numbers.append(_number(row["seconds"]))
        if row.get("spread"):
            numbers[0] += " ({} to {})".format(*map(_number, row["spread"]))
    return "; ".join(numbers + [_found(row, key) for key in _BESIDE if row.get(key) is not None])


def _where(state: Mapping[str, Any]) -> str:
    machine, versions = state["machine"], state["versions"]
    named = [machine.get("gpu"), f"{machine['cores']} cores of {machine['cpu']}", machine["system"]]
    there = ", ".join(f"{name} {found}" for name, found in versions.items() if found)
    absent = ", ".join(name for name, found in versions.items() if not found)
    return ", ".join(n for n in named if n) + f"; {there}" + (f"; no {absent}" if absent else "")


def _when(name: str, part: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Say when a part was measured, and how it was otherwise than the head of the table says."""
    said = f"{name} {part['date']}, {part['commit'] or 'no commit'}, in {part['seconds']:.0f} s"
    if part.get("threads"):
        said += f", threads {part['threads']}"
    if part.get("load") is not None:
        said += f", load {part['load']:.1f} before it"
    other = [
        key
        for key in ("machine", "versions", "sources", "turns")
        if part["state"][key] != state[key]
    ]
    if other:
        said += f" (by `{part['command']}`; other {', '.join(other)}: " + _where(part["state"])
        said += f"; {part['state']['turns']} turns)"
    if part["reason"] and part["rows"]:
        said += f" (not whole: {part['reason']})"
    return said


def _key(row: Row) -> tuple[str, str, str]:
    return row["work"], row["way"], row["peer"]


def _cell(text: object) -> str:
    """Return a text that stays within its cell."""
    return " ".join(str(text).split()).replace("|", "\\|")
