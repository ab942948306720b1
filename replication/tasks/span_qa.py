"""Extractive question answering: windows over the context, the best span over all windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from replication.answers import answer_scores
from replication.batching import Batch, Feature
from replication.data import Example
from replication.errors import ReplicationError
from replication.protocol import Lengths
from replication.tasks.family import Family, Scored
from replication.tasks.row import Task

__all__ = ["FAMILY", "SpanQA", "realign"]

LONGEST_ANSWER = 30  # tokens, as in the published SQuAD scripts
BEST = 20  # candidate starts and ends per window, likewise


def realign(context: str, answer: str, start: int) -> int | None:
    """Return where the answer stands, nearest to the given start; None where it does not stand.

    Some hub data sets trim a context's blanks without moving the offsets (DATA.md 2.5).
    """
    if start >= 0 and context.startswith(answer, start):
        return start
    places = []
    at = context.find(answer)
    while at >= 0:
        places.append(at)
        at = context.find(answer, at + 1)
    return min(places, key=lambda p: (abs(p - start), p)) if places else None


class SpanQA:
    """The family `span_qa`."""

    name = "span_qa"

    def features(
        self, examples: list[Example], task: Task, tokenizer: Any, lengths: Lengths, *, train: bool
    ) -> list[Feature]:
        """Tokenise (question, context) into overlapping windows.

        In training a window without the whole answer points at the first token, as in SQuAD's
        reference code; questions whose answer does not occur in the context are dropped.
        """
        del task
        kept = [(i, _answer(e)) for i, e in enumerate(examples)] if train else []
        usable = (
            [(i, a) for i, a in kept if a is not None]
            if train
            else [(i, None) for i in range(len(examples))]
        )
        if not usable:
            return []
        questions = [examples[i]["question"].strip() for i, _ in usable]
        encoded = tokenizer(
            _shortened(questions, tokenizer, lengths),
            [examples[i]["context"] for i, _ in usable],
            truncation="only_second",
            max_length=lengths.max_length,
            stride=lengths.stride or 0,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        features = []
        for window, source in enumerate(encoded["overflow_to_sample_mapping"]):
            index, answer = usable[source]
            offsets = [
                o if s == 1 else None
                for o, s in zip(
                    encoded["offset_mapping"][window], encoded.sequence_ids(window), strict=True
                )
            ]
            target = _target(offsets, answer) if answer is not None else None
            ids = encoded["input_ids"][window]
            extra = {} if train else {"offsets": offsets}
            features.append(Feature([ids], target, example=index, extra=extra))
        return features

    def head(self, width: int, task: Task, dropout: float) -> nn.Module:
        """Return one projection to start and end scores."""
        del task, dropout
        return nn.Linear(width, 2)

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the mean of start and end cross-entropy, summed over windows."""
        logits = self._logits(hidden, head, batch)
        gold = torch.tensor([f.target for f in batch.features], device=hidden.device)
        both = functional.cross_entropy(
            logits.transpose(1, 2).flatten(0, 1), gold.flatten(), reduction="sum"
        )
        return both / 2

    def predict(self, hidden: Tensor, head: nn.Module | None, batch: Batch) -> list[Any]:
        """Return the best (score, start, end) of each window in characters; None where there is none."""
        assert head is not None
        logits = self._logits(hidden, head, batch).cpu().numpy()
        return [_best_span(logits[r], f.extra["offsets"]) for r, f in enumerate(batch.features)]

    def score(
        self, examples: list[Example], features: list[Feature], raw: list[Any], task: Task
    ) -> Scored:
        """Score by exact match and F1 with the language's own answer normalisation."""
        best: list[tuple[float, str]] = [(-np.inf, "")] * len(examples)
        for feature, span in zip(features, raw, strict=True):
            if span is not None and span[0] > best[feature.example][0]:
                text = examples[feature.example]["context"][span[1] : span[2]]
                # the first token of some tokenizers holds the blank before it
                best[feature.example] = (span[0], text.strip())
        predicted = [text for _, text in best]
        gold = [list(e["answers"]["text"]) for e in examples]
        language = examples[0]["language"] if examples else "en"
        outcome = answer_scores(gold, predicted, language, rules=task.answer_rules)
        items = pa.table(
            {
                "id": [e["id"] for e in examples],
                "f1": outcome.f1,
                "exact_match": outcome.exact_match,
            }
        )
        scores = {
            "f1": float(outcome.f1.mean() * 100),
            "exact_match": float(outcome.exact_match.mean() * 100),
        }
        return Scored({m: scores[m] for m in task.metrics or scores}, items, predicted)

    @staticmethod
    def _logits(hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return (rows, length, 2) in fp32, padding at minus infinity."""
        logits: Tensor = head(hidden).float()
        return logits.masked_fill(batch.attention_mask[..., None] == 0, float("-inf"))


def _shortened(questions: list[str], tokenizer: Any, lengths: Lengths) -> list[str]:
    """Cut questions to 64 tokens, as SQuAD's reference code does, or to what leaves a window room."""
    room = lengths.max_length - 2 * (lengths.stride or 0) - 8
    if room < 1:
        raise ReplicationError(
            f"span QA: found max_length {lengths.max_length} with stride {lengths.stride} ; expected "
            "a window longer than two strides and 8 tokens. Change the protocol."
        )
    most = min(64, room)
    encoded = tokenizer(
        questions, add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    return [
        # a character may be several tokens, so the last one kept may share its own with the next
        question if len(o) <= most else question[: min(o[most - 1][1], o[most][0])]
        for question, o in zip(questions, encoded["offset_mapping"], strict=True)
    ]


def _answer(example: Example) -> tuple[int, int] | None:
    """Return the characters (begin, end) of the first answer; None without an answer to point at.

    Blanks around the answer are left out, since tokenizers may give them no token.
    """
    texts, starts = example["answers"]["text"], example["answers"]["answer_start"]
    if not texts or not texts[0].strip():
        return None
    text = texts[0].strip()
    before = len(texts[0]) - len(texts[0].lstrip())
    begin = realign(example["context"], text, starts[0] + before)
    return None if begin is None else (begin, begin + len(text))


def _target(offsets: list[tuple[int, int] | None], answer: tuple[int, int]) -> tuple[int, int]:
    """Return the first and last token of the answer; (0, 0) where this window lacks part of it."""
    inside = [
        t for t, o in enumerate(offsets) if o is not None and o[0] < answer[1] and o[1] > answer[0]
    ]
    if not inside:
        return 0, 0
    first, last = offsets[inside[0]], offsets[inside[-1]]
    assert first is not None
    assert last is not None
    whole = first[0] <= answer[0] and last[1] >= answer[1]
    return (inside[0], inside[-1]) if whole else (0, 0)


def _best_span(
    logits: np.ndarray, offsets: list[tuple[int, int] | None]
) -> tuple[float, int, int] | None:
    """Return the best (score, first character, last character) of one window."""
    places = np.array([t for t, o in enumerate(offsets) if o is not None and o[1] > o[0]])
    if places.size == 0:
        return None
    starts = places[np.argsort(-logits[places, 0], kind="stable")[:BEST]]
    ends = places[np.argsort(-logits[places, 1], kind="stable")[:BEST]]
    length = ends[None, :] - starts[:, None]
    score = logits[starts, 0][:, None] + logits[ends, 1][None, :]
    score = np.where((length >= 0) & (length < LONGEST_ANSWER), score, -np.inf)
    s, e = np.unravel_index(int(score.argmax()), score.shape)
    if not np.isfinite(score[s, e]):
        return None
    first, last = offsets[starts[s]], offsets[ends[e]]
    assert first is not None
    assert last is not None
    return float(score[s, e]), first[0], last[1]


FAMILY: Family = SpanQA()
