"""Questions without an answer, and runners-up, in span QA."""

from __future__ import annotations

import tiny_models as tiny
import torch

from replication.batching import collate
from replication.protocol import Lengths
from replication.tasks.family import family

KIND = family("span_qa")
SQUAD_V1 = tiny.task("span_qa")
SQUAD_V2 = SQUAD_V1.model_copy(update={"answer_rules": "squad_v2"})
LENGTHS = Lengths(max_length=48, stride=8)


def question(context, answers=()):
    starts = [context.index(a) for a in answers]
    return {
        "id": "q",
        "language": "en",
        "question": "do?",
        "context": context,
        "answers": {"text": list(answers), "answer_start": starts},
    }


def features(task, one, *, train):
    return KIND.features([one], task, tiny.tokenizer("words"), LENGTHS, train=train)


def scored(task, one, hidden, found):
    raw = KIND.predict(hidden, torch.nn.Identity(), collate(found, 1, tiny.CPU))
    return KIND.score([one], found, raw, task)


def test_squad_v2_trains_on_questions_without_answer_and_squad_v1_drops_them():
    one = question("bado kalo mina")
    assert features(SQUAD_V1, one, train=True) == []
    assert [f.target for f in features(SQUAD_V2, one, train=True)] == [(0, 0)]


def test_a_question_with_an_answer_is_trained_alike_under_both():
    one = question("bado kalo mina", ["kalo"])
    found = [[f.target for f in features(t, one, train=True)] for t in (SQUAD_V1, SQUAD_V2)]
    assert found[0] == found[1] != [(0, 0)]


def test_squad_v2_says_nothing_where_the_null_score_is_the_highest():
    one = question("bado kalo mina")
    found = features(SQUAD_V2, one, train=False)
    hidden = torch.zeros(len(found), found[0].length, 2)
    hidden[:, 0, :] = 9.0
    silent = scored(SQUAD_V2, one, hidden, found)
    assert silent.predictions == [""]
    assert silent.scores == {"f1": 100.0, "exact_match": 100.0}
    hidden[:, 0, :] = -9.0
    assert scored(SQUAD_V2, one, hidden, found).predictions != [""]


def test_runners_up_are_distinct_best_first_and_begin_with_the_prediction():
    one = question("bado kalo mina bado kalo", ["kalo"])
    found = features(SQUAD_V1, one, train=False)
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(len(found), found[0].length, 2, generator=generator)
    result = scored(SQUAD_V1, one, hidden, found)
    (n_best,) = result.n_best
    assert n_best[0]["text"] == result.predictions[0]
    assert len({a["text"] for a in n_best}) == len(n_best) > 1
    assert [a["score"] for a in n_best] == sorted((a["score"] for a in n_best), reverse=True)
