"""LaTeX that was broken in ways in which files break, and ways in which attackers break them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

PAPERS = Path(__file__).parent / "papers"
SEEDS = [p.read_text(encoding="utf-8") for p in sorted(PAPERS.rglob("*.tex"))]

PIECES = (
    "{",
    "}",
    "{" * 40,
    "}" * 40,
    "$",
    "$$",
    "&",
    "\\\\",
    "%",
    "#1",
    "##1",
    "^",
    "_",
    "~",
    "[",
    "]",
    "*",
    "\\begin{tabular}{cc}",
    "\\end{tabular}",
    "\\begin{table}",
    "\\end{table}",
    "\\multirow{9}{*}{",
    "\\multicolumn{999999}{c}{",
    "\\multirow{-7}{*}{x}",
    "\\def\\x#1{\\x{#1#1}}\\x{a}",
    "\\x",
    "\\fi",
    "\\else",
    "\\newcommand{\\best}[9]{\\best#1}",
    "\\def\\best{\\best\\best}",
    "\\best",
    "\\iffalse",
    "\\iftrue",
    "\\input{main}",
    "\\input{../../etc/passwd}",
    "\\input",
    "\\verb|",
    "\\begin{verbatim}",
    "\\let\\a\\b",
    "\\newenvironment{table}{}{}",
    "\\begin{",
    "\\end{document}",
    "\\section{",
    "\\caption{",
    "\\label{",
    "\\num{",
    "\\frac",
    "\\textbf",
    "\\'",
    "\\cite[",
    "\\ref{",
    "\\footnote{",
    "9" * 60,
    "1e999",
    "1,234,567.89",
    "0,5",
    "--",
    "\ue000x\ue001",
    "\x00",
    "\x0c",
    "\u2028",
    "é",
    "\\",
    "\n\n",
    "±",
    "\\newcolumntype{Q}{S}",
    "\\endhead",
    "\\endfirsthead",
    "\\hline",
    "\\cmidrule(lr){2-",
    "\\item",
    "\\begin{itemize}",
    "\\phantom{",
    "\\resizebox{1}{1}{",
    "\\makecell{a\\\\b}",
    "\\rowcolor{",
    "\\SetCell[c=9",
)


@st.composite
def broken_latex(draw: st.DrawFn) -> str:
    """Draw a paper of ours, with pieces put in, cut out, repeated and moved."""
    text = draw(st.sampled_from(SEEDS))
    start = draw(st.integers(0, max(0, len(text) - 1)))
    text = text[start : start + draw(st.integers(20, 6000))] if draw(st.booleans()) else text
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(text)))
        to = min(len(text), at + draw(st.integers(0, 200)))
        kind = draw(st.sampled_from(["put", "cut", "repeat", "move", "letters"]))
        if kind == "put":
            text = text[:at] + draw(st.sampled_from(PIECES)) + text[at:]
        elif kind == "cut":
            text = text[:at] + text[to:]
        elif kind == "repeat":
            text = text[:at] + text[at:to] * draw(st.integers(2, 30)) + text[to:]
        elif kind == "move":
            piece, text = text[at:to], text[:at] + text[to:]
            text = text[: len(text) // 2] + piece + text[len(text) // 2 :]
        else:
            text = text[:at] + draw(st.text(max_size=20)) + text[to:]
    return text
