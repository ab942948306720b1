"""What does a reader see of LaTeX tokens, and in which style?

Raised text becomes `^x` or `^(...)`, lowered text `_x` or `_(...)`, a citation `[key]`. Numbers of
references are known only at the paper's end, so they are marked here and filled in by `refer`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from claims.latex_stack import TokenStack
from claims.latex_symbols import ACCENTS, LAYOUT, STYLE_OF_ARGUMENT, STYLE_ON, SYMBOLS
from claims.latex_tokens import Token, text_token

__all__ = ["PLAIN", "Rendered", "Run", "Style", "refer", "render", "squeezed"]

_COLOURS = frozenset({"textcolor", "color", "cellcolor", "rowcolor", "colorbox", "columncolor"})
_TO_END_OF_GROUP = frozenset({"color", "cellcolor", "rowcolor", "columncolor"})
_CITES = re.compile(r"[Cc]ite[a-zA-Z]*|[a-z]*cite[a-z]*|[Cc]itealp|citealt")
_REFERENCES = frozenset({"ref", "autoref", "cref", "Cref", "pageref", "eqref", "nameref", "vref",
                         "subref", "labelcref"})  # fmt: skip
_NAMED = {"autoref": True, "cref": True, "Cref": True}
_NUMBERS = frozenset({"num", "tablenum", "ang", "numlist"})
_RAISED = {"textsuperscript": "^", "textsubscript": "_", "tnote": "^", "sp": "^", "sb": "_"}
_FRACTIONS = frozenset({"frac", "nicefrac", "sfrac", "tfrac", "dfrac", "diagbox", "backslashbox"})
_LIGATURES = (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("`", "‘"))
_REFERENCE = re.compile("\ue000([^\ue000\ue001]{0,200})\ue001")
_BLANKS = re.compile(r"[ \t\n\r\f\v\u00a0]+")
MAX_DEPTH = 200
"""Deepest nesting in which styles are still told apart."""


class Style(NamedTuple):
    """How a piece of text is set."""

    flags: frozenset[str] = frozenset()
    """Among bold, italic, underline, struck."""
    colours: frozenset[str] = frozenset()


class Run(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: Style


class Rendered(NamedTuple):
    """Text as a reader sees it."""

    runs: list[Run]
    notes: list[list[Token]]
    """The tokens of each footnote in it."""

    @property
    def text(self) -> str:
        """The text without styles, spaces squeezed."""
        return squeezed("".join(run.text for run in self.runs))


PLAIN = Style()


def squeezed(text: str) -> str:
    """Return a text with every stretch of blanks as one space; thin spaces stay."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip()


def refer(text: str, numbers: Mapping[str, str]) -> str:
    """Fill in what references point at; a label that is nowhere stands as its own name."""
    if "\ue000" not in text:
        return text
    return _REFERENCE.sub(lambda m: numbers.get(m[1], m[1] or "?"), text)


def render(tokens: list[Token], *, math: bool = False) -> Rendered:
    """Return what a reader sees of tokens, which hold no macros of the paper any more."""
    return _Renderer(tokens, math=math).run()


class _Renderer(TokenStack):
    """Reads tokens from a stack and keeps text, with the style of the group it stands in."""

    def __init__(self, tokens: list[Token], *, math: bool) -> None:
        # In proportion to the text, so that many deep paragraphs take no longer than one.
        super().__init__(tokens, 1000 + 50 * len(tokens))
        self.math = math
        self.runs: list[Run] = []
        self.notes: list[list[Token]] = []
        self.style = PLAIN
        self.outer: list[Style] = []
        self.next: Style | None = None
        """Style of the argument that comes next."""
        self.depth = 0

    def run(self) -> Rendered:
        while self.pending:
            token = self.pending.pop()
            kind = token.kind
            if kind == "text":
                self._text(token.text)
            elif kind == "open":
                self._open()
            elif kind == "close":
                self._close()
            elif kind in {"space", "par", "align"}:
                self._say("" if self.math and kind == "space" else " ")
            elif kind == "command":
                self._command(token.text)
            else:
                self._other(token)
        return Rendered(self.runs, self.notes)

    def _say(self, text: str, style: Style | None = None) -> None:
        if text:
            self.runs.append(Run(text, style or self.style))

    def _text(self, text: str) -> None:
        style = self.next
        self.next = None
        if not self.math:
            for typed, seen in _LIGATURES:
                if typed in text:
                    text = text.replace(typed, seen)
        if style is not None and len(text) > 1:  # an argument without braces is one character
            self._say(text[0], style)
            text, style = text[1:], None
        self._say(text, style)

    def _open(self) -> None:
        self.depth += 1
        if self.depth <= MAX_DEPTH:
            self.outer.append(self.style)
            if self.next is not None:
                self.style = self.next
        self.next = None

    def _close(self) -> None:
        if self.depth:
            if self.depth <= MAX_DEPTH:
                self.style = self.outer.pop()
            self.depth -= 1

    def _other(self, token: Token) -> None:
        if token.kind == "math":
            self.math = not self.math
        elif token.kind in {"sup", "sub"}:
            self._raised("^" if token.kind == "sup" else "_")
        elif token.kind in {"tie", "begin", "end"}:
            if token.kind == "begin" and token.text.startswith(("tabular", "array")):
                self.optional()
                self.argument()
            self._say(" ")
        elif token.kind == "param":
            self._say("#")
        else:
            self._say(token.text)

    def _raised(self, sign: str) -> None:
        what = self.argument()
        symbol = what[0].text if len(what) == 1 and what[0].kind == "command" else ""
        if symbol in {"circ", "prime"}:
            self._say(SYMBOLS[symbol])
        elif len(what) == 1 and (symbol or len(what[0].text) == 1):
            self._say(sign)
            self.put(what)
        elif what:
            self._say(f"{sign}(")
            self.put([Token("open", "{"), *what, Token("close", "}"), text_token(")")])

    def _command(self, name: str) -> None:
        if name in STYLE_OF_ARGUMENT:
            base = self.next or self.style
            self.next = base._replace(flags=base.flags | {STYLE_OF_ARGUMENT[name]})
        elif name in STYLE_ON:
            self.style = self.style._replace(flags=self.style.flags | {STYLE_ON[name]})
        elif name in {"mdseries", "normalfont", "upshape", "unboldmath"}:
            gone = {"italic"} if name == "upshape" else {"bold", "italic"}
            self.style = self.style._replace(flags=self.style.flags - gone)
        elif name in SYMBOLS:
            self.next = None
            self._say(SYMBOLS[name])
        elif name in ACCENTS:
            self._accent(ACCENTS[name])
        elif name in _COLOURS:
            self._colour(name)
        elif name == "multirow":
            for _ in range(2):
                self.optional()
                self.argument()
            self.optional()
        elif name in LAYOUT:
            self._layout(name)
        else:
            self._with_content(name)

    def _with_content(self, name: str) -> None:
        if name in {"footnote", "footnotetext"}:
            self.optional()
            self.notes.append(self.argument())
        elif name in _REFERENCES:
            self._reference(name)
        elif name in _RAISED:
            self._raised(_RAISED[name])
        elif name in _FRACTIONS:
            self.optional()
            above, below = self.argument(), self.argument()
            self.put([Token("open", "{"), *above, Token("close", "}"), text_token("/"),
                      Token("open", "{"), *below, Token("close", "}")])  # fmt: skip
        elif name in _NUMBERS or name in {"SI", "qty"}:
            self._number(name)
        elif _CITES.fullmatch(name):
            self._cite()
        elif name in {"(", "[", ")", "]"}:
            self.math = name in {"(", "["}
        elif name in {
            "text",
            "mathrm",
            "textrm",
            "textsc",
            "texttt",
            "mbox",
            "makecell",
            "ensuremath",
        }:
            self.optional()
        else:
            self._unknown()

    def _number(self, name: str) -> None:
        """Print a number as siunitx does."""
        self.optional()
        number = _typed_number(self.argument())
        if name in _NUMBERS:
            self.put([Token("open", "{"), *number, Token("close", "}")])
        else:
            self.put([*number, Token("command", ";"), *_typed_unit(self.argument())])

    def _unknown(self) -> None:
        """Pass over a command; brackets are its own where a group follows them."""
        if self.next_is("["):
            bracket = self.pending[-1]
            found = self.optional() or []
            if not self.pending or self.pending[-1].kind != "open":
                self.put([bracket, *found, text_token("]")])

    def _accent(self, mark: str) -> None:
        what = [t for t in self.argument() if t.kind in {"text", "command"}]
        letter = "".join(SYMBOLS.get(t.text, "") if t.kind == "command" else t.text for t in what)
        letter = {"ı": "i", "ȷ": "j"}.get(letter[:1], letter[:1]) + letter[1:]
        self._say(unicodedata.normalize("NFC", letter[:1] + mark) + letter[1:])

    def _colour(self, name: str) -> None:
        self.optional()
        colour = "".join(t.text for t in self.argument())[:40]
        if name == "colorbox":
            base = self.next or self.style
            self.next = base._replace(colours=base.colours | {colour})
        elif name in _TO_END_OF_GROUP:
            while self.next_is("["):  # \rowcolor{gray}[0pt][0pt]
                self.optional()
            self.style = self.style._replace(colours=self.style.colours | {colour})
        else:
            base = self.next or self.style
            self.next = base._replace(colours=base.colours | {colour})

    def _layout(self, name: str) -> None:
        self.star()
        self.optional()
        for _ in range(LAYOUT[name]):
            self.argument()
            self.optional()

    def _reference(self, name: str) -> None:
        self.star()
        labels = "".join(t.text for t in self.argument()).split(",")
        kind = "kind " if name in _NAMED else ""
        self._say(", ".join(f"\ue000{kind}{label.strip()[:150]}\ue001" for label in labels[:20]))

    def _cite(self) -> None:
        self.star()
        for _ in range(2):
            self.optional()
        keys = "".join(t.text for t in self.argument() if t.kind != "space")
        self._say(f"[{keys[:300]}]")


def _typed_number(tokens: list[Token]) -> list[Token]:
    """Return siunitx's shorthand for a number as it prints."""
    plain = [t for t in tokens if t.kind != "space"]
    text = "".join(t.text if t.kind != "command" else SYMBOLS.get(t.text, "") for t in plain)
    text = text.replace("+-", "±")
    if re.fullmatch(r"[-+]?\d+,\d+", text):  # siunitx takes a comma for the decimal sign
        text = text.replace(",", ".")
    text = re.sub(r"(?<=\d)[eEdD]([-+]?\d{1,3})$", r"×10^(\1)", text)
    return [text_token(text)]


def _typed_unit(tokens: list[Token]) -> list[Token]:
    names = [t.text for t in tokens if t.kind == "command"]
    if names in (["percent"], ["%"]):
        return [text_token("%")]
    return [text_token(n) for n in names] or tokens
