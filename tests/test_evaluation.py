"""Evaluation: what is computed once, and that outcomes are as if it were computed each time."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_models as tiny

from replication.evaluation import score_languages
from replication.protocol import Base, Retrieval
from replication.run import RunSpec
from replication.tasks.family import family
from replication.workplace import Workplace

LANGUAGES = ("de", "fr", "sw")


def place(tmp_path):
    spec = RunSpec(
        phase="evaluation",
        condition=None,
        seed=0,
        tasks=("tiny_retrieval",),
        parent=None,
        base=Base(checkpoint="tiny"),
        retrieval=Retrieval(layer=1, max_length=64),
        data=(),
        precision="fp32",
    )
    found = Workplace(spec, tmp_path, None, None, source=None)
    found._tokenizer = tiny.tokenizer()
    found.device = tiny.CPU
    return found


def pairs(count, english):
    """Sentences in several languages; so many of the English ones are the same in all of them."""
    rng = tiny.generator(3)
    shared = tiny.examples("retrieval", english, rng)
    found = {}
    for code in LANGUAGES:
        examples = tiny.examples("retrieval", count, rng)
        for example, other in zip(examples, shared, strict=False):
            example["target"] = other["target"]
        found[code] = [e | {"language": code} for e in examples]
    return found


def counted(model, monkeypatch):
    rows = []
    plain = model.hidden
    monkeypatch.setattr(model, "hidden", lambda b, *a: rows.append(len(b.features)) or plain(b, *a))
    return rows


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
@pytest.mark.parametrize("packs", [True, False])
def test_a_sentence_in_several_languages_data_is_embedded_once(
    tmp_path, monkeypatch, metric, packs
):
    model, kind = tiny.model(), family("retrieval")
    model.packs = packs
    task = tiny.task("retrieval").model_copy(update={"metrics": (metric,)})
    examples = pairs(20, 12)
    rows = counted(model, monkeypatch)

    def scored():
        rows.clear()
        return score_languages(
            place(tmp_path), model, task, examples, head=None, lengths=tiny.LENGTHS
        )

    once = scored()
    texts = [e[side] for part in examples.values() for e in part for side in ("source", "target")]
    assert sum(rows) == len(set(texts)) <= 120 - 2 * 12
    monkeypatch.setattr(kind, "tokens_alone", False)
    each = scored()
    assert sum(rows) == len(texts) == 120
    for code in LANGUAGES:
        assert once[code].scores == each[code].scores
        assert once[code].items == each[code].items
        assert once[code].predictions == each[code].predictions


def test_families_that_read_more_than_tokens_share_nothing(tmp_path, monkeypatch):
    """Two questions of the same tokens may lie in contexts with other characters between."""
    model, task = tiny.model("span_qa"), tiny.task("span_qa")
    (example,) = tiny.examples("span_qa", 1, tiny.generator())
    rows = counted(model, monkeypatch)
    score_languages(
        place(tmp_path),
        model,
        task,
        {"en": [example, example | {"id": "again"}]},
        head="tiny_span_qa",
        lengths=tiny.LENGTHS,
    )
    windows = family("span_qa").features(
        [example], task, tiny.tokenizer(), tiny.LENGTHS, train=False
    )
    assert sum(rows) == 2 * len(windows)


def test_vectors_of_a_shared_sentence_are_those_of_its_own_pass(tmp_path, monkeypatch):
    """The vector that a language gets from another's pass is that of the sentence by itself."""
    seen = {}
    kind = family("retrieval")
    plain = kind.score

    def score(examples, features, raw, task, **more):
        seen[examples[0]["language"]] = np.stack(raw)
        return plain(examples, features, raw, task, **more)

    monkeypatch.setattr(kind, "score", score)
    model, task = tiny.model(), tiny.task("retrieval").model_copy(update={"metrics": ("accuracy",)})
    examples = pairs(15, 15)
    score_languages(place(tmp_path), model, task, examples, head=None, lengths=tiny.LENGTHS)
    together = dict(seen)
    for code, part in examples.items():
        score_languages(place(tmp_path), model, task, {code: part}, head=None, lengths=tiny.LENGTHS)
        np.testing.assert_allclose(seen[code], together[code], atol=1e-6)
