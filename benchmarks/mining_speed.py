"""How fast are the nearest sentences of two pools found, both ways, against faiss's flat index?

faiss searches each pool for the other, two passes; ours takes both directions from one blocked
product, multiplied as retrieval has it done (by oneDNN) and, for comparison, by numpy. All have the
same number of threads and the same made-up vectors, and must agree on the neighbours, up to cosines
that single precision cannot tell apart. `python -m benchmarks.mining_speed` prints JSON.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import faiss
import numpy as np
import torch

from benchmarks.turns import in_turns, report, timed
from replication.mining import neighbours
from replication.products import outer_product

K = 4

Vectors = np.ndarray


def pools(n: int, width: int, rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """Return vectors of sentences and of their translations, some way apart."""
    meant = rng.standard_normal((n, width)).astype(np.float32)
    source, target = (
        meant + np.float32(0.8) * rng.standard_normal((n, width), dtype=np.float32)
        for _ in range(2)
    )
    return source, target


def flat_index(source: Vectors, target: Vectors) -> tuple[Vectors, Vectors]:
    """Return the nearest targets of each source and the nearest sources of each target."""
    found = []
    units = source.copy(), target.copy()
    for side in units:
        faiss.normalize_L2(side)
    for asked, held in (units, units[::-1]):
        index = faiss.IndexFlatIP(held.shape[1])
        index.add(held)
        found.append(index.search(asked, K)[1])
    return found[0], found[1]


def measure(turns: int, *, sentences: int = 10_000, width: int = 1024) -> list[dict[str, Any]]:
    """Return rows of work, way, peer, seconds and ratio.

    Args:
        turns: of each way.
        sentences: of each pool.
        width: of a vector.

    Raises:
        AssertionError: the ways find neighbours that rounding does not explain.
    """
    threads = os.cpu_count() or 1
    faiss.omp_set_num_threads(threads)
    torch.set_num_threads(threads)
    source, target = pools(sentences, width, np.random.default_rng(0))
    theirs = flat_index(source, target)
    both = neighbours(source, target, k=K, product=outer_product)
    pairs = ((source, target), (target, source))
    same = float(
        np.mean([_same(a, b.indices, *p) for a, b, p in zip(theirs, both, pairs, strict=True)])
    )
    ways = {
        "ours": timed(lambda: neighbours(source, target, k=K, product=outer_product)),
        "ours, multiplied by numpy": timed(lambda: neighbours(source, target, k=K)),
        "faiss flat, two passes": timed(lambda: flat_index(source, target)),
    }
    work = f"mining, {sentences:,} x {sentences:,} x {width:,}, k = {K}"
    note = f"the same neighbours for {same:.2%} of the sentences"
    return in_turns(work, ways, peer="faiss flat, two passes", turns=turns, note=note)


def _same(theirs: Vectors, ours: Vectors, asked: Vectors, held: Vectors) -> float:
    """Return the share of sentences with the same neighbours; all must have as near ones.

    Others have neighbours whose cosines, in double precision, are the same to 1e-6.
    """
    other = np.flatnonzero((theirs != ours).any(axis=1))
    units = asked[other] / np.linalg.norm(asked[other].astype(np.float64), axis=1, keepdims=True)
    cosines = []
    for found in (theirs[other], ours[other]):
        near = held[found] / np.linalg.norm(held[found].astype(np.float64), axis=2, keepdims=True)
        cosines.append(np.einsum("nd,nkd->nk", units, near))
    worst = float(np.abs(cosines[0] - cosines[1]).max(initial=0.0))
    assert worst < 1e-6, f"found neighbours that lie {worst} farther ; expected the same"
    return 1 - other.size / len(theirs)


def main(arguments: list[str] | None = None) -> int:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sentences", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=1024)
    asked = parser.parse_args(arguments)
    rows = measure(asked.turns, sentences=asked.sentences, width=asked.width)
    sys.stdout.write(report(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
