"""What do the passages and tables of a LaTeX paper say?

Sections, paragraphs, captions and tables are told by their commands alone. Whatever the document
class would print besides, such as running heads, is no part of what is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from claims.addresses import Addresses
from claims.latex_floats import FoundCaption, FoundTabular, float_parts, holds_float
from claims.latex_macros import Expanded, Loader, expand
from claims.latex_outline import body_of, paragraphs_of, title_of
from claims.latex_stack import TokenStack
from claims.latex_tables import TABULARS, read_tabular
from claims.latex_text import refer, render
from claims.latex_tokens import LINES_A_FILE, Token, tokens_of
from claims.paper import PaperText, Passage, Table
from claims.tables import assemble

__all__ = ["read_latex"]

_LEVELS = {"chapter": 0, "section": 1, "subsection": 2, "subsubsection": 3}
_TABLE_FLOATS = frozenset({
    "table", "table*", "wraptable", "sidewaystable", "sidewaystable*", "SCtable", "longtable",
    "tabulararray", "xltabular", "supertabular", "longtblr", "threeparttable",
})  # fmt: skip
_OTHER_FLOATS = frozenset({
    "figure", "figure*", "wrapfigure", "SCfigure", "algorithm", "algorithm*", "listing",
    "sidewaysfigure", "teaserfigure", "minipage", "center",
})  # fmt: skip
_CAPTIONED_ALONE = frozenset({"longtable", "xltabular", "supertabular", "longtblr"})
_LEFT_OUT = frozenset({
    "tikzpicture", "pgfpicture", "CCSXML", "thebibliography", "picture", "forest", "keywords",
})  # fmt: skip
_LISTS = frozenset({"itemize", "enumerate", "description", "compactitem", "compactenum"})
_MATHS = frozenset({
    "equation", "equation*", "align", "align*", "gather", "gather*", "eqnarray", "eqnarray*",
    "displaymath", "math", "multline", "multline*", "alignat", "alignat*", "flalign", "flalign*",
})  # fmt: skip
_IGNORED = frozenset({"author", "affil", "affiliation", "address", "email", "date", "institute",
                      "icmlauthor", "icmlaffiliation", "authorrunning", "titlerunning"})  # fmt: skip


@dataclass(slots=True)
class _Part:
    """A piece of the paper as tokens, before anything is rendered."""

    kind: str
    tokens: list[Token]
    where: int
    section: str = ""
    address: str = ""
    place: str = ""


def read_latex(text: str, name: str, load: Loader) -> PaperText:
    """Read a paper from LaTeX.

    Args:
        text: of the main file.
        name: of the main file, as it is to be named in places.
        load: finds the files that it reads; see `claims.latex_macros`.
    """
    expanded = expand(tokens_of(text), name, load)
    return _Document(expanded).read()


class _Document(TokenStack):
    def __init__(self, expanded: Expanded) -> None:
        super().__init__(body_of(expanded.tokens), 1000 + 50 * len(expanded.tokens))
        self.expanded = expanded
        self.notices = list(expanded.notices)
        self.addresses = Addresses()
        self.parts: list[_Part] = []
        self.tabulars: list[FoundTabular] = []
        self.buffer: list[Token] = []
        self.kind = "paragraph"
        self.lists = 0
        self.labels: dict[str, str] = {}
        self.named: dict[str, str] = {}
        self.title: list[Token] = title_of(expanded.tokens)
        self.last_number = ""

    def read(self) -> PaperText:
        while self.pending:
            token = self.pending.pop()
            taken = False
            if token.kind == "par":
                self._flush()
            elif token.kind == "command":
                taken = self._command(token)
            elif token.kind in {"begin", "end"}:
                taken = self._environment(token)
            if not taken:
                self.buffer.append(token)
        self._flush()
        return self._rendered()

    # --- paragraphs and headings ------------------------------------------------------------------

    def _flush(self) -> None:
        """End the paragraph that is being read."""
        if any(t.kind in {"text", "command", "verbatim"} for t in self.buffer):
            where = next(t.where for t in self.buffer if t.kind not in {"space", "open"})
            self.parts.append(_Part(self.kind, self.buffer, where))
            self._settle(self.parts[-1])
        self.buffer = []
        if self.kind == "item" and not self.lists:
            self.kind = "paragraph"

    def _settle(self, part: _Part) -> None:
        """Give a part its section; its number comes when it turns out to hold text."""
        part.section = self.addresses.title
        part.address = self.addresses.section
        part.place = self.addresses.section_place

    def _command(self, token: Token) -> bool:
        """Take a command that shapes the paper; return False where it is part of the text."""
        name = token.text
        if name in _LEVELS:
            self._heading(_LEVELS[name], token)
        elif name in {"paragraph", "subparagraph"}:
            self._flush()
            self.star()
            self.optional()
            self.buffer += [Token("open", "{", token.where), *self.argument(), Token("close", "}")]
            self.buffer.append(Token("space", " "))
        elif name == "item" and self.lists:
            self._flush()
            self.kind = "item"
            head = self.optional()
            self.buffer += [*head, Token("space", " ")] if head else []
        elif name == "abstract":
            self._flush()
            self._abstract(self.argument())
        elif name == "label":
            self._label(self.word())
        elif name == "appendix":
            self._flush()
            self.addresses.appendix()
        elif name in _IGNORED or name in {"title", "icmltitle"}:
            self.optional()
            taken = self.argument()
            self.title = self.title if name in _IGNORED else taken
        elif name in {"caption", "captionof"}:
            self.star()
            kind = self.word() if name == "captionof" else "figure"
            self.optional()
            self._caption(kind, self.argument(), token.where)
        else:
            return False
        return True

    def _heading(self, level: int, token: Token) -> None:
        self._flush()
        self.kind = "paragraph"
        numbered = not self.star()
        self.optional()
        title = self.argument()
        said = render(title).text
        self.last_number = self.addresses.enter(level, said, numbered=numbered)
        part = _Part("heading", title, token.where)
        self.parts.append(part)
        self._settle(part)

    def _abstract(self, tokens: list[Token]) -> None:
        self.addresses.enter_abstract()
        for paragraph in paragraphs_of(tokens):
            where = next((t.where for t in paragraph if t.where), 0)
            self.parts.append(_Part("abstract", paragraph, where))
            self._settle(self.parts[-1])
        self.addresses.leave_abstract()

    def _label(self, label: str) -> None:
        label = label[:150]
        self.labels.setdefault(label, self.last_number or label)
        self.named.setdefault(
            f"kind {label}", f"Section {self.last_number}" if self.last_number else label
        )

    # --- environments -----------------------------------------------------------------------------

    def _environment(self, token: Token) -> bool:
        """Take the begin or end of an environment that shapes the paper."""
        name, begins = token.text, token.kind == "begin"
        if name in _LISTS:
            self._flush()
            self.lists = max(0, self.lists + (1 if begins else -1))
            self.kind = "item" if self.lists else "paragraph"
        elif not begins:
            return name in _TABLE_FLOATS or name in _OTHER_FLOATS or name == "document"
        elif name == "abstract":
            self._flush()
            self._abstract(self._inside(name))
        elif name in _LEFT_OUT:
            self._inside(name)
        elif name in _TABLE_FLOATS or name in TABULARS:
            self._flush()
            self._float(name, self._inside(name), token.where, table=True)
        elif name in _OTHER_FLOATS:
            inside = self._inside(name)
            if name in {"minipage", "center"} and not holds_float(inside):
                self.put(inside)
                self.moved -= len(inside)
                return True
            self._float(name, inside, token.where, table=False)
        elif name in _MATHS:
            inside = self._inside(name)
            self.buffer += [
                Token("math", "$$", token.where),
                *inside,
                Token("math", "$$"),
            ]
        else:
            return False
        return True

    def _inside(self, name: str) -> list[Token]:
        """Take the tokens up to the end of an environment; a section ends it too, where none comes."""
        found: list[Token] = []
        depth = 1
        while self.pending:
            token = self.pending[-1]
            if token.kind == "command" and token.text in {"section", "subsection"}:
                self.notices.append(
                    f"An environment '{name[:40]}' has no end; it was read up to the next section."
                )
                break
            self.pending.pop()
            if token.kind in {"begin", "end"} and token.text == name:
                depth += 1 if token.kind == "begin" else -1
                if not depth:
                    break
            found.append(token)
        return found

    def _float(self, name: str, tokens: list[Token], where: int, *, table: bool) -> None:
        """Take a float apart: its captions, its labels and its tabulars."""
        found = float_parts(name, tokens, where)
        is_table = table or any(c.kind == "table" for c in found.captions)
        captions = [c for c in found.captions if c.kind == "table" or (table and not c.kind)]
        for other in found.captions:
            if other not in captions:
                self._caption("figure", other.tokens, where, other.labels)
        if not is_table and not found.tabulars:
            return
        number = self.addresses.count("table") if captions else 0
        every = [*found.labels, *(label for c in captions for label in c.labels)]
        for label in every:
            self._number_label(label, "table", number)
        for i, (kind, inside, line) in enumerate(found.tabulars[:50]):
            self._tabular(kind, inside, line, captions, every, (i, len(found.tabulars), number))
        for each in captions if not found.tabulars else ():
            said = f"Table {number} is a picture or holds no rows; it was not read."
            self.notices.append(said)
            label = every[0] if every else ""
            self._place_caption("table", str(number), label, each.tokens, where)

    def _tabular(
        self,
        kind: str,
        tokens: list[Token],
        where: int,
        captions: list[FoundCaption],
        labels: list[str],
        which: tuple[int, int, int],
    ) -> None:
        """Keep one tabular of a float: the i-th of so many in the table of a number."""
        i, several, number = which
        part = chr(ord("a") + i % 26) if several > 1 else ""
        own = captions[i] if len(captions) == several else captions[-1] if captions else None
        alone = several == 1 or (len(captions) == several and own is not None and bool(own.labels))
        label = own.labels[0] if own and own.labels else labels[0] if labels else ""
        caption = own.tokens if own else []
        self.tabulars.append(
            FoundTabular(
                kind, tokens, where, self.addresses.title, number, label, part, not alone, caption
            )
        )

    def _number_label(self, label: str, kind: str, number: int) -> None:
        if number:
            self.labels[label] = str(number)
            self.named[f"kind {label}"] = f"{kind.capitalize()} {number}"

    def _caption(
        self, kind: str, tokens: list[Token], where: int, labels: list[str] | None = None
    ) -> None:
        number = self.addresses.count(kind)
        for label in labels or []:
            self._number_label(label, kind, number)
        self._place_caption(kind, str(number), labels[0] if labels else "", tokens, where)

    def _place_caption(
        self, kind: str, number: str, label: str, tokens: list[Token], where: int
    ) -> None:
        address, place = self.addresses.float_names(kind, number, label, "")
        part = _Part(
            "caption",
            tokens,
            where,
            self.addresses.title,
            f"{address}/caption",
            f"caption of {place}",
        )
        self.parts.append(part)

    # --- rendering --------------------------------------------------------------------------------

    def _rendered(self) -> PaperText:
        numbers = self.labels | self.named
        passages: list[Passage] = []
        notes: list[tuple[list[Token], int]] = []
        title = refer(render(self.title).text, numbers)
        if title:
            passages.append(Passage(address="title", place="title", kind="title", text=title))
        for part in self.parts:
            rendered = render(part.tokens)
            notes += [(note, part.where) for note in rendered.notes]
            text = refer(rendered.text, numbers)
            if text:
                passages.append(self._passage(part, text))
        tables = [self._table(t, numbers) for t in self.tabulars]
        passages += [_caption_of(table) for table in tables if table.caption]
        for i, (note, where) in enumerate(notes, start=1):
            text = refer(render(note).text, numbers)
            if text:
                part = _Part("footnote", [], where, "", f"footnotes/{i}", f"footnote {i}")
                passages.append(self._passage(part, text))
        return PaperText(
            format="latex", title=title, passages=tuple(passages), tables=tuple(tables),
            notices=tuple(dict.fromkeys(self.notices)),
        )  # fmt: skip

    def _passage(self, part: _Part, text: str) -> Passage:
        address, place = part.address, part.place
        if part.kind not in {"caption", "footnote"}:
            address, place = self.addresses.passage(part.address, part.place, part.kind)
        file, line = self._source(part.where)
        return Passage(address=address, place=place, kind=part.kind, section=part.section, text=text,
                       file=file, line=line)  # fmt: skip

    def _table(self, found: FoundTabular, numbers: dict[str, str]) -> Table:
        number = str(found.number) if found.number else ""
        number += found.part if number else ""
        label = f"{found.label}.{found.part}" if found.shared and found.label else found.label
        address, place = self.addresses.float_names("table", number, label, "")
        file, line = self._source(found.where)
        table = Table(
            address=address, place=place, number=found.number, label=found.label,
            caption=refer(render(found.caption).text, numbers), section=found.section, file=file,
            line=line, rows=0, columns=0, cells=(),
        )  # fmt: skip
        raw = read_tabular(found.name, found.tokens, self.expanded.column_types, numbers)
        return assemble(raw, table)

    def _source(self, where: int) -> tuple[str, int]:
        file, line = divmod(where, LINES_A_FILE)
        return (self.expanded.files[file], line) if file < len(self.expanded.files) else ("", line)


def _caption_of(table: Table) -> Passage:
    return Passage(
        address=f"{table.address}/caption",
        place=f"caption of {table.place}",
        kind="caption",
        section=table.section,
        text=table.caption,
        file=table.file,
        line=table.line,
    )
