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
from replication.imports.cells import mapping, name_of, number_in, split_of
from replication.imports.faults import shown
from replication.imports.settled import LANGUAGES, Place, Said, Trained
from replication.origin import Raw
from replication.protocol import base_name
from replication.tasks.row import tasks

__all__ = [
    "ARGUMENTS",
    "NO_SCORES",
    "head_of",
    "known_sets",
    "named",
    "noted",
    "raw_of",
    "seeds_of",
    "source_of",
    "split_meant",
    "split_said",
    "system_trained",
    "why_shown",
]

_CONDITION = ("base", "checkpoint", "intermediate", "mlm", *LANGUAGES)
"""Details by which Corroborate's own exports name a condition; `checkpoint` is the base as its source
spells it."""
_LONGEST = 300

ARGUMENTS = (
    *_CONDITION, "scale", "seed", "n", "seeds", "shown", "evaluator", "run", "code",
    "data_revision",
)  # fmt: skip
"""Arguments of a metric that Corroborate's own cards have; others change what the metric measures."""

NO_SCORES = re.compile(
    r"(.*_)?(loss|perplexity|ppl|wer|cer|ter|mae|mse|rmse|runtime|elo|latency|reward)|.*_per_second"
)
"""Metrics of which less is better, or that have no best value. A name that is none of these is taken for
a score, and must lie between 0 and 100."""


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


def split_meant(task: object, word: object) -> tuple[Split | None, object]:
    """Return which split a data set's own word means, and what stands for it in a fault."""
    row = tasks().get(task) if isinstance(task, str) else None
    if row is not None and isinstance(word, str):
        means = [ours for ours, theirs in row.splits.items() if theirs == word]
        if len(means) == 1:
            return means[0], word
    return split_of(word), word


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


def named(field: str, stated: object) -> tuple[Said]:
    """Return a source's spelling as the name that it can be; as it stands where it can be none."""
    return ((field, name_of(stated) or stated),)


def split_said(place: Place, word: object) -> dict[str, tuple[Said]]:
    """Return the split that a word means, as its field; nothing with a fault.

    One that names no split, such as that of a subset, leaves it to the user.
    """
    found = split_of(word)
    if found is None and word is not None and place.given.split is None:
        place.fault(f"split {shown(word)}", "train, validation or test. Add --given split=...")
        return {}
    return {"split": (("split", found),)}


def seeds_of(place: Place, stated: Mapping[str, Any]) -> object:
    """Return what a score is over seeds, adding a fault where it is none that is known."""
    found = stated.get("seeds", "single")
    if found not in ("single", "mean", "median"):
        place.fault(f"seeds {shown(found)}", "single, mean or median.")
    return found


def system_trained(
    place: Place,
    details: Mapping[str, Any],
    system: str | None,
    trained_from: str | None = None,
) -> Trained | None:
    """Return what was trained, and the base as it is spelled; None with a fault.

    Where nobody says base, intermediate tasks or MLM, the named system itself is what is compared.

    Args:
        place: of the score.
        details: what the source says as Corroborate's own exports do.
        system: the model's name; None where the source has none, and the user must say the base.
        trained_from: the checkpoint that the source says the model was fine-tuned from.
    """
    given, stated = place.given, {k: details.get(k) for k in _CONDITION}
    base, spelled = stated["base"], stated["checkpoint"]
    if any(v is not None for v in (*stated.values(), given.intermediate, given.mlm)):
        system = trained_from or system
    if spelled is not None and not (isinstance(spelled, str) and 1 <= len(spelled) <= _LONGEST):
        place.fault(f"checkpoint {shown(spelled)}", f"a name of 1 to {_LONGEST} characters.")
        return None
    if given.base is not None:
        name = base_name(given.base)
        if base not in (None, name):
            place.fault(f"base {shown(base)}", f"--given base={shown(given.base)}, or none given.")
        base, spelled = name, spelled or (None if given.base == "protocol" else given.base)
    elif base is None and system is None:
        place.of("base", needed=True)
        return None
    elif base is None:
        base, spelled = base_name(system or "") or name_of(system), (system or "")[:_LONGEST]
        if base in (None, "protocol"):  # which would pass for the base that a protocol names
            place.fault(f"a model called {shown(system)}", "another name. Add --given base=...")
            return None
    said = {k: ((k, stated[k]),) for k in ("intermediate", "mlm")}
    bare = replace(place, given=given.model_copy(update={"base": None}))
    base = bare.of("base", ("base", base))
    languages = {k: stated[k] for k in LANGUAGES}
    condition = place.condition(base, said["intermediate"], said["mlm"], languages)
    return None if condition is None else (condition, spelled)


def raw_of(place: Place, path: str, at: str, value: object, stated: object) -> Raw | None:
    """Return a value with its scale; None with a fault."""
    said: Said = ("scale", "points" if stated == "percent" else stated)
    if isinstance(value, str):
        at = f"{at}; value {shown(value)}"
        text, _, rest = (value if len(value) <= 200 else "").replace("+/-", "±").partition("±")
        if text.rstrip().endswith("%") or rest.rstrip().endswith("%"):
            said = said if stated is not None else ("%", "points")
            text = text.rstrip().removesuffix("%")
        value = text.strip()
    try:
        number = number_in(value)
    except ValueError as error:
        place.fault(f"value {shown(value)}", f"{error}.")
        return None
    scale = place.scale(number, said)
    return scale and Raw(value=number, scale=scale, path=path, at=at)
