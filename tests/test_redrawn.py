"""Claims about sentences like these, and what examples add to the uncertainty of the others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verifier_strategies import MNLI, NONE, SQUAD, World, claim, spec_of, task_row

from claims.claim import ClaimSet
from replication.errors import StoreError
from replication.items import ItemOutcomes, LanguageItems
from verifier.verify import verify

TASKS = (
    task_row("ner", metrics=("f1",), family="tagging"),
    task_row("xnli", parallel=True),
)
N = 80
LIKE_THESE = {"benchmark": "toy", "split": "validation", "inference": "sentences_like_these"}


class Items:
    """The outcomes of every run, made up, and the scores that follow from them."""

    def __init__(self, rng, gain, *, k=3, item_sd=0.0, arms=(SQUAD, NONE), shuffle=None):
        self.tables, self.scores = {}, {}
        hard = rng.normal(0, item_sd, N)
        for condition in arms:
            better = gain.get(condition, 0.0)
            table = np.zeros((k, 2, 2))
            for seed in range(k):
                for at, task in enumerate(TASKS):
                    spec = spec_of(condition, task.name, seed)
                    tilt = hard if condition == arms[0] else -hard
                    languages = {
                        code: self._language(rng, task.name, code, 0.6 + better / 100 + tilt)
                        for code in sorted(task.languages)
                    }
                    self.tables[spec.digest()] = ItemOutcomes(task.name, "validation", languages)
                    table[seed, at] = [
                        languages[c].score("f1" if at == 0 else "accuracy")
                        for c in sorted(languages)
                    ]
            self.scores[condition] = table
        if shuffle is not None:
            for digest, found in self.tables.items():
                mixed = {
                    c: items.take(shuffle.permutation(items.n))
                    for c, items in found.languages.items()
                }
                self.tables[digest] = ItemOutcomes(found.task, "validation", mixed)

    @staticmethod
    def _language(rng, task, code, chance):
        right = (rng.random(N) < np.clip(chance, 0, 1)).astype(float)
        ids = pa.array([f"{i}" if task == "xnli" else f"{code}-{i}" for i in range(N)], pa.string())
        if task == "xnli":
            return LanguageItems(ids, {"accuracy": right})
        counts = {"matched": right, "predicted": np.ones(N), "gold": np.ones(N)}
        return LanguageItems(ids, counts)

    def __call__(self, run):
        return self.tables[run.spec_digest]


def verdict_of(rule, items, *, read=None, **changes):
    world = World(rule, items.scores, tasks=TASKS, n=N, **changes)
    return verify(
        [world.claim_set()], world.plan(), world.runs(), {"toy": world.protocol},
        tasks_of=lambda name: TASKS if name == "toy" else (), items=read or items,
    ).verdicts[0]  # fmt: skip


def width(verdict):
    return verdict.interval.high - verdict.interval.low


def gain(**fields):
    return claim("gain", **({"reported": 8.0, "tolerance": 4.0} | fields))


def test_a_claim_about_sentences_like_these_has_a_wider_interval_than_one_about_these():
    items = Items(np.random.default_rng(1), {SQUAD: 8}, item_sd=0.4, k=8)
    these = verdict_of(gain(), items)
    like = verdict_of(gain(measure=LIKE_THESE), items)
    assert like.estimate == pytest.approx(these.estimate)
    assert width(like) > 1.2 * width(these)
    assert "examples" in like.interval.method
    assert "examples" not in these.interval.method
    assert "about:sentences_like_these" in like.signature
    inside = {s.source: s.in_interval for s in like.evidence.variances}
    assert inside == {
        "seeds": True,
        "seeds_by_cell": True,
        "seeds_by_example": True,
        "examples": True,
    }
    fixed = {s.source: s.in_interval for s in these.evidence.variances}
    assert fixed["examples"] is False
    assert sum(s.share for s in these.evidence.variances) == pytest.approx(1)


PAIR = [{"treatment": SQUAD, "control": NONE}]
BEST = {
    "candidates": [SQUAD, MNLI],
    "control": NONE,
    "reported": 8.0,
    "tolerance": 4.0,
    "selection": {"split": "validation", "languages": "all"},
}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("value", {"condition": SQUAD, "reported": 68.0, "tolerance": 6.0}),
        ("ranking", {"candidates": [SQUAD, MNLI, NONE], "claimed": [SQUAD], "top": 1}),
        ("consistency", {"contrasts": PAIR, "cells": "tasks", "at_least": "all"}),
        (
            "no_benefit",
            {"contrasts": PAIR, "minimum_effect": {"points": 9.0, "because": "a test"}},
        ),
        ("not_consistently_better", {"contrasts": PAIR, "cells": "languages"}),
        ("selected_gain", BEST),
    ],
)
def test_examples_widen_the_interval_of_every_kind_of_claim_about_scores(kind, fields):
    items = Items(np.random.default_rng(2), {SQUAD: 8}, item_sd=0.3, arms=(SQUAD, NONE, MNLI))
    these = verdict_of(claim(kind, **fields), items)
    like = verdict_of(claim(kind, **fields, measure=LIKE_THESE), items)
    assert width(like) > width(these)
    assert these.verdict == like.verdict or like.verdict == "inconclusive"


def test_without_the_answers_a_claim_about_sentences_like_these_is_not_evaluable():
    items = Items(np.random.default_rng(1), {SQUAD: 8})
    world = World(gain(measure=LIKE_THESE), items.scores, tasks=TASKS, n=N)
    bare = world.verdict()
    assert (bare.verdict, bare.finding) == ("not_evaluable", "no_evidence")
    assert "each answer is needed" in bare.reasons[0]

    def damaged(run):
        raise StoreError("run 'x': items.parquet: found SHA-256 1 ; expected 2. Run it again.")

    broken = verdict_of(gain(measure=LIKE_THESE), items, read=damaged)
    assert broken.verdict == "not_evaluable"
    assert "found SHA-256 1" in broken.reasons[0]
    # about these very examples the scores are enough, and the reader hears what is not known
    enough = verdict_of(gain(), items, read=damaged)
    assert enough.verdict == world.but(claim=gain()).verdict().verdict
    assert any("what examples add" in line for line in enough.evidence.exclusions)
    assert {s.source for s in enough.evidence.variances} == {"seeds", "seeds_by_cell"}


def test_runs_on_other_examples_are_not_paired():
    items = Items(np.random.default_rng(1), {SQUAD: 8})
    digest = next(d for d, t in items.tables.items() if t.task == "xnli")
    english = items.tables[digest].languages["en"]
    renamed = pa.array([f"x{i}" for i in range(N)], pa.string())
    languages = {**items.tables[digest].languages, "en": LanguageItems(renamed, english.outcomes)}
    items.tables[digest] = ItemOutcomes("xnli", "validation", languages)
    found = verdict_of(gain(measure=LIKE_THESE), items)
    assert found.verdict == "not_evaluable"
    assert "different examples" in found.reasons[0]


@settings(max_examples=10)
@given(st.integers(0, 100))
def test_the_order_of_examples_in_a_run_changes_no_byte(number):
    same = [Items(np.random.default_rng(4), {SQUAD: 8}) for _ in range(2)]
    mixed = Items(np.random.default_rng(4), {SQUAD: 8}, shuffle=np.random.default_rng(number))
    first, again, other = (verdict_of(gain(measure=LIKE_THESE), i) for i in (*same, mixed))
    assert first.canonical() == again.canonical()
    assert other.interval.low == pytest.approx(first.interval.low, rel=0.02)


def test_parallel_languages_are_drawn_together_and_others_apart():
    """A task whose languages hold the very same answers gains no precision from the second one."""
    rng = np.random.default_rng(8)
    items = Items(rng, {SQUAD: 8}, item_sd=0.3)
    for found in items.tables.values():
        if found.task == "xnli":
            found.languages["sw"] = found.languages["en"]
    only = {
        "benchmark": "toy",
        "split": "validation",
        "inference": "sentences_like_these",
        "tasks": ("xnli",),
    }
    for digest_table in items.scores.values():
        digest_table[:, 1, 1] = digest_table[:, 1, 0]
    both = verdict_of(gain(measure=only), items)
    one = verdict_of(gain(measure={**only, "languages": ("en",)}), items)
    assert both.estimate == pytest.approx(one.estimate)
    part = {s.source: s.variance for s in both.evidence.variances}["examples"]
    alone = {s.source: s.variance for s in one.evidence.variances}["examples"]
    assert part == pytest.approx(alone, rel=0.1)


def test_claims_are_read_as_files_with_the_scope_of_their_inference():
    document = {
        "schema": "corroborate/claims@1",
        "paper": {"title": "A toy paper"},
        "claims": [gain(measure=LIKE_THESE).model_dump(mode="json")],
    }
    again = ClaimSet.model_validate(document).claims[0]
    assert again.criterion() == gain(measure=LIKE_THESE).criterion()
    assert again.criterion() != gain().criterion()
