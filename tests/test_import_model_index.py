"""Model cards say little of their scores; what they do not say is asked for and never guessed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from import_mutations import mutated, torn

from replication.errors import ImportedScoresError
from replication.imports.card_values import head_of
from replication.imports.model_index import MAX_HEAD, read
from replication.imports.score import Given

FIXTURES = Path(__file__).parent / "fixtures" / "imports" / "model_index"
HUB = (FIXTURES / "hub" / "README.md").read_text(encoding="utf-8")
INDEX = yaml.safe_load(head_of(HUB)[0])
ENTRIES = (FIXTURES / "leaderboard" / ".eval_results" / "results.yaml").read_bytes()
LEADERBOARD = {"language": "en", "split": "test", "metric": "accuracy", "base": "org/model"}


def card(tmp_path, metrics, *, model="own", dataset=(), result=(), **head):
    """A card with one data set, English, of the test split, unless said otherwise."""
    data = {"type": "reviews", "name": "R", "split": "test", "args": {"language": "en"}} | dict(
        dataset
    )
    results = [{"task": {"type": "other"}, "dataset": data, "metrics": metrics, **dict(result)}]
    document = {**head, "model-index": [{"name": model, "results": results}]}
    path = tmp_path / "README.md"
    path.write_text(f"---\n{yaml.safe_dump(document)}---\n# Own\n", encoding="utf-8")
    return path


def accuracy(value, **more):
    return {"type": "accuracy", "value": value, **more}


def faults(path, **given):
    with pytest.raises(ImportedScoresError) as caught:
        read(path, Given(**given))
    return str(caught.value)


def test_a_card_of_the_trainer_is_read_once_the_scale_and_the_language_are_said() -> None:
    told = faults(FIXTURES / "trainer")
    assert told.count("--given scale=fraction or --given scale=points") == 2
    assert told.count("--given language=") == 2
    reading = read(FIXTURES / "trainer", Given(scale="fraction", language="en"))
    assert [(s.task, s.split, s.metric, s.points) for s in reading.scores] == [
        ("imdb", "test", "accuracy", 91.85),
        ("imdb", "test", "f1", 91.903),
    ]
    first = reading.scores[0]
    assert (first.raw.value, first.raw.scale, first.seed, first.n) == (
        0.9185,
        "fraction",
        None,
        None,
    )
    assert first.raw.at.startswith("line 27, model-index[0].results[0].metrics[0]")
    assert first.condition.base == "bert-base-cased-imdb"
    assert [source.path for source in reading.sources] == ["README.md"]


def test_known_data_sets_say_their_task_and_language_and_names_tell_metrics_of_a_type_apart() -> (
    None
):
    reading = read(FIXTURES / "hub", Given())
    assert [(s.task, s.language, s.metric, s.points) for s in reading.scores] == [
        ("pawsx", "de", "accuracy", 82.1),
        ("pawsx", "fr", "accuracy", 83.25),
        ("pawsx", "ja", "accuracy", 64.0),
        ("emotion", "en", "precision_macro", 88.7),
        ("emotion", "en", "precision_micro", 91.85),
    ]
    assert reading.scores[0].checkpoint == "someone/xlm-r-large-squad"
    assert "± 1.2" in reading.scores[2].raw.at
    assert reading.scores[2].raw.spread is None
    assert "verified True" in reading.scores[3].raw.at
    assert ["metric wer" in told for told in reading.left_out] == [True]


def test_entries_of_leaderboards_name_the_base_metric_and_split_by_the_user_and_never_count() -> (
    None
):
    told = faults(FIXTURES / "leaderboard")
    assert all(told.count(f"--given {field}=") == 2 for field in LEADERBOARD)
    scores = read(FIXTURES / "leaderboard", Given(**LEADERBOARD, seed=1, n=100)).scores
    assert [(s.task, s.points) for s in scores] == [("hle", 20.9), ("gpqa_diamond", 41.2)]
    assert all(s.shown for s in scores)
    assert "no-tools" in scores[0].raw.at


@pytest.mark.parametrize("value", [0.82, 1, 1.0, 1e-9, "0.82", "0.82 ± 0.01"])
def test_a_value_that_may_be_a_fraction_or_points_is_asked_about(tmp_path, value) -> None:
    path = card(tmp_path, [accuracy(value)])
    assert "may be a fraction or points" in faults(path)
    number = float(str(value).partition(" ")[0])
    (score,) = read(path, Given(scale="points")).scores
    assert score.points == number
    (score,) = read(path, Given(scale="fraction")).scores
    assert score.points == pytest.approx(100 * number)


@pytest.mark.parametrize(
    ("value", "points"), [(0, 0), (1.01, 1.01), (100, 100), ("93.5 %", 93.5), ("0.5%", 0.5)]
)
def test_a_value_that_can_only_be_points_needs_no_word(tmp_path, value, points) -> None:
    (score,) = read(card(tmp_path, [accuracy(value)]), Given()).scores
    assert score.points == points
    assert score.raw.scale == "points"


@pytest.mark.parametrize("value", [-1, 100.1, "high", None, True, ".nan", [1], "1 2"])
def test_values_that_are_no_score_are_faults_of_their_line(tmp_path, value) -> None:
    told = faults(card(tmp_path, [accuracy(50), accuracy(value)]), scale="points")
    assert "1 fault" in told
    assert "metrics[1]" in told


def test_a_scale_that_a_value_contradicts_is_a_fault(tmp_path) -> None:
    path = card(tmp_path, [accuracy(0.8), {"type": "f1", "value": 82.1}])
    assert "found score 82.1 ; expected 0 to 1" in faults(path, scale="fraction")
    path = card(tmp_path, [accuracy(0.8, args={"scale": "fraction"})])
    assert "--given scale=points" in faults(path, scale="points")


def test_what_was_trained_is_the_model_itself_until_somebody_says_from_what_and_how(
    tmp_path,
) -> None:
    path = card(tmp_path, [accuracy(80)], model="me/own", base_model="FacebookAI/xlm-roberta-large")
    (score,) = read(path, Given()).scores
    assert (score.condition.label(), score.checkpoint) == ("base-own", "me/own")
    (score,) = read(path, Given(intermediate="squad_v1+mnli", seed=3, n=5)).scores
    assert score.condition.label() == "mnli+squad_v1/base-xlm-roberta-large"
    assert (score.checkpoint, score.seed, score.n) == ("FacebookAI/xlm-roberta-large", 3, 5)
    assert score.shown is None
    assert "each once" in faults(path, intermediate="a+a")
    assert "found a model called 'x/protocol'" in faults(
        card(tmp_path, [accuracy(80)], model="x/protocol")
    )


def test_scores_that_measure_something_else_are_only_shown(tmp_path) -> None:
    everything = {"seed": 1, "n": 10}
    for metrics, more in (
        ([accuracy(80, args={"average": "macro"})], {}),
        ([accuracy(80, config="strict")], {}),
        ([accuracy(80)], {"dataset": {"args": {"language": "en", "num_few_shot": 5}}}),
    ):
        (score,) = read(card(tmp_path, metrics, **more), Given(**everything)).scores
        assert score.shown
    (score,) = read(card(tmp_path, [accuracy(80)]), Given(**everything)).scores
    assert score.shown is None


def test_scores_of_several_sources_are_only_shown(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    card(tmp_path / "a", [accuracy(80)], result={"source": {"name": "A board", "url": "https://x"}})
    (score,) = read(tmp_path / "a", Given(seed=1, n=10)).scores
    assert score.shown is None
    card(tmp_path, [accuracy(81)])
    assert all(s.shown for s in read(tmp_path, Given(seed=1, n=10)).scores)


def test_a_task_may_be_named_where_a_card_has_one_data_set_that_no_row_knows(tmp_path) -> None:
    path = card(tmp_path, [accuracy(80)])
    assert [s.task for s in read(path, Given()).scores] == ["reviews"]
    assert [s.task for s in read(path, Given(task="sentiment")).scores] == ["sentiment"]
    assert "'pawsx' from task" in faults(FIXTURES / "hub", task="sentiment")


def test_one_card_with_all_faults_lists_fifty_and_counts_the_rest(tmp_path) -> None:
    told = faults(card(tmp_path, [accuracy("?") for _ in range(70)]))
    assert "and 20 more" in told
    assert told.count("expected a number") == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no head", "found no score"),
        ("---\nlicense: mit\n---\n", "found no score"),
        ("---\nmodel-index: 3\n---\n", "a list of models"),
        ("---\nmodel-index: [{name: x}]\n---\n", "name or results"),
        ("---\nmodel-index: &a [*a]\n---\n", "without aliases"),
        ("---\nmodel-index: !!python/object:os.system [x]\n---\n", "without tags"),
        ("---\nmodel-index: " + "[" * 5000 + "\n---\n", "nesting deeper"),
        ("---\nx: " + "y" * MAX_HEAD + "\n---\n", "characters of YAML"),
    ],
)  # fmt: skip
def test_cards_that_cannot_be_read_say_why(tmp_path, text, expected) -> None:
    (tmp_path / "README.md").write_text(text)
    assert expected in faults(tmp_path)


def test_links_are_not_followed(tmp_path) -> None:
    (tmp_path / "README.md").symlink_to(FIXTURES / "hub" / "README.md")
    assert "cannot be read" in faults(tmp_path)


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    given_=st.sampled_from([Given(), Given(scale="points", language="en", seed=1, n=9)]),
)
def test_no_card_breaks_the_reader(data, given_, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("mutated")
    if data.draw(st.booleans()):
        head = yaml.safe_dump(data.draw(mutated(INDEX)))
        (folder / "README.md").write_text(f"---\n{head}---\n", encoding="utf-8")
    else:
        (folder / "README.md").write_bytes(data.draw(torn(HUB.encode())))
    (folder / ".eval_results").mkdir()
    (folder / ".eval_results" / "a.yaml").write_bytes(data.draw(torn(ENTRIES)))
    with suppress(ImportedScoresError):  # nothing else may come out
        assert all(0 <= score.points <= 100 for score in read(folder, given_).scores)
