"""Predictions in XTREME's layout: imported with the official numbers, items kept, placeholders shown."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from statistics import fmean

import numpy as np
import official_data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.estimand import Condition
from replication.errors import ImportedScoresError
from replication.imports import xtreme
from replication.imports.entering import enter
from replication.imports.score import Given
from replication.items import read_items
from replication.official import score
from replication.run import EVALUATOR
from replication.store import Store
from replication.tasks.row import tasks

MOCK = Path(__file__).parent / "fixtures" / "imports" / "xtreme" / "mock.json"

SIDES = ("labels", "predictions")

PUBLISHED = {
    "pawsx": {"accuracy": 51.42857142857143},
    "xnli": {"accuracy": 30.666666666666668},
    "panx": {"f1": 57.50793650793652},
    "udpos": {"f1": 70.21746048354693},
    "bucc": {"f1": 55.0},
    "tatoeba": {"accuracy": 53.611111111111114},
    "xquad": {"exact_match": 77.27272727272727, "f1": 79.9586776859504},
    "mlqa": {"exact_match": 57.142857142857146, "f1": 81.76870748299321},
    "tydiqa": {"exact_match": 88.88888888888889, "f1": 97.22222222222223},
}
"""Averages over languages that the benchmark's own evaluate_test.py expects of its mock submission."""


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def read(root, **said):
    said = {"labels": str(root / "labels"), "seed": 3, **said}
    return xtreme.read(root / "predictions", Given(**said))


@pytest.fixture(scope="module")
def mock(tmp_path_factory):
    files = json.loads(MOCK.read_text(encoding="utf-8"))
    return write(tmp_path_factory.mktemp("mock"), files)


@pytest.fixture(scope="module")
def imported(mock):
    return read(mock, base="org/Big-Model", intermediate="squad_v1")


# the official mock submission


def test_the_official_mock_submission_gives_the_published_averages(imported, mock):
    cells = defaultdict(lambda: defaultdict(dict))
    for found in imported.scores:
        cells[found.task][found.metric][found.language] = found.points
    averages = {
        task: {metric: fmean(per.values()) for metric, per in metrics.items()}
        for task, metrics in cells.items()
    }
    assert averages == {
        task: pytest.approx(metrics, abs=1e-9) for task, metrics in PUBLISHED.items()
    }
    overall = fmean(fmean(metrics.values()) for metrics in averages.values())
    published = fmean(fmean(metrics.values()) for metrics in PUBLISHED.values())
    assert overall == pytest.approx(published, abs=1e-9)
    official = score(mock / "predictions", mock / "labels", benchmark="xtreme").overall
    assert overall == pytest.approx(official, abs=1e-9)


def test_every_official_cell_is_one_score_of_what_the_user_says(imported):
    assert len({(s.task, s.language) for s in imported.scores}) == 162
    assert len(imported.scores) == 162 + 11 + 7 + 9
    assert {s.condition for s in imported.scores} == {
        Condition(base="Big-Model", intermediate=("squad_v1",))
    }
    assert {(s.seed, s.checkpoint, s.raw.scale) for s in imported.scores} == {
        (3, "org/Big-Model", "points")
    }
    assert imported.evaluator == EVALUATOR
    found = next(s for s in imported.scores if (s.task, s.language) == ("bucc", "de"))
    assert (found.raw.path, found.n) == ("bucc2018/test-de.tsv", 10)


def test_splits_and_metrics_are_those_of_the_rows_that_claims_speak_of(imported):
    validation = {"xquad", "tydiqa", "tatoeba"}
    for found in imported.scores:
        row = tasks()[found.task]
        assert found.split == ("validation" if found.task in validation else "test")
        assert found.split in row.splits
        assert found.metric in row.metrics
        assert found.language in row.languages


def test_every_file_is_a_source_with_the_hash_of_its_bytes(imported, mock):
    import hashlib

    assert len(imported.sources) == 2 * 162
    assert [s.path for s in imported.sources] == sorted(s.path for s in imported.sources)
    for source in imported.sources:
        side = "" if source.path.startswith("labels/") else "predictions/"
        content = (mock / (side + source.path)).read_bytes()
        assert source.sha256 == hashlib.sha256(content).hexdigest()


def test_what_is_no_score_is_told(imported):
    assert "task 'panx': precision and recall, which are not among the task's metrics" in (
        imported.left_out
    )
    assert sum("bucc2018" in line for line in imported.left_out) == 2


def test_items_reach_the_store_and_are_what_its_own_reader_takes(imported, tmp_path):
    with Store.open(tmp_path / "store") as store:
        enter(imported, store, format_="xtreme", protocol=None)
        runs = {run.spec.tasks[0]: run for run in store.runs()}
        kept = {
            task: read_items(store.folder(run.spec_digest), run)
            for task, run in runs.items()
            if task not in {"bucc", "xnli", "pawsx"}  # shown, or without items
        }
    assert set(runs) == set(PUBLISHED)
    assert set(kept) == set(PUBLISHED) - {"bucc", "xnli", "pawsx"}
    assert len(kept["tatoeba"].languages) == 36
    assert kept["xquad"].split == "validation"


# labels that may be placeholders


def small(root, kept, *, n=40, gold=None):
    """Write a submission of two files of labels a task, all right but for the first line."""
    rng = np.random.default_rng(7)
    for name in kept:
        labels = official_data.LABELS[name]
        for code in xtreme._official(name).languages:
            truth = gold or rng.choice(labels, n).tolist()
            wrong = next(label for label in labels if label != truth[0])
            for side, lines in (("labels", truth), ("predictions", [wrong, *truth[1:]])):
                text = "".join(f"{line}\n" for line in lines)
                write(root, {f"{side}/{name}/test-{code}.tsv": text})
    return root


def test_scores_far_from_chance_on_labels_that_differ_may_count(tmp_path):
    reading = read(small(tmp_path, ["xnli", "tatoeba"]))
    assert {s.shown for s in reading.scores} == {None}
    assert {s.points for s in reading.scores} == {97.5}


def test_labels_of_one_value_are_only_shown_however_good_the_score(tmp_path):
    small(tmp_path, ["tatoeba"])
    reading = read(small(tmp_path, ["xnli"], gold=["neutral"] * 40))
    assert {s.shown is None for s in reading.scores if s.task == "tatoeba"} == {True}
    (why,) = {s.shown for s in reading.scores if s.task == "xnli"}
    assert "all have one value, as placeholders do" in why


def test_one_language_with_placeholders_spoils_the_tasks_average(tmp_path):
    small(tmp_path, ["pawsx"])
    write(tmp_path, {"labels/pawsx/test-ko.tsv": "0\n" * 40})
    assert {("in ko all" in s.shown) for s in read(tmp_path).scores} == {True}


def test_tags_of_one_value_are_placeholders_too(tmp_path):
    for code in xtreme._official("panx").languages:
        write(tmp_path, {f"{side}/panx/test-{code}.tsv": "O\n" * 10 for side in SIDES})
    (why,) = {s.shown for s in read(tmp_path).scores}
    assert "all have one value" in why


def test_low_scores_are_points_all_the_same(tmp_path):
    for code in xtreme._official("tatoeba").languages:
        gold = "".join(f"{i}\n" for i in range(200))
        write(tmp_path, {f"labels/tatoeba/test-{code}.tsv": gold})
        write(tmp_path, {f"predictions/tatoeba/test-{code}.tsv": "0\n" * 200})
    assert {s.points for s in read(tmp_path).scores} == {0.5}


def test_pairs_have_no_items_even_where_a_system_finds_all_and_no_more(tmp_path):
    for code in xtreme._official("bucc2018").languages:
        pairs = f"{code}-1\ten-1\n{code}-2\ten-2\n"
        write(tmp_path, {f"{side}/bucc2018/test-{code}.tsv": pairs for side in SIDES})
    reading = read(tmp_path)
    assert {s.points for s in reading.scores} == {100}
    assert not reading.items


def test_an_average_near_chance_is_only_shown(imported, tmp_path):
    reasons = {s.task: s.shown for s in imported.scores}
    assert "30.67, lies within 44.72 points of chance, 33.33" in reasons["xnli"]
    assert "51.43" in reasons["pawsx"]
    assert {task for task, why in reasons.items() if why} == {"xnli", "pawsx"}
    rng = np.random.default_rng(7)
    for name in xtreme._official("xnli").languages:
        for side in ("labels", "predictions"):
            lines = "\n".join(rng.choice(official_data.LABELS["xnli"], 3000))
            write(tmp_path, {f"{side}/xnli/test-{name}.tsv": lines})
    (why,) = {s.shown for s in read(tmp_path).scores}
    assert "within 2.58 points of chance" in why


# faults


def faults(root, **said):
    with pytest.raises(ImportedScoresError) as caught:
        read(root, **said)
    return caught.value.faults


def test_the_labels_must_be_named_and_there(tmp_path):
    small(tmp_path, ["pawsx"])
    with pytest.raises(ImportedScoresError, match="--given labels=FOLDER"):
        xtreme.read(tmp_path / "predictions", Given())
    assert "found no folder that can be listed" in faults(tmp_path, labels="/nowhere")[0]
    assert "one folder for both" in faults(tmp_path, labels=str(tmp_path / "predictions"))[0]


def test_everything_that_does_not_fit_is_told_at_once(tmp_path):
    small(tmp_path, ["pawsx", "xnli"])
    (tmp_path / "predictions/xnli/test-sw.tsv").unlink()
    write(tmp_path, {"predictions/pawsx/test-de.tsv": "0\n"})
    told = faults(tmp_path)
    assert len(told) == 2
    assert any("pawsx/test-de.tsv: found 1 lines ; expected 40" in fault for fault in told)
    assert any("test-sw.tsv" in fault for fault in told)


def test_what_the_user_says_and_the_files_contradict_is_a_fault(tmp_path):
    small(tmp_path, ["pawsx"])
    assert "--given task=xnli" in faults(tmp_path, task="xnli")[0]
    assert "--given split=validation" in faults(tmp_path, split="validation")[0]
    assert "last part is a name" in faults(tmp_path, base="a b")[0]
    assert read(tmp_path, task="pawsx", n=40, split="test").scores


def test_without_a_seed_nobody_knows_which_replicate_it_is(tmp_path):
    assert {s.seed for s in read(small(tmp_path, ["pawsx"]), seed=None).scores} == {None}


@settings(max_examples=40)
@given(st.data())
def test_damaged_submissions_are_read_or_refused_and_nothing_else(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("damaged")
    gold, guess = official_data.submission(np.random.default_rng(3))
    task = data.draw(st.sampled_from(["bucc2018", "tydiqa", "pawsx"]))
    official_data.put(root, "labels", {c: v for c, v in gold.items() if c[0] == task})
    official_data.put(root, "predictions", {c: v for c, v in guess.items() if c[0] == task})
    file = data.draw(st.sampled_from(sorted(p for p in root.rglob("*") if p.is_file())))
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content)))
    content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    file.write_bytes(bytes(content))
    with suppress(ImportedScoresError):
        read(root)
