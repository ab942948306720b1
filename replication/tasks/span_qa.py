"""Extractive question answering: windows over the context, the best span over all windows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor, nn
from torch.nn import functional

from replication.answers import answer_scores
from replication.batching import Batch, Feature, on
from replication.data import Example
from replication.errors import ReplicationError
from replication.protocol import Lengths, Retrieval
from replication.tasks.family import Family, Scored
from replication.tasks.row import Task

__all__ = ["FAMILY", "SpanQA", "passage", "realign"]

LONGEST_ANSWER = 30  # tokens, as in the published SQuAD scripts
BEST = 20  # candidate starts and ends per window, likewise
N_BEST = 5  # answers kept per question
_NOWHERE = (
    -1,
    -1,
)  # characters that no window holds, so that every window points at its first token


@dataclass(frozen=True, slots=True)
class Spans:
    """What one window says."""

    best: list[tuple[float, int, int]]
    """(score, first character, last character), best first."""
    null: float
    """Score of `no answer`."""


def passage(context: str) -> str:
    """Return a short name of a context, 16 hex digits, the same wherever its text is the same.

    Outcomes of questions about one passage hang together, so that they are resampled together.
    """
    return hashlib.sha256(context.encode()).hexdigest()[:16]


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
        reference code, and so does every window of a question without answer under SQuAD 2.0's rules;
        questions whose answer does not occur in the context are dropped.
        """
        usable: list[tuple[int, tuple[int, int] | None]] = []
        for index, example in enumerate(examples):
            answer = _answer(example) if train else None
            if train and not example["answers"]["text"] and task.answer_rules == "squad_v2":
                answer = _NOWHERE
            if answer is not None or not train:
                usable.append((index, answer))
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
        gold = on(hidden.device, [f.target for f in batch.features])
        both = functional.cross_entropy(
            logits.transpose(1, 2).flatten(0, 1), gold.flatten(), reduction="sum"
        )
        return both / 2

    def predict(self, hidden: Tensor, head: nn.Module | None, batch: Batch) -> list[Any]:
        """Return, per window, its best spans as (score, first, last character) and its null score.

        The null score is that of the first token, which stands for `no answer`.
        """
        assert head is not None
        logits = self._logits(hidden, head, batch).cpu().numpy()
        return [
            Spans(_best_spans(logits[r], f.extra["offsets"]), float(logits[r, 0].sum()))
            for r, f in enumerate(batch.features)
        ]

    def score(
        self,
        examples: list[Example],
        features: list[Feature],
        raw: list[Any],
        task: Task,
        *,
        retrieval: Retrieval | None = None,
    ) -> Scored:
        """Score by exact match and F1 with the language's own answer normalisation.

        Under SQuAD 2.0's rules the answer is empty where every window's null score is above that of
        the best span, without a margin.
        """
        del retrieval
        n_best = _merged(examples, features, raw)
        predicted = [spans[0]["text"] if spans else "" for spans in n_best]
        if task.answer_rules == "squad_v2":
            null = [np.inf] * len(examples)
            for feature, spans in zip(features, raw, strict=True):
                null[feature.example] = min(null[feature.example], spans.null)
            predicted = [
                "" if not spans or none > spans[0]["score"] else text
                for text, spans, none in zip(predicted, n_best, null, strict=True)
            ]
        gold = [list(e["answers"]["text"]) for e in examples]
        language = examples[0]["language"] if examples else "en"
        outcome = answer_scores(gold, predicted, language, rules=task.answer_rules)
        items = pa.table(
            {
                "id": [e["id"] for e in examples],
                "passage": [passage(e["context"]) for e in examples],
                "f1": outcome.f1,
                "exact_match": outcome.exact_match,
            }
        )
        scores = {
            "f1": float(outcome.f1.mean() * 100),
            "exact_match": float(outcome.exact_match.mean() * 100),
        }
        kept = {m: scores[m] for m in task.metrics or scores}
        return Scored(kept, items, predicted, n_best)

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


def _merged(
    examples: list[Example], features: list[Feature], raw: list[Any]
) -> list[list[dict[str, Any]]]:
    """Return, per question, the best distinct answers over its windows, best first."""
    found: list[dict[str, float]] = [{} for _ in examples]
    for feature, spans in zip(features, raw, strict=True):
        context, texts = examples[feature.example]["context"], found[feature.example]
        for score, first, last in spans.best:
            # the first token of some tokenizers holds the blank before it
            text = context[first:last].strip()
            texts[text] = max(score, texts.get(text, -np.inf))
    return [
        [
            {"text": text, "score": round(score, 4)}
            for text, score in sorted(texts.items(), key=lambda t: -t[1])[:N_BEST]
        ]
        for texts in found
    ]


def _best_spans(
    logits: np.ndarray, offsets: list[tuple[int, int] | None]
) -> list[tuple[float, int, int]]:
    """Return the best (score, first character, last character) of one window, best first."""
    places = np.array([t for t, o in enumerate(offsets) if o is not None and o[1] > o[0]])
    if places.size == 0:
        return []
    starts = places[np.argsort(-logits[places, 0], kind="stable")[:BEST]]
    ends = places[np.argsort(-logits[places, 1], kind="stable")[:BEST]]
    length = ends[None, :] - starts[:, None]
    score = logits[starts, 0][:, None] + logits[ends, 1][None, :]
    score = np.where((length >= 0) & (length < LONGEST_ANSWER), score, -np.inf)
    spans = []
    for flat in np.argsort(-score, axis=None, kind="stable")[:N_BEST]:
        s, e = np.unravel_index(int(flat), score.shape)
        first, last = offsets[starts[s]], offsets[ends[e]]
        if np.isfinite(score[s, e]) and first is not None and last is not None:
            spans.append((float(score[s, e]), first[0], last[1]))
    return spans


FAMILY: Family = SpanQA()
