"""The bill: work counted from data, prices fitted and found again, errors said, nothing guessed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tiny_models as tiny
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import UNHURRIED, arm, claim, claim_set, measure

from replication.cost import (
    FEWEST_RUNS,
    Observation,
    bill_of,
    fit,
    gpu_memory,
    left_out,
    operations,
    price,
)
from replication.cost_table import CostTable, Shape, cost_table, shape_of_base
from replication.data import FolderSource, HubSource
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.protocol import Base
from replication.protocols import load_protocol
from replication.run import Environment, Run
from replication.training import TOKENS_AT_ONCE
from replication.workload import Work, Workloads, _longest_batch, _Sized

SMALL = Shape(layers=2, width=64, feed_forward=128, vocabulary=1000, positions=66)
LARGE = cost_table().encoders["xlm-roberta-large"]
ENVIRONMENT = Environment(python="3", packages={}, platform="p", device="cpu", threads=1, code="c")


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("miniature")), "the miniature")


def plan_for(source, *claims, seeds=2, changes=()):
    protocol = load_protocol("miniature", seeds=seeds, changes=changes)
    return make_plan([claim_set(*(claims or (claim("c"),)))], protocol, source)


def runs_at(plan, source, seconds_of, device="cpu"):
    """Return finished runs of a plan that took what a function of work and phase says."""
    loads = Workloads(source)
    return tuple(
        Run(
            spec_digest=s.digest(),
            spec=s,
            status="finished",
            environment=ENVIRONMENT.model_copy(update={"device": device}),
            started="2026-01-01T00:00:00+00:00",
            seconds=seconds_of(loads.of(s), s),
        )
        for s in plan.specs
    )


works = st.builds(
    Work,
    examples=st.floats(10, 1e4),
    features=st.floats(10, 1e5),
    tokens=st.floats(1e3, 1e8),
    steps=st.integers(0, 10**5),
    predicted=st.floats(0, 1e4),
    looked=st.floats(0, 1e6),
    longest=st.integers(8, 512),
    batch=st.integers(1, 64),
    held=st.floats(1, 1e5),
)


@given(work=works, more=st.sampled_from(["tokens", "predicted", "looked"]))
@UNHURRIED
def test_more_work_is_more_operations_and_a_larger_encoder_too(work, more):
    changed = {f: getattr(work, f) for f in Work.__dataclass_fields__}
    changed[more] = changed[more] * 2 + 1e3
    assert operations(Work(**changed), SMALL) > operations(work, SMALL)
    assert operations(work, LARGE) > operations(work, SMALL)
    throughput = cost_table().devices[0]
    assert price(work, LARGE, throughput) >= price(work, SMALL, throughput) > 0
    halves = [gpu_memory(work, LARGE, cost_table(), half=half) for half in (True, False)]
    assert 4 * LARGE.parameters < halves[0] < halves[1]


def test_parameters_are_those_that_the_model_has():
    from transformers import XLMRobertaConfig, XLMRobertaModel

    config = XLMRobertaConfig(
        vocab_size=SMALL.vocabulary, hidden_size=SMALL.width, num_hidden_layers=SMALL.layers,
        num_attention_heads=4, intermediate_size=SMALL.feed_forward,
        max_position_embeddings=SMALL.positions, type_vocab_size=1,
    )  # fmt: skip
    model = XLMRobertaModel(config, add_pooling_layer=False)
    assert SMALL.parameters == sum(p.numel() for p in model.parameters())
    assert 558e6 < LARGE.parameters < 560e6


def test_the_micro_batch_of_the_table_is_that_of_training():
    assert cost_table().gpu.tokens_at_once == TOKENS_AT_ONCE["cuda"]


def test_work_is_what_training_then_counts(miniature):
    plan = plan_for(miniature, claim("c", measure=measure(tasks=["mini_topic", "mini_qa"])))
    loads = Workloads(miniature)
    found = {(s.phase, s.tasks): loads.of(s) for s in plan.specs}
    guild = found["intermediate", ("mini_guild",)]
    # 1800 sentences, 3 epochs, 57 batches of 32 each
    assert (guild.examples, guild.steps, guild.batch) == (1800, 171, 32)
    topic = found["evaluation", ("mini_topic",)]
    assert (topic.examples, topic.steps) == (900, 0)
    assert not loads.assumed


def test_batches_of_a_budget_of_tokens_are_counted_by_their_tokens(miniature):
    wanted = claim("c", measure=measure(tasks=["mini_topic"]))
    plan = plan_for(miniature, wanted, changes=["intermediate.batch_size={tokens: 600}"])
    loads = Workloads(miniature)
    (guild,) = {loads.of(s) for s in plan.specs if s.phase == "intermediate"}
    assert guild.steps == 3 * math.ceil(guild.tokens / 3 / 600)
    assert guild.batch == math.ceil(600 * guild.features / guild.tokens)


def test_steps_and_tokens_are_those_that_training_counts(miniature, tmp_path):
    from tiny_runs import GUILD, specs

    from replication.store import Store
    from replication.worker import execute_stored

    _, wanted = specs(miniature, (GUILD, "mini_qa"))
    loads = Workloads(miniature)
    with Store.open(tmp_path / "store") as store:
        for spec in wanted[:3]:
            run, work = execute_stored(spec, store, miniature), loads.of(spec)
            assert run.status == "finished", run.error
            assert work.steps == run.facts["steps"]
            assert work.tokens == pytest.approx(run.facts["tokens"], rel=0.15)
        assert {s.phase for s in wanted[:3]} == {"pretraining", "intermediate", "target"}


@given(
    seed=st.integers(0, 2**31),
    kind=st.sampled_from(["even", "skewed", "rare"]),
    most=st.integers(16, 512),
    batch=st.sampled_from([1, 2, 8, 32]),
)
@UNHURRIED
def test_no_batch_is_much_longer_than_the_longest_that_is_foreseen(seed, kind, most, batch):
    rng = np.random.default_rng(seed)
    lengths = {
        "even": rng.integers(1, most + 1, 600),
        "skewed": np.clip(rng.lognormal(3, 1, 600), 1, most).astype(int),
        "rare": np.where(rng.random(600) < 0.02, most, 2),
    }[kind].astype(float)
    recipe = tiny.recipe(batch_size=batch, max_length=most, epochs=3)
    size = _Sized(600, 600, float(lengths.sum()), float((lengths**2).sum()))
    sums = [np.add.reduceat(rng.permutation(lengths), range(0, 600, batch)).max() for _ in range(3)]
    held = _longest_batch(size, recipe)
    assert max(sums) <= 1.1 * held
    assert held <= batch * most


def test_memory_counts_real_tokens_and_hardly_the_padding():
    """Sentences of 40 tokens where 256 are allowed: padded they would take six times as much."""
    recipe = tiny.recipe(batch_size=32, max_length=256, epochs=2)
    real = _longest_batch(_Sized(1e5, 1e5, 40e5, (40**2 + 20**2) * 1e5), recipe)
    assert 32 * 40 < real < 0.4 * 32 * 256
    works = [Work(tokens=40e5, steps=6250, longest=256, batch=32, held=h) for h in (real, 32 * 256)]
    held, padded = (
        gpu_memory(w, LARGE, cost_table(), half=True) - 16 * LARGE.parameters for w in works
    )
    assert held < 0.45 * padded


def test_a_run_s_longest_batch_is_foreseen_from_its_data(miniature, tmp_path):
    """The batches that training drew, from features made apart."""
    from tiny_runs import NONE, specs

    from replication.sampling import Feed, batches
    from replication.store import Store
    from replication.tasks.family import family
    from replication.tasks.row import tasks
    from replication.tokenizer import load_tokenizer
    from replication.worker import execute_stored

    for name in ("mini_qa", "mini_choice", "mini_tags"):
        _, wanted = specs(miniature, (NONE, "mini_qa"))
        (target,) = (s for s in wanted if s.phase == "target")
        recipe = target.recipes["mini_qa"]
        with Store.open(tmp_path / "store") as store:
            root = wanted[0].digest()
            if store.state(root) != "finished":
                execute_stored(wanted[0], store, miniature)
            tokenizer = load_tokenizer(store.folder(root))
        row = tasks()[name]
        examples = miniature.examples(row, "train", "en", 24)
        kind = family(row.family)
        made = kind.features(examples, row, tokenizer, recipe.lengths(), train=True)
        stream = batches(Feed(kind, made, recipe), np.random.default_rng(0))
        longest = max(sum(f.tokens for f in next(stream)) for _ in range(30))
        use = target.data[0].model_copy(update={"name": name})
        spec = target.model_copy(
            update={"tasks": (name,), "data": (use,), "recipes": {name: recipe}}
        )
        assert longest <= 1.1 * Workloads(miniature).of(spec).held


def test_data_with_a_cap_are_counted_up_to_it(miniature):
    capped = plan_for(miniature, changes=["evaluation.examples_per_language=7"])
    loads = Workloads(miniature)
    assert {loads.of(s).examples for s in capped.specs if s.phase == "evaluation"} == {35}


PRICES = ((0.5, 0.01, 3.0, 20.0), (0.1, 0.002, 15.0))


def observed(rng, noise=0.0, slow=None):
    """Return runs of eight kinds on two encoders that take what PRICES say, but for noise."""
    seen = []
    for kind in range(8):
        shape = (SMALL, SMALL.model_copy(update={"width": 256, "layers": 4}))[kind % 2]
        for trains in (True, False):
            work = Work(
                features=float(rng.integers(100, 10_000)),
                tokens=float(rng.integers(10_000, 1_000_000)),
                steps=int(rng.integers(20, 2000)) if trains else 0,
                longest=64,
            )
            for _ in range(3):
                prices = PRICES[0] if trains else PRICES[1]
                done = operations(work, shape) / 1e12
                terms = (1.0, work.steps, work.steps * shape.parameters / 1e9, done)
                seconds = float(np.dot(terms if trains else (1.0, work.features, done), prices))
                seconds *= float(np.exp(rng.normal(0, noise)))
                name = f"{'train' if trains else 'score'} {kind}"
                seen.append(Observation(name, work, shape, seconds * (5 if slow == name else 1)))
    return seen


@given(seed=st.integers(0, 2**31))
@UNHURRIED
def test_a_fit_foretells_runs_that_follow_the_model(seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    seen = observed(rng)
    found = fit(seen, "a device", "a test")
    assert found is not None
    assert (found.runs, found.kinds, found.device) == (48, 16, "a device")
    for one in seen:
        assert price(one.work, one.shape, found) == pytest.approx(one.seconds, rel=0.02)


def test_the_stated_error_grows_with_the_real_one():
    rng = np.random.Generator(np.random.PCG64(3))
    factors = [fit(observed(rng, noise), "d", "t").factor for noise in (0.0, 0.2, 0.8)]
    assert factors[0] < 1.3 < factors[2]
    assert factors == sorted(factors)


def test_a_kind_that_the_others_do_not_foretell_is_told_although_its_own_runs_agree():
    rng = np.random.Generator(np.random.PCG64(5))
    missed = left_out(observed(rng, slow="train 3"))
    assert max(missed, key=missed.get) == "train 3"
    assert np.exp(missed["train 3"]) > 3


def test_too_few_runs_or_runs_of_one_phase_make_no_model():
    rng = np.random.Generator(np.random.PCG64(7))
    seen = observed(rng)
    assert fit(seen[: FEWEST_RUNS - 1], "d", "t") is None
    assert fit([o for o in seen if o.work.steps], "d", "t") is None
    assert fit([o for o in seen if o.kind in ("train 0", "score 0", "score 1")], "d", "t") is None
    assert fit([], "d", "t") is None


def told_by(plan, source, runs=()):
    bill = bill_of(plan, source, runs)
    return bill, sum(n.seconds or 0 for n in bill.nodes.values())


def test_a_stores_own_runs_replace_what_was_measured_elsewhere(miniature):
    plan = plan_for(miniature, claim("c", measure=measure(tasks="all")))
    shipped, usual = told_by(plan, miniature)
    price_ = {d: c.seconds for d, c in shipped.nodes.items()}
    slow = runs_at(plan, miniature, lambda _, s: 30 * price_[s.digest()])
    own, slower = told_by(plan, miniature, slow)
    assert (shipped.own, own.own) == (False, True)
    assert own.throughput.runs == len(slow)
    assert slower == pytest.approx(30 * usual, rel=0.1)
    few, same = told_by(plan, miniature, slow[: FEWEST_RUNS - 1])
    assert (few.own, same) == (False, usual)


def test_a_device_that_nobody_measured_has_no_hours_but_arithmetic_that_says_so(miniature):
    plan = plan_for(miniature)
    bill, _ = told_by(plan, miniature, runs_at(plan, miniature, lambda *_: 1.0, "cuda: Any")[:3])
    assert bill.device == "cuda: Any"
    assert bill.throughput is None
    assert {n.seconds for n in bill.nodes.values()} == {None}
    assert all(n.gpu_seconds > 0 for n in bill.nodes.values())
    assert "arithmetic, never measured" in bill.gpu_because


def paper_plan(*tasks, checkpoint="xlm-roberta-large"):
    given_ = ("epochs=1", "batch_size=32", "max_length=256", "stride=128")
    changes = [*(f"intermediate.{g}" for g in given_), f"base.revision={'a' * 40}"]
    changes.append(f"base.checkpoint={checkpoint}")
    protocol = load_protocol("xstilts-jiant", seeds=1, changes=changes)
    sets = ("google/xtreme", "nyu-mll/glue", "rajpurkar/squad", "Rowan/hellaswag")
    pinned = dict.fromkeys(sets, "b" * 40)
    source = HubSource(pinned)
    gain = claim("c", treatment=arm(*tasks), measure=measure(benchmark="xtreme", tasks=["xnli"]))
    return make_plan([claim_set(gain)], protocol, source), source


def test_nothing_is_downloaded_for_a_bill_and_what_is_assumed_is_said(monkeypatch):
    def refuse(*_):
        raise AssertionError("a plan downloads nothing")

    monkeypatch.setattr(HubSource, "_rows", refuse)
    plan, source = paper_plan("mnli")
    bill, seconds = told_by(plan, source)
    assert not bill.unknown
    assert seconds > 0
    assert "'mnli' (train) has 392702 examples a language" in bill.assumed
    assert "classification has 40 tokens a sequence" in bill.assumed
    assert bill.beyond > 100  # the largest encoder measured is far smaller
    # 2.4 TFLOP a step of 32 pairs of 40 tokens, as docs/costs.md reckons; 12272 steps
    intermediate = next(s for s in plan.specs if s.phase == "intermediate")
    work = Workloads(source).of(intermediate)
    assert work.steps == 12272
    assert operations(work, LARGE) / work.steps == pytest.approx(2.4e12, rel=0.1)
    assert 8 * 2**30 < bill.nodes[intermediate.digest()].gpu_memory < 80 * 2**30


def test_what_is_not_known_is_said_and_never_guessed():
    plan, source = paper_plan("hellaswag")
    bill, _ = told_by(plan, source)
    assert bill.unknown == ("the length of 'hellaswag' on the hub",)
    without = [s for s in plan.specs if bill.nodes[s.digest()].unknown]
    assert [(s.phase, s.tasks) for s in without] == [("intermediate", ("hellaswag",))]
    plan, source = paper_plan("mnli", checkpoint="nobody/nothing")
    bill, seconds = told_by(plan, source)
    assert bill.unknown == ("the size of the encoder 'nobody/nothing'",)
    assert seconds == 0
    assert shape_of_base(Base(checkpoint="nobody/nothing"), cost_table()) is None


def test_text_that_cannot_be_read_is_no_crash_of_the_plan(miniature, tmp_path):
    import shutil

    own = FolderSource(shutil.copytree(miniature.root, tmp_path / "own"))
    plan = plan_for(own)
    broken = next(own.root.glob("**/mini_guild/train*.parquet"))
    broken.write_bytes(b"PAR1")
    bill, _ = told_by(plan, own)
    assert len(bill.unknown) == 1
    assert str(broken) in bill.unknown[0]


def test_the_table_reads_and_names_its_sources():
    table = cost_table()
    assert {"encoders", "gpu", "examples", "tokens_per_feature"} <= set(table.notes)
    assert all("cost_model.py" in d.measured for d in table.devices)


def test_what_the_benchmark_measures_is_written_and_the_rest_is_left(monkeypatch, tmp_path):
    import sys
    from pathlib import Path

    import yaml

    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "benchmarks"))
    import cost_model

    copy = tmp_path / "cost.yaml"
    copy.write_bytes(cost_model.TABLE.read_bytes())
    monkeypatch.setattr(cost_model, "TABLE", copy)
    rng = np.random.Generator(np.random.PCG64(1))
    speed = fit(observed(rng), "cuda: Some GPU", "a test; it has: signs, and 'quotes'")
    cost_model.write(speed.model_dump(mode="json"), {"tagging": 12.4}, {"bytes": [0.5, 0.5, 9.0]})
    before, after = cost_table(), CostTable.model_validate(yaml.safe_load(copy.read_text()))
    assert after.devices == (*before.devices, speed)
    assert after.example_bytes == {"tagging": 12}
    assert after.bytes_a_token["bytes"] == pytest.approx(
        before.bytes_a_token["bytes"] / 2, abs=0.01
    )
    fields = set(CostTable.model_fields) - {"devices", "example_bytes", "bytes_a_token"}
    assert all(getattr(after, f) == getattr(before, f) for f in fields)
    assert "# What the cost model knows" in copy.read_text()
    sys.modules.pop("cost_model")


def test_assumptions_are_said_also_where_the_store_has_runs_of_the_same_data():
    plan, source = paper_plan("mnli")
    said, _ = told_by(plan, source)
    again, _ = told_by(plan, source, runs_at(plan, source, lambda *_: 1.0))
    assert said.assumed
    assert again.assumed == said.assumed
