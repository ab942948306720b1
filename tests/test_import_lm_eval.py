"""Results of lm-evaluation-harness come in as what they are: scores of prompted models, only shown.

The fixtures are what lm-eval itself wrote (tests/fixtures/imports/make_lm_eval.py).
"""

from __future__ import annotations

import contextlib
import json
import statistics
from pathlib import Path

import pytest
from hostile_json import broken
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from replication.errors import ImportedScoresError
from replication.imports.lm_eval import read
from replication.imports.score import Given, Reading

FIXTURES = Path(__file__).parent / "fixtures" / "imports" / "lm_eval"
ENGLISH = Given(language="en")


def results(name):
    (file,) = (FIXTURES / name).glob("results_*.json")
    return json.loads(file.read_text(encoding="utf-8"))


def read_document(tmp_path, document, given=ENGLISH):
    (tmp_path / "results_x.json").write_text(json.dumps(document), encoding="utf-8")
    return read(tmp_path, given)


def by_cell(reading):
    return {(s.task, s.language, s.metric): s for s in reading.scores}


def test_every_score_is_shown_and_says_that_the_model_was_prompted() -> None:
    for name in ("zero-shot", "few-shot", "limited"):
        reading = read(FIXTURES / name, ENGLISH)
        assert reading.scores
        assert reading.evaluator == "lm-eval 0.4.13"
        for score in reading.scores:
            assert "prompting" in score.shown
            assert "fine-tuned" in score.shown
            assert score.condition.base == score.checkpoint == "tiny-gpt"


def test_scores_are_those_that_the_examples_give() -> None:
    scores = by_cell(read(FIXTURES / "zero-shot", ENGLISH))
    for language in ("de", "en"):
        score = scores["nli", language, "acc"]
        (samples,) = (FIXTURES / "zero-shot").glob(f"samples_nli_{language}_*.jsonl")
        outcomes = [json.loads(line)["acc"] for line in samples.read_text().splitlines()]
        assert score.n == len(outcomes)
        assert score.points == pytest.approx(100 * statistics.mean(outcomes))
        assert score.raw.value == pytest.approx(statistics.mean(outcomes))
        spread = score.raw.spread
        assert (spread.quantity, spread.over, spread.divisor) == (
            "standard_error",
            "examples",
            "n-1",
        )
        expected = statistics.stdev(outcomes) / len(outcomes) ** 0.5
        assert spread.value == pytest.approx(expected)
        assert score.split == "validation"


def test_the_error_of_a_corpus_metric_is_bootstrapped() -> None:
    scores = by_cell(read(FIXTURES / "few-shot", ENGLISH))
    assert scores["reviews", "en", "f1"].raw.spread.divisor == "n"
    assert scores["reviews", "en", "acc"].raw.spread.divisor == "n-1"
    assert scores["reviews", "en", "acc"].split == "test"


def test_filters_are_metrics_of_their_own() -> None:
    scores = by_cell(read(FIXTURES / "zero-shot", ENGLISH))
    assert ("sums", "en", "exact_match.strict-match") in scores
    assert ("sums", "en", "exact_match.flexible-extract") in scores


def test_groups_perplexities_and_samples_are_told_and_are_no_scores() -> None:
    reading = read(FIXTURES / "zero-shot", ENGLISH)
    assert {score.task for score in reading.scores} == {"nli", "sums"}
    told = "\n".join(reading.left_out)
    for part in (
        "results.nli'",
        "word_perplexity",
        "bits_per_byte",
        "samples_nli_de",
        "samples_text",
    ):
        assert part in told, part


def test_the_seed_is_that_of_the_examples_in_the_prompt_or_the_given_one() -> None:
    assert {s.seed for s in read(FIXTURES / "few-shot", ENGLISH).scores} == {3}
    assert {s.seed for s in read(FIXTURES / "zero-shot", ENGLISH).scores} == {None}
    given = Given(language="en", seed=7)
    assert {s.seed for s in read(FIXTURES / "zero-shot", given).scores} == {7}
    assert "few-shot seed 3" in read(FIXTURES / "few-shot", ENGLISH).scores[0].shown


def test_a_limited_evaluation_says_of_how_many_examples_it_is() -> None:
    (score,) = read(FIXTURES / "limited", Given()).scores
    assert score.n == 5
    assert "Only 5 of 16 examples" in score.shown


def test_a_language_that_nobody_says_is_a_fault_that_says_what_to_add() -> None:
    with pytest.raises(ImportedScoresError) as found:
        read(FIXTURES / "zero-shot", Given())
    assert len(found.value.faults) == 2
    assert all("sums" in f and "--given language=" in f for f in found.value.faults)


def test_a_given_value_that_every_task_contradicts_is_a_fault() -> None:
    for given in (
        {"language": "de"},
        {"split": "test"},
        {"base": "other"},
        {"n": 6},
        {"scale": "points"},
    ):
        with pytest.raises(ImportedScoresError) as found:
            read(FIXTURES / "limited", Given(**given))
        assert f"--given {next(iter(given))}" in str(found.value)


def test_a_task_with_its_own_code_needs_a_scale(tmp_path) -> None:
    document = results("limited")
    document["configs"]["nli_en"]["process_results"] = "def process_results(doc, results): ..."
    with pytest.raises(ImportedScoresError, match=r"scale: found nothing.*--given scale="):
        read_document(tmp_path, document)
    given = Given(scale="points")
    assert by_cell(read_document(tmp_path, document, given))["nli", "en", "acc"].points == 0.4
    document["results"]["nli_en"]["acc,none"] = 40.0
    assert by_cell(read_document(tmp_path, document, given))["nli", "en", "acc"].points == 40.0
    with pytest.raises(ImportedScoresError, match=r"found score 40\.0 ; expected 0 to 1"):
        read_document(tmp_path, document, Given(scale="fraction"))


def test_results_without_configurations_need_what_these_would_say(tmp_path) -> None:
    old = {
        "results": {"rte": {"acc": 0.7, "acc_stderr": 0.02}},
        "versions": {"rte": 0},
        "config": {
            "model": "gpt2",
            "model_args": "pretrained=EleutherAI/gpt-j-6B",
            "num_fewshot": 0,
        },
    }
    with pytest.raises(ImportedScoresError) as found:
        read_document(tmp_path, old, Given())
    assert len(found.value.faults) == 3
    given = Given(language="en", split="validation", scale="fraction")
    reading = read_document(tmp_path, old, given)
    (score,) = reading.scores
    assert (score.points, score.n, score.checkpoint) == (70, None, "EleutherAI/gpt-j-6B")
    assert (score.raw.spread.value, score.raw.spread.divisor) == (0.02, "unknown")
    assert reading.evaluator == "lm-eval unknown"


def test_results_of_two_versions_are_not_read_as_one(tmp_path) -> None:
    document = results("limited")
    (tmp_path / "results_a.json").write_text(json.dumps(document))
    document["lm_eval_version"] = "0.4.3"
    with pytest.raises(ImportedScoresError, match=r"2 evaluators.*0\.4\.13.*0\.4\.3"):
        read_document(tmp_path, document)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"results": 7}'])
def test_what_is_no_file_of_results_is_a_fault(tmp_path, content) -> None:
    (tmp_path / "results_x.json").write_bytes(content)
    with pytest.raises(ImportedScoresError):
        read(tmp_path, ENGLISH)


def test_a_folder_without_results_is_a_fault(tmp_path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(ImportedScoresError, match=r"found no results_\*.json"):
        read(tmp_path, ENGLISH)


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), -0.001, 1.5])
def test_a_value_off_its_scale_is_a_fault(tmp_path, value) -> None:
    document = results("limited")
    document["results"]["nli_en"]["acc,none"] = value
    with pytest.raises(ImportedScoresError, match=r"expected (0 to 1|a finite number)"):
        read_document(tmp_path, document)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@drawn(document=st.sampled_from(["limited", "few-shot"]).flatmap(lambda n: broken(slim(n))))
def test_whatever_the_file_holds_it_is_read_or_has_faults(tmp_path, document) -> None:
    with contextlib.suppress(ImportedScoresError):
        reading = read_document(tmp_path, document)
        assert isinstance(reading, Reading)
        assert all(score.shown and 0 <= score.points <= 100 for score in reading.scores)


def slim(name):
    """Return results without what is not read, so that changes hit what is."""
    document = results(name)
    kept = ("results", "configs", "versions", "n-shot", "n-samples", "higher_is_better", "config")
    kept += ("group_subtasks", "lm_eval_version", "model_name", "task_hashes")
    return {key: document[key] for key in kept}
