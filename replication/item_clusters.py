"""Which examples of a task hang together, so that a resample must take all of them or none?

Translations of one example, and questions about one passage: their outcomes are no independent
draws. Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from replication.items import LanguageItems

__all__ = ["Clusters", "clusters", "shared_ids"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Cluster of every example of one task."""

    labels: Mapping[str, Integers]
    """Language -> (n,) labels from 0 to count - 1, in the order of its items; the same label in two
    languages is the same cluster."""
    count: int
    """Number of clusters over all languages."""


def clusters(items: Mapping[str, LanguageItems], *, parallel: bool) -> Clusters:
    """Return which examples of one task are resampled together.

    - parallel: examples of one shared id, over all languages; with passages also the questions of
      one passage, and whatever is so linked (connected components).
    - not parallel, with passages: the questions of one passage, within each language.
    - neither: each example is alone.

    Languages without passages are taken as if each of their questions had its own. Labels are
    numbered by first appearance, languages sorted.

    Args:
        items: language -> its items, of one run or of items that several runs have in common.
        parallel: the task row's word for it.
    """
    codes = sorted(items)
    sizes = [items[code].n for code in codes]
    ends = np.cumsum([0, *sizes])
    total = int(ends[-1])
    nodes = _shared(items, codes) if parallel else np.arange(total, dtype=np.int64)
    for begin, end, code in zip(ends[:-1], ends[1:], codes, strict=True):
        passages = items[code].passages
        if not parallel and passages is not None:
            nodes[begin:end] = begin + _encoded(passages)
    if parallel:
        nodes = _linked(nodes, items, codes)
    labels, count = _renumbered(nodes)
    split = np.split(labels, ends[1:-1]) if codes else []
    return Clusters(dict(zip(codes, split, strict=True)), count)


def shared_ids(language: str, ids: pa.StringArray) -> pa.StringArray:
    """Return ids less the language that stands first where the data set has none: `de-17` is `17`."""
    prefix = f"{language}-"
    marked = pc.starts_with(ids, prefix)
    return pc.if_else(marked, pc.utf8_slice_codeunits(ids, len(prefix)), ids)


def _shared(items: Mapping[str, LanguageItems], codes: list[str]) -> Integers:
    """Return a code of each example's shared id, languages one after the other."""
    named = [shared_ids(code, items[code].ids) for code in codes]
    return _encoded(pa.concat_arrays([pa.array([], pa.string()), *named]))


def _linked(nodes: Integers, items: Mapping[str, LanguageItems], codes: list[str]) -> Integers:
    """Return the connected component of each example in the graph of shared ids and passages."""
    told = [items[code].passages for code in codes]
    known = [np.full(items[c].n, p is not None) for c, p in zip(codes, told, strict=True)]
    passages = [p for p in told if p is not None]
    if not passages:
        return nodes
    left = nodes[np.concatenate(known)]
    size = int(nodes.max(initial=-1)) + 1
    right = size + _encoded(pa.concat_arrays(passages))
    whole = int(right.max(initial=size - 1)) + 1
    edges = (np.ones(left.size, dtype=np.float64), (left, right))
    graph = sparse.coo_array(edges, shape=(whole, whole)).tocsr()
    _, component = sparse.csgraph.connected_components(graph, directed=False)
    return np.asarray(component, dtype=np.int64)[nodes]


def _encoded(texts: pa.StringArray) -> Integers:
    """Return a code per distinct text, from 0, by first appearance."""
    return np.array(texts.dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _renumbered(nodes: Integers) -> tuple[Integers, int]:
    """Return labels from 0 by first appearance, and how many there are."""
    _, first, inverse = np.unique(nodes, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse], int(first.size)
