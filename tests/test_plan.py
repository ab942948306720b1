"""Plans: the same runs whatever the order, each once, and a reason for whatever cannot be run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import tiny_data as tiny
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import SHARED, UNHURRIED, arm, claim, claim_set, contrast, measure

from claims.library import load
from replication.data import FolderSource
from replication.errors import PlanError
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.protocol import Protocol
from replication.protocols import load_protocol
from replication.run import Plan

ROOT = Path(__file__).parents[1]
TASKS = ("mini_topic", "mini_tags", "mini_qa", "mini_pairs")
ARMS = ("mini_guild", "mini_shuffled", "mini_choice", "mini_squad")
SETTING = [{"field": "base.architecture.layers", "equals": 2}]


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("miniature")), "the miniature")


@pytest.fixture
def own_miniature(miniature, tmp_path):
    """A copy that a test may damage."""
    return FolderSource(Path(shutil.copytree(miniature.root, tmp_path / "own")), "the miniature")


@pytest.fixture(scope="module")
def xtreme(tmp_path_factory):
    return FolderSource(tiny.write_xtreme(tmp_path_factory.mktemp("xtreme")))


def mini(**changes) -> Protocol:
    document = load_protocol("miniature", seeds=2).model_dump(mode="json", by_alias=True)
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = document
        for step in parents:
            inner = inner[step]
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return Protocol.model_validate(document)


def plan_of(source, *claims, protocol=None) -> Plan:
    return make_plan([claim_set(*claims)], protocol or mini(), source)


def phases(plan: Plan) -> Counter:
    return Counter(spec.phase for spec in plan.specs)


def reasons(plan: Plan, name: str = "c") -> str:
    (need,) = [n for n in plan.needs if n.claim == name]
    return "\n".join(r.reason for r in need.refusals)


def evaluated(plan: Plan) -> set[str]:
    return {spec.tasks[0] for spec in plan.specs if spec.phase == "evaluation"}


arms = st.lists(st.sampled_from(ARMS), max_size=2, unique=True).map(lambda names: arm(*names))
measures = st.builds(
    measure,
    tasks=st.lists(st.sampled_from(TASKS), min_size=1, max_size=2, unique=True),
    languages=st.sampled_from(["all", "zero_shot", ["en", "qaa"], ["qad"]]),
    split=st.sampled_from(["validation", "test", "unknown"]),
)
several = st.lists(
    arms, min_size=3, max_size=3, unique_by=lambda a: tuple(sorted(a["intermediate"]))
)


@st.composite
def claims(draw, name):
    kind = draw(st.sampled_from(["gain", "ranking", "no_benefit", "value", "protocol"]))
    if kind == "protocol":
        return claim(name, kind, settings=SETTING)
    first, second, third = draw(several)
    fields = {
        "gain": {"treatment": first, "control": second},
        "ranking": {"candidates": [first, second, third], "claimed": [second], "top": 1},
        "no_benefit": {"contrasts": [contrast(first, second), contrast(third, second)]},
        "value": {
            "condition": first,
            "reported": 50,
            "tolerance": {"points": 5, "because": "a test"},
        },
    }[kind]
    return claim(name, kind, **fields, measure=draw(measures))


@st.composite
def claim_files(draw):
    """Two files of one to three claims, as lists."""
    sizes = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return [[draw(claims(f"c{i}-{j}")) for j in range(n)] for i, n in enumerate(sizes)]


@given(files=claim_files(), data=st.data())
@UNHURRIED
def test_the_order_of_claims_and_of_files_changes_nothing(miniature, files, data):
    shuffled = data.draw(st.permutations([data.draw(st.permutations(f)) for f in files]))
    one, two = (
        make_plan([claim_set(*file) for file in given_], mini(), miniature)
        for given_ in (files, shuffled)
    )
    assert one.canonical() == two.canonical()


@given(files=claim_files())
@UNHURRIED
def test_every_run_is_there_once_after_its_parent_and_because_a_claim_needs_it(miniature, files):
    plan = make_plan([claim_set(*file) for file in files], mini(), miniature)
    digests = [spec.digest() for spec in plan.specs]
    assert len(set(digests)) == len(digests)
    seen = set()
    for digest, spec in zip(digests, plan.specs, strict=True):
        assert spec.parent is None or spec.parent in seen
        seen.add(digest)
    ends = {r for need in plan.needs for r in need.runs}
    assert ends == {d for d, s in zip(digests, plan.specs, strict=True) if s.phase == "evaluation"}
    parents = {spec.parent for spec in plan.specs}
    assert set(digests) == ends | (parents - {None})
    assert [n.claim for n in plan.needs] == sorted(c["id"] for f in files for c in f)


@given(files=claim_files())
@UNHURRIED
def test_a_claim_needs_the_same_runs_with_and_without_the_others(miniature, files):
    together = make_plan([claim_set(*file) for file in files], mini(), miniature)
    for one in (c for file in files for c in file if c["kind"] != "protocol"):
        alone = make_plan([claim_set(one)], mini(), miniature)
        assert alone.needs[0] in together.needs
        assert all(spec in together.specs for spec in alone.specs)


def test_conditions_share_one_pretraining_and_targets_share_one_intermediate_phase(miniature):
    plan = plan_of(miniature, claim("c", measure=measure(tasks=["mini_topic", "mini_tags"])))
    # 2 seeds: guild is trained once a seed, each target for both arms, each evaluated
    assert phases(plan) == {"pretraining": 1, "intermediate": 2, "target": 8, "evaluation": 8}


def test_all_intermediate_tasks_are_the_condition_that_names_them(miniature):
    named, every = (
        plan_of(miniature, claim("c", treatment=treatment))
        for treatment in (arm(*ARMS), {"intermediate": "all"})
    )
    assert named.specs == every.specs


def test_targets_that_are_trained_alike_share_their_training(xtreme):
    gain = claim(
        "c",
        treatment=arm("mnli"),
        measure=measure(benchmark="xtreme", tasks=["tydiqa", "xquad"], split="validation"),
    )
    plan = plan_of(xtreme, gain, protocol=load_protocol("scratch", "small"))
    assert evaluated(plan) == {"tydiqa", "xquad"}
    assert phases(plan)["target"] == 4  # two arms, two seeds
    assert phases(plan)["evaluation"] == 8
    parents = Counter(s.parent for s in plan.specs if s.phase == "evaluation")
    assert set(parents.values()) == {2}


def test_targets_that_are_trained_otherwise_do_not_share_it(xtreme):
    protocol = load_protocol("scratch", "small").model_dump(mode="json", by_alias=True)
    protocol["targets"]["xquad"]["recipe"]["epochs"] = 1
    gain = claim(
        "c",
        treatment=arm("mnli"),
        measure=measure(benchmark="xtreme", tasks=["tydiqa", "xquad"], split="validation"),
    )
    plan = plan_of(xtreme, gain, protocol=Protocol.model_validate(protocol))
    assert phases(plan)["target"] == 8


def test_retrieval_has_no_target_run_and_none_of_it_is_evaluated_once_without_seed(miniature):
    plan = plan_of(miniature, claim("c", measure=measure(tasks=["mini_pairs"])))
    assert phases(plan) == {"pretraining": 1, "intermediate": 2, "evaluation": 3}
    seeds = {(s.condition.label(), s.seed) for s in plan.specs if s.phase == "evaluation"}
    assert seeds == {("none", None), ("mini_guild", 0), ("mini_guild", 1)}


def test_the_digest_of_a_plan_does_not_depend_on_the_hash_seed(miniature):
    code = (
        "import sys; from pathlib import Path\n"
        "from claims.library import load; from replication.data import FolderSource\n"
        "from replication.plan import make_plan; from replication.protocols import load_protocol\n"
        "sets = [s for n in ('controls', 'xstilts') for _, s in load(n)]\n"
        "source = FolderSource(Path(sys.argv[1]), 'the miniature')\n"
        "print(make_plan(sets, load_protocol('miniature'), source).digest())"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code, str(miniature.root)],
            check=True,
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(found[0].strip()) == 64


def test_the_controls_can_all_be_run(miniature):
    plan = make_plan([s for _, s in load("controls")], load_protocol("miniature"), miniature)
    assert all(need.runs and not need.refusals for need in plan.needs)


def test_a_papers_own_protocol_is_refused_with_every_unknown_field(miniature):
    with pytest.raises(PlanError) as caught:
        plan_of(miniature, claim("c"), protocol=load_protocol("xstilts"))
    lines = str(caught.value).splitlines()
    assert "name a protocol that fills these in" in lines[0]
    blocks = dict(line.strip().split(": ") for line in lines[1:] if ": " in line)
    assert {"epochs", "learning_rate"} <= set(blocks["intermediate"].split(", "))
    assert blocks["evaluation.splits"].split(", ")[0] == "bucc"
    assert any("seeds" in line.strip().split(", ") for line in lines)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pretraining": None}, r"found no base.checkpoint"),
        ({"base__checkpoint": "some/model"}, "both base.checkpoint and pretraining"),
        ({"intermediate__epochs": "unknown", "seeds": "unknown"}, r"(?s)epochs.*seeds"),
    ],
)
def test_a_protocol_that_no_run_can_follow_is_refused(miniature, changes, message):
    with pytest.raises(PlanError, match=message):
        plan_of(miniature, claim("c"), protocol=mini(**changes))


def test_training_data_that_leaks_into_the_evaluation_is_refused_with_the_reason(xtreme):
    gain = claim(
        "c",
        treatment=arm("squad_v1"),
        measure=measure(benchmark="xtreme", tasks=["tydiqa", "xquad"], split="validation"),
    )
    plan = plan_of(xtreme, gain, protocol=load_protocol("scratch", "small"))
    assert evaluated(plan) == {"tydiqa"}
    (refusal,) = [r for r in plan.needs[0].refusals if r.task == "xquad"]
    assert "leaks into 'xquad'" in refusal.reason
    assert "1190 questions" in refusal.reason
    assert refusal.condition.intermediate == ("squad_v1",)


def test_a_target_that_is_trained_on_leaking_data_is_refused_for_every_condition(xtreme):
    protocol = load_protocol("scratch", "small").model_dump(mode="json", by_alias=True)
    protocol["targets"]["xquad"]["train_on"] = "squad_v1"
    gain = claim(
        "c",
        treatment=arm("mnli"),
        measure=measure(benchmark="xtreme", tasks=["xquad"], split="validation"),
    )
    plan = plan_of(xtreme, gain, protocol=Protocol.model_validate(protocol))
    assert plan.specs == ()
    refused = {r.condition.label() for r in plan.needs[0].refusals if "leaks" in r.reason}
    assert refused == {"mnli", "none"}


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not here")
def test_on_the_real_data_squad_is_scored_on_all_but_xquad():
    sets = [s for _, s in load("xstilts")]
    plan = make_plan(sets, load_protocol("scratch"), FolderSource(SHARED))
    scored = {
        s.tasks[0]
        for s in plan.specs
        if s.phase == "evaluation" and "squad_v1" in s.condition.intermediate
    }
    assert scored == {"panx", "tatoeba", "tydiqa", "udpos", "xnli"}
    assert "xquad" in evaluated(plan)
    assert "leaks into 'xquad'" in reasons(plan, "squad-gain")
    assert "lacks ar, de, hi, it, ru" in reasons(plan, "squad-gain")


def test_an_empty_folder_gives_a_plan_without_runs_and_a_reason_for_every_claim(tmp_path):
    sets = [s for name in ("controls", "xstilts") for _, s in load(name)]
    for protocol in (load_protocol("miniature"), load_protocol("scratch")):
        plan = make_plan(sets, protocol, FolderSource(tmp_path))
        assert plan.specs == ()
        assert all(need.refusals and not need.runs for need in plan.needs)


def test_absent_training_data_are_named(own_miniature):
    shutil.rmtree(own_miniature.root / "miniature" / "mini_guild")
    shutil.rmtree(own_miniature.root / "miniature" / "mini_tags")
    plan = plan_of(own_miniature, claim("c"), claim("d", control=arm("mini_choice")))
    assert plan.specs == ()
    assert "'mini_guild' has no English split 'train' in the miniature" in reasons(plan)
    other = claim("c", treatment=arm("mini_squad"), measure=measure(tasks=["mini_tags", "mini_qa"]))
    plan = plan_of(own_miniature, other)
    assert evaluated(plan) == {"mini_qa"}
    assert "'mini_tags' has no English split 'train'" in reasons(plan)


def test_absent_text_to_pretrain_on_is_named(own_miniature):
    shutil.rmtree(own_miniature.root / "miniature" / "mini_text")
    plan = plan_of(own_miniature, claim("c"))
    assert plan.specs == ()
    assert "No text to pretrain on in the miniature: mini_text" in reasons(plan)


def test_text_of_which_a_part_is_absent_is_noted_and_the_rest_is_used(xtreme):
    gain = claim("c", treatment=arm("mnli"), measure=measure(benchmark="xtreme", tasks=["xnli"]))
    plan = plan_of(xtreme, gain, protocol=load_protocol("scratch", "small"))
    assert evaluated(plan) == {"xnli"}
    assert "Pretraining goes without panx_test_text" in reasons(plan)
    assert "without xnli_validation_text" not in reasons(plan)


def test_a_broken_file_is_a_refusal_that_names_it(own_miniature):
    for damaged in ("test", "train"):
        path = own_miniature.root / "miniature" / "mini_topic" / f"{damaged}.parquet"
        path.write_bytes(b"no Parquet")
        plan = plan_of(own_miniature, claim("c"))
        assert plan.specs == ()
        assert str(path) in reasons(plan)


@pytest.mark.parametrize(
    ("protocol", "own", "message"),
    [
        ({"targets__mini_topic": None}, {}, "does not have this target task"),
        ({"evaluation__splits__mini_topic": None}, {}, "names no split to score it on"),
        (
            {"evaluation__retrieval": None},
            {"measure": measure(tasks=["mini_pairs"])},
            "how sentences become vectors",
        ),
        ({"pretraining__corpus": ["nosuch"]}, {}, "corpus nosuch has no row"),
        ({}, {"treatment": arm("nosuch")}, "no intermediate task nosuch"),
        ({"intermediate_tasks": ["nosuch"]}, {"treatment": arm("nosuch")}, "'nosuch' has no row"),
        ({}, {"measure": measure(benchmark="nosuch", tasks="all")}, "'nosuch' has no row"),
        ({}, {"measure": measure(benchmark="nosuch")}, "'nosuch' has no row"),
        ({}, {"measure": measure(tasks=["xnli"])}, "'miniature' has no such task"),
        ({}, {"measure": measure(languages=["xx"])}, "none of the languages asked for: xx"),
        (
            {"masked_mixing": None},
            {"treatment": arm("mini_guild", mlm=True), "control": arm("mini_guild")},
            "masked-lang",
        ),
        ({}, {"treatment": arm(base="other")}, "not from 'other'"),
        (
            {},
            {
                "treatment": arm("mini_guild", intermediate_language="de"),
                "control": arm("mini_guild"),
            },
            "English|'de'",
        ),
        ({}, {"treatment": arm(training_language="de")}, "English|'de'"),
    ],
)
def test_what_is_missing_is_a_reason_and_no_exception(miniature, protocol, own, message):
    plan = plan_of(miniature, claim("c", **own), protocol=mini(**protocol))
    assert plan.specs == ()
    assert re.search(message, reasons(plan))


def test_a_language_that_is_not_at_hand_is_named_and_the_others_are_scored(own_miniature):
    path = own_miniature.root / "miniature" / "mini_topic" / "test.parquet"
    rows = [{"language": code, "sentence": "a b", "label": 0} for code in ("en", "qaa")]
    tiny.write(path, rows)
    asked = {"c": "all", "d": ["en", "qad"], "e": ["qab", "qad"]}
    claims = [claim(n, measure=measure(languages=codes)) for n, codes in asked.items()]
    plan = plan_of(own_miniature, *claims)
    assert "Split 'test' lacks qab, qac, qad" in reasons(plan, "c")
    assert "Split 'test' lacks qad in" in reasons(plan, "d")
    assert "Split 'test' lacks qab, qad in" in reasons(plan, "e")
    runs = {n.claim: len(n.runs) for n in plan.needs}
    assert runs == {"c": 4, "d": 4, "e": 0}
    (used,) = {s.data[0].languages for s in plan.specs if s.phase == "evaluation"}
    assert used == ("en", "qaa")


def test_claims_over_contrasts_keep_what_can_run_and_rankings_do_not(miniature):
    contrasts = [contrast(arm("mini_guild")), contrast(arm("nosuch"))]
    candidates = [arm("mini_guild"), arm("nosuch"), arm()]
    plan = plan_of(
        miniature,
        claim("c", "no_benefit", contrasts=contrasts),
        claim("d", "ranking", candidates=candidates, claimed=[arm("mini_guild")], top=1),
    )
    runs = {n.claim: n.runs for n in plan.needs}
    assert len(runs["c"]) == 4
    assert runs["d"] == ()
    assert reasons(plan, "c") == reasons(plan, "d")
    assert {s.condition.label() for s in plan.specs[1:]} == {"mini_guild", "none"}


def test_one_id_in_two_claim_files_is_refused(miniature):
    with pytest.raises(PlanError, match=r"claims c: found the id twice"):
        make_plan([claim_set(claim("c")), claim_set(claim("c"))], mini(), miniature)


def test_a_claim_about_settings_rests_on_what_its_own_file_runs(miniature):
    settings = claim("s", "protocol", settings=SETTING)
    together = [claim_set(claim("c"), settings), claim_set(claim("d", control=arm("mini_choice")))]
    needs = {n.claim: n.runs for n in make_plan(together, mini(), miniature).needs}
    assert needs["s"] == needs["c"] != needs["d"]
    alone = plan_of(miniature, settings)
    assert alone.specs == ()
    assert reasons(alone, "s") == "No other claim of the file needs a run."


def test_a_selection_is_made_on_the_split_that_the_claim_names(miniature):
    selected = claim(
        "c",
        "selected_gain",
        candidates=[arm("mini_guild"), arm("mini_choice")],
        control=arm(),
        selection={"split": "validation", "languages": "training"},
        reported="unknown",
        minimum_effect=tiny.EFFECT,
    )
    plan = plan_of(miniature, selected)
    splits = Counter(s.data[0].split for s in plan.specs if s.phase == "evaluation")
    assert splits == {"validation": 6, "test": 6}


@pytest.mark.parametrize(
    ("claimed", "scored"), [("validation", "validation"), ("unknown", "test"), ("train", "train")]
)
def test_the_split_is_the_claims_where_it_is_known(miniature, claimed, scored):
    plan = plan_of(miniature, claim("c", measure=measure(split=claimed)))
    assert {s.data[0].split for s in plan.specs if s.phase == "evaluation"} == {scored}


def test_a_split_that_is_not_there_gives_way_to_the_protocols(miniature):
    pairs = measure(tasks=["mini_pairs"], split="train")
    plan = plan_of(miniature, claim("c", measure=pairs))
    assert {s.data[0].split for s in plan.specs if s.phase == "evaluation"} == {"test"}


def test_other_bytes_are_other_runs_for_what_reads_them_and_for_nothing_else(own_miniature):
    both = claim("c", measure=measure(tasks=["mini_topic", "mini_tags"]))
    before = plan_of(own_miniature, both)
    folder = own_miniature.root / "miniature" / "mini_tags"
    shutil.copy(folder / "validation.parquet", folder / "train.parquet")
    after = plan_of(own_miniature, both)
    gone = [s for s in before.specs if s not in after.specs]
    assert {s.tasks for s in gone} == {("mini_tags",)}
    assert {s.phase for s in gone} == {"target", "evaluation"}
    assert before.digest() != after.digest()


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not here")
def test_text_that_the_encoder_was_pretrained_on_is_not_scored():
    sets = [claim_set for _, claim_set in load("xstilts")]
    changed = load_protocol("scratch", changes=["evaluation.splits.xnli=validation"])
    plan = make_plan(sets, changed, FolderSource(SHARED))
    scored = {s.tasks[0] for s in plan.specs if s.phase == "evaluation"}
    assert "xnli" not in scored
    assert "panx" in scored
    told = {r.reason for n in plan.needs for r in n.refusals if r.task == "xnli"}
    assert "Corpus 'xnli_validation_text' is the text of split 'validation', scored here." in told


def test_another_first_seed_shares_no_seeded_run_with_the_first_ones(miniature):
    claims = [s for _, s in load("controls")]
    plans = [
        make_plan(claims, load_protocol("miniature", changes=[f"first_seed={n}"]), miniature)
        for n in (0, 1000)
    ]
    shared = {s.digest() for s in plans[0].specs} & {s.digest() for s in plans[1].specs}
    seeded = [
        {s.digest() for s in p.specs if s.seed is not None and s.phase != "pretraining"}
        for p in plans
    ]
    assert not shared & (seeded[0] | seeded[1])
    assert len(seeded[0]) == len(seeded[1]) > 0
