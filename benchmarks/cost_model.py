"""How well are seconds, tokens and bytes of runs foretold, and at which prices?

Reads finished runs of stores, fits the model of replication/cost.py, and prints prices with their
error: on kinds of runs left out of the fit, and on whole encoders left out. `--write` puts prices,
bytes an example and bytes a token into replication/cost.yaml.

    python benchmarks/cost_model.py STORE=DATA [STORE=DATA ...] [--write]

DATA is the folder that the runs read (for the miniature, STORE/miniature). Records are read as they
lie, since stores of earlier versions tell seconds as well; nothing else is taken from them.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from replication.cost import Observation, fit, left_out, observation, operations
from replication.cost_table import cost_table
from replication.data import FolderSource
from replication.run import Run
from replication.tasks.row import tasks
from replication.workload import Workloads

TABLE = Path(__file__).parents[1] / "replication" / "cost.yaml"


@dataclass(frozen=True)
class Seen:
    """One finished run with what it left on the disk."""

    run: Run
    folder: Path
    point: Observation


def seen_in(store: Path, data: Path) -> Iterator[Seen]:
    """Yield the finished runs of a store whose work can be told from the data."""
    loads = Workloads(FolderSource(data))
    for path in sorted((store / "runs").glob("*/run.json")):
        run = Run.model_validate_json(path.read_bytes())
        point = observation(run, loads, cost_table())
        if run.status == "finished" and point is not None:
            yield Seen(run, path.parent, point)


def token_ratios(found: list[Seen]) -> dict[str, list[float]]:
    """Return, per kind of tokenizer, tokens estimated over tokens counted in training."""
    ratios: dict[str, list[float]] = defaultdict(list)
    for one in found:
        counted, built = one.run.facts.get("tokens"), one.run.spec.base.architecture
        if isinstance(counted, int) and built is not None:
            ratios[built.tokenizer].append(one.point.work.tokens / counted)
    return ratios


def example_bytes(found: list[Seen]) -> dict[str, list[float]]:
    """Return, per family, the bytes that runs left for each scored example."""
    each: dict[str, list[float]] = defaultdict(list)
    for one in found:
        if one.run.spec.phase == "evaluation":
            size = sum(f.stat().st_size for f in one.folder.rglob("*") if f.is_file())
            family = tasks()[one.run.spec.tasks[0]].family
            each[family].append(size / one.point.work.examples)
    return each


def checkpoint_ratios(found: list[Seen]) -> list[float]:
    """Return bytes of checkpoints over four bytes a weight of the largest vocabulary allowed."""
    return [
        (one.folder / "model.safetensors").stat().st_size / (4 * one.point.shape.parameters)
        for one in found
        if one.run.spec.phase != "evaluation"
    ]


def by_encoder(points: list[Observation]) -> Iterator[tuple[str, int, float]]:
    """Yield, for every encoder left out as a whole, its runs and by what factor their median misses."""
    sizes = sorted({(p.shape.layers, p.shape.width) for p in points})
    for layers, width in sizes if len(sizes) > 1 else ():
        own = [(p.shape.layers, p.shape.width) == (layers, width) for p in points]
        renamed = [
            Observation("out" if out else p.kind, p.work, p.shape, p.seconds)
            for p, out in zip(points, own, strict=True)
        ]
        yield f"{layers} x {width}", sum(own), float(np.exp(left_out(renamed)["out"]))


def main() -> None:
    """Print the table, and write it where asked to."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("stores", nargs="+", metavar="STORE=DATA")
    options.add_argument("--device", default="cpu")
    options.add_argument("--where", default="a shared machine with two CPU cores")
    options.add_argument("--write", action="store_true")
    given = options.parse_args()
    found = [
        one
        for pair in given.stores
        for one in seen_in(*(Path(part) for part in pair.split("=")))
        if one.run.environment.device == given.device
    ]
    points = [one.point for one in found]
    print(f"runs {len(points)}, kinds {len({p.kind for p in points})}")
    speed = fit(points, given.device, f"{given.where}; benchmarks/cost_model.py")
    if speed is None:
        raise SystemExit("too few runs to fit")
    print(f"seconds of training: {speed.training}\nseconds of evaluation: {speed.evaluation}")
    missed = left_out(points)
    missed = left_out(points)
    print(f"kinds left out: 9 in 10 within {speed.factor:.2f}, half within "
          f"{np.exp(np.median(list(missed.values()))):.2f}")  # fmt: skip
    for kind, miss in sorted(missed.items()):
        some = [p for p in points if p.kind == kind]
        spent, work = np.median([p.seconds for p in some]), some[0].work
        done = operations(work, some[0].shape) / 1e9
        print(f"  {kind:60} runs {len(some):3} seconds {spent:7.2f} steps {work.steps:4} "
              f"GFLOP {done:8.1f} factor {np.exp(miss):.2f}")  # fmt: skip
    for name, count, factor in by_encoder(points):
        print(f"encoder {name} left out: {count} runs, half within {factor:.2f}")
    ratios = token_ratios(found)
    for kind, some in sorted(ratios.items()):
        print(f"tokens estimated/counted, {kind}: median {np.median(some):.3f}, "
              f"{min(some):.2f} to {max(some):.2f}")  # fmt: skip
    sizes = {f: float(np.mean(some)) for f, some in sorted(example_bytes(found).items())}
    print("bytes a scored example:", {f: round(b) for f, b in sizes.items()})
    print("checkpoint bytes / at most:", np.round(np.quantile(checkpoint_ratios(found), [0, 1]), 3))
    if given.write:
        write(speed.model_dump(mode="json"), sizes, ratios)


def write(
    speed: dict[str, object], sizes: dict[str, float], ratios: dict[str, list[float]]
) -> None:
    """Put what was measured into cost.yaml, each on its own line, and leave the rest as it is."""
    text = TABLE.read_text(encoding="utf-8")
    lines = {
        "example_bytes": {f: round(b) for f, b in sizes.items()},
        "devices": [
            *(d.model_dump(mode="json") for d in cost_table().devices
              if d.device != speed["device"]),
            speed,
        ],
    }  # fmt: skip
    if ratios.get("bytes"):
        old = cost_table().bytes_a_token
        now = (old["bytes"] or 1.0) * float(np.median(ratios["bytes"]))
        lines["bytes_a_token"] = old | {"bytes": round(now, 2)}
    for key, value in lines.items():
        flow = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
        text = re.sub(rf"(?m)^{key}: .*$", lambda _, k=key, f=flow: f"{k}: {f.strip()}", text)
    TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
