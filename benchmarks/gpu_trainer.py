"""The peer of the GPU comparison: Hugging Face's Trainer in its official configurations."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.utils import is_flash_attn_2_available

from benchmarks.bench_targets import GROUPED, HF
from benchmarks.gpu_work import Clock, Size, Timed, Work, config_of, padded

__all__ = ["COMPILED", "EAGER", "Variant", "built", "trained", "trained_epochs"]

MODELS = {
    "classification": AutoModelForSequenceClassification,
    "tagging": AutoModelForTokenClassification,
    "span_qa": AutoModelForQuestionAnswering,
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One official configuration; bf16, SDPA and fused AdamW are in all of them."""

    name: str
    grouped: bool = False
    compiled: bool = False
    flash: bool = False

    @property
    def absent(self) -> str | None:
        """Return why it cannot be measured here; None where it can."""
        if self.flash and not is_flash_attn_2_available():
            return "not installed: flash-attn"
        return None


EAGER = (
    Variant(HF),
    Variant(GROUPED, grouped=True),
    Variant("HF Trainer, flash attention", flash=True),
    Variant("HF Trainer, group_by_length, flash attention", grouped=True, flash=True),
)
COMPILED = (
    Variant("HF Trainer, group_by_length, torch_compile", grouped=True, compiled=True),
    Variant("HF Trainer, torch_compile", compiled=True),
)


def built(work: Work, size: Size, variant: Variant, device: torch.device) -> Any:
    """Return a model with random weights."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    attention = "flash_attention_2" if variant.flash else "sdpa"
    build: Any = MODELS[work.family].from_config
    with torch.device(device):
        if work.family == "span_qa":
            return build(config_of(size, labels=2), attn_implementation=attention)
        return build(config_of(size), attn_implementation=attention)


def trained(
    model: Any, size: Size, examples: list[dict[str, Any]], variant: Variant, turn: int
) -> Timed:
    """Train for one epoch with the Trainer."""
    clock = Clock(next(model.parameters()).device)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(model, size, examples, variant, folder, turn=turn)
        trainer.add_callback(_Clocked(clock))
        steps = trainer.train().global_step
        return clock.timed(steps, _tokens(examples))


def trained_epochs(
    model: Any, size: Size, examples: list[dict[str, Any]], variant: Variant,
    *, epochs: int, until: float,
) -> list[Timed]:  # fmt: skip
    """Train for some epochs with one Trainer, after one that does not count and compiles.

    Args:
        epochs: at most.
        until: no epoch but the first timed one begins later, on the machine's monotonic clock.
    """
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(model, size, examples, variant, folder, epochs=1 + epochs)
        device = next(model.parameters()).device
        each = _Epochs(device, until, -(-len(examples) // size.batch), _tokens(examples))
        trainer.add_callback(each)
        trainer.train()
        return each.timed[1:]


class _Clocked(TrainerCallback):
    """Starts a clock when the loop begins."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.clock.seen()


class _Epochs(TrainerCallback):
    """Times each epoch, and stops the training when one has counted and its time is over."""

    def __init__(self, device: torch.device, until: float, steps: int, tokens: int) -> None:
        self.device, self.until, self.steps, self.tokens = device, until, steps, tokens
        self.clock = Clock(device)
        self.timed: list[Timed] = []

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.clock = Clock(self.device)
        self.clock.seen()

    def on_epoch_end(self, _args: Any, _state: Any, control: Any, **__: Any) -> None:
        self.timed.append(self.clock.timed(self.steps, self.tokens))
        enough = len(self.timed) > 1 and time.monotonic() > self.until
        control.should_training_stop |= enough


def _trainer(  # noqa: PLR0913 - what differs between trainings
    model: Any, size: Size, examples: list[dict[str, Any]], variant: Variant, folder: str,
    *, turn: int = 0, epochs: int = 1,
) -> Trainer:  # fmt: skip
    transformers.logging.set_verbosity_error()
    cuda = next(model.parameters()).device.type == "cuda"
    settings: dict[str, Any] = {
        "output_dir": folder, "per_device_train_batch_size": size.batch, "num_train_epochs": epochs,
        "learning_rate": 1e-5, "weight_decay": 0.01, "bf16": cuda, "use_cpu": not cuda,
        "optim": "adamw_torch_fused", "torch_compile": variant.compiled, "seed": turn,
        "save_strategy": "no", "report_to": [], "disable_tqdm": True,
        "remove_unused_columns": False, **_sampling(variant),
    }  # fmt: skip
    return Trainer(
        model=model, args=TrainingArguments(**settings), train_dataset=examples,
        data_collator=padded, callbacks=[],
    )  # fmt: skip


def _tokens(examples: list[dict[str, Any]]) -> int:
    return sum(len(e["input_ids"]) for e in examples)


def _sampling(variant: Variant) -> dict[str, Any]:
    """Return the setting for mega-batches sorted by length, which version 5 spells otherwise."""
    if not variant.grouped:
        return {}
    if "train_sampling_strategy" in TrainingArguments.__dataclass_fields__:
        return {"train_sampling_strategy": "group_by_length"}
    return {"group_by_length": True}
