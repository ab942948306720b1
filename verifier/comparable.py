"""Were the runs that bear on one claim scored alike, so that their scores may be compared at all?

What differs by cell (a language or a split that some run lacks, another number of examples) is no
fault here: `samples` leaves such cells out of all arms and lists them. The arithmetic's precision is
none either: it moves scores far less than a seed does, and the protocol lists it as a minor deviation.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from claims.record import Record, canonical_json
from replication.run import Run

__all__ = ["incomparable"]

_SHOWN = 4
"""Different values named in one sentence; the rest is counted."""

_Facts = Mapping[str, str]
"""What must be equal -> its value, for one run."""


def incomparable(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return one sentence per reason why runs may not bear on one claim together; none if they may.

    All runs must be scored by the same code; all runs of conditions with the same base must start
    from the same checkpoint; and all that score one task on one split must read the same revision of
    its data and cut, cap and search it alike. Runs that read other languages of one revision are
    comparable. Where they read other languages of other revisions, nothing shows that the languages
    in common are the same (the revision of a local folder is a checksum over the languages read), so
    they are refused too. A run that does not record its data has the revision `unknown`, which equals
    no known one.

    Args:
        runs: finished evaluation runs, in any order.

    Returns:
        Sentences for the reader: the evaluators, then bases, then tasks and splits, sorted.
    """
    faults: list[str] = []
    evaluators = sorted({run.spec.evaluator or "unknown" for run in runs})
    if len(evaluators) > 1:
        faults.append(
            f"The runs were scored by different code, {', '.join(evaluators)}: score them anew."
        )
    bases: dict[str, list[tuple[str, _Facts]]] = {}
    scored: dict[tuple[str, str], list[tuple[str, _Facts]]] = {}
    for run in sorted(runs, key=lambda r: (r.spec.title(), r.spec_digest)):
        title = run.spec.title()
        named = run.spec.condition.base if run.spec.condition else "protocol"
        bases.setdefault(named, []).append((title, _settings("base", run.spec.base)))
        for task, split in sorted({(m.task, m.split) for m in run.measurements}):
            facts = _scoring(run, task, split)
            scored.setdefault((task, split), []).append((title, facts))
    for name, found in sorted(bases.items()):
        faults += _differences(f"Conditions on the base '{name}'", found)
    for where, found in sorted(scored.items()):
        faults += _differences(" ".join(where), found)
    return tuple(faults)


def _scoring(run: Run, task: str, split: str) -> _Facts:
    """Return what decides the scores of one task and split, apart from the model."""
    spec = run.spec
    revisions = {use.revision for use in spec.data if (use.name, use.split) == (task, split)}
    return {
        "data revision": " + ".join(sorted(revisions)) or "unknown",
        "examples per language": str(spec.examples_per_language or "all"),
        **_settings("lengths", spec.lengths),
        **_settings("retrieval", spec.retrieval),
    }


def _settings(name: str, record: Record | None) -> _Facts:
    """Return a record's fields as text, under dotted names; nothing where there is no record."""
    if record is None:
        return {}
    fields = record.model_dump(mode="json").items()
    return {f"{name}.{k}": v if isinstance(v, str) else canonical_json(v) for k, v in fields}


def _differences(about: str, found: Sequence[tuple[str, _Facts]]) -> list[str]:
    """Return a sentence per fact in which titled runs differ."""
    faults: list[str] = []
    for fact in sorted({name for _, facts in found for name in facts}):
        titles: dict[str, list[str]] = {}
        for title, facts in found:
            titles.setdefault(facts.get(fact, "none"), []).append(title)
        if len(titles) > 1:
            faults.append(
                f"{about}: found {fact} {_listed(titles)} ; expected one for all runs of a claim. "
                "Score them anew under one plan."
            )
    return faults


def _listed(titles: Mapping[str, Sequence[str]]) -> str:
    """Return each value with a run that has it."""
    shown = [f"{_short(v, 40)} ({_example(titles[v])})" for v in sorted(titles)[:_SHOWN]]
    more = len(titles) - _SHOWN
    return ", ".join(shown) + (f" and {more} other values" if more > 0 else "")


def _example(titles: Sequence[str]) -> str:
    more = len(titles) - 1
    return _short(titles[0], 120) + (f" and {more} more" if more else "")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
