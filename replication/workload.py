"""How much work is a run? Examples, tokens and steps, told from its spec and its data beforehand.

Counts are exact where the data lie in a folder. Tokens are estimated from the text of a few hundred
examples, since no tokenizer is loaded. On the hub nothing is downloaded for a plan: sizes come from
cost.yaml and are named as assumed, and what stands nowhere is said to be unknown. Light: no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from claims.errors import CorroborateError
from replication.cost_table import CostTable, cost_table
from replication.data import HubSource, Source
from replication.protocol import Lengths, MaskedMixing, Pretraining, Recipe, TokenBudget
from replication.run import DataUse, RunSpec
from replication.tasks.row import Task, corpora, tasks

__all__ = ["Unsized", "Work", "Workloads"]

T = TypeVar("T")

SAMPLE = 240
"""Examples of one piece of data whose text is measured, all languages together."""


class Unsized(Exception):  # noqa: N818  it is an answer, caught where the run's cost is asked for
    """The size of a run is not known; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run puts through its encoder."""

    examples: float = 0.0
    """Distinct examples read."""
    features: float = 0.0
    """Features put through the encoder, every pass counted: windows, or sets of choices."""
    tokens: float = 0.0
    """Real tokens of them; padding is not counted."""
    steps: int = 0
    """Optimiser steps; 0 where nothing is trained."""
    predicted: float = 0.0
    """Masked places whose token is predicted, in training."""
    looked: float = 0.0
    """Tokens scored to choose a checkpoint, at most."""
    longest: int = 0
    """Most tokens of one sequence."""
    batch: int = 0
    """Largest batch."""
    held: float = 0.0
    """Real tokens of the longest batch of them all, about; more than almost any run will see."""


@dataclass(frozen=True, slots=True)
class _Sized:
    """One piece of data at some lengths: totals over one pass."""

    examples: float
    features: float
    tokens: float
    squares: float
    """Sum of the squares of the features' tokens."""


@dataclass(slots=True)
class Workloads:
    """The work of runs on one source; each piece of data is looked at once."""

    source: Source
    table: CostTable = field(default_factory=cost_table)
    assumed: set[str] = field(default_factory=set)
    """What was assumed, in sentences, so far."""
    _data: dict[tuple[object, ...], _Sized | Unsized] = field(default_factory=dict)
    _texts: dict[tuple[DataUse, int], dict[str, list[str]]] = field(default_factory=dict)
    _runs: dict[tuple[object, ...], Work | Unsized] = field(default_factory=dict)

    def of(self, spec: RunSpec) -> Work:
        """Return the work of a run, the same for every seed.

        Raises:
            Unsized: a size is not known.
        """
        key = (spec.phase, spec.base, spec.tasks, spec.data, tuple(sorted(spec.recipes.items())),
               spec.pretraining, spec.masked_mixing, spec.selection, spec.selection_data,
               spec.lengths, spec.examples_per_language)  # fmt: skip
        if key not in self._runs:
            self._runs[key] = _caught(lambda: self._work(spec))
        return _given(self._runs[key])

    def _work(self, spec: RunSpec) -> Work:
        kind = spec.base.architecture.tokenizer if spec.base.architecture else "hub"
        if spec.phase == "evaluation":
            assert spec.lengths is not None
            (use,) = spec.data
            size = self._size(use, kind, spec.lengths, spec.examples_per_language)
            return Work(size.examples, size.features, size.tokens, longest=spec.lengths.max_length)
        if spec.pretraining is not None:
            return self._masked(spec.pretraining, spec.data, kind, None)
        return self._trained(spec, kind)

    def _trained(self, spec: RunSpec, kind: str) -> Work:
        """Return the work of an intermediate or target phase, its looks and its MLM included.

        With several tasks the mixture draws tasks in proportion to their size, so that tokens are
        those of as many passes as the recipes ask for, to within what the draw varies.
        """
        found = [
            (self._size(use, kind, spec.recipes[use.name].lengths(), _cap(spec.recipes[use.name])),
             spec.recipes[use.name])
            for use in spec.data if use.split != "text"
        ]  # fmt: skip
        steps = sum(_steps(size, recipe) for size, recipe in found)
        passes = [float(recipe.epochs) for _, recipe in found]
        work = Work(
            examples=sum(s.examples for s, _ in found),
            features=sum(s.features * n for (s, _), n in zip(found, passes, strict=True)),
            tokens=sum(s.tokens * n for (s, _), n in zip(found, passes, strict=True)),
            steps=steps,
            looked=self._looked(spec, kind, steps),
            longest=max(int(r.max_length) for _, r in found),
            batch=max(_examples(size, recipe) for size, recipe in found),
            held=max(_longest_batch(size, recipe) for size, recipe in found),
        )
        masked = spec.masked_mixing
        if masked is None:
            return work
        texts = tuple(use for use in spec.data if use.split == "text")
        share = masked.step_share
        beside = self._masked(masked, texts, kind, max(1, round(steps * share / (1 - share))))
        return Work(
            work.examples + beside.examples,
            work.features + beside.features,
            work.tokens + beside.tokens,
            work.steps + beside.steps,
            beside.predicted,
            work.looked,
            max(work.longest, beside.longest),
            max(work.batch, beside.batch),
            max(work.held, beside.held),
        )

    def _masked(
        self,
        settings: Pretraining | MaskedMixing,
        uses: Iterable[DataUse],
        kind: str,
        steps: int | None,
    ) -> Work:
        """Return the work of masked-language modelling; `steps` None for the recipe's epochs."""
        recipe = settings.recipe
        size = self._text(settings, uses, kind)
        if steps is None:
            steps = _steps(size, recipe)
        if not size.features:
            raise Unsized("text to model")
        features = steps * size.features / _batches(size, recipe)
        tokens = features * size.tokens / size.features
        return Work(size.examples, features, tokens, steps,
                    predicted=tokens * settings.masked_share, longest=int(recipe.max_length),
                    batch=_examples(size, recipe), held=_longest_batch(size, recipe))  # fmt: skip

    def _looked(self, spec: RunSpec, kind: str, steps: int) -> float:
        selection, use = spec.selection, spec.selection_data
        if selection is None or use is None:
            return 0.0
        (recipe,) = spec.recipes.values()
        cap = selection.examples if isinstance(selection.examples, int) else None
        size = self._size(use, kind, recipe.lengths(), cap)
        every = selection.every_steps
        count = steps // every + 1 if isinstance(every, int) else math.ceil(float(recipe.epochs))
        return size.tokens * count

    def _size(self, use: DataUse, kind: str, lengths: Lengths, cap: int | None) -> _Sized:
        key = (use, kind, lengths, cap)
        if key not in self._data:
            self._data[key] = _caught(lambda: self._look(use, kind, lengths, cap))
        return _given(self._data[key])

    def _look(self, use: DataUse, kind: str, lengths: Lengths, cap: int | None) -> _Sized:
        row = tasks()[use.name]
        if isinstance(self.source, HubSource):
            return self._assume(use, row, lengths, cap)
        if kind == "hub":
            told = self.table.bytes_a_token["hub"]
            self.assumed.add(f"the checkpoint's tokenizer makes a token of {told:g} bytes")
        few = max(8, SAMPLE // max(1, len(use.languages)))
        examples = features = tokens = squares = 0.0
        for code in use.languages:
            sample = self.source.examples(row, use.split, code, few if cap is None else cap)
            count = len(sample)
            if cap is None and count == few:  # there may be more of them
                count = self.source.count(row, use.split, code)
            sample = sample[:: max(1, len(sample) // few)]
            if not sample:
                continue
            cut = [_features(e, row, lengths, self._ruler(kind)) for e in sample]
            examples += count
            features += count * sum(n for n, _ in cut) / len(cut)
            tokens += count * sum(t for _, t in cut) / len(cut)
            squares += count * sum(t**2 / n for n, t in cut) / len(cut)
        return _Sized(examples, features, tokens, squares)

    def _assume(self, use: DataUse, row: Task, lengths: Lengths, cap: int | None) -> _Sized:
        """Return the size of data on the hub from what cost.yaml says of them."""
        counts = self.table.examples.get(use.name, {})
        if use.split not in counts:
            raise Unsized(f"the number of examples of '{use.name}' ({use.split}) on the hub")
        mean = self.table.tokens_per_feature.get(row.family)
        if mean is None:
            raise Unsized(f"the length of '{use.name}' on the hub")
        each = counts[use.split] if cap is None else min(cap, counts[use.split])
        self.assumed |= {
            f"'{use.name}' ({use.split}) has {counts[use.split]} examples a language",
            f"{row.family.replace('_', ' ')} has {mean:g} tokens a sequence",
        }
        count = each * len(use.languages)
        sequences = 2 if row.family == "retrieval" else 1
        length = min(mean, lengths.max_length)
        tokens = count * sequences * length
        # how lengths vary is not known: at most as if all were either nothing or the most
        return _Sized(count, count * sequences, tokens, tokens * lengths.max_length)

    def _text(
        self, settings: Pretraining | MaskedMixing, uses: Iterable[DataUse], kind: str
    ) -> _Sized:
        """Return the size of unlabelled text, its languages resampled as training does."""
        ruler, room = self._ruler(kind), int(settings.recipe.max_length)
        found = self._read(settings, uses)
        total = sum(len(pieces) for pieces in found.values())
        weights = {c: len(p) ** settings.language_exponent for c, p in found.items() if p}
        tokens = squares = 0.0
        for code, weight in weights.items():
            sample = found[code][:: max(1, len(found[code]) // 40)]
            lengths = [min(room, ruler(s) + 2) for s in sample]
            share = total * weight / sum(weights.values()) / len(sample)
            tokens += share * sum(lengths)
            squares += share * sum(n**2 for n in lengths)
        return _Sized(total, total, tokens, squares)

    def _read(
        self, settings: Pretraining | MaskedMixing, uses: Iterable[DataUse]
    ) -> dict[str, list[str]]:
        """Return unlabelled text per language, read once for pretraining and for mixing it in."""
        most = settings.sentences_per_language
        found: dict[str, list[str]] = {}
        for use in uses:
            key = (use, most)
            if key not in self._texts:
                self._texts[key] = self.source.text(corpora()[use.name], most)
            for code, pieces in self._texts[key].items():
                found.setdefault(code, []).extend(pieces)
        return found

    def _ruler(self, kind: str) -> _Ruler:
        return _Ruler(self.table.bytes_a_token[kind])


@dataclass(frozen=True, slots=True)
class _Ruler:
    """Estimates the tokens of a text, special ones not counted."""

    bytes_a_token: float | None
    """None where every word is one token."""

    def __call__(self, text: str) -> float:
        if self.bytes_a_token is None:
            return len(text.split())
        return len(text.encode()) / self.bytes_a_token


def _features(
    example: dict[str, Any], row: Task, lengths: Lengths, ruler: _Ruler
) -> tuple[float, float]:
    """Return how many features an example becomes, and the tokens of their sequences together."""
    most = lengths.max_length
    if row.family == "span_qa":
        question, context = ruler(example["question"]) + 4, ruler(example["context"])
        room, stride = max(1.0, most - question), lengths.stride or 0
        windows = 1.0
        if context > room:
            windows += math.ceil((context - room) / max(1.0, room - stride))
        return windows, windows * question + context + (windows - 1) * stride
    if row.family == "multiple_choice":
        prompt = sum(ruler(example[w]) for w in ("context", "question") if w in row.columns)
        choices = example["choices"]
        texts = list(choices["text"] if isinstance(choices, dict) else choices)
        return 1, sum(min(most, prompt + ruler(t) + 4) for t in texts)
    if row.family == "tagging":
        length = ruler(" ".join(example["tokens"]))
        if lengths.long_sentences == "truncate":
            return 1, min(most, length + 2)
        windows = max(1, math.ceil(length / (most - 2)))
        return windows, length + 2 * windows
    if row.family == "retrieval":
        sides = [ruler(example[s]) + 2 for s in ("source", "target") if example.get(s)]
        return len(sides), sum(min(most, s) for s in sides)
    texts = [v for k, v in example.items() if isinstance(v, str) and k not in _NO_TEXT]
    return 1, min(most, sum(ruler(t) for t in texts) + 2 * len(texts))


_NO_TEXT = ("id", "language", "label")


def _cap(recipe: Recipe) -> int | None:
    return recipe.examples if isinstance(recipe.examples, int) else None


def _steps(size: _Sized, recipe: Recipe) -> int:
    """Return the optimiser steps, as `replication.sampling.step_count` does."""
    return max(1, round(_batches(size, recipe) * float(recipe.epochs)))


def _batches(size: _Sized, recipe: Recipe) -> int:
    """Return the batches of an epoch, the last one cut short; of a budget of tokens the fewest."""
    if isinstance(recipe.batch_size, TokenBudget):
        return math.ceil(size.tokens / recipe.batch_size.tokens)
    return math.ceil(size.features / int(recipe.batch_size))


def _examples(size: _Sized, recipe: Recipe) -> int:
    """Return the features of a batch; of one with a budget of tokens as many as fit on the average."""
    if isinstance(recipe.batch_size, TokenBudget):
        return math.ceil(recipe.batch_size.tokens * size.features / max(1.0, size.tokens))
    return int(recipe.batch_size)


def _longest_batch(size: _Sized, recipe: Recipe) -> float:
    """Return about how many real tokens the longest of a phase's random batches has.

    Bernstein's inequality, from the mean and variance of lengths and the most that one may have: of
    all batches together less than one is expected to be longer.
    """
    if not size.features:
        return 0.0
    mean = size.tokens / size.features
    # several sequences in one feature, such as choices, are each cut to the most
    most = int(recipe.max_length) * max(1, math.ceil(mean / int(recipe.max_length)))
    if isinstance(recipe.batch_size, TokenBudget):
        return float(max(recipe.batch_size.tokens, most))
    batch = int(recipe.batch_size)
    variance = batch * max(0.0, size.squares / size.features - mean**2)
    rare = math.log(max(2, _steps(size, recipe)))
    above = most * rare / 3 + math.sqrt((most * rare / 3) ** 2 + 2 * rare * variance)
    return float(min(batch * mean + above, batch * most))


def _caught(make: Callable[[], T]) -> T | Unsized:
    """Return what is made, or why it cannot be: faults of the data are told when runs are made."""
    try:
        return make()
    except Unsized as why:
        return why
    except CorroborateError as fault:
        return Unsized(str(fault))


def _given(found: T | Unsized) -> T:
    if isinstance(found, Unsized):
        raise found
    return found
