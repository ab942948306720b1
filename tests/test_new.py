"""`corroborate new`: a paper becomes a claim file, as far as a person says what no paper does."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from loopback_arxiv import QUICK, tar
from test_commented import TEXT, WORDS

import corroborate
from claims import arxiv_client
from claims.check import read_claim_file
from claims.drafts import Draft
from claims.errors import ClaimFileError
from claims.safe_yaml import acceptable, read_yaml
from claims.starting import Beginning, Chosen, claim_file
from reports.options import COMMANDS, parser
from reports.questions import Questions
from reports.replies import alike, chance_in, one_of

ROOT = Path(__file__).parents[1]
FLAGSHIP = Path(__file__).parent / "abstracts" / "flagship-v2.yaml"
OWN = """# Stacking for reviews

## Abstract

Our stacked model improves accuracy over logistic regression by 2.1 points on the reviews test set.
It reaches an accuracy of 88.4% on average. Stacking consistently outperforms bagging on all five
domains. Dropout makes no difference to accuracy. Pruning improves accuracy by 12% over the
baseline. Speed matters.
"""
SAID = {
    "keep it": "keep",
    "statement": "",
    "treatment, what": "stacked",
    "treatments": "stacked, pruned",
    "control": "logreg",
    "what reaches": "stacked",
    "benchmark": "reviews",
    "its tasks": "books, films",
    "metrics": "accuracy",
    "languages of books [": "",
    "languages of films [": "",
    "score of guessing": "50",
    "a name for how": "",
    "tasks of": "",
    "languages of": "",
    "split that": "test",
    "what the number is": "mean",
    "is it the mean": "yes",
    "reported size": "2.5",
    "tolerance": "",
    "minimum effect": "0.8",
    "because [": "",
    "because": "Seeds alone move it by as much.",
    "who is best": "mnli, squad",
    "the others": "hellaswag",
    "those to choose": "mnli, squad, hellaswag",
    "in the best": "",
    "what is counted": "tasks",
    "at least": "",
    "split on which": "validation",
    "languages in which": "training",
    "direction": "up",
    "setting of": "intermediate.epochs=3",
}
"""Beginning of a question -> answer; the longest beginning counts."""


class Person:
    """A stdin that reads the question on stderr before it answers."""

    def __init__(self, said: dict[str, str], told: io.StringIO) -> None:
        self.said, self.told, self.asked = said, told, []
        self.buffer = self

    def isatty(self) -> bool:
        return False

    def readline(self, _: int) -> bytes:
        question = self.told.getvalue().rpartition("\n")[2]
        self.asked.append(question)
        known = [start for start in self.said if question.startswith(start)]
        assert known, f"nobody expected the question {question!r}"
        answer = self.said[max(known, key=len)]
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else None
        return b"" if answer is None else f"{answer}\n".encode()


@pytest.fixture
def new(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder; return exit code, stdout, stderr and the questions."""
    monkeypatch.chdir(tmp_path)
    Path("own.md").write_text(OWN)
    text = yaml.safe_load(FLAGSHIP.read_text())["text"]
    Path("flagship.md").write_text(f"# X-STILTs\n\n## Abstract\n\n{text}\n")

    def run(*arguments: str, **said) -> tuple[int, str, str, list[str]]:
        told = io.StringIO()
        person = Person(SAID | {k.replace("_", " "): v for k, v in said.items()}, told)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", told)
            patch.setattr(sys, "stdin", person)
            code = corroborate.main(["new", *arguments])
        return code, capsys.readouterr().out, told.getvalue(), person.asked

    return run


def commands(text: str) -> list[list[str]]:
    """Return the commands that a text says come next; each must be one that exists."""
    found = [
        shlex.split(line)[1:] for line in re.findall(r"^  (corroborate .*)$", text, re.MULTILINE)
    ]
    reader = parser(dict.fromkeys(COMMANDS, lambda _: 0))
    for words in found:
        reader.parse_args(words)
    return found


def draft(**fields) -> Draft:
    return Draft.model_validate(
        {"id": "one", "statement": "It wins.", "kind": "gain", "address": "abstract/p1",
         "place": "abstract, paragraph 1", "quote": "It wins.", "confidence": 0.5,
         "reasons": ("It says so.",)} | fields
    )  # fmt: skip


SENTENCE = (TEXT | WORDS).map(lambda text: text.strip()).filter(bool)


@given(SENTENCE, SENTENCE, st.sampled_from(["gain", "value", "ranking", "protocol"]))
def test_a_quotation_reads_back_as_the_paper_has_it(quote, words, kind) -> None:
    one = draft(quote=quote, treatment=words, statement=words, place=words, kind=kind)
    begun = Beginning("A paper", "paper.tex", 1, claims=[Chosen(one, 1)])
    text, number = claim_file(begun, ["corroborate check claims.yaml"])
    found = read_yaml(text)
    assert number == 1
    assert not found.faults
    wanted = one.quote if acceptable(one.quote) else "unknown"
    assert found.value["claims"][0]["source"]["quote"] == wanted
    assert all(c.isprintable() or c == "\n" for c in text)


def test_every_draft_is_written_and_check_names_exactly_what_is_to_be_decided(new) -> None:
    code, out, told, asked = new("flagship.md")
    assert (code, asked) == (3, [])
    lines = Path("claims.yaml").read_text().splitlines()
    open_fields = [
        number
        for number, line in enumerate(lines, 1)
        if line.endswith(": unknown") and "TO DECIDE" in _comment_above(lines, number)
    ]
    with pytest.raises(ClaimFileError) as refused:
        read_claim_file("claims.yaml")
    assert [fault.line for fault in refused.value.faults] == open_fields
    assert str(refused.value) in told
    assert sum("A DRAFT" in line for line in lines) == 10
    assert not any("Kept by a person" in line for line in lines)
    assert "10 drafts, 0 accepted" in out
    assert [words[0] for words in commands(out)] == ["check", "ground", "import"]
    assert commands(out)[-1][-1] == "as-reported"
    assert "  protocol: as-reported" in lines
    before = Path("claims.yaml").read_bytes()
    new("flagship.md", "--all", "--force")
    assert Path("claims.yaml").read_bytes() == before


def _comment_above(lines: list[str], number: int) -> str:
    above = []
    for line in reversed(lines[: number - 1]):
        if not line.lstrip().startswith("#"):
            break
        above.append(line)
    return " ".join(reversed(above))


def test_what_a_person_keeps_passes_check_and_says_where_it_was_read(new) -> None:
    code, out, told, _ = new("own.md", "--ask")
    assert code == 0, told
    assert "claims.yaml: 5 claims, no faults" in out
    assert out.count("quote: found") == 5
    claims = read_claim_file("claims.yaml")
    gain, value, consistency, nothing, relative = claims.claims
    assert claims.paper.title == "Stacking for reviews"
    assert claims.paper.protocol == "as-reported"
    assert set(claims.benchmarks["reviews"]) == {"books", "films"}
    assert (gain.reported, gain.tolerance.points, gain.minimum_effect.points) == (2.5, 1.0, 0.8)
    assert "default, chosen before any run" in gain.tolerance.because
    assert gain.minimum_effect.because == "Seeds alone move it by as much."
    assert (gain.treatment.base, gain.control.base) == ("stacked", "logreg")
    assert (gain.source.section, gain.source.found_in) == ("abstract, paragraph 1", "own.md")
    assert (value.kind, consistency.kind, nothing.kind) == ("value", "consistency", "no_benefit")
    assert len(nothing.contrasts) == 2
    assert relative.kind == "gain"
    assert [words[0] for words in commands(out)] == ["import", "verify", "report"]
    text = Path("claims.yaml").read_text()
    assert text.count("Kept by a person.") == 5
    assert "The paper prints 12%" in text


TWO = """# Tagging

## Abstract

Our stacked model improves F1 by 3.0 points over logistic regression, and raises accuracy by 6.0 points.
"""


@pytest.mark.parametrize("other", ["tags-accuracy", "tags"])
def test_a_claim_on_another_metric_than_its_benchmark_has_needs_a_persons_word(new, other) -> None:
    Path("two.md").write_text(TWO)
    code, _, told, asked = new(
        "two.md", "--ask", benchmark=["tags", ""], metrics=["f1", "accuracy"], its_tasks="books",
        reported_size="", tags_is_scored=other,
    )  # fmt: skip
    assert code == 0, told
    (question,) = [q for q in asked if q.startswith("tags is scored by f1 (the paper: 'accuracy')")]
    assert "tags all the same, or a name for another benchmark" in question
    found = read_claim_file("claims.yaml")
    assert [claim.measure.benchmark for claim in found.claims] == ["tags", other]
    assert found.benchmarks[other]["books"].metrics == (
        ("f1",) if other == "tags" else ("accuracy",)
    )


@pytest.mark.parametrize(
    ("said", "metric", "same"),
    [("F1 score", "f1", True), ("Macro-F1", "macro_f1", True), ("acc.", "accuracy", True),
     ("accuracy", "f1", False), ("---", "f1", False)],
)  # fmt: skip
def test_a_papers_word_for_a_metric_is_compared_without_its_spelling(said, metric, same) -> None:
    assert alike(said, metric) is same


def test_kinds_of_the_flagship_can_be_kept_on_the_bundled_benchmark(new) -> None:
    said = {"setting_of": "intermediate.epochs=3", "benchmark": "xtreme", "split_that": "unknown",
            "what_the_number_is": "unknown", "is_it_the_mean": "unknown", "reported_size": "",
            "reported_size_in_points;": "unknown", "treatments": "mlm=true", "control": "none",
            "treatment,_what": "intermediate=mnli"}  # fmt: skip
    code, out, told, asked = new("flagship.md", "--ask", **said)
    assert code == 0, told
    claims = read_claim_file("claims.yaml")
    assert [c.kind for c in claims.claims] == [
        "protocol", "gain", "gain", "gain", "ranking", "gain", "selected_gain", "ranking",
        "not_consistently_better", "not_consistently_better",
    ]  # fmt: skip
    assert claims.claims[6].reported == 5.4
    assert claims.claims[6].tolerance.points == 1.35
    assert claims.paper.protocol is None
    assert not claims.benchmarks
    plan, run, verify = commands(out)
    assert (run[0], verify[0]) == ("run", "verify")
    assert corroborate.main([*plan, "--data", "."]) == 0
    assert sum(q.startswith("a name for how") for q in asked) == 1


def test_relative_and_doubtful_numbers_are_never_offered_as_points(new) -> None:
    *_, asked = new("own.md", "--ask")
    sizes = [q for q in asked if q.startswith("reported size")]
    assert [q.rpartition("[")[2] for q in sizes[:2]] == ["2.1]: ", "88.4]: "]
    assert "12%" in sizes[2]
    assert not sizes[2].endswith("]: ")


@pytest.mark.parametrize("answer", ["0", "100", "12.5"])
def test_a_score_of_guessing_is_from_0_to_100(answer) -> None:
    assert chance_in(answer) == float(answer)


@pytest.mark.parametrize("answer", ["-0.0001", "100.1", "mean", "nan", "", "inf"])
def test_another_score_of_guessing_is_refused_in_plain_numbers(answer) -> None:
    with pytest.raises(ValueError, match=r"^a number from 0 to 100$"):
        chance_in(answer)


def test_answers_that_cannot_be_used_are_asked_for_again(new) -> None:
    code, _, told, asked = new(
        "own.md", "--ask", keep_it=["maybe", "edit", "quit"], id=["no such id!", "mine"],
        control=["stacked", "logreg\x1b[2J", "logreg"], split_that=["dev", "test"],
        tolerance=["-1", "nan", "1e999", "1.5"],
    )  # fmt: skip
    assert code == 0
    (claim,) = read_claim_file("claims.yaml").claims
    assert (claim.id, claim.tolerance.points, claim.control.base) == ("mine", 1.5, "logreg")
    assert claim.tolerance.because == "Seeds alone move it by as much."
    assert told.count(" ; expected ") == 1 + 1 + 2 + 1 + 3
    assert "\x1b" not in told
    assert len([q for q in asked if q.startswith("keep it")]) == 3


def test_a_file_that_is_there_is_not_replaced_without_a_yes(new) -> None:
    Path("claims.yaml").write_text("mine")
    code, _, told, _ = new("own.md")
    assert (code, Path("claims.yaml").read_text()) == (2, "mine")
    assert "--force" in told
    code, *_ = new("own.md", "--ask", claims_yaml="", **{"claims.yaml is there": "no"})
    assert (code, Path("claims.yaml").read_text()) == (3, "mine")
    code, *_ = new("own.md", "--ask", **{"claims.yaml is there": "yes"})
    assert code == 0
    assert new("--blank", "--force")[0] == 0
    assert "our-system-gain" in Path("claims.yaml").read_text()
    code, _, told, _ = new("own.md", "--out", "nowhere/claims.yaml")
    assert (code, "found no folder" in told) == (2, True)


def test_answers_that_end_leave_what_was_kept_beside_the_file(new) -> None:
    code, _, told, _ = new("own.md", "--ask", keep_it=[])
    assert (code, "nothing is written" in told) == (4, True)
    assert not list(Path().glob("claims*"))
    for _ in range(2):
        code, _, told, _ = new("own.md", "--ask", keep_it=["skip", "keep"])
        assert code == 4
    assert "1 claim kept so far: claims.yaml.partial1" in told
    assert [p.name for p in sorted(Path().glob("claims*"))] == [
        "claims.yaml.partial",
        "claims.yaml.partial1",
    ]
    (claim,) = read_claim_file("claims.yaml.partial").claims
    assert claim.kind == "value"


def test_nothing_kept_and_nothing_read_write_nothing(new) -> None:
    code, _, told, _ = new("own.md", "--ask", keep_it="")
    assert (code, "No draft was kept" in told) == (3, True)
    Path("empty.txt").write_text("Hello.")
    code, _, told, _ = new("empty.txt")
    assert (code, "--blank" in told) == (2, True)
    code, _, told, _ = new("no-such.tex")
    assert (code, "no arXiv identifier" in told) == (2, True)
    code, _, told, _ = new()
    assert (code, "found no PAPER" in told) == (2, True)
    assert not list(Path().glob("claims*"))


@pytest.mark.parametrize("arguments", [["--blank"], ["--ask"]])
def test_a_file_to_fill_in_by_hand_passes_check(new, arguments) -> None:
    code, out, told, _ = new(*arguments, paper="none")
    assert code == 0, told
    (claim,) = read_claim_file("claims.yaml").claims
    assert (claim.kind, claim.reported) == ("gain", "unknown")
    assert [words[0] for words in commands(out)] == ["import", "verify", "report"]
    assert corroborate.main(["check", "claims.yaml"]) == 0
    filled = Path("claims.yaml").read_text().replace("reported: unknown", "reported: 2.0")
    Path("claims.yaml").write_text(filled.replace("# tolerance:", "tolerance:"))
    assert read_claim_file("claims.yaml").claims[0].tolerance.points == 1.0


def test_hostile_papers_move_no_cursor_and_add_no_field(new) -> None:
    evil = OWN.replace("Our stacked", 'Our \x1b[2J\u202e\x07stacked\\ "&a" {x: *a} # !!python')
    Path("evil\x1b[2J.md").write_text(
        evil + "\n\nOur trick improves accuracy by 3.2 points: 'a'\n# b: c\n"
    )
    for arguments in (["evil\x1b[2J.md"], ["evil\x1b[2J.md", "--ask", "--force"]):
        _, out, told, _ = new(*arguments)
        for shown in (out, told, Path("claims.yaml").read_text()):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f\x9b\u202e]", shown)
        assert not read_yaml(Path("claims.yaml").read_text()).faults


def test_questions_hold_what_others_wrote_without_its_control_characters(capsys) -> None:
    asked = Questions(io.BytesIO(b"yes\n"), echo=True)
    assert asked.ask("\x1b[2J\u202eis \x9bit so", one_of(("yes", "no")), "\x07no") == "yes"
    told = capsys.readouterr().err
    assert "is" in told
    assert all(c.isprintable() or c == "\n" for c in told)


@pytest.mark.parametrize("line", [b"", b"x" * 10**6, b"maybe\n" * 10**3])
def test_answers_without_end_or_use_are_given_up(line) -> None:
    with pytest.raises(EOFError):
        Questions(io.BytesIO(line), echo=False).ask("well", one_of(("yes", "no")))


SOURCE = (
    "\\documentclass{article}\\begin{document}\\begin{abstract}%s\\end{abstract}\\end{document}"
)


def test_papers_come_from_arxiv_once_and_name_their_version(new, arxiv_site, monkeypatch) -> None:
    monkeypatch.setattr(arxiv_client, "Courtesy", lambda: QUICK)
    old, newest = (
        tar(("main.tex", (SOURCE % f"Our model improves accuracy by {n} points.").encode()))
        for n in ("1.1", "2.2")
    )
    arxiv_site.add("2005.00001", old, newest)
    assert new("2005.00001")[0] == 3
    text = Path("claims.yaml").read_text()
    assert 'arxiv: "2005.00001v2"' in text
    assert "reported: 2.2" in text
    assert 'title: "Paper 2005.00001"' in text
    asked = len(arxiv_site.asked)
    code, out, *_ = new("arxiv:2005.00001v1", "--offline", "--force")
    assert (code, len(arxiv_site.asked)) == (3, asked)
    assert "reported: 1.1" in Path("claims.yaml").read_text()
    assert ["ground", "claims.yaml", "--paper", "out/papers/2005.00001/v1/source"] in commands(out)
    arxiv_site.add("2005.00002", old, None)
    code, _, told, _ = new("2005.00002", "--force")
    assert (code, "found no source of this version" in told) == (2, True)


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "corroborate.py", "new", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def until(self, text: str, seconds: float = 60) -> None:
        """Read until a text is there."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.ours], [], [], 0.5)[0]:
                with suppress(OSError):  # how Linux says that nobody is at the other end
                    self.seen += os.read(self.ours, 4096).decode("utf-8", "replace")

    def types(self, text: str) -> None:
        self.seen = ""
        os.write(self.ours, text.encode())


def test_on_a_terminal_it_asks_and_ctrl_c_keeps_what_was_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.md").write_text(OWN)
    terminal = Terminal()
    terminal.until("paper: ")
    terminal.types("own.md\n")
    answers = (
        "skip", "keep", "", "stacked", "reviews", "books", "accuracy", "", "", "", "test", "mean",
        "", "", "",
    )  # fmt: skip
    for answer in answers:
        terminal.until(": ")
        terminal.types(f"{answer}\n")
    terminal.until("Draft 3 of 5")
    terminal.types("\x03")
    terminal.until("kept so far: claims.yaml.partial")
    assert terminal.process.wait(timeout=30) == 4
    os.close(terminal.ours)
    assert not Path("claims.yaml").exists()
    assert read_claim_file("claims.yaml.partial").claims[0].kind == "value"


def test_the_page_on_own_papers_works_as_it_stands(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "own-paper.md").read_text()
    Path("claims.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    table = re.findall(r"^    ([a-z]+(?:,[\w.]+)+)$", page, re.MULTILINE)
    Path("scores.csv").write_text("\n".join([*table, ""]))
    typed = [
        shlex.split(line)[1:] for line in re.findall(r"^    (corroborate .*)$", page, re.MULTILINE)
    ]
    assert [words[0] for words in typed] == ["new", "check", "import", "verify", "report"]
    codes = {words[0]: corroborate.main(words) for words in typed[1:]}
    assert (codes["check"], codes["import"]) == (0, 0)
    assert codes["verify"] in {0, 3}
    assert codes["report"] == codes["verify"]
    assert "stacking-gain" in capsys.readouterr().out
    assert Path("out/report.html").is_file()
