"""Twenty million item outcomes are decided on within two GiB of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_store import WHERE
from tiny_data import claim, measure, write_claims, write_protocol

from claims.library import load
from replication.data import FolderSource
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.protocols import load_protocol
from replication.run import Measurement, Run
from replication.store import Store

MOST_BYTES = 2 * 2**30
SMALL = (6, 500)
LARGE = (60, 167_000)
"""Seeds, and items a run; each seed has two evaluations of each of two tasks."""

LIKE_THESE = measure(tasks=["mini_topic"], inference="sentences_like_these")


def questions(path):
    """A claim file that reads every item, twice: about sentences like these, and variance shares."""
    return write_claims(
        path,
        claim("like-these", measure=LIKE_THESE),
        claim("these"),
        claim("nothing", "no_benefit", measure=LIKE_THESE, contrasts=CONTRASTS),
    )


CONTRASTS = [
    {"treatment": {"intermediate": ["mini_guild"]}, "control": {"intermediate": []}},
]


def build(path, folder, seeds, items):
    """Write a finished plan with fabricated scores; return how many item outcomes it has."""
    claims = questions(folder / "claims.json")
    source = FolderSource(write_miniature(folder / "data"), "miniature")
    protocol = load_protocol(str(write_protocol(folder / "tiny.yaml", seeds=seeds)))
    plan = make_plan([s for _, s in load(str(claims))], protocol, source)
    rng = np.random.default_rng(5)
    known: dict[str, pa.Array] = {}
    hardness = rng.random(items)
    total = 0
    with Store.open(path) as store:
        store.add_plan(plan)
        for spec in plan.specs:
            place = store.begin(spec)
            measurements = ()
            if spec.phase == "evaluation":
                measurements = _items(place, spec, items, known, hardness, rng)
                total += items
            else:
                (place / "model.safetensors").write_bytes(spec.digest().encode())
            run = Run(
                spec_digest=spec.digest(), spec=spec, status="finished", environment=WHERE,
                measurements=measurements, started="2024-01-01T00:00:00Z", seconds=1.0,
            )  # fmt: skip
            store.finish(run, place)
    return claims, total


def _items(place, spec, items, known, hardness, rng):
    (use,) = spec.data
    codes = use.languages
    each = items // len(codes)
    sizes = [each + (items - each * len(codes) if c == codes[-1] else 0) for c in codes]
    if not known:
        known["language"] = pa.array(np.repeat(codes, sizes).tolist(), pa.string())
        ids = [
            f"{code}-{n:06d}" for code, size in zip(codes, sizes, strict=True) for n in range(size)
        ]
        known["id"] = pa.array(ids, pa.string())
    better = 0.6 if spec.condition.intermediate else 0.5
    right = (rng.random(items) * 0.5 + hardness * 0.5 < better).astype(np.float64)
    table = pa.table({**known, "accuracy": right})
    pq.write_table(table, place / "items.parquet", compression="zstd", compression_level=1)
    ends = np.cumsum(sizes)
    return tuple(
        Measurement(
            task=use.name, language=code, split=use.split, metric="accuracy", n=size,
            score=100 * float(right[end - size : end].mean()),
        )
        for code, size, end in zip(codes, sizes, ends, strict=True)
    )  # fmt: skip


def verified(claims, store):
    """Verify in a process of its own; return its verdicts, its peak memory in bytes, and seconds."""
    begun = time.monotonic()
    # Told by the process itself: what wait4 tells counts the parent's memory before exec, too.
    code = (
        "import sys, corroborate\n"
        "code = corroborate.main(sys.argv[1:])\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(x for x in lines if x.startswith('VmHWM')).split()[1], file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(claims), "--store", str(store), "--json"],
        capture_output=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode in {0, 1, 3}, done.stderr
    verdicts = {v["claim"]: v for v in json.loads(done.stdout)["verdicts"]}
    return verdicts, int(done.stderr.split()[-1]) * 1024, time.monotonic() - begun


def check(verdicts):
    assert (
        verdicts["like-these"]["verdict"] == "not_evaluable" or verdicts["like-these"]["estimate"]
    )
    assert verdicts["like-these"]["seeds"] == verdicts["these"]["seeds"] > 0


def test_a_small_store_built_the_same_way_is_decided_from_its_items(tmp_path):
    claims, total = build(tmp_path / "store", tmp_path, *SMALL)
    verdicts, peak, _ = verified(claims, tmp_path / "store")
    check(verdicts)
    assert total == 2 * SMALL[0] * SMALL[1]
    assert peak < MOST_BYTES / 4


@pytest.mark.slow
@pytest.mark.endurance
def test_twenty_million_item_outcomes_are_decided_on_within_two_gib(tmp_path, record_property):
    claims, total = build(tmp_path / "store", tmp_path, *LARGE)
    assert total >= 20_000_000
    verdicts, peak, seconds = verified(claims, tmp_path / "store")
    check(verdicts)
    record_property("peak_bytes", peak)
    record_property("seconds", round(seconds))
    assert peak < MOST_BYTES


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if not (where / "store").exists():
        build(where / "store", where, *LARGE)
    _, peak, seconds = verified(where / "claims.json", where / "store")
    sys.stdout.write(f"{peak / 2**20:.0f} MiB, {seconds:.0f} s\n")
