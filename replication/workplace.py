"""Where a phase works: folders, tokenizer, device, seeds, examples, the model to start from."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from replication.data import Example, Source
from replication.errors import DataError, ReplicationError
from replication.model import EncoderWithHeads, hub_encoder, load, shape_of
from replication.protocol import Lengths
from replication.resume import Resume
from replication.run import RunSpec
from replication.tasks.family import family
from replication.tasks.row import Task
from replication.tokenizer import load_tokenizer
from replication.watch import Watch

__all__ = ["Workplace", "fitting", "in_bf16"]


class Workplace:
    """Where a phase works."""

    def __init__(
        self, spec: RunSpec, folder: Path, parent: Path | None, root: Path | None, source: Source
    ) -> None:
        """Keep the places.

        Args:
            folder: empty folder for what the run writes.
            parent: folder of the run whose checkpoint is the start; None for the base checkpoint.
            root: folder of the pretraining run, which holds the tokenizer; None for a hub base.
            source: where examples come from.
        """
        self.spec = spec
        self.folder = folder
        self.parent = parent
        self.root = root
        self.source = source
        self.resume: Resume | None = None
        """Where the state of training is kept; None to keep none."""
        self.watch = Watch()
        """Who may stop the phase and hears of its steps."""
        self.halvings = 0
        """How often what is held in memory at once was halved before the phase began."""
        self.tokens: Path | None = None
        """Where tokenised data are kept for all runs; None to keep none."""
        self._drawn = 0
        self._tokenizer: Any = None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def bf16(self) -> bool:
        """Return whether to compute in bfloat16."""
        return in_bf16(self.spec, self.device)

    def tokens_at_once(self, most: int) -> int:
        """Return how many tokens to hold at once where memory does not ask for fewer."""
        return max(1, most >> self.halvings)

    def tokenizer(self) -> Any:
        """Return the base checkpoint's tokenizer, read once however often it is asked for."""
        if self._tokenizer is None and self.root is not None:
            self._tokenizer = load_tokenizer(self.root)
        elif self._tokenizer is None:
            assert self.spec.base.checkpoint is not None
            self._tokenizer = load_tokenizer(self.spec.base.checkpoint, self.spec.base.revision)
        return self._tokenizer

    def rng(self) -> np.random.Generator:
        """Return the run's own generator and seed torch with it.

        It depends on the seed, the phase and the tasks, not on the condition, so that two arms see the
        same order of target data under one seed.
        """
        spec = self.spec
        what = zlib.crc32(f"{spec.phase}:{','.join(spec.tasks)}".encode())
        seed = spec.seed if spec.seed is not None else 0
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, what])))
        self._drawn = int(rng.integers(2**62))
        torch.manual_seed(self._drawn)
        return rng

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        """Return the examples of one language.

        Raises:
            DataError: there is none.
        """
        found = self.source.examples(task, split, language, limit)
        if not found:
            raise DataError(
                f"task '{task.name}' split '{split}' language '{language}': found no examples ; "
                "expected some. Complete the data or leave the language out."
            )
        return found

    def model(self, head_tasks: list[Task], *, fresh: bool) -> EncoderWithHeads:
        """Return the parent's encoder (or the base's) with a head per task, on the device.

        Fresh heads are the same for one seed whatever the encoder was read from, so that arms differ
        in the encoder only.

        Args:
            head_tasks: tasks that get a head; families without one are passed over.
            fresh: whether heads start from random weights even where the parent holds one of the name.
        """

        def heads(width: int, dropout: float) -> dict[str, nn.Module]:
            torch.manual_seed(self._drawn)
            made = {t.name: family(t.family).head(width, t, dropout) for t in head_tasks}
            return {name: head for name, head in made.items() if head is not None}

        if self.parent is None:
            assert self.spec.base.checkpoint is not None
            model = EncoderWithHeads(
                hub_encoder(self.spec.base.checkpoint, self.spec.base.revision), {}
            )
        elif fresh:
            model = load(self.parent, {})
        else:
            model = load(self.parent, heads(*shape_of(self.parent)))
        if fresh or self.parent is None:
            model = EncoderWithHeads(model.encoder, heads(model.width, model.dropout))
        model.separator = self.tokenizer().sep_token_id
        return model.to(self.device).eval()


def in_bf16(spec: RunSpec, device: torch.device) -> bool:
    """Return whether a run on a device computes in bfloat16."""
    if spec.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return spec.precision == "bf16"


def fitting(lengths: Lengths, tokenizer: Any) -> Lengths:
    """Return the lengths if the encoder has positions for them.

    Raises:
        ReplicationError: it has too few.
    """
    if lengths.max_length > tokenizer.model_max_length:
        raise ReplicationError(
            f"protocol: found max_length {lengths.max_length} ; expected at most "
            f"{tokenizer.model_max_length}, the positions of the base. Change the protocol."
        )
    return lengths
