"""What do LaTeX tokens say once the paper's own macros, inputs and switches are carried out?

This is no TeX: macros are text replaced by text, definitions hold from where they stand to the end,
and whoever needs more than that is passed by with a notice. Every step is counted, so that no
input can go on for ever; where the count runs out, the rest is read as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from claims.latex_stack import MAX_TOKENS_MOVED, TokenStack
from claims.latex_tokens import Token, source_of, tokens_of

__all__ = ["MAX_EXPANSIONS", "STRUCTURE", "Expanded", "Loader", "expand"]

MAX_EXPANSIONS = 100_000
"""Macros replaced in one paper."""
MAX_NOTICES = 50
MAX_DELIMITED = 2000
"""Longest argument that ends at a delimiter, in tokens."""

_DEFINING = frozenset({
    "newcommand", "renewcommand", "providecommand", "DeclareRobustCommand", "newrobustcmd",
    "renewrobustcmd", "providerobustcmd",
})  # fmt: skip
_DEFINING_PLAINLY = frozenset({"def", "edef", "gdef", "xdef"})
_DEFINING_MODERNLY = frozenset({
    "NewDocumentCommand", "RenewDocumentCommand", "ProvideDocumentCommand", "DeclareDocumentCommand",
})  # fmt: skip
_DEFINING_ENVIRONMENTS = frozenset({"newenvironment", "renewenvironment"})
_IGNORED = frozenset({
    "protect", "expandafter", "noexpand", "makeatletter", "makeatother", "relax", "xspace", "long",
    "global", "outer", "leavevmode", "unskip", "ignorespaces", "ignorespacesafterend",
})  # fmt: skip
_INPUTS = frozenset({"input", "include", "subfile", "subfileinclude"})
_CONDITIONS = frozenset({
    "if", "ifcat", "ifnum", "ifdim", "ifodd", "ifvmode", "ifhmode", "ifmmode", "ifinner", "ifvoid",
    "ifhbox", "ifvbox", "ifx", "ifeof", "iftrue", "iffalse", "ifcase", "ifdefined", "ifcsname",
    "ifpdf", "ifxetex", "ifluatex",
})  # fmt: skip
STRUCTURE = frozenset({
    "begin", "end", "section", "subsection", "subsubsection", "chapter", "part", "paragraph",
    "subparagraph", "caption", "label", "item", "footnote", "title", "author", "abstract", "ref",
    "cite", "citep", "citet", "textbf", "textit", "emph", "underline", "multirow", "multicolumn",
    "hline", "toprule", "midrule", "bottomrule", "cmidrule", "cline", "par", "tabularnewline",
    "bibliography", "appendix", "textcolor", "num", "pm", "maketitle", "document", "phantom", "\\",
    "captionof", "thanks", "input", "include", "fi", "else", "makecell", "mathbf", "times", "%",
})  # fmt: skip
"""What readers rely on; a paper that redefines one of these changes its look, not its sense."""


_ARGUMENT = re.compile(r"([moOsd])\s?(?:\{([^{}]*)\})?")


@dataclass(frozen=True, slots=True)
class _Macro:
    """What replaces a command: its body, and how its arguments are found."""

    body: tuple[Token, ...]
    arguments: str = ""
    """One letter each: m mandatory, o optional, s star."""
    default: tuple[Token, ...] = ()
    """Of every optional argument that is absent."""
    delimiters: tuple[tuple[Token, ...], ...] = ()
    r"""For \def: what stands before the first and after each argument."""


@dataclass(slots=True)
class Expanded:
    """The tokens of a whole paper without macros, and what could not be carried out."""

    tokens: list[Token]
    notices: list[str]
    column_types: dict[str, str]
    """Column letters of the paper's own and the letters of their definition."""
    files: list[str]
    """Names of the files read, by their number."""


Loader = Callable[[str], tuple[str, list[Token]] | str]
"""From a name in \\input to the file's name and tokens, or to why there are none."""


def expand(tokens: list[Token], name: str, load: Loader) -> Expanded:
    """Carry out macros, inputs and switches.

    Args:
        tokens: of the main file, numbered 0.
        name: of the main file.
        load: called for each input; tokens it returns carry the number of files read before.
    """
    return _Expander(tokens, name, load).run()


class _Expander(TokenStack):
    """Reads tokens from a stack, replaces what is to be replaced and keeps the rest."""

    def __init__(self, tokens: list[Token], name: str, load: Loader) -> None:
        super().__init__(tokens)
        self.load = load
        self.out: list[Token] = []
        self.notices: list[str] = []
        self.macros: dict[str, _Macro] = {}
        self.environments: dict[str, tuple[_Macro, _Macro]] = {}
        self.switches: dict[str, bool] = {}
        self.column_types: dict[str, str] = {}
        self.files = [name]
        self.opened = [name]
        self.conditions = 0
        self.expansions = 0

    def run(self) -> Expanded:
        while self.pending:
            token = self.pending.pop()
            if token.kind == "command":
                self._command(token)
            elif token.kind == "end of file":
                self.opened.pop()
            else:
                self.out.append(token)
        return Expanded(self.out, self.notices, self.column_types, self.files)

    @property
    def spent(self) -> bool:
        return self.expansions >= MAX_EXPANSIONS or self.moved >= MAX_TOKENS_MOVED

    def note(self, text: str) -> None:
        if text not in self.notices and len(self.notices) < MAX_NOTICES:
            self.notices.append(text)

    def _command(self, token: Token) -> None:
        name = token.text
        if self.spent:
            self.note("Macros were no longer replaced: their bound was reached.")
            if name in {"begin", "end"}:
                self._environment(token)
            else:
                self.out.append(token)
        elif name in self.macros:
            self._replace(self.macros[name], token)
        elif name in {"begin", "end"}:
            self._environment(token)
        elif name in _IGNORED:
            return
        elif name in _INPUTS or name in {"import", "subimport"}:
            self._input(name)
        elif not self._definition(name) and not self._condition(name):
            self.out.append(token)

    # --- definitions ----------------------------------------------------------------------------

    def _definition(self, name: str) -> bool:
        """Carry out a definition; return False where the command is none."""
        if name in _DEFINING:
            self._newcommand(name)
        elif name in _DEFINING_PLAINLY:
            self._def()
        elif name in _DEFINING_MODERNLY:
            target, (letters, default) = self.word(), _signature_of(self.argument())
            self._define(target, _Macro(tuple(self.argument()), letters, default))
        elif name in _DEFINING_ENVIRONMENTS:
            self.star()
            target = self.word()
            number, default = self._signature()
            first, last = tuple(self.argument()), tuple(self.argument())
            if target not in {"document", "table", "tabular", "figure", "abstract"}:
                begin = _Macro(first, number, default)
                self.environments[target] = (begin, _Macro(last))
        elif name == "DeclareMathOperator":
            self.star()
            self._define(self.word(), _Macro(tuple(self.argument())))
        elif name == "let":
            self._let()
        elif name == "newcolumntype":
            letter = self.word()
            self.optional()
            self.column_types[letter[:8]] = "".join(t.text for t in self.argument())[:200]
        elif name == "newif":
            switch = self.word().removeprefix("if")
            self.switches[switch] = False
        else:
            return False
        return True

    def _newcommand(self, name: str) -> None:
        self.star()
        target = self.word()
        letters, default = self._signature()
        body = tuple(self.argument())
        if not (name.startswith("provide") and target in self.macros):
            self._define(target, _Macro(body, letters, default))

    def _signature(self) -> tuple[str, tuple[Token, ...]]:
        """Take `[n][default]`; return the letters of the arguments and the default."""
        number = self.letters().strip()
        count = int(number) if number in set("123456789") else 0
        default = self.optional() if count else None
        if default is None:
            return "m" * count, ()
        return "o" + "m" * (count - 1), tuple(default)

    def _def(self) -> None:
        target = self.word()
        delimiters: list[list[Token]] = [[]]
        while self.pending and self.pending[-1].kind != "open" and len(delimiters) < 11:
            token = self.pending.pop()
            if token.kind == "par" or sum(map(len, delimiters)) > 20:
                self.note(f"The definition of \\{target[:40]} could not be read.")
                return
            if token.kind == "param":
                delimiters.append([])
            else:
                delimiters[-1] += (
                    [Token(token.kind, c) for c in token.text] if token.kind == "text" else [token]
                )
        macro = _Macro(
            tuple(self.argument()),
            "m" * (len(delimiters) - 1),
            delimiters=tuple(map(tuple, delimiters)) if any(delimiters) else (),
        )
        self._define(target, macro)

    def _let(self) -> None:
        target = self.word()
        if self.pending and self.pending[-1][:2] == ("text", "="):
            self.pending.pop()
        self.spaces()
        value = self.pending.pop() if self.pending else Token("space", " ")
        known = self.macros.get(value.text) if value.kind == "command" else None
        self._define(target, known or _Macro((value,)))

    def _define(self, name: str, macro: _Macro) -> None:
        if name and name not in STRUCTURE:
            self.macros[name] = macro

    # --- replacement ----------------------------------------------------------------------------

    def _replace(self, macro: _Macro, at: Token) -> None:
        self.expansions += 1
        given: list[list[Token]] = []
        if macro.delimiters:
            given = self._delimited(macro)
        else:
            for letter in macro.arguments:
                if letter == "m":
                    given.append(self.argument())
                elif letter == "s":
                    given.append([Token("text", "*")] if self.star() else [])
                else:
                    found = self.optional()
                    given.append(list(macro.default) if found is None else found)
        self._put(macro.body, given, at)

    def _put(self, body: tuple[Token, ...], given: list[list[Token]], at: Token) -> None:
        """Put the body with its arguments where the command stood."""
        result: list[Token] = []
        for kind, text, _ in body:
            digit = text.lstrip("#") if kind == "param" else ""
            if digit and len(text) > 2:
                result.append(Token("param", text[1:], at.where))
            elif digit:
                index = int(digit) - 1
                result += given[index] if 0 <= index < len(given) else []
            else:
                result.append(Token(kind, text, at.where))
            if len(result) + self.moved > MAX_TOKENS_MOVED:
                break
        self.moved += len(result)
        self.pending += reversed(result)

    def _delimited(self, macro: _Macro) -> list[list[Token]]:
        """Take the arguments of a definition with delimiters, as far as the text follows its pattern."""
        given: list[list[Token]] = []
        for i, delimiter in enumerate(macro.delimiters):
            if i:
                given.append(self._until(delimiter) if delimiter else self.argument())
            else:
                self.split_ahead(len(delimiter))
                if delimiter and self._ahead(delimiter):
                    del self.pending[-len(delimiter) :]
        return given

    def _until(self, delimiter: tuple[Token, ...]) -> list[Token]:
        taken: list[Token] = []
        while self.pending and len(taken) < MAX_DELIMITED and self.pending[-1].kind != "par":
            if self.pending[-1].kind == "open":
                self.pending.pop()
                taken += self.until_close()
                continue
            self.split_ahead(len(delimiter))
            if self._ahead(delimiter):
                del self.pending[-len(delimiter) :]
                break
            taken.append(self.pending.pop())
            self.moved += 1
        return taken

    def _ahead(self, delimiter: tuple[Token, ...]) -> bool:
        ahead = self.pending[-len(delimiter) :][::-1]
        return [t[:2] for t in ahead] == [t[:2] for t in delimiter]

    # --- environments, inputs, switches ---------------------------------------------------------

    def _environment(self, token: Token) -> None:
        name = self.word()
        own = self.environments.get(name)
        if own is None or self.spent:
            self.out.append(Token(token.text, name, token.where))
        else:
            self._replace(own[token.text == "end"], token)

    def _input(self, command: str) -> None:
        self.spaces()
        folder = self.word() if command in {"import", "subimport"} else ""
        if self.pending and self.pending[-1].kind == "text":  # \input name, without braces
            name = self.pending.pop().text
        else:
            name = self.word()
        if folder:
            name = f"{folder.rstrip('/')}/{name}"
        found = self.load(name)
        if isinstance(found, str):
            self.note(found)
            return
        path, tokens = found
        if path in self.opened:
            self.note(f"File '{path}' reads itself; that was left out.")
            return
        self.opened.append(path)
        self.files.append(path)
        self.pending.append(Token("end of file", path))
        self.pending += reversed(tokens)

    def _condition(self, name: str) -> bool:
        """Carry out a switch; return False where the command is none."""
        for state in ("true", "false"):
            if name.endswith(state) and name.removesuffix(state) in self.switches:
                self.switches[name.removesuffix(state)] = state == "true"
                return True
        switch = name.removeprefix("if")
        if name in _CONDITIONS or (name.startswith("if") and switch in self.switches):
            if name not in {"iftrue", "iffalse"} and switch not in self.switches:
                self.note(f"What \\{name} decides is unknown: its first branch was read.")
            taken = name != "iffalse" and self.switches.get(switch, True)
            if taken or self._skip_branch(stop_at_else=True):
                self.conditions += 1
            return True
        if name == "else" and self.conditions:
            self._skip_branch(stop_at_else=False)
            self.conditions -= 1
            return True
        if name == "fi":
            self.conditions = max(0, self.conditions - 1)
            return True
        return False

    def _skip_branch(self, *, stop_at_else: bool) -> bool:
        r"""Leave tokens out up to the matching end; return whether it is \else."""
        depth = 0
        while self.pending:
            token = self.pending.pop()
            if token.kind == "end of file":
                self.opened.pop()
            if token.kind != "command":
                continue
            name = token.text
            opens = name in _CONDITIONS or (
                name.startswith("if") and name.removeprefix("if") in self.switches
            )
            if opens:
                depth += 1
            elif name == "fi":
                if not depth:
                    return False
                depth -= 1
            elif name == "else" and stop_at_else and not depth:
                return True
        return False


def _signature_of(spec: list[Token]) -> tuple[str, tuple[Token, ...]]:
    """Return one letter for each argument of a signature such as `s O{x} m`, and the default."""
    found = _ARGUMENT.findall(source_of(spec)[:200])
    letters = "".join("m" if kind == "m" else "s" if kind == "s" else "o" for kind, _ in found)
    default = next((text for kind, text in found if kind in "OD" and text), "")
    return letters[:9], tuple(tokens_of(default))
