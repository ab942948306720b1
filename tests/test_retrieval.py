"""Retrieval: centring, and mining where the metric is F1."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_models as tiny

from replication.errors import ReplicationError
from replication.protocol import Retrieval
from replication.tasks.family import family

KIND = family("retrieval")
NEAREST = tiny.task("retrieval").model_copy(update={"metrics": ("accuracy",)})
MINED = tiny.task("retrieval").model_copy(update={"metrics": ("f1",)})


def scored(source, target, task=NEAREST, **settings):
    examples = tiny.examples("retrieval", len(source), tiny.generator())
    features = KIND.features(examples, task, tiny.tokenizer(), tiny.LENGTHS, train=False)
    raw = [*np.asarray(source, np.float32), *np.asarray(target, np.float32)]
    how = Retrieval(layer=1, max_length=64, **settings)
    return KIND.score(examples, features, raw, task, retrieval=how)


def vectors(count=12, width=16, seed=0):
    return tiny.generator(seed).normal(size=(count, width))


def test_centring_takes_off_what_a_language_has_in_common():
    source = vectors()
    target = source + tiny.generator(1).normal(size=16) * 40  # a language's own offset
    assert scored(source, target).scores["accuracy"] < 60
    assert scored(source, target, centring=True).scores == {"accuracy": 100.0}


def test_mining_translations_that_are_alike_finds_every_pair():
    result = scored(vectors(), vectors() + 0.01 * vectors(seed=2), MINED)
    assert result.scores == {"f1": 100.0}
    assert result.items["matched"].to_pylist() == [1] * 12


def test_a_threshold_that_is_given_is_not_tuned():
    source = vectors()
    assert scored(source, source, MINED, threshold=1e9).scores == {"f1": 0.0}
    assert scored(source, source, MINED, threshold=-1e9).scores == {"f1": 100.0}


@pytest.mark.parametrize("threshold", [0.9, 1.02, "scored_gold"])
def test_f1_of_mining_comes_back_from_the_items(threshold):
    result = scored(vectors(), vectors() + 2 * vectors(seed=3), MINED, threshold=threshold)
    matched, predicted, gold = (
        sum(result.items[name].to_pylist()) for name in ("matched", "predicted", "gold")
    )
    assert result.scores["f1"] == pytest.approx(200 * matched / (predicted + gold))
    assert sum(p is not None for p in result.predictions) == predicted


def test_the_tuned_threshold_is_at_least_as_good_as_any_given_one():
    source, target = vectors(), vectors() + 2 * vectors(seed=3)
    tuned = scored(source, target, MINED, threshold="scored_gold").scores["f1"]
    assert all(
        tuned >= scored(source, target, MINED, threshold=t).scores["f1"] - 1e-9
        for t in np.linspace(0.5, 1.5, 21)
    )


def test_mining_without_settings_is_refused():
    examples = tiny.examples("retrieval", 2, tiny.generator())
    features = KIND.features(examples, MINED, tiny.tokenizer(), tiny.LENGTHS, train=False)
    with pytest.raises(ReplicationError, match="neighbours"):
        KIND.score(examples, features, list(vectors(4).astype(np.float32)), MINED)
