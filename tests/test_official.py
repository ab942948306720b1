"""Official scores: equal to a slow reading of the rules, and hostile folders told all at once."""

from __future__ import annotations

import json
import os
import pickle  # noqa: TID251 - only what this test has just written is read
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import official_data
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import corroborate
from replication import official_files
from replication.errors import DataError, ScoreError
from replication.official import OfficialScores, items, score
from replication.official_files import write_official
from replication.official_items import compare
from replication.tasks.benchmark import OfficialTask, benchmarks
from replication.tasks.row import tasks

XTREME = benchmarks()["xtreme"].tasks
QA = {"xquad", "mlqa", "tydiqa"}


class Submission:
    """Two folders, and what stands in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.gold, self.guess = official_data.submission(np.random.default_rng(3))
        self.labels = official_data.put(root, "labels", self.gold)
        self.predictions = official_data.put(root, "predictions", self.guess)

    def score(self, **settings_):
        return score(self.predictions, self.labels, benchmark="xtreme", **settings_)

    def faults(self) -> tuple[str, ...]:
        with pytest.raises(ScoreError) as caught:
            self.score()
        return caught.value.faults


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Submission(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def small(tmp_path):
    """Two tasks only, so that a test may damage them cheaply."""
    made = Submission.__new__(Submission)
    gold, guess = official_data.submission(np.random.default_rng(3))
    kept = ("bucc2018", "xquad", "pawsx", "mlqa", "panx")
    made.root = tmp_path
    made.gold = {c: v for c, v in gold.items() if c[0] in kept}
    made.guess = {c: v for c, v in guess.items() if c[0] in kept}
    made.labels = official_data.put(tmp_path, "labels", made.gold)
    made.predictions = official_data.put(tmp_path, "predictions", made.guess)
    return made


# the numbers


def test_xtreme_has_the_official_cells_and_xtreme_r_its_additions():
    cells = [(n, c) for n, t in XTREME.items() for c in t.languages]
    assert len(cells) == 162
    assert len({c for _, c in cells}) == 40
    revised = benchmarks()["xtreme-r"]
    assert {n: len(t.languages) for n, t in revised.tasks.items()} == {
        "xnli": 15,
        "panx": 48,
        "udpos": 38,
        "tatoeba": 41,
        "xcopa": 11,
        "mewslix": 11,
        "xquad": 12,
        "mlqa": 7,
        "tydiqa": 9,
    }
    assert set(revised.unscored) == {"lareqa"}


@pytest.mark.parametrize("spans", ["seqeval_0", "seqeval_1"])
def test_every_number_equals_a_slow_reading_of_the_rules(whole, spans):
    found = whole.score(spans=spans)
    tasks_expected = {}
    for name, task in XTREME.items():
        cells = {
            c: official_data.expected(name, c, whole.gold[name, c], whole.guess[name, c], spans)
            for c in task.languages
        }
        assert set(found.tasks[name].languages) == set(cells)
        for code, metrics in cells.items():
            assert found.tasks[name].languages[code].scores == pytest.approx(metrics, abs=1e-9)
        averages = {m: sum(v[m] for v in cells.values()) / len(cells) for m in metrics}
        assert found.tasks[name].averages == pytest.approx(averages, abs=1e-9)
        if name in QA:
            headline = (averages["exact_match"] + averages["f1"]) / 2
        else:
            headline = averages.get("f1", averages.get("accuracy"))
        assert found.tasks[name].score == pytest.approx(headline, abs=1e-9)
        tasks_expected[name] = headline
    assert found.overall == pytest.approx(sum(tasks_expected.values()) / 9, abs=1e-9)
    retrieval = (tasks_expected["bucc2018"] + tasks_expected["tatoeba"]) / 2
    assert found.groups["retrieval"] == pytest.approx(retrieval, abs=1e-9)
    assert set(found.groups) == {"classification", "tagging", "qa", "retrieval"}
    assert found.not_scored == {}
    assert len({s.score for s in found.tasks.values()}) == 9, "the data should tell tasks apart"


def test_the_two_readings_of_seqeval_differ_on_udpos_alone(whole):
    one, two = whole.score(), whole.score(spans="seqeval_1")
    differing = {n for n in XTREME if one.tasks[n] != two.tasks[n]}
    assert differing == {"udpos"}


@pytest.mark.parametrize("name", XTREME)
def test_scores_can_be_computed_again_from_the_items(whole, name):
    reported = whole.score().tasks[name]
    for code in XTREME[name].languages:
        found = items(whole.predictions, whole.labels, benchmark="xtreme", task=name, language=code)
        assert found.scores() == reported.languages[code].scores
        gold = whole.gold[name, code]
        assert found.n == len(set(gold) if name == "bucc2018" else gold)
        assert all(len(column) == len(found.ids) for column in found.columns.values())


def test_items_tell_which_question_sentence_or_pair_was_right(whole):
    def of(task):
        return items(whole.predictions, whole.labels, benchmark="xtreme", task=task, language="de")

    assert of("xquad").ids == tuple(whole.gold["xquad", "de"])
    gold, guess = whole.gold["pawsx", "de"], whole.guess["pawsx", "de"]
    assert of("pawsx").columns["accuracy"].tolist() == [a == b for a, b in zip(gold, guess)]  # noqa: B905
    assert of("pawsx").ids[:2] == ("de-0", "de-1")
    pairs = of("bucc2018")
    right = {tuple(i.split("\t")) for i, m in zip(pairs.ids, pairs.columns["matched"]) if m}  # noqa: B905
    assert right == {*whole.gold["bucc2018", "de"]} & {*whole.guess["bucc2018", "de"]}


def test_xtreme_r_scores_choices_and_ranks_and_has_no_overall_score(tmp_path):
    design = benchmarks()["xtreme-r"]
    for side, entities in (("labels", ["Q1"]), ("predictions", ["Q9", "Q2", "Q1"])):
        for name in ("xcopa", "mewslix"):
            (tmp_path / side / name).mkdir(parents=True)
        for code in design.tasks["xcopa"].languages:
            rows = [{"idx": i, "label": int(i < 2 and side == "labels")} for i in range(8)]
            text = "".join(json.dumps(r) + "\n" for r in rows)
            (tmp_path / side / "xcopa" / f"test-{code}.jsonl").write_text(text)
        for code in design.tasks["mewslix"].languages:
            ranked = {"m1": entities, "m2": ["Q5"] if side == "labels" else ["Q6"] * 20 + ["Q5"]}
            (tmp_path / side / "mewslix" / f"test-{code}.json").write_text(json.dumps(ranked))
    found = score(tmp_path / "predictions", tmp_path / "labels", benchmark="xtreme-r")
    assert found.tasks["xcopa"].score == 75.0
    assert found.tasks["mewslix"].score == pytest.approx(100 / 6)  # the 21st place is too late
    assert found.groups == {"multi_choice": 75.0}
    assert found.overall is None
    assert "lareqa" in found.not_scored


# laws


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_files_questions_and_pairs_is_irrelevant(tmp_path_factory, rng):
    root = tmp_path_factory.mktemp("order")
    gold, guess = official_data.submission(np.random.default_rng(5))
    kept = [c for c in gold if c[0] in {"bucc2018", "tydiqa"}]
    shuffled = rng.sample(kept, len(kept))

    def mixed(value):
        if isinstance(value, dict):
            return {k: value[k] for k in rng.sample(list(value), len(value))}
        return rng.sample(value, len(value))

    one = root / "one"
    two = root / "two"
    sides = [
        official_data.put(one, "labels", {c: gold[c] for c in kept}),
        official_data.put(one, "predictions", {c: guess[c] for c in kept}),
        official_data.put(two, "labels", {c: mixed(gold[c]) for c in shuffled}),
        official_data.put(two, "predictions", {c: mixed(guess[c]) for c in shuffled}),
    ]
    plain = score(sides[1], sides[0], benchmark="xtreme")
    assert score(sides[3], sides[2], benchmark="xtreme") == plain


LABELLED = st.lists(st.tuples(st.sampled_from("012"), st.sampled_from("012")), min_size=1)


@given(LABELLED, st.sampled_from(["\n", "\r\n", "\r", " \n"]), st.booleans())
def test_line_ends_and_blanks_around_labels_are_irrelevant(pairs, end, last):
    gold = "".join(f"{g}\n" for g, _ in pairs)
    guess = end.join(p for _, p in pairs) + (end if last else "")
    found = compare(XTREME["tatoeba"], "de", gold=gold, predicted=guess).scores()
    assert found == {"accuracy": pytest.approx(100 * sum(a == b for a, b in pairs) / len(pairs))}


@given(LABELLED, st.randoms(use_true_random=False))
def test_labels_agree_with_themselves_and_shuffling_both_sides_changes_nothing(pairs, rng):
    def of(rows):
        gold, guess = ("".join(f"{x}\n" for x in side) for side in zip(*rows, strict=True))
        return compare(XTREME["tatoeba"], "de", gold=gold, predicted=guess).scores()

    assert of([(g, g) for g, _ in pairs]) == {"accuracy": 100.0}
    assert of(rng.sample(pairs, len(pairs))) == of(pairs)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["data", "paragraphs", "qas", "id", "answers", "text", "a"]),
                      inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200)
@given(
    st.sampled_from(["labels", "tags", "answers", "pairs", "choices", "ranked"]),
    st.text(max_size=30) | JSON.map(json.dumps),
    st.text(max_size=30) | JSON.map(json.dumps),
)
@example("ranked", '{"": true}', "")
def test_whatever_stands_in_two_files_they_are_scored_or_refused(kind, gold, guess):
    faults, values = (), [0.0]
    try:
        values = (
            compare(OfficialTask(format=kind), "de", gold=gold, predicted=guess).scores().values()
        )
    except ScoreError as error:
        faults = error.faults or ("none",)
    assert all(0 <= value <= 100 for value in values)
    assert all(re.fullmatch("(labels|predictions): .* ; expected .*", f, re.DOTALL) for f in faults)


# what is missing, and what is too much


def test_a_task_that_a_folder_lacks_is_listed_and_there_is_no_overall_score(small):
    for path in (small.predictions / "panx").iterdir():
        path.unlink()
    (small.predictions / "panx").rmdir()
    found = small.score()
    assert set(found.tasks) == {"bucc2018", "xquad", "pawsx", "mlqa"}
    assert found.overall is None
    assert found.groups == {}
    assert "predictions" in found.not_scored["panx"]
    assert "labels" not in found.not_scored["panx"]
    assert "predictions and labels" in found.not_scored["xnli"]


def test_all_faults_of_all_files_are_told_at_once(small):
    (small.predictions / "panx" / "test-de.tsv").unlink()
    (small.predictions / "panx" / "test-yo.tsv").unlink()
    (small.labels / "mlqa" / "test-hi.json").unlink()
    (small.predictions / "pawsx" / "test-ja.tsv").write_text("1\n")
    (small.predictions / "bucc2018" / "test-ru.tsv").write_text("0.9\tru-1\ten-1\nru-2 en-2\n")
    (small.labels / "pawsx" / "test-fr.tsv").write_text("0\n\n\n")
    (small.predictions / "pawsx" / "test-fr.tsv").write_bytes(b"\xff")
    (small.predictions / "xquad" / "test-th.json").write_text("{")
    faults = small.faults()
    named = [
        ("predictions: panx: ", "test-de.tsv, test-yo.tsv"),
        ("labels: mlqa: ", "test-hi.json"),
        ("predictions: pawsx/test-ja.tsv: ", "found 1 lines ; expected 7"),
        ("predictions: bucc2018/test-ru.tsv: ", "line 1 and 1 more"),
        ("predictions: pawsx/test-fr.tsv: ", "not UTF-8 at position 0"),
        ("predictions: xquad/test-th.json: ", "no JSON"),
    ]
    assert len(faults) == len(named)
    for start, inside in named:
        assert any(f.startswith(start) and inside in f for f in faults), (start, faults)


def test_an_error_with_its_faults_survives_pickling(small):
    (small.predictions / "panx" / "test-de.tsv").unlink()
    with pytest.raises(ScoreError) as caught:
        small.score()
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.faults == caught.value.faults
    assert str(again) == str(caught.value)
    assert "1 fault\n" in str(again)


def test_what_the_benchmark_does_not_score_is_noted_and_changes_nothing(small):
    plain = small.score()
    (small.predictions / "mewslix").mkdir()
    (small.predictions / "README").write_text("ours")
    (small.predictions / ".DS_Store").write_text("")
    (small.labels / "xquad" / "test-ro.json").write_text("{}")
    found = small.score()
    assert found.tasks == plain.tasks
    assert len(found.notes) == 3 + len(plain.notes)
    assert any("mewslix" in n for n in found.notes)
    assert any("test-ro.json" in n for n in found.notes)


def test_questions_without_an_answer_count_zero_and_are_noted(small):
    answers = small.guess["xquad", "de"]
    gold = small.gold["xquad", "de"]
    answers.update({i: a[0] for i, a in gold.items()})
    first = next(iter(answers))
    path = small.predictions / "xquad" / "test-de.json"
    path.write_text(json.dumps({i: a for i, a in answers.items() if i != first} | {"zz": "?"}))
    found = small.score()
    assert found.tasks["xquad"].languages["de"].scores == {"exact_match": 80.0, "f1": 80.0}
    notes = [n for n in found.notes if n.startswith("predictions: xquad/test-de.json: ")]
    assert ["1 questions are not answered" in notes[0], "1 ids are no questions" in notes[1]] == [
        True,
        True,
    ]


def test_an_absent_answer_is_wrong_even_where_an_empty_one_were_right():
    gold = official_data.content("xquad", {"a": [".", "x"], "b": ["y"]}, "labels")
    task = XTREME["xquad"]
    given_ = compare(task, "de", gold=gold, predicted='{"a": "", "b": "y"}')
    absent = compare(task, "de", gold=gold, predicted='{"b": "y"}')
    assert given_.scores()["exact_match"] == 100.0
    assert absent.scores()["exact_match"] == 50.0


def test_repeated_pairs_and_unknown_classes_are_noted_and_scored_as_officially():
    gold = "de-1\ten-1\nde-2\ten-2\n"
    found = compare(XTREME["bucc2018"], "de", gold=gold, predicted=gold + gold)
    assert found.scores()["f1"] == 100.0
    assert "2 repeated pairs" in found.notes[0]
    found = compare(XTREME["xnli"], "de", gold="neutral\n" * 2, predicted="neutral\n1\n")
    assert found.scores() == {"accuracy": 50.0}
    assert "such as '1'" in found.notes[0]


def test_a_mining_that_finds_nothing_scores_nothing():
    found = compare(XTREME["bucc2018"], "de", gold="de-1\ten-1\n", predicted="")
    assert found.scores() == {"f1": 0.0, "precision": 0.0, "recall": 0.0}
    assert found.notes


# hostile files


def test_links_out_of_the_folder_are_refused_and_links_inside_are_not(small, tmp_path):
    outside = tmp_path / "secret.tsv"
    path = small.predictions / "pawsx" / "test-de.tsv"
    plain = small.score()
    path.rename(outside)
    path.symlink_to(outside)
    (fault,) = small.faults()
    assert "leads out of the folder" in fault
    path.unlink()
    outside.rename(small.predictions / "shared.tsv")
    path.symlink_to("../shared.tsv")
    assert small.score().tasks == plain.tasks


def test_a_folder_that_is_a_link_to_elsewhere_is_refused_once(small, tmp_path):
    (small.predictions / "pawsx").rename(tmp_path / "elsewhere")
    (small.predictions / "pawsx").symlink_to(tmp_path / "elsewhere")
    (fault,) = small.faults()
    assert fault.startswith("predictions: pawsx/: ")


def test_links_in_a_circle_folders_and_pipes_in_place_of_files_are_faults(small):
    folder = small.predictions / "pawsx"
    for code in ("de", "en", "es"):
        (folder / f"test-{code}.tsv").unlink()
    (folder / "test-de.tsv").symlink_to("test-de.tsv")
    (folder / "test-en.tsv").mkdir()
    os.mkfifo(folder / "test-es.tsv")
    assert len(small.faults()) == 3


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("pawsx/test-de.tsv", "\ufeff1\n", "byte order mark"),
        ("pawsx/test-de.tsv", "", "found 0 lines"),
        ("panx/test-de.tsv", "O\n\nO\n", "found 2 sentences"),
        ("panx/test-de.tsv", "O\n\nO\n\nO\n\nO\n", "tags ; expected"),
        ("xquad/test-de.json", "[" * 100_000, "no JSON"),
        ("xquad/test-de.json", "9" * 5000, "found no JSON"),
        ("xquad/test-de.json", '{"de-q0": 1}', "found int ; expected str"),
        ("xquad/test-de.json", '[{"paragraphs": []}]', "found list"),
        ("xquad/test-de.json", '{"other": "x"}', "found none of the 5 questions"),
        ("bucc2018/test-de.tsv", "de-1\ten-1\t1.0\n", "two sentence ids"),
        ("bucc2018/test-de.tsv", "de-1\ten-1\n\n", "two sentence ids"),
    ],
)
def test_predictions_that_cannot_be_meant_are_refused(small, file, text, message):
    (small.predictions / file).write_text(text, encoding="utf-8")
    (fault,) = small.faults()
    assert fault.startswith(f"predictions: {file}: ")
    assert message in fault


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("pawsx/test-de.tsv", "", "found no lines"),
        ("pawsx/test-de.tsv", "1\n1\n\n1\n1\n1\n1\n", "line 3: found nothing"),
        ("panx/test-de.tsv", "\n\n", "found no tag"),
        ("bucc2018/test-de.tsv", "", "found no pair"),
        ("xquad/test-de.json", '{"data": [{"paragraphs": [{"qas": [{"id": "q"}]}]}]}', "KeyError"),
        ("xquad/test-de.json", '{"data": []}', "found no questions"),
        (
            "xquad/test-de.json",
            '{"data": [{"paragraphs": [{"qas": [{"id": "q", "answers": []}]}]}]}',
            "found no gold answer",
        ),
        (
            "xquad/test-de.json",
            '{"data": [{"paragraphs": [{"qas": [{"id": "q", "answers": [{"text": ""}]}]}]}]}',
            "placeholders",
        ),
    ],
)
def test_labels_that_nothing_can_be_scored_on_are_refused(small, file, text, message):
    (small.labels / file).write_text(text, encoding="utf-8")
    (fault,) = small.faults()
    assert fault.startswith(f"labels: {file}: ")
    assert message in fault


def test_files_and_folders_beyond_bounds_are_refused(small, monkeypatch):
    monkeypatch.setattr(official_files, "LARGEST", 20)
    assert any("at most 20 bytes" in f for f in small.faults())
    monkeypatch.setattr(official_files, "_ENTRIES", 6)
    assert any("the folder cannot be listed" in f for f in small.faults())


@pytest.mark.parametrize("name", ["absent", "file", "labels"])
def test_folders_that_cannot_be_meant_are_refused(small, name):
    (small.root / "file").write_text("")
    with pytest.raises(ScoreError, match="expected"):
        score(small.root / name, small.labels, benchmark="xtreme")


def test_nothing_to_score_is_an_error_and_so_is_an_unknown_benchmark_task_or_language(small):
    (small.root / "empty").mkdir()
    with pytest.raises(ScoreError, match="found no task in both folders"):
        score(small.root / "empty", small.labels, benchmark="xtreme")
    with pytest.raises(ScoreError, match="expected one of xtreme, xtreme-r"):
        score(small.predictions, small.labels, benchmark="glue")
    for task, language in (("xquad", "../de"), ("../xquad", "de")):
        with pytest.raises(ScoreError, match="expected one of"):
            items(small.predictions, small.labels, benchmark="xtreme", task=task, language=language)


# writing


def test_what_is_written_scores_as_what_was_predicted(whole, tmp_path):
    for name, task in XTREME.items():
        row = task.task
        for code in task.languages:
            guess, gold = whole.guess[name, code], whole.gold[name, code]
            examples = [{"id": i} for i in (gold if name in QA else range(len(guess)))]
            predictions = list(guess.values()) if name in QA else guess
            if name == "bucc2018":
                examples = [{"id": s} for s, _ in guess] + [{"id": "unpaired"}]
                predictions = [t for _, t in guess] + [None]
            path = write_official(
                tmp_path / "run",
                row,
                split=task.split,
                language=code,
                examples=examples,
                predictions=predictions,
            )
            assert path.parent.name == name
    assert score(tmp_path / "run", whole.labels, benchmark="xtreme") == whole.score()


def test_another_split_than_the_benchmarks_does_not_pass_for_its_test_set(tmp_path):
    def name(task, split):
        return write_official(
            tmp_path,
            tasks()[task],
            split=split,
            language="de",
            examples=[{"id": "1"}],
            predictions=["0"],
        ).relative_to(tmp_path)

    assert name("xnli", "test") == Path("xnli/test-de.tsv")
    assert name("xnli", "validation") == Path("xnli/validation-de.tsv")
    assert name("xquad", "validation") == Path("xquad/test-de.json")
    assert name("mini_topic", "test") == Path("mini_topic/test-de.tsv")


def test_choices_are_written_as_the_benchmark_reads_them(tmp_path):
    row = tasks()["commonsense_qa"]
    path = write_official(
        tmp_path,
        row,
        split="validation",
        language="en",
        examples=[{"id": "1"}],
        predictions=[row.labels[2]],
    )
    assert path.read_text() == '{"label": 2}\n'


def test_two_questions_of_one_id_are_refused_rather_than_one_answer_lost(tmp_path):
    with pytest.raises(DataError, match="1 questions whose id another one has"):
        write_official(
            tmp_path,
            tasks()["xquad"],
            split="validation",
            language="de",
            examples=[{"id": "1"}, {"id": "1"}],
            predictions=["a", "b"],
        )


# the command


def test_the_command_prints_one_json_document_or_words(small, capsys):
    folders = [str(small.predictions), str(small.labels), "--benchmark", "xtreme"]
    assert corroborate.main(["score", *folders, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document.pop("schema") == "corroborate/scores@1"
    assert OfficialScores.model_validate(document) == small.score()
    assert corroborate.main(["score", *folders]) == 0
    words = capsys.readouterr().out
    assert f"{small.score().tasks['xquad'].score:.2f}" in words
    assert "not scored" in words


def test_the_command_exits_with_2_and_every_fault(small, capsys):
    (small.predictions / "panx" / "test-de.tsv").unlink()
    (small.predictions / "pawsx" / "test-ja.tsv").write_text("1\n")
    folders = [str(small.predictions), str(small.labels)]
    assert corroborate.main(["score", *folders, "--benchmark", "xtreme", "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "2 faults" in told.err
    assert "test-de.tsv" in told.err
    assert "pawsx/test-ja.tsv" in told.err


def test_scoring_imports_nothing_heavy():
    code = (
        "import sys, replication.official, replication.mining\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'ray'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
