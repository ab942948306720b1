"""Rare turns of a verification: nothing drawn at random, one cluster, files that do not fit together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_family import gain as gain_of_paper
from test_redrawn import LIKE_THESE, PAIR, Items, gain, verdict_of
from test_redrawn import TASKS as REDRAWN
from test_redrawn import N as EXAMPLES
from verifier_strategies import (
    MNLI,
    NONE,
    SQUAD,
    World,
    claim,
    level_arm,
    protocol,
    run_of,
    spec_of,
)

import verifier.looks as module
from claims.claim import ClaimSet
from replication.items import ITEMS, ItemOutcomes, LanguageItems
from replication.run import ClaimNeeds, DataUse, Measurement, Plan
from replication.store import Store
from verifier.claim_order import soonest
from verifier.looks import verify_store
from verifier.verify import verify

# Order and planning


@pytest.mark.parametrize(("sharing", "place"), [(199, -1), (200, 0)])
def test_with_more_than_200_claims_the_one_that_lacks_least_goes_first(sharing, place):
    """The others are worth more together, which is looked for only up to 200 claims."""
    lacking = {f"c{i}": {"long"} for i in range(sharing)} | {"alone": {"short"}}
    order = soonest(lacking, {"long": 10.0, "short": 9.0}, ["short", "long"])
    assert sorted(order) == sorted(lacking)
    assert order[place] == "alone"


def test_where_nothing_is_random_the_advice_counts_in_steps_and_asks_for_no_seeds():
    n = 20
    fixed = {SQUAD: np.full((2, 2), 52.0), NONE: np.full((2, 2), 50.0)}
    world = World(claim("gain", reported=4.0, tolerance=3.0), fixed, n=n)
    found = world.verdict()
    step = 100 / n / 4  # one example of one of four cells
    # of a one-sided normal test at .025: 1.96 + 0.84 standard errors for a power of .8
    shown = f"a distance of {2.8016 * step:.2f} points from a boundary would be seen"
    assert found.verdict == "inconclusive"
    assert any(shown in line for line in found.reasons)
    assert any("No number of seeds" in line for line in found.reasons)
    assert (found.seeds_needed, found.power) == (None, ())


# The paper as a whole


def judged_with(effect, *more):
    """Verdict on `nothing gained by SQuAD`, where other claims of the paper stand beside it."""
    rule = claim(
        "no_benefit",
        id="none",
        contrasts=PAIR,
        minimum_effect={"points": 0.5, "because": "a test"},
    )
    scores = {
        SQUAD: level_arm([50 + effect - 1, 50 + effect, 50 + effect + 1]),
        MNLI: level_arm([59.9, 60, 60.1]),
        NONE: level_arm([49, 50, 51]),
    }
    world = World(rule, scores)
    runs = tuple(s.digest() for s in world.plan().specs)
    needs = tuple(
        ClaimNeeds(claim=c.id, criterion=c.criterion(), runs=runs, refusals=())
        for c in (rule, *more)
    )
    paper = ClaimSet.model_validate(
        {
            "schema": "corroborate/claims@1",
            "paper": {"title": "A toy paper", "protocol": "toy"},
            "claims": [rule, *more],
        }
    )
    plan = world.plan().model_copy(update={"needs": needs})
    reported = {"toy": world.protocol}
    return verify([paper], plan, world.runs(), reported, tasks_of=lambda _: world.tasks).verdicts[0]


@pytest.mark.parametrize(
    ("errors", "stands"),
    # 3.5 standard errors are Welch's at the corrected level, 6.2 those that hold whatever the variances
    [(4.5, False), (7.0, True)],
)
def test_a_claim_over_cells_is_held_to_the_strict_test_among_other_claims(errors, stands):
    effect = 0.5 + errors * np.sqrt(2 / 3)
    alone = judged_with(effect)
    among = judged_with(effect, gain_of_paper("other", treatment=MNLI))
    assert alone.verdict == among.verdict == "not_reproduced"
    assert alone.family.contradicted
    assert among.family.size == 2
    assert among.family.contradicted is stands


# Other examples


def changed(items, task, change):
    """Give the first run of a task other outcomes of its examples; `change` maps its languages."""
    digest = next(d for d, t in items.tables.items() if t.task == task)
    found = items.tables[digest]
    items.tables[digest] = ItemOutcomes(task, "validation", change(found.languages))
    return items


def refused(items, said):
    found = verdict_of(gain(measure=LIKE_THESE), items)
    assert (found.verdict, found.finding) == ("not_evaluable", "no_evidence")
    assert said in found.reasons[0]


def test_questions_about_one_passage_only_say_nothing_of_other_passages():
    def about(passages):
        items = Items(np.random.default_rng(1), {SQUAD: 8})
        told = pa.array([f"p{i % passages}" for i in range(EXAMPLES)], pa.string())
        for digest, found in items.tables.items():
            languages = {c: replace(x, passages=told) for c, x in found.languages.items()}
            items.tables[digest] = ItemOutcomes(found.task, "validation", languages)
        return items

    refused(about(1), "ner en has a single cluster of examples")
    assert verdict_of(gain(measure=LIKE_THESE), about(2)).interval is not None


def test_a_run_without_the_outcomes_of_a_language_that_it_scored_is_refused():
    items = Items(np.random.default_rng(1), {SQUAD: 8})
    changed(items, "xnli", lambda languages: {"en": languages["en"]})
    refused(items, "xnli sw: a run has no outcomes of its examples")


def test_runs_that_kept_different_outcomes_are_not_put_together():
    items = Items(np.random.default_rng(1), {SQUAD: 8})

    def counted(languages):
        right = languages["sw"].outcomes["accuracy"]
        counts = {"matched": right, "predicted": np.ones(EXAMPLES), "gold": np.ones(EXAMPLES)}
        return {**languages, "sw": LanguageItems(languages["sw"].ids, counts)}

    refused(changed(items, "xnli", counted), "xnli sw: two runs kept different outcomes")


@pytest.mark.parametrize("measure", [LIKE_THESE, {"benchmark": "toy", "split": "validation"}])
def test_a_task_that_two_runs_scored_between_them_cannot_be_drawn_anew(measure):
    items = Items(np.random.default_rng(1), {SQUAD: 8})
    rule = gain(measure=measure)
    whole = World(rule, items.scores, tasks=REDRAWN, n=EXAMPLES)
    split = next(r for r in whole.runs() if r.spec.condition == SQUAD and r.spec.tasks == ("xnli",))
    english = [m for m in split.measurements if m.language == "en"]
    swahili = [m for m in split.measurements if m.language == "sw"]
    second = run_of(spec_of(SQUAD, "xnli", split.spec.seed, precision="bf16"), swahili)
    world = whole.but(extra_runs=(second,))
    first = run_of(split.spec, english)
    runs = [first if r.spec_digest == split.spec_digest else r for r in world.runs()]
    found = verify(
        [world.claim_set()], world.plan(), [*runs, second], {"toy": world.protocol},
        tasks_of=lambda _: REDRAWN, items=items,
    ).verdicts[0]  # fmt: skip
    said = f"no single run holds the examples of [{SQUAD.label()}] seeds ({split.spec.seed},)"
    if measure is LIKE_THESE:
        assert (found.verdict, found.finding) == ("not_evaluable", "no_evidence")
        assert said in found.reasons[0]
    else:
        assert found.estimate == pytest.approx(whole.verdict().estimate)
        assert any(said in line for line in found.evidence.exclusions)


# Item outcomes at hand


def stored(path):
    """A store of six runs with the outcomes of their examples, and two claims that rest on all."""
    rng = np.random.default_rng(3)
    measure = {
        "benchmark": "xtreme", "split": "test", "tasks": ("xnli",), "languages": ("en", "sw"),
    }  # fmt: skip
    recipe = protocol(evaluation={"splits": {"ner": "test", "xnli": "test"}})
    data = (DataUse(name="xnli", split="test", languages=("en", "sw"), revision="sha256:0"),)
    claims = [
        claim("gain", id=name, reported=size, tolerance=4.0, measure=measure)
        for name, size in (("one", 8.0), ("two", 12.0))
    ]
    specs = [spec_of(c, "xnli", seed, data=data) for c in (SQUAD, NONE) for seed in range(3)]
    runs = tuple(sorted(s.digest() for s in specs))
    needs = tuple(
        ClaimNeeds(claim=c.id, criterion=c.criterion(), runs=runs, refusals=()) for c in claims
    )
    plan = Plan(
        protocol=recipe, data="test", needs=needs, specs=tuple(specs), claims_digest="0" * 64
    )
    with Store.open(path) as store:
        store.add_plan(plan)
        for spec in specs:
            folder = store.begin(spec)
            right = {c: (rng.random(40) < 0.6).astype(float) for c in ("en", "sw")}
            table = {
                "language": [c for c in right for _ in range(40)],
                "id": [f"{c}-{i}" for c in right for i in range(40)],
                "accuracy": np.concatenate([*right.values()]),
            }
            pq.write_table(pa.table(table), folder / ITEMS)
            scores = [
                Measurement(
                    task="xnli", language=c, split="test", metric="accuracy",
                    score=100 * float(values.mean()), n=40,
                )
                for c, values in right.items()
            ]  # fmt: skip
            store.finish(run_of(spec, scores), folder)
    paper = {"title": "A toy paper", "protocol": "toy"}
    document = {"schema": "corroborate/claims@1", "paper": paper, "claims": claims}
    return [("claims.yaml", ClaimSet.model_validate(document))], {"toy": recipe}


def test_claims_that_share_runs_read_their_examples_once_as_far_as_there_is_room(
    tmp_path, monkeypatch
):
    named, reported = stored(tmp_path / "store")
    read = []

    def counting(folder, run):
        read.append(run.spec_digest)
        return read_items(folder, run)

    read_items = module.read_items
    monkeypatch.setattr(module, "read_items", counting)

    def verified(room):
        read.clear()
        monkeypatch.setattr(module, "_HELD", room)
        return verify_store(tmp_path / "store", named, reported).verdicts, len(read)

    with Store.open(tmp_path / "store", write=False) as store:
        sizes = {read_items(store.folder(r.spec_digest), r).nbytes for r in store.runs()}
    (size,) = sizes
    ample, once = verified(module._HELD)
    assert all(len(v.evidence.variances) == 4 for v in ample.verdicts)
    assert once == 6
    for room, times in ((6 * size, 6), (2 * size, 2 + 2 * 4), (0, 12)):
        assert verified(room) == (ample, times)
