"""How is a simulated audit made: once, again and again as seeds come in, by choosing, by example?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from scipy import special

from benchmarks.simulated_audits import SPLITS, Design
from benchmarks.truths import Floats, Truth
from claims.claim import Claim
from replication.items import ItemOutcomes, LanguageItems
from replication.looks import Look
from replication.run import Run
from verifier.looks import looks_of
from verifier.verdict import Verdict

__all__ = ["Choosing", "Growing", "Plain", "Sampled", "World", "WorldMaker"]


class World(Protocol):
    """Makes audits of one claim, whose truth is known."""

    @property
    def claim(self) -> Claim:
        """What is claimed."""

    def audit(self, rng: np.random.Generator) -> Verdict:
        """Draw runs and return the verdict on them."""


WorldMaker = Callable[[Mapping[str, Any], Truth, int], World]
"""Fields of the claim, truth and seeds per arm -> world."""


class Plain:
    """All runs are made, then the claim is decided."""

    def __init__(self, claim: Mapping[str, Any], truth: Truth, seeds: int) -> None:
        """Prepare what all audits share."""
        self._truth = truth
        self._design = _design(claim, truth, seeds)

    @property
    def claim(self) -> Claim:
        """What is claimed."""
        return self._design.claim

    def audit(self, rng: np.random.Generator) -> Verdict:
        """Draw runs and return the verdict on them."""
        runs = self._design.scored(self._truth.draw(self._design.seeds, rng))
        return self._design.verdict(runs).verdicts[0]


class Growing:
    """Seeds are added until the claim is decided, or until the last look."""

    def __init__(
        self,
        claim: Mapping[str, Any],
        truth: Truth,
        seeds: int,
        *,
        looks: tuple[int, ...],
        planned: bool = True,
    ) -> None:
        """Prepare a design for each look.

        Args:
            claim: fields of the claim.
            truth: what scores are drawn from.
            seeds: at the last look.
            looks: numbers of seeds at which the claim is decided, rising, the last being `seeds`.
            planned: whether the protocol says so; else each but the first look is an unplanned one.
        """
        self._truth = truth
        self._designs = [_design(claim, truth, k, looks=looks if planned else ()) for k in looks]
        self._seeds = seeds

    @property
    def claim(self) -> Claim:
        """What is claimed."""
        return self._designs[0].claim

    def audit(self, rng: np.random.Generator) -> Verdict:
        """Draw runs, and return the verdict of the first look that decides, or else of the last."""
        scores = self._truth.draw(self._seeds, rng)
        taken: list[Look] = []
        for design in self._designs:
            runs = design.scored(scores[:, : design.seeds])
            verdicts = design.verdict(runs, looks=taken)
            verdict = verdicts.verdicts[0]
            if verdict.verdict in ("reproduced", "not_reproduced"):
                break
            named = [("simulated", design.claims)]
            taken += looks_of(named, design.plan, runs, verdicts=verdicts, events=len(taken))
        return verdict


class Choosing:
    """Candidates are chosen on other examples than those that they are scored on."""

    def __init__(self, claim: Mapping[str, Any], truth: Truth, seeds: int, *, apart: float) -> None:
        """Prepare what all audits share.

        Args:
            claim: fields of the claim.
            truth: what scores are drawn from; the same training shows on both splits.
            seeds: replicates per arm.
            apart: standard deviation of the difference between the splits, per cell, in points.
        """
        self._truth = truth
        self._apart = apart
        self._design = _design(claim, truth, seeds)

    @property
    def claim(self) -> Claim:
        """What is claimed."""
        return self._design.claim

    def audit(self, rng: np.random.Generator) -> Verdict:
        """Draw runs and return the verdict on them."""
        scores = self._truth.draw(self._design.seeds, rng)
        chosen_on = scores + self._apart * rng.standard_normal(scores.shape)
        return self._design.verdict(self._design.scored(scores, chosen_on)).verdicts[0]


class Sampled:
    """The examples are a sample of all that could have been scored, and the claim is about those.

    An answer is right where a normal variable falls below a threshold: the sum of what the example
    does to all runs, to the runs of one arm, and to one run, and of what seed and language do.
    Thresholds are such that the chance of a right answer, over all of these, is the arm's mean.
    """

    EXAMPLES = 400
    _EASE = 0.5
    """Share of the variance that all runs share: hard examples are hard for all."""
    _LIKING = 0.15
    """Share that the runs of one arm share."""

    def __init__(
        self, claim: Mapping[str, Any], truth: Truth, seeds: int, *, parallel: bool
    ) -> None:
        """Prepare what all audits share.

        Args:
            claim: fields of the claim.
            truth: what scores are drawn from.
            seeds: replicates per arm.
            parallel: whether examples are translations of each other, as hard in all languages.
        """
        self._truth = truth
        self._parallel = parallel
        self._design = _design(claim, truth, seeds, parallel=parallel)
        self._ids = {
            code: pa.array([f"{code}-{i}" for i in range(self.EXAMPLES)])
            for code in self._design.languages
        }

    @property
    def claim(self) -> Claim:
        """What is claimed."""
        return self._design.claim

    def audit(self, rng: np.random.Generator) -> Verdict:
        """Draw runs and examples, and return the verdict on them."""
        right = self._right(rng)
        flat = right.reshape(len(self._design.runs), len(self._design.languages), self.EXAMPLES)
        places = {run.spec_digest: at for at, run in enumerate(self._design.runs)}

        def items_of(run: Run) -> ItemOutcomes:
            rows = zip(self._design.languages, flat[places[run.spec_digest]], strict=True)
            languages = {
                code: LanguageItems(self._ids[code], {"accuracy": row}) for code, row in rows
            }
            return ItemOutcomes(run.spec.tasks[0], SPLITS[0], languages)

        runs = self._design.scored(100 * right.mean(axis=-1), examples=self.EXAMPLES)
        return self._design.verdict(runs, items=items_of).verdicts[0]

    def _right(self, rng: np.random.Generator) -> Floats:
        """Return which answers are right: (n_arms, n_seeds, n_tasks, n_languages, n_examples)."""
        means = self._truth.means
        arms, tasks, languages = means.shape
        seeds, count = self._design.seeds, self.EXAMPLES
        threshold = special.ndtri(means / 100)
        # a point of score by what moves the threshold by one
        slope = 100 * np.exp(-(threshold**2) / 2) / np.sqrt(2 * np.pi)
        moved = (self._truth.draw(seeds, rng) - means[:, None]) / slope[:, None]
        spread = (self._truth.sd_by_cell() / slope) ** 2
        across = 1 if self._parallel else languages
        ease = rng.standard_normal((1, 1, tasks, across, count))
        liking = rng.standard_normal((arms, 1, tasks, across, count))
        own = rng.standard_normal((arms, seeds, tasks, languages, count))
        rest = np.sqrt(1 - self._EASE - self._LIKING - spread)[:, None, :, :, None]
        drawn = np.sqrt(self._EASE) * ease + np.sqrt(self._LIKING) * liking + rest * own
        return np.asarray(drawn < (threshold[:, None] + moved)[..., None], dtype=np.float64)


def _design(claim: Mapping[str, Any], truth: Truth, seeds: int, **more: Any) -> Design:
    arms, tasks, languages = truth.means.shape
    return Design(claim, arms=arms, shape=(tasks, languages), seeds=seeds, **more)
