r"""How do verdicts become a table for the appendix of a paper?

One long table per claim set, for `\input`. The file is plain ASCII: every character of others' texts is
either harmless, or a command that prints that character; nothing in them can begin a command, a comment,
a formula, a row or a cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from reports.blocks import Inline, Span, joined, plain_text, words
from reports.document import ClaimSection, Document, SetSection
from reports.escaping import visible
from reports.summary import set_title, summary_table, verdict_key, weakness
from verifier.words import VERDICT_WORDS

__all__ = ["RENDERER", "LatexRenderer", "escaped"]

_HEAD = r"""% Claims and verdicts, made by Corroborate. Input it; the preamble needs:
%   \usepackage{array,booktabs,longtable}
% Characters that no command names are printed by LuaLaTeX and XeLaTeX, and as their number by others.
\providecommand{\corroboratechar}[2]{%
  \ifdefined\directlua\char#1\relax\else\ifdefined\XeTeXversion\char#1\relax\else[U+#2]\fi\fi}
"""
_COLUMNS = {
    "claim": ("Claim", "0.34"),
    "reported": ("Reported", "0.10"),
    "estimate, interval": ("Found", "0.13"),
    "verdict": ("Verdict", "0.13"),
    "finding": ("Finding", "0.17"),
    "replication": ("Replication", "0.13"),
}
"""Column of the summary -> its title, and its share of the line."""
_PLAIN = frozenset(" !()*+./0123456789:;=?@[]ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_JOINING = frozenset("-,'")
"""Two of these would print as one other character: an empty group keeps them apart."""
_BREAK = re.compile(r"-(?:\{\})?|\\_")
_COMMANDS = {
    **{mark: f"\\{mark}" for mark in "#$%&_{}"},
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"{\char34}",
    "`": r"{\char96}",
    "\u2212": r"\ensuremath{-}", "\u00d7": r"\ensuremath{\times}", "\u00b1": r"\ensuremath{\pm}",
    "\u2264": r"\ensuremath{\leq}", "\u2265": r"\ensuremath{\geq}", "\u2013": "--{}",
    "\u2014": "---{}", "\u2018": "`{}", "\u2019": "'{}", "\u201c": "``{}", "\u201d": "''{}",
    "\u2026": r"\ldots{}", "\u00df": r"\ss{}", "\u00e6": r"\ae{}", "\u00c6": r"\AE{}",
    "\u00f8": r"\o{}", "\u00d8": r"\O{}", "\u0142": r"\l{}", "\u0141": r"\L{}", "\u00a0": "~",
}  # fmt: skip
"""Character -> what prints it."""
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0304": "=",
    "\u0307": ".", "\u0306": "u", "\u030c": "v", "\u030b": "H", "\u0327": "c", "\u030a": "r",
}  # fmt: skip
"""Combining accent -> its command; a letter follows in braces."""


@dataclass(frozen=True)
class LatexRenderer:
    """Tables of claims and verdicts with booktabs and longtable."""

    name: str = "latex"
    file_name: str = "claims-table.tex"

    def render(self, document: Document) -> bytes:
        """Return ASCII LaTeX with a final newline."""
        tables = (table for claim_set in document.sets for table in _table(document, claim_set))
        return "\n".join([_HEAD, *tables, ""]).encode("ascii")


def escaped(text: str) -> str:
    """Return a text as one line of LaTeX that prints that text and does nothing else."""
    shown = visible(text)
    return "".join(map(_printed, shown, [*shown[1:], "-"]))


def _printed(mark: str, after: str) -> str:
    if mark in _JOINING:
        return mark if after == " " or (after.isascii() and after.isalnum()) else f"{mark}{{}}"
    if mark in _PLAIN:
        return mark
    if mark in _COMMANDS:
        return _COMMANDS[mark]
    if mark.isspace():
        return " "
    parts = unicodedata.normalize("NFD", mark)
    if len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in _ACCENTS:
        letter = {"i": r"\i", "j": r"\j"}.get(parts[0], parts[0])  # their dots make room
        return f"\\{_ACCENTS[parts[1]]}{{{letter}}}"
    return f"\\corroboratechar{{{ord(mark)}}}{{{ord(mark):04X}}}"


def _table(document: Document, claim_set: SetSection) -> Iterator[str]:
    shares = (
        f">{{\\raggedright\\arraybackslash}}p{{{share}\\linewidth}}"
        for _, share in _COLUMNS.values()
    )
    yield r"\begingroup\small\setlength{\tabcolsep}{3pt}\setlength{\LTcapwidth}{\linewidth}"
    yield f"\\begin{{longtable}}{{@{{}}{''.join(shares)}@{{}}}}"
    yield f"\\caption{{{_inline(_caption(document, claim_set))}}}\\\\"
    titles = " & ".join(title for title, _ in _COLUMNS.values())
    yield f"\\toprule\n{titles} \\\\\n\\midrule\n\\endfirsthead"
    yield f"\\toprule\n{titles} \\\\\n\\midrule\n\\endhead"
    yield r"\bottomrule" + "\n" + r"\endlastfoot"
    summary = summary_table(claim_set.claims)
    names = [plain_text(head) for head in summary.header]
    for section, row in zip(claim_set.claims, summary.rows, strict=True):
        cells = dict(zip(names, row, strict=True))
        shown = (_inline(_cell(name, cells[name], section)) or "--" for name in _COLUMNS)
        yield " & ".join(shown) + r" \\"
    yield r"\end{longtable}" + "\n" + r"\endgroup"


def _caption(document: Document, claim_set: SetSection) -> Inline:
    weak = weakness(document)
    head = words(Span(weak[0], strong=True), f" {weak[1]} ") if weak else ()
    title = f"{plain_text(set_title(claim_set))}."
    key = verdict_key(claim_set.claims, imported=bool(document.imports))
    points = " Sizes and intervals in points; ends of intervals are rounded outwards. Verdicts: "
    made = f". Made by Corroborate, {document.generated}."
    return words(head, title, points, joined(key, "; "), made)


def _cell(name: str, cell: Inline, section: ClaimSection) -> Inline:
    verdict = section.verdict
    if name == "claim":
        return words(cell, f": {section.claim.statement}")
    if name == "verdict":
        stale = [Span(" (stale)", strong=True)] if verdict.stale else []
        expected = VERDICT_WORDS[verdict.expected] if verdict.expected else ""
        return words(*cell, *stale, f" (expected: {expected})" if expected else "")
    if name == "finding" and verdict.agreement is not None:
        return words(cell, f" ({verdict.agreement})")
    return cell


def _inline(line: Inline) -> str:
    return "".join(_span(span) for span in line)


def _span(span: Span) -> str:
    said = escaped(span.text)
    if span.style == "number":
        said = escaped(span.text.replace("-", "\u2212"))
    elif span.style == "code":
        said = _BREAK.sub(r"\g<0>\\allowbreak{}", said)
        said = f"\\texttt{{{said}}}"
    elif span.style == "emphasis":
        said = f"\\emph{{{said}}}"
    return f"\\textbf{{{said}}}" if span.strong else said


RENDERER = LatexRenderer()
"""Of the entry point `latex`."""
