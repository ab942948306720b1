"""Records of Every Eval Ever state their scale; what was only reported or prompted is only shown."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_mutations import mutated, torn

from replication.errors import ImportedScoresError
from replication.imports.eee import read
from replication.imports.score import Given
from replication.origin import StatedSpread

FIXTURES = Path(__file__).parent / "fixtures" / "imports" / "eee"
TUNED = json.loads((FIXTURES / "finetuned" / "seed-1.json").read_text())


def changed(tmp_path, *changes, name="record.json"):
    """The first fine-tuned record with values at other places: (value, step, step, ...)."""
    record = json.loads(json.dumps(TUNED))
    for value, *steps in changes:
        holder = record
        for step in steps[:-1]:
            holder = holder.setdefault(step, {}) if isinstance(holder, dict) else holder[step]
        if value is None:
            del holder[steps[-1]]
        else:
            holder[steps[-1]] = value
    path = tmp_path / name
    path.write_text(json.dumps(record))
    return path


FIRST = ("evaluation_results", 0)
METRIC = (*FIRST, "metric_config")
DATA = (*FIRST, "source_data")
SCORE = (*FIRST, "score_details")


def faults(path, **given):
    with pytest.raises(ImportedScoresError) as caught:
        read(path, Given(**given))
    return str(caught.value)


def test_the_fixtures_are_valid_by_the_schema_of_the_project_itself() -> None:
    validator = jsonschema.Draft7Validator(json.loads((FIXTURES / "eval.schema.json").read_text()))
    records = sorted(FIXTURES.glob("*/*.json"))
    assert len(records) == 4
    for record in records:
        validator.validate(json.loads(record.read_text()))


def test_fine_tuned_models_may_count_where_seed_and_n_are_stated() -> None:
    reading = read(FIXTURES / "finetuned", Given())
    assert reading.evaluator == "evaluate 0.4.6"
    assert [(s.seed, s.language, s.points, s.n, s.shown) for s in reading.scores] == [
        (1, "de", 82.15, 2000, None),
        (1, "fr", 81.5, 2000, None),
        (2, "de", 83.0, 2000, None),
        (2, "fr", 81.05, 2000, None),
    ]
    first = reading.scores[0]
    assert (first.task, first.split, first.metric) == ("pawsx", "test", "accuracy")
    assert (first.condition.label(), first.checkpoint) == (
        "base-xlm-r-squad",
        "someone/xlm-r-squad",
    )
    assert "first_party" in first.raw.at


def test_each_uncertainty_keeps_its_own_meaning() -> None:
    de, fr = (s.raw for s in read(FIXTURES / "finetuned" / "seed-1.json", Given()).scores)
    assert de.spread == StatedSpread(quantity="standard_error", value=0.71, over="examples")
    assert fr.spread == StatedSpread(quantity="half_width", value=1.5, level=0.95)
    assert "standard_deviation 38.5" in fr.at


def test_prompted_models_and_documentation_are_only_shown() -> None:
    (score,) = read(FIXTURES / "lm_eval", Given(language="de", seed=1)).scores
    assert (score.task, score.metric, score.points, score.n) == ("xnli_de", "accuracy", 48.19, 2490)
    assert score.raw.scale == "fraction"
    assert "prompt" in score.shown
    (score,) = read(FIXTURES / "documentation", Given()).scores
    assert "documentation" in score.shown


@pytest.mark.parametrize(
    "change",
    [
        ({"generation_args": {"temperature": 0.0}}, *FIRST, "generation_config"),
        ("Bedrock", "model_info", "inference_platform"),
        ({"judges": [{"model_info": {}}]}, *METRIC, "llm_scoring"),
        (5000, *DATA, "samples_number"),
        (["1", "2"], *DATA, "sample_ids"),
        ("median", *SCORE, "details", "seeds"),
    ],
)
def test_scores_of_something_else_are_only_shown(change, tmp_path) -> None:
    more = ((2000, *DATA, "samples_number"),) if change[0] == ["1", "2"] else ()
    first, second = read(changed(tmp_path, change, *more), Given()).scores
    assert first.shown or first.seeds == "median"
    assert second.shown is None or change[1] == "model_info"


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        (
            [
                (1.0, *METRIC, "max_score"),
                ("proportion", *METRIC, "metric_unit"),
                (0.5, *SCORE, "score"),
            ],
            50,
        ),
        ([(1, *METRIC, "max_score"), (None, *METRIC, "metric_unit"), (0.5, *SCORE, "score")], 50),
        ([(None, *METRIC, "max_score"), (0.5, *SCORE, "score")], 0.5),
    ],
)
def test_unit_and_bounds_make_the_scale(changes, points, tmp_path) -> None:
    assert read(changed(tmp_path, *changes), Given()).scores[0].points == points


def test_a_scale_that_nobody_states_is_asked_about_and_one_that_disagrees_is_a_fault(
    tmp_path,
) -> None:
    path = changed(tmp_path, (None, *METRIC, "metric_unit"), (None, *METRIC, "max_score"))
    assert "--given scale=" in faults(path)
    assert read(path, Given(scale="points")).scores[0].points == 82.15
    assert "--given scale=fraction" in faults(FIXTURES / "finetuned", scale="fraction")
    path = changed(tmp_path, ("proportion", *METRIC, "metric_unit"))
    assert "'points' from max_score and 'fraction' from metric_unit" in faults(path)


@pytest.mark.parametrize(
    "changes",
    [
        [(True, *METRIC, "lower_is_better")],
        [("levels", *METRIC, "score_type")],
        [(10, *METRIC, "max_score")],
        [("Infinity", *METRIC, "max_score")],
        [(-1, *METRIC, "min_score"), (1, *METRIC, "max_score")],
    ],
)
def test_what_is_no_score_from_nothing_to_the_best_is_left_out_and_told(changes, tmp_path) -> None:
    reading = read(changed(tmp_path, *changes), Given())
    assert len(reading.scores) == 1
    (told,) = reading.left_out
    assert "evaluation_results[0]" in told


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("9.9.9", "schema_version"), "'9.9.9' ; expected one of 0.2.1"),
        ((101, *SCORE, "score"), "expected 0 to 100"),
        (("82", *SCORE, "score"), "a finite number"),
        ((float("nan"), *SCORE, "score"), "a finite number"),
        (("x\u202ey", *FIRST, "evaluation_name"), "a name of at most 80"),
        (("diamond", *DATA, "hf_split"), "--given split="),
        (("-1", "model_info", "additional_details", "seed"), "a whole number, or `none`"),
        ((0, *SCORE, "uncertainty", "num_samples"), "a whole number of at least 1"),
        ((-0.1, *SCORE, "uncertainty", "standard_error", "value"), "a number from 0 up"),
        (("maybe", "model_info", "additional_details", "mlm"), "true or false"),
        ((7, "model_info", "additional_details", "base"), "found 7 ; expected the name"),
        (("a++b", "model_info", "additional_details", "intermediate"), "names"),
    ],
)
def test_what_cannot_be_read_is_a_fault_of_its_place(change, expected, tmp_path) -> None:
    assert expected in faults(changed(tmp_path, change))


def test_faults_of_every_file_are_told_at_once_and_evaluators_are_not_mixed(tmp_path) -> None:
    changed(tmp_path, ((None), *DATA, "additional_details"), name="a.json")
    changed(tmp_path, (200, *SCORE, "score"), name="b.json")
    (tmp_path / "c.json").write_text("{")
    told = faults(tmp_path)
    assert all(part in told for part in ("3 faults", "--given language=", "b.json", "no JSON"))
    (tmp_path / "c.json").write_text("{}")
    changed(tmp_path, name="a.json")
    changed(tmp_path, ("sklearn", "eval_library", "name"), name="b.json")
    assert "2 evaluators" in faults(tmp_path)


def test_more_results_than_anybody_needs_are_one_fault(tmp_path) -> None:
    path = changed(tmp_path, ([0] * 20_001, "evaluation_results"))
    assert "1 fault\n  file 'record.json': found over 20000 results" in faults(path)


def test_other_files_are_left_out_and_told(tmp_path) -> None:
    changed(tmp_path)
    (tmp_path / "other.json").write_text("[1]")
    (tmp_path / "a_samples.jsonl").write_text("{}\n")
    reading = read(tmp_path, Given())
    assert len(reading.scores) == 2
    assert [told.split("'")[1] for told in reading.left_out] == ["other.json", "a_samples.jsonl"]
    assert "found no score" in faults(tmp_path / "other.json")


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    given_=st.sampled_from([Given(), Given(scale="points", language="en", split="test")]),
)
def test_no_record_breaks_the_reader(data, given_, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("mutated") / "record.json"
    if data.draw(st.booleans()):
        path.write_text(json.dumps(data.draw(mutated(TUNED))))
    else:
        path.write_bytes(data.draw(torn(json.dumps(TUNED).encode())))
    with suppress(ImportedScoresError):  # nothing else may come out
        assert all(0 <= score.points <= 100 for score in read(path, given_).scores)
