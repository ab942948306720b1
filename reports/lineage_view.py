"""How does the lineage of a paper read on a terminal: what changed between two versions?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from claims.lineage import ClaimLineage, Lineage, NumberChange, Said, StatementLineage
from claims.prose import words
from claims.table_lineage import CellLineage

__all__ = ["lineage_text", "marked"]

_SHOWN = 30
"""Most statements of a status, and most cells, that the text shows; the JSON has all."""
_WIDTH = 400
"""Most characters of a statement that the text shows."""


def lineage_text(found: Lineage) -> str:
    """Return the lineage as text: claims first, then what was reversed, changed, dropped, is new."""
    counts = ", ".join(f"{n} {status}" for status, n in found.counts.items())
    lines = [f"from '{found.earlier}' to '{found.later}': statements {counts}"]
    lines += [f"  note: {notice}" for notice in found.notices]
    if found.claims:
        lines += ["", "What became of the claims:"]
        for claim in found.claims:
            lines += _claim(claim)
    shown = {s for claim in found.claims for s in claim.statements}
    told = [s for s in found.statements if s.status != "kept" and s not in shown]
    plain = [s for s in told if not _telling(s)]
    telling = [s for s in told if _telling(s)]
    for status in ("reversed", "changed", "dropped", "new"):
        others = [s for s in telling if s.status == status]
        lines += _group(f"Other statements {status}" if shown else f"Statements {status}", others)
    if plain:
        lines += [
            "",
            f"{len(plain)} more differ in wording only, or state no number and no direction: see --json",
        ]
    lines += _tables(found)
    return "\n".join(lines)


def marked(earlier: str, later: str) -> tuple[str, str]:
    """Return two texts with the words that differ in square brackets."""
    one, other = earlier.split(), later.split()
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    left: list[str] = []
    right: list[str] = []
    for step, a, b, c, d in matcher.get_opcodes():
        left += one[a:b] if step == "equal" else _bracketed(one[a:b])
        right += other[c:d] if step == "equal" else _bracketed(other[c:d])
    return " ".join(left), " ".join(right)


def _bracketed(words: Sequence[str]) -> list[str]:
    return [f"[{' '.join(words)}]"] if words else []


def _telling(statement: StatementLineage) -> bool:
    """Return whether a statement differs in more than its wording."""
    if statement.status in {"dropped", "new"}:
        return bool({"numbers", "direction"} & set(statement.what))
    return bool(set(statement.what) - {"wording"}) or _reordered(statement)


def _reordered(statement: StatementLineage) -> bool:
    """Return whether a statement has the same words in another order, which may turn it round."""
    earlier, later = statement.earlier, statement.later
    if earlier is None or later is None:
        return False
    one, other = words(earlier.text), words(later.text)
    return one != other and sorted(one) == sorted(other)


def _claim(claim: ClaimLineage) -> Iterator[str]:
    where = {
        "both": "its quotation stands in both versions",
        "earlier": "its quotation stands in the earlier version only",
        "later": "its quotation stands in the later version only",
        "neither": "its quotation was found in neither version",
        "unknown": "it quotes nothing",
    }[claim.stands_in]
    yield f"  {claim.became:<8} {claim.claim}: {where}"
    for statement in claim.statements:
        if statement.status != "kept":
            yield from (f"    {line}" for line in _statement(statement))


def _group(title: str, statements: Sequence[StatementLineage]) -> Iterator[str]:
    if not statements:
        return
    yield ""
    yield f"{title} ({len(statements)}):"
    for statement in statements[:_SHOWN]:
        yield from (f"  {line}" for line in _statement(statement))
    if len(statements) > _SHOWN:
        yield f"  and {len(statements) - _SHOWN} more: see --json"


def _statement(statement: StatementLineage) -> Iterator[str]:
    earlier, later = statement.earlier, statement.later
    if earlier and later:
        one, other = marked(earlier.text, later.text)
        yield f"- {_short(one)}  ({earlier.place})"
        yield f"+ {_short(other)}  ({later.place})"
    else:
        said = later or earlier
        assert isinstance(said, Said)
        yield f"{'+' if later else '-'} {_short(said.text)}  ({said.place})"
    if statement.turned:
        yield f"    reversed: {statement.turned}"
    if statement.status in {"changed", "reversed"}:
        yield from (f"    {_number(n)}" for n in statement.numbers if n.relation != "same")
        what = ", ".join(statement.what)
        yield f"    differs in {what}; {statement.alike:.0%} of the telling words agree"


def _number(change: NumberChange) -> str:
    earlier, later = change.earlier or "nothing", change.later or "nothing"
    line = f"{earlier} -> {later}"
    if change.relation == "finer":
        return f"{line} (the same, with more or fewer places)"
    if change.difference is None:
        return line
    between = ""
    if change.low is not None and change.high is not None:
        between = f"; rounding leaves room for {change.low:+.4g} to {change.high:+.4g}"
    return f"{line} ({change.difference:+.4g}{between})"


def _tables(found: Lineage) -> Iterator[str]:
    for table in found.tables:
        if table.status != "kept":
            counts = ", ".join(f"{n} {s}" for s, n in table.counts.items())
            yield ""
            yield f"{table.place} ({table.later or table.earlier}) {table.status}: cells {counts}"
            yield from (f"  {turned}" for turned in table.turned)
            yield from (f"  {_cell(c)}" for c in _cells_of(found, table.later)[:_SHOWN])
            rest = len(_cells_of(found, table.later)) - _SHOWN
            if rest > 0:
                yield f"  and {rest} more: see --json"


def _cells_of(found: Lineage, address: str | None) -> list[CellLineage]:
    """Return the cells of a table that exist in both versions or are its own."""
    tables = {t.later: t.earlier for t in found.tables if t.later and t.earlier}
    if address is None or address not in tables:
        return []
    before = tables[address]
    return [
        c
        for c in found.cells
        if (c.later and c.later.address.startswith(f"{address}/"))
        or (not c.later and c.earlier and c.earlier.address.startswith(f"{before}/"))
    ]


def _cell(cell: CellLineage) -> str:
    headers = f"row {' / '.join(cell.row) or '-'}, column {' / '.join(cell.column) or '-'}"
    earlier = cell.earlier.text if cell.earlier else "nothing"
    later = cell.later.text if cell.later else "nothing"
    size = "" if cell.difference is None else f" ({cell.difference:+.4g})"
    return f"{cell.status}: {headers}: {earlier} -> {later}{size}{' finer' if cell.finer else ''}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 2]} …"
