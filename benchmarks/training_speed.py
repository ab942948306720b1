"""How fast is fine-tuning, at the protocol's random batches, against Hugging Face's Trainer?

`python -m benchmarks.training_speed --turns 3 [--out FILE.json]` trains a small XLM-R with random
weights on token ids drawn at random, of lengths like those of XNLI, SQuAD windows and tagged
sentences, and scores such; the ways take turns in one process. Needs `accelerate`.

A turn of training is some steps of an epoch over 6,400 examples, others in every turn: of the
Trainer's epoch they are picked evenly, since group_by_length puts the longest first. What our loop
does once a phase counts in proportion; Trainer's own preparation is left out. All is told for the
same number of real tokens.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks.bench_targets import BUDGET, GROUPED, HF, OURS
from benchmarks.training_work import (
    BATCH,
    DATA,
    PAD,
    VOCABULARY,
    WORKS,
    Work,
    as_rows,
    features_of,
    own,
    padded,
    theirs,
)
from benchmarks.turns import in_turns
from replication.batching import Feature, collate, pack_by_tokens
from replication.evaluation import AT_ONCE
from replication.packing import Layout
from replication.protocol import Mixing, Recipe, TokenBudget
from replication.tasks.family import family
from replication.training import Execution, Feed, step_count, train
from replication.vocabulary import rows_read
from replication.watch import Watch

__all__ = ["main", "measure"]


def _clock() -> float:
    """Return seconds of the wall clock; of the processor where one thread computes on shared cores."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


class _Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """Takes the time of the steps alone: neither building the model nor the data is part of it."""

    seconds = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.seconds = -_clock()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds += _clock()


class _SomeSteps(transformers.Trainer):  # type: ignore[misc]
    """A Trainer that does some batches of its own sampler's epoch, picked evenly."""

    steps = 1
    turn = 0
    tokens = 0

    def _get_train_sampler(self, *given: Any, **more: Any) -> Any:
        order = list(super()._get_train_sampler(*given, **more))
        size = self.args.per_device_train_batch_size
        batches = [order[at : at + size] for at in range(0, len(order), size)]
        first = np.random.Generator(np.random.PCG64(self.turn)).random()
        places = [int((at + first) * len(batches) / self.steps) for at in range(self.steps)]
        picked = [index for place in places for index in batches[place]]
        self.tokens = sum(len(self.train_dataset[index]["input_ids"]) for index in picked)
        return picked


def _trainer(model: Any, rows: list[dict[str, Any]], folder: str, **more: Any) -> Any:
    settings: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
        "use_cpu": not torch.cuda.is_available(),
        "remove_unused_columns": False,
        **more,
    }
    return _SomeSteps(
        model=model,
        args=transformers.TrainingArguments(**settings),
        train_dataset=rows,
        data_collator=padded,
    )


def train_theirs(
    work: Work, features: list[Feature], vocabulary: int, turn: int, **more: Any
) -> float:
    """Return the seconds that Trainer takes for a real token, from some steps of its epoch."""
    with tempfile.TemporaryDirectory() as folder:
        rows = as_rows(work, features)
        trainer = _trainer(theirs(work, vocabulary), rows, folder, seed=turn, **more)
        trainer.steps, trainer.turn = _steps(work, turn), turn
        clock = _Clock()
        trainer.add_callback(clock)
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        return clock.seconds / trainer.tokens


def train_own(
    work: Work, features: list[Feature], vocabulary: int, turn: int, *, budget: bool = False
) -> float:
    """Return the seconds that our loop takes for a real token.

    Args:
        budget: whether batches are cut by a budget of tokens, as many as a random one has on the
            average, in place of a number of examples.
    """
    model = own(work, vocabulary)
    size: int | TokenBudget = BATCH
    if budget:
        size = TokenBudget(tokens=round(BATCH * sum(f.tokens for f in features) / len(features)))
    recipe = Recipe(epochs=1, batch_size=size, learning_rate=1e-5, max_length=work.longest)
    share = _steps(work, turn) / step_count(features, recipe)
    feed = Feed(family(work.family), features, recipe.model_copy(update={"epochs": share}))
    marks: list[float] = []

    def begins() -> bool:
        marks.append(_clock())
        return False

    def ended(*_: object) -> None:
        marks.append(_clock())

    rng = np.random.Generator(np.random.PCG64(turn))
    execution = Execution(watch=Watch(stop=begins, heard=ended, every_s=0.0))
    began = _clock()
    trained = train(
        model, {work.name: feed}, mixing=Mixing(), pad_id=PAD, rng=rng, execution=execution
    )
    steps = marks[-1] - marks[0]  # from the first's begin to the last's end
    once = _clock() - began - steps
    return (share * once + steps) / trained.tokens


def _steps(work: Work, turn: int) -> int:
    """Return the steps of a turn; the first one, which does not count, is short."""
    return work.steps if turn else 2


def predict_theirs(
    work: Work, features: list[Feature], vocabulary: int, turn: int, batch: int = 8
) -> float:
    """Return the seconds that Trainer.predict takes for a real token; 8 is its default batch."""
    features = features if turn else features[:BATCH]
    rows = as_rows(work, features)
    with tempfile.TemporaryDirectory() as folder:
        model = theirs(work, vocabulary)
        trainer = _trainer(model, rows, folder, per_device_eval_batch_size=batch)
        began = _clock()
        trainer.predict(rows)
        return (_clock() - began) / sum(f.tokens for f in features)


@torch.inference_mode()
def predict_own(work: Work, features: list[Feature], vocabulary: int, turn: int) -> float:
    """Return the seconds of our pass for a real token, decoding included."""
    features = features if turn else features[:BATCH]
    model, kind = own(work, vocabulary).eval(), family(work.family)
    layout = Layout(getattr(kind, "reads", None)) if model.packs else None
    device = torch.device("cpu")
    began = _clock()
    for picked in pack_by_tokens(features, AT_ONCE["cpu"], padded=layout is None):
        batch = collate([features[i] for i in picked], PAD, device, layout)
        kind.predict(model.hidden(batch), model.heads[work.name], batch)
    return (_clock() - began) / sum(f.tokens for f in features)


Way = Callable[[Work, list[Feature], int, int], float]
"""Takes the work, its features, the rows of the vocabulary and the turn; 0 is not counted."""

TRAINING: dict[str, Way] = {
    HF: train_theirs,
    GROUPED: partial(train_theirs, train_sampling_strategy="group_by_length"),
    OURS: train_own,
    BUDGET: partial(train_own, budget=True),
}
PREDICT = "HF Trainer.predict, batch 8"
SCORING: dict[str, Way] = {
    PREDICT: predict_theirs,
    "HF Trainer.predict, batch 4": partial(predict_theirs, batch=4),
    "HF Trainer.predict, batch 2": partial(predict_theirs, batch=2),
    OURS: predict_own,
}


def measure(
    turns: int,
    only: str | None = None,
    vocabulary: int = VOCABULARY,
    works: Sequence[Work] = WORKS,
    data: int = DATA,
) -> Iterator[dict[str, Any]]:
    """Yield what each way takes, the ways taking turns, one work after the other.

    Args:
        turns: of which the median counts; one more, unmeasured and short, comes first.
        only: `training` or `scoring`, with a colon and the name of a work where only that is wanted.
        vocabulary: rows of the embedding.
        works: kinds of data.
        data: examples of a data set that is trained on.

    Yields:
        Rows of `benchmarks.turns.in_turns`, with `tokens_per_second` (real tokens).
    """
    wanted, _, named = (only or "").partition(":")
    for work in (w for w in works if named in ("", w.name)):
        if wanted in ("", "training"):
            features = features_of(work, data, vocabulary)
            yield from _trained(work, features, turns, vocabulary)
        if wanted in ("", "scoring"):
            features = features_of(work, work.examples, vocabulary)
            tokens = sum(f.tokens for f in features)
            ways = _ways(SCORING, work, features, vocabulary, tokens)
            named_so = f"scoring, {work.name}"
            yield from in_turns(named_so, ways, peer=PREDICT, turns=turns, tokens=tokens)


def _trained(
    work: Work, features: list[Feature], turns: int, vocabulary: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows of training, for the real tokens that so many random batches have."""
    tokens = work.steps * BATCH * sum(f.tokens for f in features) / len(features)
    ways = _ways(TRAINING, work, features, vocabulary, tokens)
    named = f"training, {work.name}, {len(features):,} examples"
    more: dict[str, Any] = {}
    if vocabulary != VOCABULARY:
        named += f", {vocabulary:,} rows"
        rows = rows_read(features, vocabulary, PAD)
        read = vocabulary if rows is None else len(rows)
        more["note"] = f"the examples read {read:,} of the {vocabulary:,} rows"
    yield from in_turns(named, ways, peer=HF, turns=turns, tokens=tokens, **more)


def _ways(
    ways: Mapping[str, Way], work: Work, features: list[Feature], vocabulary: int, tokens: float
) -> dict[str, Callable[[int], float]]:
    def seconds(way: Way, turn: int) -> float:
        return way(work, features, vocabulary, turn) * tokens

    return {name: partial(seconds, way) for name, way in ways.items()}


def main() -> None:
    """Measure, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="training or scoring, and :WORK")
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = []
    for row in measure(given.turns, given.only, given.vocabulary):
        rows.append(row)
        low, high = row["ratio_spread"]
        print(
            f"{row['work']:50} {row['way']:30} {row['seconds']:8.2f} s"
            f"  {row['ratio']:5.2f} ({low:.2f} to {high:.2f})",
            flush=True,
        )
    if given.out:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        note = {"threads": given.threads, "vocabulary": given.vocabulary, **versions}
        given.out.write_text(json.dumps({"rows": rows, "machine": note}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
