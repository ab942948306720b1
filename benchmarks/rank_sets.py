"""How often do simultaneous comparisons of a few arms hold all at once, and what do they find?

Run `python benchmarks/rank_sets.py --audits 6000 --draws 1000 --cells 3,5,9:2,3,5,10`. It prints a
Markdown table, a row per number of arms, number of seeds and pattern of deviations over seeds. One
claimed arm is compared with all others (`one`), or a third of the arms with the others (`third`).
`holds` is the share of audits in which every interval covers its difference, nominal .95; `found`
the share in which all claimed arms, four or eight deviations ahead, are surely ahead.

Methods: `welch` is Welch with Bonferroni over the pairs compared, `every pair` over all pairs of arms,
`T3` Dunnett's T3 (studentized maximum modulus), `known` max-t with the variances seen taken as true (a
parametric bootstrap of the smallest p-value), `max-t` what the verifier does (verifier/rank_sets.py,
here vectorised over audits).
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
ALPHA = 0.05
PATTERNS = (
    "equal",
    "1:2",
    "claimed wild",
    "claimed steady",
    "other wild",
    "other steady",
    "doubling",
)
METHODS = ("welch", "every pair", "T3", "known", "max-t")


def deviations(arms: int, pattern: str) -> Floats:
    """Return the true deviation over seeds of each arm."""
    sd = np.ones(arms)
    if pattern == "1:2":
        sd[1::2] = 2
    elif pattern == "doubling":
        sd = 2.0 ** np.arange(arms)
    elif pattern != "equal":
        which, how = pattern.split()
        sd[0 if which == "claimed" else -1] = 10 if how == "wild" else 0.1
    return sd


def maximum_modulus(comparisons: int, df: Floats) -> Floats:
    """Return the upper 5 % point of the studentized maximum modulus, interpolated over 1 / df."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    grid = np.concatenate([np.linspace(1, 4, 61), np.linspace(4.05, 20, 80)])
    points = []
    for nu in grid:
        scale = np.sqrt(special.chdtri(nu, (nodes + 1) / 2) / nu)
        low, high = 0.0, 14.0
        for _ in range(60):
            middle = (low + high) / 2
            inside = special.erf(np.exp(middle) * scale / np.sqrt(2)) ** comparisons
            low, high = (middle, high) if weights @ inside / 2 < 1 - ALPHA else (low, middle)
        points.append(low)
    return np.exp(np.interp(1 / df, 1 / grid[::-1], points[::-1]))


def reach(
    squared: Floats, df: int, pairs: list[tuple[int, int]], draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return how many standard errors each method's intervals reach, (n_audits, n_pairs).

    Args:
        squared: squared standard error of each arm's mean, (n_audits, n_arms).
        df: degrees of freedom of an arm.
        pairs: of arms that are compared.
        draws: of the reference distributions, afresh for each hundred audits.
        rng: source of randomness.
    """
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    total = squared[:, first] + squared[:, second]
    welch = total**2 * df / (squared[:, first] ** 2 + squared[:, second] ** 2)
    alone = special.stdtrit(welch, 1 - ALPHA / 2)
    level = np.empty((len(squared), 1))
    factor = np.empty((len(squared), 1))
    for at in range(0, len(squared), 100):
        some = slice(at, at + 100)
        errors = np.sqrt(squared[some])[:, None]
        chi = rng.chisquare(df, size=(draws, squared.shape[1])) / df
        normal = rng.standard_normal(chi.shape)
        smallest = np.full((errors.shape[0], draws), np.inf)
        largest = np.zeros_like(smallest)
        for pair, (a, b) in enumerate(pairs):
            moved = errors[..., a] * normal[:, a] - errors[..., b] * normal[:, b]
            parts = errors[..., a] ** 2 * chi[:, a], errors[..., b] ** 2 * chi[:, b]
            t = np.abs(moved) / np.sqrt(parts[0] + parts[1])
            # Only p-values below 5 % matter, and those need more than 1.9 standard errors.
            tail = t > 1.9
            freedom = (parts[0] + parts[1])[tail] ** 2 * df / (parts[0] ** 2 + parts[1] ** 2)[tail]
            smallest[tail] = np.minimum(smallest[tail], 2 * special.stdtr(freedom, -t[tail]))
            drawn = normal / np.sqrt(chi)
            moved = errors[..., a] * drawn[:, a] - errors[..., b] * drawn[:, b]
            largest = np.maximum(largest, np.abs(moved) / np.sqrt(total[some, pair, None]))
        level[some, 0] = np.minimum(ALPHA, np.sort(smallest)[:, int(ALPHA * draws)])
        factor[some, 0] = np.sort(largest)[:, int(np.ceil((1 - ALPHA) * draws)) - 1]
    every = squared.shape[1] * (squared.shape[1] - 1) / 2
    return {
        "welch": special.stdtrit(welch, 1 - ALPHA / 2 / len(pairs)),
        "every pair": special.stdtrit(welch, 1 - ALPHA / 2 / every),
        "T3": maximum_modulus(len(pairs), welch),
        "known": special.stdtrit(welch, 1 - level / 2),
        "max-t": np.maximum(factor, alone),
    }


def row(cell: tuple[int, int, str], claimed: int, audits: int, draws: int) -> list[str]:
    """Return the numbers of one cell: `holds` of each method, then `found` at 4 and 8."""
    arms, k, pattern = cell
    rng = np.random.default_rng([arms, k, PATTERNS.index(pattern), claimed])
    seeds = deviations(arms, pattern) * rng.standard_normal((audits, k, arms))
    means, squared = seeds.mean(axis=1), seeds.var(axis=1, ddof=1) / k
    pairs = list(product(range(claimed), range(claimed, arms)))
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    moved = means[:, first] - means[:, second]
    error = np.sqrt(squared[:, first] + squared[:, second])
    half = {name: c * error for name, c in reach(squared, k - 1, pairs, draws, rng).items()}
    numbers = [(np.abs(moved) <= half[name]).all(axis=1).mean() for name in METHODS]
    for ahead in (4, 8):
        numbers += [(moved + ahead > half[name]).all(axis=1).mean() for name in METHODS]
    return [f"{n:.3f}".removeprefix("0") for n in numbers]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audits", type=int, default=20_000)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--cells", default="3,5,9:2,3,5,10", help="arms:seeds, lists with commas")
    given = parser.parse_args()
    sizes, seeds = ([int(n) for n in part.split(",")] for part in given.cells.split(":"))
    head = [f"{what} {m}" for what in ("holds", "found 4", "found 8") for m in METHODS]
    print("| arms | seeds | deviations | claimed |", *(f"{h} |" for h in head))
    print("|" + "---|" * (4 + len(head)))
    for arms, k, pattern in product(sizes, seeds, PATTERNS):
        for name, claimed in (("one", 1), ("third", arms // 3))[: 1 + (arms >= 6)]:
            numbers = row((arms, k, pattern), claimed, given.audits, given.draws)
            print("|", " | ".join([str(arms), str(k), pattern, name, *numbers]), "|", flush=True)


if __name__ == "__main__":
    main()
