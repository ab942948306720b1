"""In which order are claims decided soonest, if each waits for runs of which they share some?

One machine, runs without a claim of their own, claims without a cost of their own: the sum over
claims of the time at which they are decided is to be small. That is scheduling under precedence
(1|prec|sum wC), NP-hard already where, as here, claims wait for runs and runs for nothing (Lawler
1978, Annals of Discrete Mathematics 2, 75-90).

What single claims cost misleads where they share runs: ten claims on one long training may be worth
more than one on a short. So the set of claims with the most claims per cost of all that they lack
goes first, then the best of the rest at what that still costs (Sidney 1975, Operations Research 23,
283-298); within such a set the claim that lacks least. Every order of that kind costs at most twice
the least possible (Chekuri and Motwani 1999, Discrete Applied Mathematics 98, 29-38). The densest set
is a closure of greatest value at the right price (Picard 1976, Management Science 22, 1268-1272), that
is a minimum cut, and prices are raised as Dinkelbach does (1967, Management Science 13, 492-498).
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

__all__ = ["soonest", "total_delay"]

_GRAIN = 2**40
"""Costs are counted in this part of their sum, so that sums are exact and ties are ties."""
_FLOW = 2**30
"""Largest capacity in a flow, whose numbers have 32 bits."""
_DENSE_UP_TO = 200
"""Claims up to which densest sets are sought; more are ordered by what each lacks."""

_Parts = Mapping[str, frozenset[int]]
"""Claim -> the groups of runs that it lacks; a group is all runs that the same claims lack."""


def soonest(
    lacking: Mapping[str, Collection[str]], costs: Mapping[str, float], plan_order: Sequence[str]
) -> tuple[str, ...]:
    """Return the claims in an order in which they are decided soon.

    Never later in sum than if the runs were made in plan order, and with up to 200 claims at most
    twice as late as in the best order there is, up to one part in some millions for rounding.

    Args:
        lacking: claim -> all runs that it still lacks, with what those start from.
        costs: of those runs, in any unit; finite and not negative.
        plan_order: of the runs; the claim that would be decided first in it wins ties.
    """
    place = {run: at for at, run in enumerate(plan_order)}
    ends = {claim: max((place[r] for r in runs), default=-1) for claim, runs in lacking.items()}
    planned = sorted(lacking, key=lambda claim: (ends[claim], claim))
    parts, weights = _grouped({claim: lacking[claim] for claim in planned}, costs)
    orders = [tuple(planned), _smallest_first(parts, weights)]
    if len(planned) <= _DENSE_UP_TO:
        orders.append(_densest_first(parts, weights))
    # the plan's own order of claims is among them, so that none of this can do harm
    return min(reversed(orders), key=lambda order: _delay(order, parts, weights))


def total_delay(
    order: Sequence[str], lacking: Mapping[str, Collection[str]], costs: Mapping[str, float]
) -> float:
    """Return the sum over claims of the cost spent until each is decided, one claim after another."""
    made: set[str] = set()
    spent = total = 0.0
    for claim in order:
        spent += sum(costs[run] for run in set(lacking[claim]) - made)
        made |= set(lacking[claim])
        total += spent
    return total


def _grouped(
    lacking: Mapping[str, Collection[str]], costs: Mapping[str, float]
) -> tuple[dict[str, frozenset[int]], list[int]]:
    """Return the groups of runs that each claim lacks, and the whole-numbered cost of each group."""
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for claim, runs in lacking.items():
        for run in set(runs):
            waiting[run].append(claim)
    whole = sum(costs[run] for run in waiting) or 1.0
    numbers: dict[tuple[str, ...], int] = {}
    weights: list[int] = []
    for run in sorted(waiting):
        group = numbers.setdefault(tuple(waiting[run]), len(weights))
        if group == len(weights):
            weights.append(0)
        weights[group] += round(costs[run] / whole * _GRAIN)
    found: dict[str, set[int]] = {claim: set() for claim in lacking}
    for claims, group in numbers.items():
        for claim in claims:
            found[claim].add(group)
    return {claim: frozenset(groups) for claim, groups in found.items()}, weights


def _smallest_first(parts: _Parts, weights: Sequence[int]) -> tuple[str, ...]:
    """Return the claims so that the next is always the one that lacks least."""
    left = {claim: sum(weights[g] for g in groups) for claim, groups in parts.items()}
    waiting: defaultdict[int, list[str]] = defaultdict(list)
    for claim, groups in parts.items():
        for group in groups:
            waiting[group].append(claim)
    made: set[int] = set()
    order: list[str] = []
    while left:
        claim = min(left, key=left.__getitem__)  # the first of several, as dictionaries keep order
        del left[claim]
        order.append(claim)
        for group in parts[claim] - made:
            for other in waiting[group]:
                if other in left:
                    left[other] -= weights[group]
        made |= parts[claim]
    return tuple(order)


def _densest_first(parts: _Parts, weights: Sequence[int]) -> tuple[str, ...]:
    """Return the claims by densest sets, each at what it costs after those before it."""
    left = dict(parts)
    order: list[str] = []
    while left:
        free = [claim for claim, groups in left.items() if not any(weights[g] for g in groups)]
        chosen = free or _densest(left, weights)
        order += _smallest_first({claim: left[claim] for claim in chosen}, weights)
        made = frozenset().union(*(left.pop(claim) for claim in chosen))
        left = {claim: groups - made for claim, groups in left.items()}
    return tuple(order)


def _densest(parts: _Parts, weights: Sequence[int]) -> list[str]:
    """Return the claims, in their order, that are most per cost of the groups that they lack."""
    chosen = list(parts)
    cost = _cost(chosen, parts, weights)
    while True:
        better = _worth(parts, weights, len(chosen) / cost)
        if not better:
            return chosen
        price = _cost(better, parts, weights)
        if len(better) * cost <= len(chosen) * price:
            return chosen
        chosen, cost = better, price


def _worth(parts: _Parts, weights: Sequence[int], density: float) -> list[str]:
    """Return the claims worth most if each is worth 1 and a group costs its weight times density."""
    groups = sorted({g for lacked in parts.values() for g in lacked})
    node = {group: len(parts) + at for at, group in enumerate(groups)}
    source, sink = len(parts) + len(groups), len(parts) + len(groups) + 1
    unit = _FLOW // (len(parts) + 1)
    edges = [(source, at, unit) for at in range(len(parts))]
    for at, lacked in enumerate(parts.values()):
        edges += [(at, node[group], _FLOW) for group in sorted(lacked)]
    for group in groups:
        edges.append((node[group], sink, min(_FLOW, round(weights[group] * density * unit))))
    tails, heads, sizes = np.asarray(edges, dtype=np.int32).T
    graph = csr_array((sizes, (tails, heads)), shape=(sink + 1, sink + 1), dtype=np.int32)
    rest = graph - maximum_flow(graph, source, sink).flow
    rest.eliminate_zeros()
    reached = set(breadth_first_order(rest, source, return_predecessors=False).tolist())
    return [claim for at, claim in enumerate(parts) if at in reached]


def _cost(claims: Collection[str], parts: _Parts, weights: Sequence[int]) -> int:
    return sum(weights[g] for g in frozenset().union(*(parts[claim] for claim in claims)))


def _delay(order: Sequence[str], parts: _Parts, weights: Sequence[int]) -> int:
    """Return the sum over claims of what is spent until each is decided."""
    made: set[int] = set()
    spent = total = 0
    for claim in order:
        spent += sum(weights[g] for g in parts[claim] - made)
        made |= parts[claim]
        total += spent
    return total
