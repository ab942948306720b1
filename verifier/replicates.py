"""Which seeds of a condition are one replicate, because they go back to one trained checkpoint?

Scores of target runs that start from one intermediate checkpoint share its luck, so the number of
replicates is that of checkpoints, not of target runs. The base is another matter: the claim is about
it, so it is fixed, pretrained here or not. Checkpoints shared between arms are not looked for.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from replication.run import RunSpec

__all__ = ["Lineage", "replicates_of"]

Lineage = Mapping[str, RunSpec]
"""Digest of a spec -> the spec, for the runs that evaluations start from."""


def replicates_of(specs: Iterable[RunSpec], lineage: Lineage) -> tuple[tuple[int, ...], ...]:
    """Group the seeds of one condition so that no two groups go back to one trained checkpoint.

    An evaluation without a seed counts in every replicate, so a checkpoint behind it joins them all.
    Where a condition has intermediate tasks and the lineage breaks off, the run at which it does is
    taken for the checkpoint: what may be shared is never counted twice.

    Args:
        specs: evaluation specs of one condition, in any order.
        lineage: may be empty; then only seeds with the very same parent are joined, and only where
            the condition has intermediate tasks.

    Returns:
        Groups of rising seeds that together hold every seed once, sorted; mostly one seed each.
    """
    evaluations = tuple(specs)
    seeds = {spec.seed for spec in evaluations if spec.seed is not None}
    users: dict[str, set[int]] = {}
    for spec in evaluations:
        for checkpoint in _checkpoints(spec, lineage):
            using = seeds if spec.seed is None else {spec.seed}
            users.setdefault(checkpoint, set()).update(using)
    groups: list[set[int]] = [{seed} for seed in seeds]
    for together in users.values():
        if len(together) > 1:
            apart = [group for group in groups if group.isdisjoint(together)]
            groups = [*apart, set().union(*(g for g in groups if not g.isdisjoint(together)))]
    return tuple(sorted(tuple(sorted(group)) for group in groups))


def _checkpoints(spec: RunSpec, lineage: Lineage) -> Iterator[str]:
    """Yield the digests of the intermediate and target runs from which an evaluation descends."""
    trained = spec.condition is not None and bool(spec.condition.intermediate)
    seen: set[str] = set()
    current = spec.parent
    while current is not None and current not in seen:  # a forged lineage may run in a circle
        seen.add(current)
        parent = lineage.get(current)
        if parent is None:
            if trained:
                yield current
            return
        if parent.phase != "pretraining":
            yield current
        current = parent.parent
