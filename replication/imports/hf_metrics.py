"""Which keys of the Trainer's result files are scores, of which set of examples, and on what scale?

The Trainer writes whatever a script's `compute_metrics` returns, with `eval_` or another prefix before
each name. Its scale is that of the library that computed it, by far most often `evaluate`: fractions for
accuracy, F1, precision, recall, seqeval's and GLUE's metrics; points for `squad` and `squad_v2`, where
`exact_match` (or `exact`) stands beside `f1`. `exact_match` alone, ROUGE and BLEU occur on both scales,
and an accuracy above 1 may be points or a count: there the value decides, or the user.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from claims.estimand import Split
from replication.origin import Scale
from replication.tasks.row import tasks

__all__ = ["EXACT", "PREFIXES", "Key", "Named", "keys_of", "known", "scale_of"]

PREFIXES: dict[str, Split | None] = {
    "eval": None,
    "predict": "test", "test": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip
"""Prefix of a key -> the split that it names; `eval` is whatever a script evaluated on."""

EXACT = {"exact_match", "exact"}
"""What `squad` and `squad_v2` call the share of exactly matching answers."""

_FRACTIONS = {
    "accuracy", "balanced_accuracy", "f1", "precision", "recall", "matthews_correlation", "pearson",
    "pearsonr", "spearmanr", "combined_score", "roc_auc", "overall_accuracy", "overall_f1",
    "overall_precision", "overall_recall", "mean_iou", "mean_accuracy",
}  # fmt: skip
_EITHER = EXACT | {
    "bleu", "sacrebleu", "chrf", "meteor", "rouge1", "rouge2", "rougeL", "rougeLsum",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """The examples that a key is about."""

    prefix: str
    name: str
    """Of one of several evaluation sets; empty where there is one."""

    @property
    def key(self) -> str:
        """Beginning of the keys of these examples."""
        return f"{self.prefix}_{self.name}_" if self.name else f"{self.prefix}_"

    @property
    def split(self) -> Split | None:
        """The split that the name of the set or the prefix says; None for neither."""
        return PREFIXES.get(self.name) or PREFIXES[self.prefix]

    @property
    def language(self) -> str | None:
        """The language that the name of the set is the code of; None for other names."""
        return self.name if self.name in _languages() else None

    @property
    def understood(self) -> bool:
        """Whether the set's name, where there is one, says a language or a split."""
        return not self.name or self.language is not None or PREFIXES.get(self.name) is not None


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a result file, taken apart."""

    examples: Named
    metric: str


def keys_of(keys: Iterable[str]) -> dict[str, Key]:
    """Return the keys that begin with a known prefix, taken apart; those of training are not among them.

    With several evaluation sets the Trainer puts the name of each before the metric; for each it also
    writes a running time, by which the names are told from the first words of a metric.
    """
    every = list(keys)
    names: dict[str, set[str]] = {prefix: set() for prefix in PREFIXES}
    for key in every:
        prefix, _, rest = key.partition("_")
        if prefix in names and rest.endswith("_runtime"):
            names[prefix].add(rest.removesuffix("_runtime"))
    found: dict[str, Key] = {}
    for key in every:
        prefix, _, rest = key.partition("_")
        if prefix not in names or not rest:
            continue
        parts = [i for i, c in enumerate(rest) if c == "_"][:_MOST_WORDS]
        name = next((rest[:i] for i in reversed(parts) if rest[:i] in names[prefix]), "")
        found[key] = Key(Named(prefix, name), rest[len(name) + 1 :] if name else rest)
    return found


def known(metric: str) -> bool:
    """Return whether a metric is one whose scale is known, or told by its value."""
    return metric in _FRACTIONS or metric in _EITHER


def scale_of(metric: str, value: float, beside: Collection[str]) -> Scale | None:
    """Return the scale of a value; None where it could be either.

    Args:
        metric: without its prefix.
        value: from 0 to 100; 0 is the same on both scales.
        beside: names of the metrics of the same examples.
    """
    answers = metric in EXACT or (metric == "f1" and not EXACT.isdisjoint(beside))
    if metric in _FRACTIONS and not answers:
        return "fraction" if value <= 1 else None
    return "points" if known(metric) and (value > 1 or value == 0) else None


_MOST_WORDS = 20


def _languages() -> frozenset[str]:
    return frozenset(code for task in tasks().values() for code in task.languages)
