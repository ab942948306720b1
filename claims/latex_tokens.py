"""What are the tokens of a LaTeX text?

Category codes are the usual ones throughout; `@` counts as a letter in names, as in packages.
Every pattern takes its characters once, so that the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["LINES_A_FILE", "Token", "source_of", "text_token", "tokens_of"]

LINES_A_FILE = 2**22
"""Where a token stands is its file's number times this, plus its line."""

_TOKEN = re.compile(
    r"""
    (?P<comment>%[^\n]*+(?:\n[ \t]*+(?!\n))?)
    |(?P<par>\n[ \t]*+\n\s*+)
    |(?P<space>\s++)
    |\\(?P<command>[A-Za-z@]++)[ \t]*+(?:\n[ \t]*+(?!\n))?
    |\\(?P<symbol>.)
    |(?P<open>\{)|(?P<close>\})|(?P<math>\$\$?)|(?P<align>&)|(?P<param>\#+\d?)
    |(?P<sup>\^)|(?P<sub>_)|(?P<tie>~)
    |(?P<mark>[\[\]*])
    |(?P<text>[^\\{}$&\#^_~%\s\[\]*]++)
    |(?P<lost>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_VERBATIM = re.compile(
    r"\\begin\s*\{(verbatim\*?|lstlisting\*?|minted|Verbatim|alltt|comment|filecontents\*?)\}"
)
_INLINE_VERBATIM = re.compile(r"\\(?:verb|lstinline)\*?(?:\[[^\]\n]{0,200}\])?([^\sA-Za-z*{])")


class Token(NamedTuple):
    """One token: its kind, its text without backslash, and where it stands."""

    kind: str
    """command, open, close, math, align, param, sup, sub, tie, space, par, text, verbatim; after
    expansion also begin and end, whose text is the environment's name."""
    text: str
    where: int = 0


def tokens_of(text: str, file: int = 0) -> list[Token]:
    """Return the tokens of a text; comments are left out, verbatim text is one token."""
    found: list[Token] = []
    where, position, end = file * LINES_A_FILE + 1, 0, len(text)
    endless: set[str] = set()
    while position < end:
        if text.startswith("\\", position):
            verbatim = _verbatim(text, position, endless)
            if verbatim is not None:
                content, after = verbatim
                if content:
                    found.append(Token("verbatim", content, where))
                where += text.count("\n", position, after)
                position = after
                continue
        match = _TOKEN.match(text, position)
        if match is None:  # pragma: no cover - the last alternative takes any character
            break
        kind = match.lastgroup or "lost"
        content = match[kind] if kind != "lost" else ""
        if kind == "symbol":
            found.append(Token("command", content if content != "\n" else " ", where))
        elif kind == "mark":
            found.append(Token("text", content, where))
        elif kind not in {"comment", "lost"}:
            found.append(Token(kind, content, where))
        after = match.end()
        if kind in {"comment", "par", "space", "command", "symbol"}:
            where += text.count("\n", position, after)
        position = after
    return found


def _verbatim(text: str, position: int, endless: set[str]) -> tuple[str, int] | None:
    """Return the verbatim text that starts here and the place after it; None where none does."""
    match = _VERBATIM.match(text, position)
    if match is not None:
        name = match[1]
        if name in endless:
            return None
        closing = f"\\end{{{name}}}"
        end = text.find(closing, match.end())
        if end < 0:
            endless.add(name)  # asked once only, or many openings would take quadratic time
            return None
        silent = name.startswith(("comment", "filecontents"))
        return "" if silent else text[match.end() : end], end + len(closing)
    match = _INLINE_VERBATIM.match(text, position)
    if match is not None:
        line_end = text.find("\n", match.end(), match.end() + 1000)
        end = text.find(match[1], match.end(), line_end if line_end >= 0 else match.end() + 1000)
        if end >= 0:
            return text[match.end() : end], end + 1
    return None


def text_token(text: str) -> Token:
    """Return a token of plain text that stands nowhere."""
    return Token("text", text)


def source_of(tokens: Iterable[Token]) -> str:
    """Return tokens as LaTeX again, on one line."""
    parts: list[str] = []
    for kind, text, _ in tokens:
        if kind == "command":
            parts.append(f"\\{text} " if text[:1].isalpha() else f"\\{text}")
        elif kind in {"begin", "end"}:
            parts.append(f"\\{kind}{{{text}}}")
        else:
            if parts and parts[-1].endswith(" ") and not text[:1].isalpha() and kind != "space":
                parts[-1] = parts[-1].rstrip(" ") if parts[-1].startswith("\\") else parts[-1]
            parts.append(" " if kind in {"space", "par"} else text)
    return " ".join("".join(parts).split())
