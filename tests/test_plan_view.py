"""The plan as a reader sees it: what is shared, what is there, what it costs, and why a run is made."""

from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import UNHURRIED, arm, claim, claim_set, measure

from replication.data import FolderSource
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.protocols import load_protocol
from replication.run import Environment, Run
from replication.store import Store
from replication.why import Stored, changes_between, look_into, reasons_of
from reports.plan_view import view_plan

ENVIRONMENT = Environment(python="3", packages={}, platform="p", device="cpu", threads=1, code="c")
SETTING = [{"field": "base.architecture.layers", "equals": 2}]


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("miniature")), "the miniature")


def claims_and_plan(source, *claims, changes=(), seeds=2):
    named = claim_set(*(claims or (claim("c"),)))
    return [named], make_plan(
        [named], load_protocol("miniature", seeds=seeds, changes=changes), source
    )


def plan_of(source, *claims, **how):
    return claims_and_plan(source, *claims, **how)[1]


def run_of(spec, status="finished", error=None, seconds=1.0):
    return Run(
        spec_digest=spec.digest(),
        spec=spec,
        status=status,
        error=error,
        environment=ENVIRONMENT,
        started="2026-01-01T00:00:00+00:00",
        seconds=seconds,
    )


def keep(path, specs, failed=(), started=()):
    """Make a store in which some runs finished, some failed, and some began."""
    with Store.open(path) as store:
        for spec in specs:
            folder = store.begin(spec)
            if spec in failed:
                store.fail(run_of(spec, "failed", "no memory left"), folder)
            elif spec not in started:
                (folder / "model.safetensors").write_bytes(b"weights")
                store.finish(run_of(spec), folder)
    return path


def reasons_in(path, plan):
    with Store.open(path, write=False) as store:
        return reasons_of(plan, look_into(store, plan))


def of_phase(plan, phase):
    return [s for s in plan.specs if s.phase == phase]


def test_each_claim_is_told_what_it_needs_and_shares(miniature):
    claims, plan = claims_and_plan(
        miniature,
        claim("topic"),
        claim("pairs", measure=measure(tasks=["mini_pairs"])),
        claim("settings", "protocol", settings=SETTING),
    )
    view = view_plan(plan, miniature, claims)
    lines = view.text(explain=False).splitlines()
    assert lines[1] == "runs: 14 (1 pretraining, 2 intermediate, 4 target, 7 evaluation)"
    # pretraining and two runs of the intermediate task serve both; settings ask for nothing
    assert any(
        line.startswith("pairs: 3 evaluations; 6 runs with what they start from, 3 of them shared,")
        for line in lines
    )
    assert any(line.startswith("topic: 4 evaluations; 11 runs") for line in lines)
    needs = {c["claim"]: c["bill"] for c in view.to_json()["claims"]}
    assert (needs["pairs"]["runs"], needs["pairs"]["shared"]) == (6, 3)
    assert needs["topic"]["finished"] is None


def test_a_claim_about_settings_has_no_run_and_no_bill_of_its_own(miniature, tmp_path):
    claims, plan = claims_and_plan(
        miniature, claim("topic"), claim("settings", "protocol", settings=SETTING)
    )
    keep(tmp_path / "s", plan.specs[:2])
    view = view_plan(plan, miniature, claims, tmp_path / "s")
    text = view.text(explain=True)
    (line,) = (line for line in text.splitlines() if "settings" in line)
    assert line == (
        "settings: about settings; needs no run of its own, it rests on those of the file's others"
    )
    assert text.count("; for topic;") == len(plan.specs)
    document = view.to_json()
    topic, settings = sorted(document["claims"], key=lambda c: c["claim"] == "settings")
    nothing = settings["bill"]
    assert nothing.keys() == topic["bill"].keys()
    assert [nothing[n] for n in ("evaluations", "runs", "shared", "finished")] == [0, 0, 0, 0]
    assert set(nothing["to_do"].values()) == {0}
    # what its evidence will rest on is still there
    assert settings["runs"] == topic["runs"] != []
    assert {tuple(run["claims"]) for run in document["runs"]} == {("settings", "topic")}


def test_a_claim_about_settings_without_neighbours_says_that_nothing_will_be_run(miniature):
    claims, plan = claims_and_plan(miniature, claim("alone", "protocol", settings=SETTING))
    lines = view_plan(plan, miniature, claims).text(explain=False).splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("alone: "))
    assert lines[place + 1] == "  refused: No other claim of the file needs a run."


def test_the_bill_is_said_with_its_error_and_what_is_arithmetic_is_called_so(miniature):
    claims, plan = claims_and_plan(miniature)
    view = view_plan(plan, miniature, claims)
    text = view.text(explain=False)
    factor = view.bill.throughput.factor
    assert f"9 of 10 kinds of runs take within a factor {factor:.2f}" in text
    assert "GPU-hours on one NVIDIA H200" in text
    assert "arithmetic, never measured" in text
    assert "\ndisk: " in text
    document = json.loads(json.dumps(view.to_json()))
    bill, runs = document["bill"], document["runs"]
    assert document["schema"] == "corroborate/plan-summary@1"
    assert bill["hours"] * 3600 == pytest.approx(sum(r["cost"]["seconds"] for r in runs))
    assert bill["hours_range"] == pytest.approx([bill["hours"] / factor, bill["hours"] * factor])
    assert bill["disk_bytes"] == sum(r["cost"]["disk_bytes"] for r in runs)
    assert bill["peak_gpu_memory_bytes"] == max(r["cost"]["peak_gpu_memory_bytes"] for r in runs)
    assert (bill["to_do"], bill["finished"], bill["runs_without_figure"]) == (len(runs), 0, 0)


def test_what_is_in_the_store_is_not_billed_again(miniature, tmp_path):
    claims, plan = claims_and_plan(miniature)
    done = plan.specs[:-3]
    keep(tmp_path / "s", done)
    whole = view_plan(plan, miniature, claims).to_json()
    left = view_plan(plan, miniature, claims, tmp_path / "s")
    document = left.to_json()
    assert (document["bill"]["finished"], document["bill"]["to_do"]) == (len(done), 3)
    assert document["bill"]["gpu_hours"] < whole["bill"]["gpu_hours"]
    assert f"{len(done)} finished already" in left.text(explain=False)
    keep(tmp_path / "s", plan.specs[-3:])
    nothing = view_plan(plan, miniature, claims, tmp_path / "s")
    assert "hours on" not in nothing.text(explain=False).split("\n\n")[0]
    assert nothing.to_json()["bill"]["disk_bytes"] == 0


def test_without_a_store_every_run_is_new(miniature):
    claims, plan = claims_and_plan(miniature)
    assert {r.sentence() for r in reasons_of(plan, None).values()} == {"new"}
    text = view_plan(plan, miniature, claims).text(explain=True)
    assert text.count(" new: ") == len(plan.specs)


def test_failed_started_damaged_and_missing_runs_are_told_apart(miniature, tmp_path):
    plan = plan_of(miniature)
    ends = of_phase(plan, "evaluation")
    path = keep(tmp_path / "s", plan.specs, failed=ends[:1], started=ends[1:2])
    (path / "runs" / ends[2].digest() / "model.safetensors").write_bytes(b"other weights")
    shutil.rmtree(path / "runs" / ends[3].digest())
    before = sorted(p for p in path.rglob("*"))
    found = reasons_in(path, plan)
    assert sorted(p for p in path.rglob("*")) == before  # to look changes nothing
    told = [found[s.digest()] for s in ends]
    assert [r.cause for r in told] == ["failed", "started", "damaged", "missing"]
    assert told[0].sentence() == "failed: no memory left"
    assert "model.safetensors: found 13 bytes" in told[2].sentence()
    rest = {d: r.cause for d, r in found.items() if d not in {s.digest() for s in ends}}
    assert set(rest.values()) == {"finished"}
    with Store.open(path) as store:  # a writer sets the damaged folder aside; the cause remains
        store.runs()
    again = reasons_in(path, plan)
    assert [again[s.digest()].cause for s in ends] == ["failed", "started", "damaged", "missing"]


def test_a_changed_run_says_field_by_field_what_is_other(miniature, tmp_path):
    path = keep(tmp_path / "s", plan_of(miniature).specs)
    changed = plan_of(
        miniature,
        changes=[
            "targets.mini_topic.recipe.epochs=7",
            "targets.mini_topic.recipe.learning_rate=0.5",
        ],
    )
    found = reasons_in(path, changed)
    for spec in changed.specs:
        reason = found[spec.digest()]
        if spec.phase in {"pretraining", "intermediate"}:
            assert reason.cause == "finished"
            continue
        prefix = "target." if spec.phase == "evaluation" else ""
        assert reason.cause == "changed"
        assert [c.sentence() for c in reason.changes] == [
            f"{prefix}recipes.mini_topic.epochs 6.0 -> 7.0",
            f"{prefix}recipes.mini_topic.learning_rate 0.001 -> 0.5",
        ]
    one = view_plan(changed, miniature, [], path).text(explain=True)
    assert "recipes.mini_topic.epochs 6.0 -> 7.0; recipes.mini_topic.learning_rate" in one


def test_a_change_far_up_is_named_with_its_phase_and_only_once(miniature, tmp_path):
    path = keep(tmp_path / "s", plan_of(miniature).specs)
    changed = plan_of(miniature, changes=["pretraining.recipe.epochs=5"])
    found = reasons_in(path, changed)
    told = {tuple(c.sentence() for c in r.changes) for r in found.values()}
    assert told == {("pretraining.recipe.epochs 4.0 -> 5.0",)}
    wider = plan_of(miniature, changes=["base.architecture.width=128"])
    told = {tuple(c.sentence() for c in r.changes) for r in reasons_in(path, wider).values()}
    assert told == {("base.architecture.width 64 -> 128",)}


def test_the_nearest_of_several_runs_is_the_one_compared_with(miniature, tmp_path):
    far = ["targets.mini_topic.recipe.epochs=9", "targets.mini_topic.recipe.batch_size=8"]
    path = keep(tmp_path / "s", plan_of(miniature, changes=far).specs)
    near = plan_of(miniature, changes=["targets.mini_topic.recipe.epochs=8"])
    keep(path, [s for s in near.specs if s.phase == "target"])
    found = reasons_in(path, plan_of(miniature))
    (target, *_) = of_phase(plan_of(miniature), "target")
    reason = found[target.digest()]
    assert [c.sentence() for c in reason.changes] == ["recipes.mini_topic.epochs 8.0 -> 6.0"]
    assert reason.nearest in {s.digest() for s in near.specs}


def test_other_data_are_a_change_of_their_revision(miniature, tmp_path):
    own = FolderSource(shutil.copytree(miniature.root, tmp_path / "own"), "the miniature")
    path = keep(tmp_path / "s", plan_of(own).specs)
    file = next(own.root.glob("**/mini_guild/train*.parquet"))
    shutil.copy(next(own.root.glob("**/mini_shuffled/train*.parquet")), file)
    other = plan_of(FolderSource(own.root, "the miniature"))
    found = reasons_in(path, other)
    reason = found[of_phase(other, "intermediate")[0].digest()]
    assert [c.field for c in reason.changes] == ["data.mini_guild:train.revision"]


def test_another_condition_or_seed_is_new_and_no_change(miniature, tmp_path):
    path = keep(tmp_path / "s", plan_of(miniature).specs)
    more = plan_of(miniature, claim("c", treatment=arm("mini_squad")), seeds=3)
    causes = {(s.condition.label(), s.seed): r.cause for s, r in zip(
        (s for s in more.specs if s.phase == "evaluation"),
        (reasons_in(path, more)[s.digest()] for s in more.specs if s.phase == "evaluation"),
        strict=True,
    )}  # fmt: skip
    assert causes == {
        **{("mini_squad", seed): "new" for seed in (0, 1, 2)},
        **{("none", seed): "finished" for seed in (0, 1)},
        ("none", 2): "new",
    }


FIELDS = {
    "epochs": st.integers(1, 9).map(float),
    "batch_size": st.integers(1, 64),
    "learning_rate": st.floats(1e-6, 1e-1),
    "clip_norm": st.floats(0.1, 9),
}


@given(given_=st.fixed_dictionaries({}, optional=FIELDS))
@UNHURRIED
def test_changes_are_exactly_the_fields_that_differ(miniature, given_):
    target = of_phase(plan_of(miniature), "target")[0]
    (task,) = target.tasks
    recipe = target.recipes[task].model_copy(update=given_)
    other = target.model_copy(update={"recipes": {task: recipe}})
    differing = {f for f, v in given_.items() if getattr(target.recipes[task], f) != v}
    found = changes_between(target, other)
    assert {c.field for c in found} == {f"recipes.{task}.{f}" for f in differing}
    assert bool(found) == (target.digest() != other.digest())


def test_a_store_of_other_runs_leaves_all_new(miniature):
    plan = plan_of(miniature)
    empty = Stored({s.digest(): "missing" for s in plan.specs}, {}, {})
    assert {r.cause for r in reasons_of(plan, empty).values()} == {"new"}


def test_a_large_plan_is_viewed_in_proportion_to_its_size(miniature):
    from test_plan_size import function_calls

    work = {}
    for seeds in (20, 40):
        claims, plan = claims_and_plan(
            miniature, claim("c", measure=measure(tasks="all")), seeds=seeds
        )
        work[seeds] = function_calls(lambda c=claims, p=plan: view_plan(p, miniature, c).to_json())
    assert work[40] < 2.2 * work[20]
