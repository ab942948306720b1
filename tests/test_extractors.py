"""The contract of extractors, one suite for the built-in one and for a plugin that obeys it.

Plugins that do not obey are named in a message, and can in no way make a draft more than a draft.
"""

from __future__ import annotations

import json
import textwrap
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from test_extract import ABSTRACTS, paper_of

import corroborate
from claims.check import parse_claims
from claims.drafts import Draft
from claims.errors import ClaimFileError, ExtractorError
from claims.extractor import GROUP, Extractor, drafts_of, extractor, extractor_names
from claims.reading import read_paper

PAPER = Path(__file__).parent / "papers" / "transfer.tex"
SENTENCE = "Our best model reaches 81.0 on XNLI."

PLUGINS = f"""
from claims.drafts import Draft, DraftNumber, Extracted, Judgement


def draft(**changes):
    fields = dict(
        id="toy", statement="XNLI is 81.0.", kind="value", address="abstract/p1", place="abstract",
        quote={SENTENCE!r}, confidence=0.5, reasons=("It is a toy.",),
        number=DraftNumber(raw="81.0", value=81.0, unit="none", low=80.95, high=81.05),
    )
    return Draft.model_construct(**{{**Draft(**fields).__dict__, **changes}})


class Toy:
    name = "toy"

    def __init__(self, **changes):
        self.changes = changes

    def extract(self, paper):
        if all({SENTENCE!r} not in p.text for p in paper.passages):
            return Extracted()
        return Extracted.model_construct(drafts=(draft(**self.changes),), left_out=(), notices=())

    def judge(self, paper, drafts):
        return [Judgement(judge="king", draft=d.id, rating=0.9, because="It says so.") for d in drafts]


class Failing(Toy):
    def extract(self, paper):
        raise ValueError("no weights")

    def judge(self, paper, drafts):
        raise SystemExit(0)


class Endless(Toy):
    def extract(self, paper):
        class Found:
            left_out, notices = (), ()

            @property
            def drafts(self):
                while True:
                    yield draft()

        return Found()


class Returning(Toy):
    def __init__(self, found):
        self.found = found

    def extract(self, paper):
        return self.found


class Pretender(Draft):
    status: str = "accepted"

    def model_dump(self, **how):
        raise RuntimeError("never asked")


TOY = Toy()
ACCEPTED = Toy(status="accepted")
JUDGED = Toy(judgements=(Judgement(judge="me", draft="toy", rating=1.0, because="I say so."),))
ELSEWHERE = Toy(address="s99/p1")
MISQUOTED = Toy(quote="Our best model reaches 99.0 on XNLI.")
OTHER_NUMBER = Toy(number=DraftNumber(raw="99.0", value=99.0, unit="none", low=98.95, high=99.05))
SURE = Toy(confidence=7.0)
TOLERANT = Toy(tolerance=2.0)
NAN = Toy(confidence=float("nan"))
FAILING = Failing()
ENDLESS = Endless()
NOTHING = Returning(None)
TEXTS = Returning(Extracted.model_construct(drafts=("a draft",), left_out=(), notices=()))
TWICE = Returning(Extracted.model_construct(drafts=(draft(), draft()), left_out=(), notices=()))
PRETENDER = Returning(Extracted.model_construct(
    drafts=(Pretender(**draft().__dict__ | {{"status": "accepted"}}),), left_out=(), notices=()))
NO_EXTRACTOR = 7
"""
BAD = {
    "accepted": "status",
    "elsewhere": "where nothing stands",
    "misquoted": "does not stand at abstract/p1",
    "other_number": "not in its quotation",
    "sure": "confidence",
    "tolerant": "tolerance",
    "nan": "confidence",
    "failing": "ValueError: no weights",
    "endless": "more than 1000 drafts",
    "nothing": "drafts of type NoneType",
    "texts": "type str",
    "twice": "'toy' twice",
    "pretender": "status",
    "no_extractor": "type int",
    "broken": "while being imported",
    "absent": "no_such_module",
}


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A distribution with good and bad extractors, as pip would have installed it."""
    names = [line.partition(" = ")[0] for line in PLUGINS.splitlines() if " = " in line[:20]]
    points = {n.lower(): f"toy_extractors:{n}" for n in names if n.isupper()}
    points |= {
        "broken": "toy_broken:X",
        "absent": "no_such_module:X",
        "rules": "toy_extractors:TOY",
    }
    folder = tmp_path / "toy_extractors-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-extractors\nVersion: 1\n")
    lines = "\n".join(f"{name} = {value}" for name, value in points.items())
    (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")
    (tmp_path / "toy_extractors.py").write_text(textwrap.dedent(PLUGINS))
    (tmp_path / "toy_broken.py").write_text("raise RuntimeError('no such weights')")
    monkeypatch.syspath_prepend(tmp_path)
    assert "toy" in {point.name for point in entry_points(group=GROUP)}


# --- what every extractor promises --------------------------------------------------------------------


@pytest.fixture(params=["rules", "toy"])
def name(request, plugins):
    return request.param


@pytest.mark.parametrize(
    "path", [PAPER, PAPER.parent / "bridging.md", PAPER.parent / "latexml.html"]
)
def test_every_draft_stands_in_the_paper_with_its_number(name, path) -> None:
    paper = read_paper(path)
    found = drafts_of(paper, str(path), names=[name])
    assert isinstance(extractor(name), Extractor)
    for draft in found.drafts:
        passage = paper.find(draft.address)
        assert " ".join(draft.quote.split()) in " ".join(passage.text.split())
        assert draft.place == passage.place or name == "toy"
        assert draft.number is None or draft.number.raw in draft.quote
        assert (draft.status, draft.tolerance, draft.extractor) == ("draft", "unknown", name)
        assert draft.reasons


def test_the_same_paper_gives_the_same_drafts(name) -> None:
    once, again = (drafts_of(read_paper(PAPER), "p", names=[name]) for _ in range(2))
    assert once == again


@pytest.mark.parametrize(
    "text",
    [
        "8.2, " * 20_000,
        "improves " * 20_000,
        "and A and B " * 8_000,
        "(" * 50_000,
        "We gain 1 point. " * 9_000,
        "by 1.0 to 2.0 points over " * 4_000,
        "9" * 100_000,
        "A, B, C and " * 10_000 + "D by 1.0",
        "",
        "neither nor " * 100 + "improves.",
        "On " + "a, " * 400 + "we gain 2.0 points.",
        "the-" * 300 + "x improves by 2.0 points",
        "section 1, " * 130 + "2 improves by 1.0",
    ],
    ids=lambda text: text[:12],
)
def test_texts_made_to_take_for_ever_end_soon(name, text) -> None:
    before = time.process_time()
    drafts_of(paper_of(text), "p", names=[name])
    assert time.process_time() - before < 15


# --- what a plugin that breaks its promises comes to --------------------------------------------------


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("bad", BAD)
def test_plugin_that_fails_or_lies_is_named_in_a_message(bad, capsys) -> None:
    assert corroborate.main(["extract", str(PAPER), "--extractor", bad]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"extractor '{bad}'" in err
    assert BAD[bad] in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("plugins")
def test_no_plugin_can_accept_a_draft_or_judge_its_own() -> None:
    found = drafts_of(read_paper(PAPER), "p", names=["judged"])
    assert [(d.status, d.judgements) for d in found.drafts] == [("draft", ())]


@pytest.mark.usefixtures("plugins")
def test_no_plugin_takes_the_place_of_the_built_in_rules() -> None:
    assert type(extractor("rules")).__module__ == "claims.rule_extractor"


@pytest.mark.usefixtures("plugins")
def test_additional_extractor_adds_drafts_under_its_own_name() -> None:
    alone = drafts_of(read_paper(PAPER), "p")
    both = drafts_of(read_paper(PAPER), "p", names=["rules", "toy", "toy"])
    assert [d.extractor for d in both.drafts] == ["rules"] * len(alone.drafts) + ["toy"]
    assert both.drafts[-1].id == "toy-toy"


@pytest.mark.usefixtures("plugins")
def test_judgements_stand_beside_drafts_and_change_nothing_of_them() -> None:
    alone = drafts_of(read_paper(PAPER), "p")
    judged = drafts_of(read_paper(PAPER), "p", judges=["toy"])
    assert judged.judges == ("toy",)
    assert {j.judge for d in judged.drafts for j in d.judgements} == {"toy"}
    assert [d.model_copy(update={"judgements": ()}) for d in judged.drafts] == list(alone.drafts)
    with pytest.raises(ExtractorError, match="judge 'rules': found"):
        drafts_of(read_paper(PAPER), "p", judges=["rules"])
    with pytest.raises(ExtractorError, match="extractor 'failing': found SystemExit"):
        drafts_of(read_paper(PAPER), "p", judges=["failing"])


def test_unknown_extractor_is_answered_with_those_that_there_are(capsys) -> None:
    assert "rules" in extractor_names()
    assert corroborate.main(["extract", str(PAPER), "--extractor", "nli"]) == 2
    assert "extractor 'nli': found none ; expected one of: rules" in capsys.readouterr().err


# --- the command --------------------------------------------------------------------------------------


def test_json_has_every_field_that_a_person_has_yet_to_find_out(capsys) -> None:
    assert corroborate.main(["extract", str(PAPER), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "corroborate/drafts@1"
    first = document["drafts"][0]
    assert first["number"]["raw"] == "5.9 points"
    assert first["address"] == "abstract/p1"
    assert first["unknown"] == ["measure.metric", "measure.split", "tolerance"]
    assert [
        Draft.model_validate({k: v for k, v in d.items() if k != "unknown"})
        for d in document["drafts"]
    ]


def test_text_says_what_how_surely_why_and_what_is_unknown(capsys) -> None:
    assert corroborate.main(["extract", str(PAPER)]) == 0
    out = capsys.readouterr().out
    assert "None of them is a claim until a person has checked" in out
    assert "0.95  gain: Bridging on Squad: the measure goes up by 5.9 points" in out
    assert "number 5.9 points: absolute; rounded, it may be 5.85 to 5.95" in out
    assert "unknown: measure.metric, measure.split, tolerance" in out
    assert "2  reference to a part of the paper: '1' (s1/p1), '2' (s1/p1)" in out


def test_draft_file_is_refused_as_a_claim_file_with_a_reason(tmp_path, capsys) -> None:
    corroborate.main(["extract", str(PAPER), "--json"])
    path = tmp_path / "drafts.yaml"
    path.write_text(capsys.readouterr().out)
    assert corroborate.main(["check", str(path)]) == 2
    err = capsys.readouterr().err
    assert (
        "found 'corroborate/drafts@1' ; expected 'corroborate/claims@1': drafts are no claims"
        in err
    )
    assert corroborate.main(["verify", str(path), "--store", str(tmp_path)]) == 2


def test_draft_file_under_the_schema_of_claims_is_refused_too(tmp_path, capsys) -> None:
    corroborate.main(["extract", str(PAPER), "--json"])
    text = capsys.readouterr().out.replace("corroborate/drafts@1", "corroborate/claims@1")
    with pytest.raises(ClaimFileError):
        parse_claims(text.encode(), path="drafts.yaml")


def test_sentences_are_drafted_once_however_often_they_stand_there(tmp_path) -> None:
    path = tmp_path / "paper.md"
    said = "Bridging raises accuracy by 2.5 points on XNLI."
    parts = (
        "# T",
        "## Abstract",
        said,
        "## 1 Introduction",
        said,
        "## 2 Method",
        "It gains 9.9 points.",
    )
    path.write_text("\n\n".join([*parts, "## 3 Conclusion", f"Again. {said}"]))
    found = drafts_of(read_paper(path), str(path))
    assert [(d.address, d.also_at) for d in found.drafts] == [("abstract/p1", ("s1/p1", "s3/p1"))]


def test_paper_without_known_headings_is_searched_whole_and_says_so(tmp_path) -> None:
    path = tmp_path / "paper.txt"
    path.write_text("Bridging raises accuracy by 2.5 points on XNLI.\n")
    found = drafts_of(read_paper(path), str(path))
    assert len(found.drafts) == 1
    assert "all paragraphs were searched" in found.notices[-1]


def test_every_kind_of_claim_is_among_the_abstracts() -> None:
    kinds = {d["kind"] for p in ABSTRACTS for d in yaml.safe_load(p.read_text())["drafts"]}
    assert kinds == set(Draft.model_fields["kind"].annotation.__args__)


FORMS = {
    "tex": "\\documentclass{{article}}\\begin{{document}}\\begin{{abstract}}{}"
    "\\end{{abstract}}\\end{{document}}",
    "md": "# Title\n\n## Abstract\n\n{}\n\n## 1 Method\n\nIt gains 9.9 points.\n",
    "html": "<html><body><h1>T</h1><div class='ltx_abstract'><p>{}</p></div></body></html>",
    "txt": "{}\n",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stem", ["flagship-v1", "flagship-v2", "flagship-body"])
def test_every_format_of_the_same_abstract_yields_the_same_claims(form, stem, tmp_path) -> None:
    golden = yaml.safe_load((ABSTRACTS[0].parent / f"{stem}.yaml").read_text())
    path = tmp_path / f"paper.{form}"
    path.write_text(FORMS[form].format(golden["text"].strip()))
    found = drafts_of(read_paper(path), str(path))
    alone = drafts_of(paper_of(golden["text"].strip()), "p")
    assert len(found.drafts) == len(golden["drafts"])
    assert [d.statement for d in found.drafts] == [d.statement for d in alone.drafts]
