"""No report, paper or ratings file makes the audit fail otherwise than with a message, or hang."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import corroborate
from claims.errors import SynthesisError
from claims.prose import visible
from claims.review import MAX_REPORTS, review
from claims.sources import source_of_paper
from claims.synthesis import parse_synthesis

HERE = Path(__file__).parent / "syntheses"
REPORTS = [p.read_text(encoding="utf-8") for p in sorted(HERE.glob("echo_*.*"))]
PAPER = "".join(
    (HERE / "echo" / n).read_text(encoding="utf-8") for n in ("main.tex", "results.tex")
)
RATINGS = json.dumps(
    {"schema": "corroborate/ratings@1", "rater": "ann", "kind": "person",
     "ratings": [{"report": "report", "claim": 1, "rating": 2, "because": "x"}]}
)  # fmt: skip
EXAMPLES = int(os.environ.get("CORROBORATE_MUTATIONS", "60"))
PARTS = st.one_of(
    st.sampled_from(
        ["\t", "|", "#", "(", "[", "{", "\\begin{tabular}{ll}", "\\\\", "&", "$", "%", "\n\n", ". ", "-",
         "✓", "...", "Claim\tVerified\tConfidence\n", "Claim Verified Confidence\n", "**",
         "References\n", "9" * 400, "1." * 50, "Research question:", "(Reed, 2019", "arXiv:", "\x00",
         "\x1b[2J", "\u202e", "e9" * 9, "10.5555/", "\ud7ff"]
    ),
    st.text(max_size=8),
)  # fmt: skip


@st.composite
def mutated(draw, original: str) -> str:
    text = original
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(text)))
        gone = draw(st.sampled_from([0, 0, 1, 5, 200]))
        part = draw(PARTS) * draw(st.sampled_from([1, 1, 1, 60]))
        text = text[:place] + part + text[place + gone :]
    return text


@settings(max_examples=EXAMPLES, deadline=10_000, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_mutation_of_what_is_given_ends_in_a_traceback(data) -> None:
    first, second = data.draw(st.permutations(REPORTS))[:2]
    with tempfile.TemporaryDirectory() as folder:
        given_files = {
            "report.txt": data.draw(mutated(first)),
            "other.md": data.draw(mutated(second)),
            "paper.tex": data.draw(mutated(PAPER)),
            "ann.json": data.draw(mutated(RATINGS)),
        }
        for name, text in given_files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", errors="replace", newline="")
        command = ["review", *(f"{folder}/{n}" for n in ("report.txt", "other.md"))]
        command += ["--paper", f"{folder}/paper.tex", *data.draw(st.sampled_from([[], ["--json"]]))]
        command += data.draw(st.sampled_from([[], ["--ratings", f"{folder}/ann.json"]]))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = corroborate.main(command)
    assert code in {0, 1, 2, 3}, err.getvalue()
    assert (code == 2) == bool(err.getvalue())
    for told in (out.getvalue(), err.getvalue()):
        assert told == visible(told)


def test_more_reports_than_can_be_reviewed_are_refused() -> None:
    reports = [parse_synthesis(REPORTS[0], name=f"r{i}") for i in range(MAX_REPORTS + 1)]
    with pytest.raises(SynthesisError, match=f"{MAX_REPORTS + 1} reports"):
        review(reports)
    with pytest.raises(SynthesisError, match="0 reports"):
        review([])


def test_a_long_paper_of_one_sentence_is_searched_in_a_moment(tmp_path) -> None:
    path = tmp_path / "paper.txt"
    path.write_text("echo dropout (" * 60_000, encoding="utf-8")
    report = parse_synthesis(REPORTS[2], name="a")
    found = review([report], papers=[source_of_paper(path)])
    assert [c.outcome for c in found.reports[0].claims] == ["open"] * 4
