"""Synthesis reports of our own, in both layouts, and the paper that they claim to be about."""

from __future__ import annotations

PAPER_TITLE = "Guild Labels Help Small Taggers"
QUESTION = "Do guild labels raise the tagging accuracy of small encoders?"
WHOLE = (
    "Guild labels raise the tagging accuracy of small encoders by 4.2, 3.1, and 2.0 points on "
    "Alpha, Beta, and Gamma, respectively."
)
SMALL = "We use small encoders with two layers in all experiments."
AVERAGE = "The best encoder of each task gains 3.6 points on average."
PAPER = f"""{PAPER_TITLE}

Abstract. We ask whether labels help. {WHOLE} {AVERAGE}

1 Set-up
{SMALL} Others were too slow.
"""


def cut(text: str, length: int = 90) -> str:
    return text[:length].rstrip()


def report(
    claims,
    *,
    markdown=False,
    question=QUESTION,
    title="Guild labels and taggers",
    method="We searched arXiv on 3 May 2026 with the query 'guild labels', including all papers.",
    results="",
    references=("<http://arxiv.org/abs/2101.01234v2>",),
    abstract="This report asks whether guild labels help; it draws on arXiv:2101.01234.",
    table="tabs",
) -> str:
    """Return a report; claims are (text, mark, confidence)."""
    mark = "## " if markdown else ""
    rows = [("Claim", "Verified", "Confidence"), *claims]
    if table == "tabs":
        lines = ["\t".join(map(str, row)) for row in rows]
    else:
        lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
        lines.insert(1, "|---|---|---|")
    listed = "\n".join(f"- {entry}" for entry in references)
    body = "\n".join(lines)
    return f"""

{"# " if markdown else ""}{title}

A Generator

May 5, 2026

{mark}Abstract

{abstract}

{mark}1 Introduction

This paper examines: {PAPER_TITLE}. Research question: {question}.

{mark}2 Methodology

{method}

{mark}3 Results

{results or f"1 papers retrieved. {len(claims)} claims extracted; {len(claims)} independently verified."}

{mark}4 Extracted Claims

{body}

{mark}References

{listed}
"""


GOOD = ((WHOLE, "✓", 0.92), (SMALL, "✓", 0.95), (AVERAGE, "✓", 0.9))
"""Claims as the paper has them."""
