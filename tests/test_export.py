"""What leaves a store comes back from each format as it was, and never counts for more."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest
from exported_runs import WHERE, conditions, imported_runs, plain_run, some_runs
from hypothesis import given, settings
from hypothesis import strategies as st

import corroborate
from claims.estimand import Condition
from replication.imports import eee, model_index
from replication.imports.score import Given
from replication.store import Store
from reports.errors import ExportError
from reports.measured import measured, why_shown
from reports.to_eee import to_eee
from reports.to_model_index import to_model_index
from reports.to_tidy import COLUMNS, to_csv, to_parquet

SCHEMA = Path(__file__).parent / "fixtures" / "imports" / "eee" / "eval.schema.json"
FEW = settings(max_examples=12, deadline=None)
ONE_CONDITION = conditions().flatmap(lambda c: some_runs(st.just(c)))


def told(runs):
    """What a reader must find again, in any order."""
    return sorted(
        (
            one.condition.canonical(), str(one.run.spec.base.checkpoint), str(one.seed),
            s.task, s.language, s.split, s.metric, s.score, str(s.n), s.seeds,
        )
        for one in measured(runs)
        for s in (one.score,)
    )  # fmt: skip


def found(reading):
    return sorted(
        (
            s.condition.canonical(), str(s.checkpoint), str(s.seed),
            s.task, s.language, s.split, s.metric, s.points, str(s.n), s.seeds,
        )
        for s in reading.scores
    )  # fmt: skip


def may_count(score):
    return None not in (score.seed, score.n) and score.shown is None and score.seeds == "single"


def written(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@FEW
@given(runs=some_runs())
def test_records_of_every_eval_ever_come_back_as_they_were(runs, tmp_path_factory) -> None:
    folder = written(tmp_path_factory.mktemp("eee"), to_eee(runs))
    reading = eee.read(folder, Given())
    assert found(reading) == told(runs)
    counting = sum(may_count(score) for score in reading.scores)
    assert counting == sum(one.run.spec.origin is None for one in measured(runs))
    assert not reading.left_out


@FEW
@given(runs=some_runs())
def test_records_of_every_eval_ever_are_valid_by_its_own_schema(runs) -> None:
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    files = to_eee(runs)
    assert len(files) == len(runs)
    for name, content in files.items():
        validator.validate(json.loads(content))
        assert name.startswith("data/")


@FEW
@given(runs=ONE_CONDITION)
def test_a_model_index_comes_back_as_it_was(runs, tmp_path_factory) -> None:
    card = tmp_path_factory.mktemp("card") / "README.md"
    card.write_bytes(to_model_index(runs))
    reading = model_index.read(card, Given())
    assert found(reading) == told(runs)
    counting = sum(may_count(score) for score in reading.scores)
    assert counting == sum(why_shown(one) is None for one in measured(runs))


@FEW
@given(runs=ONE_CONDITION)
def test_the_hub_library_reads_a_model_index(runs) -> None:
    from huggingface_hub import ModelCard

    results = ModelCard(to_model_index(runs).decode()).data.eval_results
    assert sorted((r.metric_type, r.metric_value, r.dataset_args["language"]) for r in results) == (
        sorted((o.score.metric, o.score.score, o.score.language) for o in measured(runs))
    )


def test_a_model_index_of_several_conditions_is_refused_and_they_are_named() -> None:
    runs = [plain_run(Condition(), 1), plain_run(Condition(intermediate=("squad",)), 1)]
    with pytest.raises(ExportError, match="'none', 'squad'"):
        to_model_index(runs)


@FEW
@given(runs=some_runs())
def test_tables_hold_every_score_and_nothing_that_must_not_count_looks_as_if_it_could(runs) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(runs).decode())))
    scores = measured(runs)
    assert [float(row["score"]) for row in rows] == [one.score.score for one in scores]
    for row, one in zip(rows, scores, strict=True):
        plain = {one.condition.intermediate_language, one.condition.training_language} == {"en"}
        evidence = why_shown(one) is None
        assert bool(row["seed"] and row["n"]) == (evidence and plain)
        assert (row["seed"] or row["stated_seed"]) == ("" if one.seed is None else str(one.seed))
        assert row["comparability"] == ("evidence" if evidence else "shown")
        assert row["base"] == one.condition.base
        assert (row["intermediate"] == "none") == (one.condition.intermediate == ())
    table = pq.read_table(io.BytesIO(to_parquet(runs)))
    assert table.column_names == list(COLUMNS)
    assert table["score"].to_pylist() == [one.score.score for one in scores]
    assert [r or "" for r in table["seed"].to_pylist()] == [row["seed"] for row in rows]


def test_no_score_of_a_table_counts_where_it_mixes_evaluators() -> None:
    first, second = (plain_run(Condition(), seed) for seed in (1, 2))
    spec = second.spec.model_copy(update={"evaluator": "evaluate 0.4.6"})
    other = second.model_copy(update={"spec": spec, "spec_digest": spec.digest()})
    for runs, seeds in (((first, second), ["1", "2"]), ((first, other), ["", ""])):
        rows = list(csv.DictReader(io.StringIO(to_csv(runs).decode())))
        assert sorted(row["seed"] for row in rows) == seeds
        assert sorted(row["seed"] + row["stated_seed"] for row in rows) == ["1", "2"]


@FEW
@given(runs=some_runs(), data=st.data())
def test_the_same_runs_in_any_order_give_the_same_bytes(runs, data) -> None:
    other = data.draw(st.permutations(runs))
    for make in (to_csv, to_parquet, to_eee):
        assert make(runs) == make(other)


@FEW
@given(
    run=imported_runs(),
    start=st.sampled_from("=+-@"),
    before=st.sampled_from(["", "\t", "\r", " "]),
)
def test_no_text_of_a_table_is_a_formula(run, start, before) -> None:
    environment = WHERE.model_copy(update={"code": f"{before}{start}HYPERLINK(1)"})
    text = to_csv([run.model_copy(update={"environment": environment})]).decode()
    for row in csv.reader(io.StringIO(text)):
        assert not [cell for cell in row if cell.strip().startswith(("=", "+", "-", "@"))]
    assert f"'{start}HYPERLINK(1)" in next(csv.DictReader(io.StringIO(text)))["code"]


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        for condition in (Condition(), Condition(intermediate=("squad",))):
            for seed in (1, 2):
                run = plain_run(condition, seed)
                opened.finish(run, opened.begin(run.spec))
    return tmp_path / "store"


def export(store, out, *more):
    return corroborate.main(["export", "--store", str(store), "--out", str(out), *more])


@pytest.mark.parametrize("format_", ["csv", "parquet", "eee"])
def test_the_command_writes_all_scores_the_same_each_time(format_, store, tmp_path, capsys) -> None:
    outs = [tmp_path / "new" / name for name in ("a", "b")]
    for out in outs:
        assert export(store, out, "--format", format_) == 0
    assert "4 scores of 4 runs" in capsys.readouterr().err
    first, second = (
        [p.read_bytes() for p in sorted([o, *o.rglob("*")]) if p.is_file()] for o in outs
    )
    assert first == second
    assert len(first) == (4 if format_ == "eee" else 1)


def test_the_command_exports_one_condition_to_a_card(store, tmp_path, capsys) -> None:
    card = tmp_path / "README.md"
    assert export(store, card, "--format", "model-index") == 2
    assert "--condition" in capsys.readouterr().err
    assert not card.exists()
    assert export(store, card, "--format", "model-index", "--condition", "squad") == 0
    scores = model_index.read(card, Given()).scores
    assert {s.condition.label() for s in scores} == {"squad"}
    assert [s.seed for s in scores] == [1, 2]
    assert export(store, card, "--format", "model-index", "--condition", "mnli", "--force") == 2
    assert "'none', 'squad'" in capsys.readouterr().err


def test_the_command_replaces_nothing_unasked(store, tmp_path, capsys) -> None:
    out = tmp_path / "README.md"
    out.write_text("mine")
    assert export(store, out, "--format", "csv") == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert export(store, out, "--format", "eee") == 2
    assert export(store, out, "--format", "csv", "--force") == 0
    assert out.read_text().startswith(
        "base,intermediate,mlm,target,language,split,metric,seed,score,n"
    )
    assert export(store, tmp_path, "--format", "csv", "--force") == 2
    assert export(store, tmp_path, "--format", "eee") == 2
    assert "folder" in capsys.readouterr().err


def test_the_command_refuses_what_it_does_not_know(store, tmp_path, capsys) -> None:
    assert export(store, tmp_path / "x", "--format", "xlsx") == 2
    assert "csv, eee, model-index, parquet" in capsys.readouterr().err
    assert export(tmp_path / "nowhere", tmp_path / "x", "--format", "csv") == 2
    with Store.open(tmp_path / "empty"):
        pass
    assert export(tmp_path / "empty", tmp_path / "x", "--format", "csv") == 2
    assert not (tmp_path / "x").exists()
