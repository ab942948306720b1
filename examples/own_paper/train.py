"""Train the paper's classifiers on scikit-learn's digits and print their scores as CSV.

    python train.py > scores.csv                     fresh seeds, 11 to 20
    python train.py --seeds 1-5 > paper-scores.csv   those of the paper's Table 1
    python train.py --pilot > pilot-scores.csv       those of the paper's Table 2

Nothing is downloaded. A seed draws the training images; the test images are the same for all.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Images = npt.NDArray[np.float64]
"""(n, 64): rows of 8 by 8 images, 0 to 1."""
Labels = npt.NDArray[np.int64]
Row = Mapping[str, str | int]

COLUMNS = (
    "base", "intermediate", "mlm", "target", "language", "split", "metric", "seed", "score", "n",
)  # fmt: skip
"""The tidy layout of `corroborate import`."""
SPLIT_SEED = 2026
TRAINING_IMAGES, TEST_IMAGES, PILOT_IMAGES = 400, 600, 50
PILOT, PILOT_SEED = ("ridge-plain", "ridge-components"), 3


def moved(images: Images, axis: int, step: int) -> Images:
    """Return images moved by one pixel, with an empty line where they came from."""
    found = np.roll(images.reshape(-1, 8, 8), step, axis=axis)
    empty = 0 if step > 0 else -1
    if axis == 1:
        found[:, empty, :] = 0
    else:
        found[:, :, empty] = 0
    return found.reshape(-1, 64)


DIRECTIONS = ((1, 1), (1, -1), (2, 1), (2, -1))
"""Down, up, right, left."""


def augmented(images: Images, labels: Labels) -> tuple[Images, Labels]:
    """Return the images and four copies of them, each moved in another direction."""
    copies = [moved(images, axis, step) for axis, step in DIRECTIONS]
    return np.concatenate([images, *copies]), np.tile(labels, 1 + len(copies))


SYSTEMS: dict[str, Callable[[], Any]] = {
    "ridge-plain": RidgeClassifier,
    "ridge-augmented": RidgeClassifier,
    "ridge-scaled": lambda: make_pipeline(StandardScaler(), RidgeClassifier()),
    "ridge-components": lambda: make_pipeline(PCA(20, svd_solver="full"), RidgeClassifier()),
}
"""Name -> what makes the pipeline; the augmented one differs in its training images."""


def scores(
    seeds: Sequence[int], systems: Sequence[str] = tuple(SYSTEMS), first: int = TEST_IMAGES
) -> Iterator[Row]:
    """Yield the accuracy of each system on centred and on shifted digits, for each seed.

    Args:
        seeds: each draws the training images anew.
        systems: names of `SYSTEMS`.
        first: number of test images that are scored.
    """
    digits = load_digits()
    images, labels = digits.data / 16, digits.target
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    test, pool = order[:TEST_IMAGES], order[TEST_IMAGES:]
    ways = np.random.default_rng(SPLIT_SEED + 1).integers(len(DIRECTIONS), size=len(test))
    off_centre = np.stack([moved(images, *way) for way in DIRECTIONS])[ways, test]
    targets = {"centred": images[test][:first], "shifted": off_centre[:first]}
    for seed in seeds:
        drawn = np.random.default_rng(seed).choice(pool, TRAINING_IMAGES, replace=False)
        for system in systems:
            seen = images[drawn], labels[drawn]
            seen = augmented(*seen) if system.endswith("-augmented") else seen
            model = SYSTEMS[system]().fit(*seen)
            for target, asked in targets.items():
                right = int((model.predict(asked) == labels[test][:first]).sum())
                yield {
                    "base": system, "intermediate": "none", "mlm": "false", "target": target,
                    "language": "zxx", "split": "test", "metric": "accuracy", "seed": seed,
                    "score": f"{100 * right / len(asked):.4f}", "n": len(asked),
                }  # fmt: skip


def write(rows: Iterator[Row], to: TextIO) -> None:
    """Write rows as CSV."""
    table = csv.DictWriter(to, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


def main() -> None:
    """Print the scores that are asked for."""
    asked = argparse.ArgumentParser(description="Train on digits and print scores as CSV.")
    asked.add_argument("--seeds", default="11-20", help="first and last, such as 1-5")
    asked.add_argument("--pilot", action="store_true", help="one seed, and few test images")
    options = asked.parse_args()
    if options.pilot:
        pilot = scores([PILOT_SEED], PILOT, PILOT_IMAGES)
        write(pilot, sys.stdout)
        return
    first, _, last = options.seeds.partition("-")
    write(scores(range(int(first), int(last or first) + 1)), sys.stdout)


if __name__ == "__main__":
    main()
