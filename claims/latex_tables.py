"""Which rows and cells does a tabular of LaTeX hold?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from claims.latex_stack import TokenStack
from claims.latex_text import Rendered, refer, render, squeezed
from claims.latex_tokens import Token, source_of
from claims.paper import Emphasis
from claims.tables import MAX_COLUMNS, MAX_ROWS, RawCell, RawRow, RawTable

__all__ = ["TABULARS", "read_tabular"]

TABULARS = frozenset({
    "tabular", "tabular*", "tabularx", "tabulary", "tabularew", "longtable", "longtabu", "tabu",
    "xltabular", "supertabular", "tblr", "longtblr", "NiceTabular", "NiceTabular*",
    "NiceTabularX", "tabularray", "booktabs", "talltblr", "ltablex",
})  # fmt: skip
"""Environments that hold rows of cells."""

_WITH_WIDTH = frozenset(
    {"tabular*", "tabularx", "tabulary", "xltabular", "NiceTabular*", "NiceTabularX"}
)
_FULL_RULES = frozenset({
    "hline", "toprule", "midrule", "bottomrule", "specialrule", "Xhline", "thickhline", "hdashline",
    "Hline", "heavyrule", "lightrule", "firsthline", "lasthline", "morecmidrules", "dashmidrule",
})  # fmt: skip
_PART_RULES = frozenset({"cmidrule", "cline", "cdashline", "Cline", "cdashlinelr", "SetHline"})
_RULE_ARGUMENTS = {"specialrule": 3, "Xhline": 1, "cmidrule": 1, "cline": 1, "cdashline": 1,
                   "Cline": 1, "cdashlinelr": 1}  # fmt: skip
_BETWEEN_ROWS = {"addlinespace": 0, "noalign": 1, "arrayrulecolor": 1, "rowcolor": 1, "rowcolors": 3,
                 "setlength": 2, "aboverulesep": 0, "belowrulesep": 0, "small": 0, "footnotesize": 0,
                 "centering": 0, "rowfont": 1, "SetRow": 1, "pagebreak": 0}  # fmt: skip
_ENDS_ROW = frozenset({"\\", "tabularnewline", "cr", "crcr"})
_HEADS = frozenset({"endfirsthead", "endhead", "endfoot", "endlastfoot"})
_CAPTIONS = frozenset({"caption", "label"})
_REPEAT = re.compile(r"\*\{(\d{1,3})\}\{([^{}]*)\}")
_SPAN = re.compile(r"-?\d{1,4}")
_MAX_SPAN = 500


def read_tabular(
    name: str, tokens: list[Token], column_types: Mapping[str, str], numbers: Mapping[str, str]
) -> RawTable:
    """Read the inside of a tabular.

    Args:
        name: of the environment.
        tokens: from after its begin to before its end, without macros of the paper.
        column_types: the paper's own column letters and their definitions.
        numbers: of labels, for references inside cells.
    """
    return _Tabular(tokens, column_types, numbers).read(name)


class _Tabular(TokenStack):
    def __init__(
        self, tokens: list[Token], column_types: Mapping[str, str], numbers: Mapping[str, str]
    ) -> None:
        super().__init__(tokens, 1000 + 20 * len(tokens))
        self.column_types = column_types
        self.numbers = numbers
        self.rows: list[RawRow] = []
        self.row = RawRow()
        self.colours: tuple[str, ...] = ()
        """Of the row that is being read."""
        self.uncertain: list[bool] = []
        """Whether each column is one of siunitx's."""

    def read(self, name: str) -> RawTable:
        self._specification(name)
        cell: list[Token] = []
        depth = 0
        while self.pending and len(self.rows) < MAX_ROWS:
            token = self.pending.pop()
            depth += (token.kind in {"open", "begin"}) - (token.kind in {"close", "end"})
            if depth <= 0 and token.kind == "align":
                self._end_cell(cell)
                cell = []
            elif depth <= 0 and token.kind == "command" and token.text in _ENDS_ROW:
                self.star()
                if self.pending and self.pending[-1][:2] == ("text", "["):
                    self.optional()
                self._end_row(cell)
                cell = []
            elif not (depth <= 0 and token.kind == "command" and self._between(token.text, cell)):
                cell.append(token)
        if any(t.kind not in {"space", "par"} for t in cell) or self.row.cells:
            self._end_row(cell)
        return RawTable(self.rows, last_rule=self.row.rule)

    def _specification(self, name: str) -> None:
        self.optional()
        if name in _WITH_WIDTH:
            self.argument()
            self.optional()
        if name == "tabu" and self.next_is("to"):  # pragma: no cover - an unusual form
            self.word()
        text = source_of(self.argument()).replace(" ", "")
        if name.endswith("tblr") and "colspec" in text:
            text = text.partition("colspec=")[2].removeprefix("{")
        self.uncertain = _siunitx_columns(text, self.column_types)

    def _between(self, name: str, cell: list[Token]) -> bool:
        """Carry out what stands between rows; return False where it is part of a cell."""
        if name in _FULL_RULES or name in _PART_RULES:
            self.optional()
            if self.next_is("("):  # pragma: no cover - taken with the text below
                self.pending.pop()
            if (
                self.pending
                and self.pending[-1].kind == "text"
                and self.pending[-1].text[:1] == "("
            ):
                self.pending.pop()
            for _ in range(_RULE_ARGUMENTS.get(name, 0)):
                self.argument()
            if not (self.row.cells or any(t.kind not in {"space", "par"} for t in cell)):
                kind = "full" if name in _FULL_RULES else "part"
                self.row.rule = "full" if "full" in (kind, self.row.rule) else kind
            return True
        if name in _HEADS:
            self._head(name, cell)
            return True
        if name in _CAPTIONS and not self.row.cells:
            self.optional()
            self.argument()
            return True
        if name in _BETWEEN_ROWS and not self.row.cells:
            self.optional()
            found = [self.argument() for _ in range(_BETWEEN_ROWS[name])]
            if name == "rowcolor" and found:
                self.colours = (source_of(found[0])[:40],)
            return True
        return False

    def _head(self, name: str, cell: list[Token]) -> None:
        """End a part of a long table: only its first head is kept."""
        cell.clear()
        if name == "endfirsthead":
            for row in self.rows:
                row.header = True
        elif any(row.header for row in self.rows) or name != "endhead":
            self.rows = [row for row in self.rows if row.header]
        else:
            for row in self.rows:
                row.header = True
        self.row = RawRow(rule="full")

    def _end_cell(self, tokens: list[Token]) -> None:
        if len(self.row.cells) >= MAX_COLUMNS:
            return
        rendered = render(tokens)
        text = refer(rendered.text, self.numbers)
        across, down = _spans(tokens)
        column = sum(c.column_span for c in self.row.cells)
        emphasis, colours = _look(rendered)
        self.row.cells.append(
            RawCell(
                text=text,
                raw=source_of(tokens),
                emphasis=emphasis,
                colours=tuple(sorted({*colours, *self.colours})),
                row_span=down,
                column_span=across,
                uncertain=column < len(self.uncertain) and self.uncertain[column],
            )
        )

    def _end_row(self, cell: list[Token]) -> None:
        self._end_cell(cell)
        if any(c.text for c in self.row.cells):
            self.rows.append(self.row)
            self.row = RawRow()
        else:
            self.row = RawRow(rule=self.row.rule)
        self.colours = ()


def _siunitx_columns(specification: str, column_types: Mapping[str, str]) -> list[bool]:
    for _ in range(10):
        match = _REPEAT.search(specification)
        if match is None or len(specification) > 2000:
            break
        repeated = match[2] * min(int(match[1]), MAX_COLUMNS)
        specification = specification[: match.start()] + repeated + specification[match.end() :]
    found: list[bool] = []
    depth = 0
    for c in specification[:4000]:
        depth += (c in "{[") - (c in "}]")
        if depth <= 0 and c.isalpha():
            found.append(c == "S" or column_types.get(c, "").startswith("S"))
    return found


def _spans(tokens: list[Token]) -> tuple[int, int]:
    """Return over how many columns and rows a cell goes; rows negative where upwards."""
    across, down = 1, 1
    stack: TokenStack | None = None
    for i, token in enumerate(tokens):
        if token.kind != "command" or token.text not in {"multicolumn", "multirow", "SetCell"}:
            continue
        stack = TokenStack(tokens[i + 1 : i + 60])
        options = stack.letters() if token.text != "multicolumn" else ""
        if token.text == "SetCell":
            sizes = dict(re.findall(r"([cr])=(\d{1,3})", options))
            across, down = int(sizes.get("c", across)), int(sizes.get("r", down))
            continue
        number = _SPAN.match(source_of(stack.argument()))
        size = max(-_MAX_SPAN, min(_MAX_SPAN, int(number[0]))) if number else 1
        if token.text == "multicolumn" and across == 1:
            across = max(1, size)
        elif token.text == "multirow" and down == 1:
            down = size or 1
    return across, down


def _look(rendered: Rendered) -> tuple[tuple[Emphasis, ...], tuple[str, ...]]:
    """Return the emphasis of the first number or letter of a cell, and all its colours."""
    flags: frozenset[str] = frozenset()
    for wanted in (str.isdigit, str.isalnum):
        run = next((r for r in rendered.runs if any(wanted(c) for c in r.text)), None)
        if run is not None:
            flags = run.style.flags
            break
    colours = {c for run in rendered.runs if squeezed(run.text) for c in run.style.colours}
    known: tuple[Emphasis, ...] = ("bold", "italic", "struck", "underline")
    return tuple(e for e in known if e in flags), tuple(sorted(colours))
