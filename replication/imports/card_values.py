"""What do the values of a Hugging Face model card mean: its head, a split, a metric, a number?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from claims.estimand import Split
from replication.imports.faults import shown
from replication.imports.said import CONDITION, Place, number_of, split_of
from replication.origin import Raw, Scale
from replication.tasks.row import tasks

__all__ = [
    "ARGUMENTS",
    "NO_SCORES",
    "head_of",
    "known_sets",
    "listed",
    "mapping",
    "noted",
    "raw_of",
    "source_of",
    "split_meant",
    "why_shown",
]

ARGUMENTS = (
    *CONDITION, "checkpoint", "scale", "seed", "n", "seeds", "shown", "evaluator", "run", "code",
    "data_revision",
)  # fmt: skip
"""Arguments of a metric that Corroborate's own cards have; others change what the metric measures."""

NO_SCORES = re.compile(
    r"(.*_)?(loss|perplexity|ppl|wer|cer|ter|mae|mse|rmse|runtime|elo|latency|reward)|.*_per_second"
)
"""Metrics of which less is better, or that have no best value. A name that is none of these is taken for
a score, and must lie between 0 and 100."""
_SCALES: dict[str, Scale] = {"fraction": "fraction", "points": "points", "percent": "points"}


def head_of(text: str) -> tuple[str, int] | None:
    """Return the YAML head of a card and the line before it, as the hub finds it; None without one."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    if start == len(lines) or lines[start].lstrip() != "---":
        return None
    for end in range(start + 1, len(lines)):
        if lines[end].rstrip(" \t") == "---":
            return "\n".join(lines[start + 1 : end]), start + 1
    return None


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


@cache
def known_sets() -> Mapping[tuple[str, str], tuple[str, str | None]]:
    """Return (hub id, configuration) -> task and language, where only one task has them."""
    found: dict[tuple[str, str], set[tuple[str, str | None]]] = {}
    for row in tasks().values():
        if row.hub is None:
            continue
        split_up = "{language}" in (row.config or "")
        only = next(iter(row.languages)) if len(row.languages) == 1 else None
        for code, spelled in row.languages.items():
            config = (row.config or "").format(language=spelled)
            for hub in {row.hub, row.hub.rpartition("/")[2]}:
                found.setdefault((hub, config), set()).add((row.name, code if split_up else only))
    return {key: next(iter(rows)) for key, rows in found.items() if len(rows) == 1}


def split_meant(task: str | None, word: object) -> tuple[Split | None, object]:
    """Return which split a data set's own word means, and what stands for it in a fault."""
    row = tasks().get(task or "")
    if row is not None and isinstance(word, str):
        means = [ours for ours, theirs in row.splits.items() if theirs == word]
        if len(means) == 1:
            return means[0], word
    return split_of(word), word


def listed(value: object) -> list[Any]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def noted(found: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Return what stands under some keys, as it may be noted."""
    return [f"{key} {shown(found[key])}" for key in keys if found.get(key) not in (None, "")]


def source_of(found: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return who is named as the source of a result, empty for nobody, and the note of it."""
    source = mapping(found.get("source"))
    named = next((s for k in ("name", "url") if isinstance(s := source.get(k), str) and s), "")
    return named, [f"source {shown(named)}"] if named else []


def why_shown(args: Mapping[str, Any], of_data: Mapping[str, Any], config: object) -> str | None:
    """Return why a score cannot count, where the card says so."""
    if isinstance(why := args.get("shown"), str) and why.strip():
        return why[:4000]
    if other := [k for k in args if k not in ARGUMENTS]:
        return f"The metric has arguments of its own ({', '.join(shown(k) for k in other[:5])})."
    if config not in (None, "", "default"):
        return f"The metric has a configuration of its own ({shown(config)})."
    if of_data.get("num_few_shot") not in (None, 0):
        return f"The model was prompted with {shown(of_data['num_few_shot'])} examples."
    return None


def raw_of(place: Place, value: object, stated: object) -> Raw | None:
    """Return a value with its scale; None with a fault."""
    scale: Scale | None = None
    if stated is not None:
        scale = _SCALES.get(stated) if isinstance(stated, str) else None
        if scale is None:
            place.fault(f"scale {shown(stated)}", "fraction or points.")
            return None
    if isinstance(value, str):
        place = replace(place, at=f"{place.at}; value {shown(value)}")
        text, _, rest = (value if len(value) <= 200 else "").replace("+/-", "±").partition("±")
        if text.rstrip().endswith("%") or rest.rstrip().endswith("%"):
            scale, text = scale or "points", text.rstrip().removesuffix("%")
        number = number_of(text)
    else:
        number = number_of(value)
    if number is None:
        place.fault(f"value {shown(value)}", "a number.")
        return None
    if scale is None and (number <= 0 or number > 1):
        scale = place.given.scale or "points"  # above 1 it can be no fraction, and 0 is 0 on both
    else:
        scale = place.settle("scale", scale, needed=False)
    if scale is None:
        place.fault(
            f"score {number!r}, which may be a fraction or points",
            "to be told which. Add --given scale=fraction or --given scale=points.",
        )
        return None
    on_scale = place.on_scale(number, scale)
    return Raw(value=number, scale=scale, path=place.path, at=place.at) if on_scale else None
