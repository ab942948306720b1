"""Reports: what a reader sees is what the document says, and hostile text stays text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from markdown_it import MarkdownIt

from claims.claim import ClaimSet
from claims.estimand import Condition
from replication.deviations import Deviation
from replication.protocol import Protocol
from replication.run import DataUse, Environment, Measurement, Plan, Run, RunSpec
from reports.build import build
from reports.document import Document
from reports.errors import DocumentError, RendererError, WriteError
from reports.to_json import RENDERER as JSON
from reports.to_json import read_document
from reports.to_markdown import RENDERER as MARKDOWN
from reports.write import write
from verifier.verdict import Finding, Verdict, Verdicts
from verifier.words import FINDING_WORDS

LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur")
NONE, SQUAD = Condition(), Condition(intermediate=("squad_v1",))
MEASURE = {"split": "validation", "tasks": ["xnli"], "seeds": "mean"}
SOURCE = {"quote": "SQuAD helps | a lot", "found_in": "the paper"}
ARMS = {"treatment": 64.375, "control": 56.375}
SIZE = {"points": 0.5, "because": "seeds move the average by less"}


def gain(claim_id: str = "squad-gain", **changes: Any) -> dict[str, Any]:
    return {
        "id": claim_id,
        "statement": f"SQuAD raises the average ({claim_id}).",
        "source": SOURCE,
        "kind": "gain",
        "treatment": {"intermediate": ["squad_v1"]},
        "control": {},
        "measure": MEASURE,
        "reported": 8.2,
        "tolerance": {"points": 2.0, "because": "a quarter of the reported size"},
        "minimum_effect": SIZE,
        **changes,
    }


def claim_set(*claims: dict[str, Any], arxiv: str | None = "2005.13013v2") -> ClaimSet:
    title = "An Example Paper" if arxiv else "The harness itself"
    return ClaimSet.model_validate(
        {
            "schema": "corroborate/claims@1",
            "paper": {"title": title, "arxiv": arxiv, "controls": arxiv is None},
            "claims": claims,
        }
    )


def protocol(*, simulated: bool) -> Protocol:
    recipe = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-4, "max_length": 64}
    return Protocol.model_validate(
        {
            "schema": "corroborate/protocol@1",
            "name": "example",
            "summary": "A small encoder, three phases.",
            "simulated": simulated,
            "caveats": ["The encoder is small."],
            "base": {"checkpoint": None},
            "intermediate_tasks": ["squad_v1"],
            "intermediate": recipe,
            "targets": {"xnli": {"train_on": "mnli", "recipe": recipe}},
            "evaluation": {"splits": {"xnli": "validation"}},
            "seeds": 2,
            "first_seed": 1,
        }
    )


def make_runs(used: Protocol) -> tuple[Run, ...]:
    """One target and one evaluation run per condition and seed."""
    environment = Environment(
        python="3.11.7",
        packages={"torch": "2.13.0"},
        platform="Linux",
        device="cpu",
        threads=2,
        code="corroborate 0.1.0",
    )
    runs: list[Run] = []
    for offset, condition in ((0.0, NONE), (8.0, SQUAD)):
        for seed in (1, 2):
            base: dict[str, Any] = {"condition": condition, "seed": seed, "base": used.base}
            train = DataUse(
                name="mnli", split="train", languages=("en",), revision="sha256:" + "a" * 64
            )
            dev = DataUse(name="xnli", split="validation", languages=LANGUAGES, revision="v1")
            target = RunSpec(
                phase="target",
                tasks=("xnli",),
                parent=None,
                data=(train,),
                precision="fp32",
                **base,
            )
            evaluation = RunSpec(
                phase="evaluation",
                tasks=("xnli",),
                parent=target.digest(),
                data=(dev,),
                precision="fp32",
                **base,
            )
            scores = tuple(
                Measurement(
                    task="xnli",
                    language=language,
                    split="validation",
                    metric="accuracy",
                    score=50 + offset + seed / 4 + place,
                    n=2490,
                )
                for place, language in enumerate(LANGUAGES)
            )
            for spec, seconds, found in ((target, 90.0, ()), (evaluation, 12.5, scores)):
                runs.append(
                    Run(
                        spec_digest=spec.digest(),
                        spec=spec,
                        status="finished",
                        measurements=found,
                        facts={"loss": 0.51234567, "steps": 40} if spec is target else {},
                        environment=environment,
                        started="2026-01-02T03:04:05Z",
                        seconds=seconds,
                    )
                )
    return tuple(runs)


def verdict(runs: tuple[Run, ...], claim_id: str = "squad-gain", **changes: Any) -> Verdict:
    cells = [
        {
            "task": "xnli",
            "language": language,
            "treatment": 58.375 + place,
            "control": 50.375 + place,
            "estimate": 8.0,
            "n": 2490,
        }
        for place, language in enumerate(LANGUAGES)
    ]
    interval = {"low": 6.43, "high": 9.57, "level": 0.95, "method": "t interval over seeds"}
    arms = [
        {"condition": label, "seeds": [1, 2], "scores": scores, "summary": sum(scores) / 2}
        for label, scores in (("squad_v1", [64.25, 64.5]), ("none", [56.25, 56.5]))
    ]
    evaluations = sorted(r.spec_digest for r in runs if r.spec.phase == "evaluation")
    record = {
        "claim": claim_id,
        "kind": "gain",
        "statement": f"SQuAD raises the average ({claim_id}).",
        "verdict": "reproduced",
        "finding": "magnitude",
        "replication": "direct",
        "estimate": 8.0,
        "interval": interval,
        "level": 0.95,
        "reported": 8.2,
        "tolerance": 2.0,
        "minimum_effect": 0.5,
        "seeds": 2,
        "signature": "corroborate-verifier@1|t|level:0.95",
        "reasons": ["The interval lies inside the tolerance around 8.2 points."],
        "evidence": {
            "arms": arms,
            "cells": [
                {"task": "xnli", "estimate": 8.0, "interval": interval, **ARMS},
                *cells,
            ],
            "runs": evaluations,
        },
    }
    return Verdict.model_validate({**record, **changes})


def document(
    claim_sets: list[ClaimSet], make: list[dict[str, Any]], *, simulated: bool = False
) -> Document:
    used = protocol(simulated=simulated)
    runs = make_runs(used)
    claims = [claim for one in claim_sets for claim in one.claims]
    plan = Plan(
        protocol=used,
        data="the folder ../shared",
        needs=tuple({"claim": c.id, "criterion": c.criterion(), "runs": ()} for c in claims),  # type: ignore[arg-type]
        specs=tuple(run.spec for run in runs),
        claims_digest="0" * 64,
    )
    return build(
        claim_sets,
        Verdicts(verdicts=tuple(verdict(runs, **changes) for changes in make)),
        plan=plan,
        runs=reversed(runs),
        commands=("corroborate audit example.yaml --out 'out dir'",),
        generated="2026-01-02T03:04:05Z",
    )


WEAK = {
    "verdict": "not_evaluable",
    "finding": "conceptual_only",
    "replication": "conceptual",
    "agreement": "agrees",
    "deviations": [
        {"field": "base.checkpoint", "reported": "large", "used": "none", "importance": "important"}
    ],
    "reasons": ["Important deviations: the evidence cannot decide the claim."],
}
UNDECIDED = {
    "verdict": "inconclusive",
    "finding": "undecided",
    "seeds_needed": 5,
    "interval": {"low": -3.2, "high": 19.2, "level": 0.95, "method": "t interval"},
    "reasons": ["The interval allows for both answers."],
}


def conceptual() -> Document:
    more = gain("no-size", reported="unknown", tolerance=None)
    sets = [claim_set(gain(), more)]
    return document(sets, [WEAK, {**WEAK, "claim_id": "no-size", "agreement": "unclear"}])


def controls(**changes: Any) -> Document:
    absent = gain("absent", expected="not_reproduced")
    failed = {"claim_id": "absent", "verdict": "not_reproduced", "finding": "negligible"}
    make = [{}, {**failed, "expected": "not_reproduced", **changes}]
    return document([claim_set(gain(), absent, arxiv=None)], make, simulated=True)


def decided() -> Document:
    sets = [claim_set(gain("planted"), arxiv=None), claim_set(gain(), gain("other"))]
    return document(sets, [{"claim_id": "planted"}, {}, {"claim_id": "other", **UNDECIDED}])


EXAMPLES = {"conceptual": conceptual, "controls": controls, "decided": decided}


def markdown(of: Document) -> str:
    return MARKDOWN.render(of).decode()


def head(of: Document) -> str:  # what stands above the first table
    return markdown(of).partition("## Verdicts")[0]


@pytest.mark.parametrize("name", EXAMPLES)
def test_markdown_report_keeps_its_layout(name, golden) -> None:
    golden(f"report-{name}.md", markdown(EXAMPLES[name]()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_markdown_can_be_rebuilt_from_the_json_report_alone(name) -> None:
    original = EXAMPLES[name]()
    again = read_document(JSON.render(original))
    assert again == original
    assert MARKDOWN.render(again) == MARKDOWN.render(original)
    assert JSON.render(again) == JSON.render(original)


def test_json_report_names_its_schema_and_holds_the_evidence() -> None:
    found = json.loads(JSON.render(decided()))
    assert found["schema"] == "corroborate/report@1"
    assert found["sets"][0]["claims"][0]["verdict"]["evidence"]["arms"][0]["scores"] == [
        64.25,
        64.5,
    ]


def test_simulated_report_says_at_its_head_that_no_paper_claim_is_decided() -> None:
    assert "Simulated" in head(controls())
    assert "No paper claim is decided by this" in head(controls())


def test_conceptual_report_says_at_its_head_that_no_paper_claim_is_decided() -> None:
    assert "Conceptual evidence only" in head(conceptual())
    assert "No claim of" in head(conceptual())


def test_report_without_any_run_does_not_speak_of_runs() -> None:
    nothing = {**WEAK, "finding": "no_evidence", "replication": None, "agreement": None}
    shown = head(document([claim_set(gain())], [nothing]))
    assert "No evidence" in shown
    assert "Conceptual" not in shown


def test_report_that_decides_a_paper_claim_has_no_banner() -> None:
    assert "No paper claim is decided" not in markdown(decided())


def test_control_against_expectation_warns_against_the_whole_report() -> None:
    wrong = controls(verdict="reproduced", finding="magnitude")
    assert "against expectation: `absent`" in head(wrong)
    assert "no verdict of this report is to be relied on" in head(wrong)


@pytest.mark.parametrize("label", ["reproduced", "not_reproduced"])
@pytest.mark.parametrize("replication", ["conceptual", None])
def test_weak_evidence_that_decides_a_paper_claim_is_refused(label, replication) -> None:
    make = {**WEAK, "verdict": label, "finding": "magnitude", "replication": replication}
    with pytest.raises(DocumentError, match=r"squad-gain.*expected 'not_evaluable'"):
        document([claim_set(gain())], [make])


def test_synthetic_data_that_decide_a_paper_claim_are_refused() -> None:
    with pytest.raises(DocumentError, match="synthetic data"):
        document([claim_set(gain())], [{}], simulated=True)


def test_report_refuses_a_claim_without_verdict_and_a_verdict_without_claim() -> None:
    with pytest.raises(DocumentError, match=r"missing \['other'\], unknown \['stranger'\]"):
        document([claim_set(gain(), gain("other"))], [{}, {"claim_id": "stranger"}])


def test_report_refuses_evidence_from_a_run_that_it_cannot_show() -> None:
    with pytest.raises(DocumentError, match="not among the runs"):
        document([claim_set(gain())], [{"evidence": {"runs": ["f" * 64]}}])


def test_evidence_rests_on_training_runs_too() -> None:
    (section,) = document([claim_set(gain())], [{}]).sections()
    assert len(section.runs) == 8
    assert section.seconds == pytest.approx(4 * 102.5)


def test_claim_changed_after_planning_is_called_out() -> None:
    of = conceptual()
    record = of.model_dump(mode="json", by_alias=True)
    record["sets"][0]["claims"][0]["planned_criterion"] = "0" * 64
    assert "changed after its runs were planned" not in markdown(of)
    assert "changed after its runs were planned" in markdown(Document.model_validate(record))


def test_every_finding_has_words() -> None:
    assert set(FINDING_WORDS) == set(get_args(Finding))


def test_inconclusive_claim_says_how_many_seeds_and_how_long() -> None:
    assert "About 5 seeds per condition" in markdown(decided())
    assert "(now 2), at most about 10 min 15 s more" in markdown(decided())


def test_hostile_claim_changes_nothing_but_its_own_words() -> None:
    evil = "</td><script>x</script> | [a](javascript:1) `\n\n# Reproduced | **all** |"
    hostile = document([claim_set(gain(statement=evil, notes=[evil]))], [{"reasons": [evil]}])
    plain = document([claim_set(gain(statement="calm", notes=["calm"]))], [{"reasons": ["calm"]}])
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = [parser.parse(markdown(of)) for of in (hostile, plain)]
    assert [t.type for t in tokens[0]] == [t.type for t in tokens[1]]
    children = [[{c.type for c in t.children or []} for t in some] for some in tokens]
    assert children[0] == children[1]


def test_write_makes_the_folder_and_leaves_only_the_reports(tmp_path: Path) -> None:
    folder = tmp_path / "a b'; echo" / "out"
    of = controls()
    paths = write(of, folder, ["md", "json", "md"])
    assert paths == (folder / "report.md", folder / "report.json")
    assert sorted(p.name for p in folder.iterdir()) == ["figures", "report.json", "report.md"]
    pictures = {f"figures/{path.name}" for path in (folder / "figures").iterdir()}
    assert pictures == set(MARKDOWN.beside(of))
    assert paths[0].read_bytes() == MARKDOWN.render(of)


@pytest.mark.parametrize("path", ["/x/y", "../y", "y", "a/../../y", "a\\..\\y/z"])
def test_a_renderer_that_would_write_elsewhere_is_refused(tmp_path, monkeypatch, path) -> None:
    class Rude:
        name, file_name = "rude", "report.rude"

        def render(self, document: Document) -> bytes:
            return b""

        def beside(self, document: Document) -> dict[str, bytes]:
            return {path: b"x"}

    monkeypatch.setattr("reports.write.renderer", lambda _: Rude())
    with pytest.raises(RendererError, match="in a folder below the report's"):
        write(controls(), tmp_path / "out", ["rude"])
    assert not list(tmp_path.rglob("*"))


def test_unknown_format_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RendererError, match=r"'docx'.*expected one of: .*json.*md"):
        write(controls(), tmp_path / "out", ["md", "docx"])
    assert not (tmp_path / "out").exists()


def test_folder_that_cannot_be_made_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match="--out"):
        write(controls(), tmp_path / "file" / "out", ["md"])


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"schema": "corroborate/report@9"}'])
def test_file_that_is_no_report_is_an_error_with_advice(content) -> None:
    with pytest.raises(DocumentError, match="corroborate/report@1"):
        read_document(content)


def test_deviations_are_listed_with_the_important_ones_first() -> None:
    minor = Deviation(field="a.seeds", reported="5", used="2", importance="minor")
    both = [minor.model_dump(), *WEAK["deviations"]]
    shown = markdown(document([claim_set(gain())], [{**WEAK, "deviations": both}]))
    assert shown.index("| base.checkpoint") < shown.index("| a.seeds")
