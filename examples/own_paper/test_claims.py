"""Claims of our paper as tests: run `pytest` in this folder."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from corroborate import assert_claim
from verifier.verdict import Verdict

HERE = Path(__file__).parent


def accuracy(system: str, target: str) -> list[float]:
    """Return a system's scores of scores.csv, one per seed, in points."""
    with (HERE / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if (r["base"], r["target"]) == (system, target)]
    return [float(row["score"]) for row in rows]


@pytest.mark.claim("augmentation-gain")
def test_augmentation_is_worth_its_price(verdict: Verdict) -> None:
    """The marker asks for the verdict as expected; the test asks for more than that."""
    assert verdict.interval is not None
    assert verdict.interval.low > 25


@pytest.mark.claim("components-gain", judged=False)
def test_components_harm(verdict: Verdict) -> None:
    """Nothing is asked of this verdict but what the test itself asks."""
    assert verdict.verdict == "not_reproduced"
    assert verdict.interval is not None
    assert verdict.interval.high < 0


def test_numbers_at_hand_bear_out_a_claim() -> None:
    """Scores may come from anywhere, such as a training that the test itself has just run."""
    assert_claim(
        f"{HERE / 'claims.yaml'}::augmentation-gain",
        {
            "treatment": accuracy("ridge-augmented", "shifted"),
            "control": accuracy("ridge-plain", "shifted"),
        },
        n=600,
    )
