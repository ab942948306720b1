"""Executing plans: in plan order without a budget, and under one only what open claims need."""

from __future__ import annotations

import zlib
from contextlib import contextmanager

import pytest
from verifier_strategies import ENVIRONMENT

from claims.library import load
from replication.data import FolderSource
from replication.engines.engine import Tally
from replication.looks import read_looks
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.protocols import load_protocol
from replication.run import Measurement, Run
from replication.store import Store
from replication.tasks.row import tasks
from verifier.execution import Site, execute

CLAIMS = ("guild-gain", "shuffled-no-benefit")
GAIN = next(c.reported for _, s in load("controls") for c in s.claims if c.id == "guild-gain")
REPORTED = {"miniature": load_protocol("miniature")}


class Fabricating:
    """An engine that makes scores up: a plain gain, and noise too large for a claim of none."""

    name = "fabricating"

    def __init__(self, failing=()):
        self.calls, self.failing = [], set(failing)

    def run(self, plan, store, source, *, progress, budget_s, order=None):
        self.calls.append((plan, order, budget_s))
        specs = {spec.digest(): spec for spec in plan.specs}
        tally = Tally()
        for digest in order or specs:
            if store.run(digest) is not None:
                tally.skipped += 1
            elif budget_s is not None and budget_s <= 0:
                tally.postponed += 1
            else:
                spec = specs[digest]
                assert spec.parent is None or store.run(spec.parent) is not None
                folder = store.begin(spec)
                store.finish(self.made(spec, digest), folder)
                tally.finished += 1
        return tally

    @staticmethod
    def made(spec, digest):
        found = []
        for use in spec.data if spec.phase == "evaluation" else ():
            arm = spec.condition.label()
            noise = zlib.crc32(f"{use.name} {spec.seed} {arm}".encode()) % 100 / 100
            score = 30 + (GAIN if arm == "mini_guild" else 0)
            score += 9 * noise if arm == "mini_shuffled" else noise
            found += [
                Measurement(
                    task=use.name, language=code, split=use.split, metric=metric, score=score, n=100
                )
                for code in use.languages
                for metric in tasks()[use.name].metrics
            ]
        return Run(
            spec_digest=digest, spec=spec, status="finished", measurements=tuple(found),
            environment=ENVIRONMENT, started="2026-01-01T00:00:00+00:00", seconds=1.0,
        )  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("mini")), "the miniature")


def named():
    ((name, whole),) = load("controls")
    kept = tuple(c for c in whole.claims if c.id in CLAIMS)
    return [(name, whole.model_copy(update={"claims": kept}))]


def executed(tmp_path, source, *, budget_s, changes=(), seeds=2):
    engine, told = Fabricating(), []
    protocol = load_protocol("miniature", seeds=seeds, changes=changes)
    plan = make_plan([s for _, s in named()], protocol, source)

    @contextmanager
    def silent(specs, expected):
        assert set(expected) <= {spec.digest() for spec in specs}
        yield None

    with Store.open(tmp_path / "store") as store:
        site = Site(store, source, engine, silent, told.append)
        went = execute(named(), plan, site, budget_s=budget_s, reported=REPORTED)
    return engine, went, told


def test_without_a_budget_a_plan_is_executed_once_in_its_own_order_and_nobody_looks(
    tmp_path, source
):
    engine, went, told = executed(tmp_path, source, budget_s=None, changes=["looks=[2,4]"])
    assert [(order, budget) for _, order, budget in engine.calls] == [(None, None)]
    assert len(told) == len(went.plans) == 1
    assert read_looks(tmp_path / "store") == ()


def test_under_a_budget_open_claims_alone_get_the_seeds_of_the_next_look(tmp_path, source):
    engine, went, _ = executed(tmp_path, source, budget_s=3600, changes=["looks=[2,4]"])
    first, second = (plan for plan, _, _ in engine.calls)
    before, after = ({n.claim: n.runs for n in p.needs} for p in (first, second))
    assert before["guild-gain"] == after["guild-gain"]
    assert len(after["shuffled-no-benefit"]) == 2 * len(before["shuffled-no-benefit"])
    looks = [(look.claim, look.seeds, look.verdict) for look in read_looks(tmp_path / "store")]
    assert ("guild-gain", 2, "reproduced") in looks
    assert ("shuffled-no-benefit", 2, "inconclusive") in looks
    assert (went.failed, went.postponed, went.interrupted) == (False, False, False)


def test_under_a_budget_without_further_looks_the_order_is_that_of_claims_and_nobody_looks(
    tmp_path, source
):
    engine, _, _ = executed(tmp_path, source, budget_s=3600)
    ((plan, order, budget),) = engine.calls
    assert sorted(order) == sorted(spec.digest() for spec in plan.specs)
    assert 0 < budget <= 3600
    assert read_looks(tmp_path / "store") == ()


def test_a_spent_budget_ends_it_with_runs_postponed(tmp_path, source):
    engine, went, _ = executed(tmp_path, source, budget_s=0, changes=["looks=[2,4]"])
    assert len(engine.calls) == 1
    assert went.postponed
