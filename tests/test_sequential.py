"""Planned looks share the error that a claim allows; an unplanned one decides nothing."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from verifier_strategies import MNLI, NONE, SQUAD, World, arm, claim, protocol, run_of, spec_of

from replication.deviations import compare
from replication.run import ClaimNeeds
from verifier.decisions_size import SizeCriterion, decide_size
from verifier.intervals import Scores, difference
from verifier.ledger import Ledger
from verifier.looks import looks_of
from verifier.outcome import Outcome
from verifier.sequential import Standing, held_if_unplanned, spent_level, standing_of, trained
from verifier.verdict import Verdicts

PLANS = st.lists(st.integers(1, 1000), min_size=1, max_size=12, unique=True).map(sorted)
LEVELS = st.floats(0.5, 0.9999)
GAIN = claim("gain", reported="unknown")
ROWS = {SQUAD: arm(np.random.default_rng(1), 60, seeds=10), NONE: arm(np.random.default_rng(2), 50, seeds=10)}  # fmt: skip  # noqa: E501


@given(looks=PLANS, level=LEVELS)
def test_the_looks_spend_together_exactly_what_the_claim_allows(looks, level):
    levels = [spent_level(level, k, looks) for k in range(1, len(looks) + 1)]
    assert math.isclose(math.fsum(1 - x for x in levels), 1 - level, rel_tol=1e-9)
    assert all(level <= x < 1 for x in levels)


@given(count=st.integers(1, 1000), level=LEVELS)
def test_a_single_look_has_the_level_of_the_claim(count, level):
    assert spent_level(level, 1, [count]) == level


@given(looks=PLANS, more=st.integers(1, 1000), level=LEVELS)
def test_a_later_look_more_never_loosens_an_earlier_one(looks, more, level):
    wider = [*looks, looks[-1] + more]
    for k in range(1, len(looks) + 1):
        assert spent_level(level, k, wider) >= spent_level(level, k, looks) - 1e-15


def test_the_shares_are_those_of_lan_and_demets_at_three_five_and_ten_seeds():
    levels = [spent_level(0.95, k, (3, 5, 10)) for k in (1, 2, 3)]
    share = [math.log(1 + (math.e - 1) * n / 10) for n in (0, 3, 5, 10)]
    assert levels == pytest.approx([1 - 0.05 * (b - a) for a, b in pairwise(share)])


@pytest.mark.parametrize("look", [0, 4])
def test_a_look_that_is_not_planned_has_no_level(look):
    with pytest.raises(ValueError, match=r"expected 1 to 3"):
        spent_level(0.95, look, (3, 5, 10))


def test_looks_that_stop_at_the_first_decision_err_as_promised_and_naive_ones_more_often():
    rng, looks, audits = np.random.default_rng(4), (3, 5, 10), 3000
    direction = {"reported": None, "tolerance": None, "minimum_effect": 1.0}
    wrong = {"planned": 0, "naive": 0}
    for _ in range(audits):
        treatment, control = rng.normal(1.0, 1, 10), rng.normal(0.0, 1, 10)  # just the minimum
        for how in wrong:
            for number, seeds in enumerate(looks, start=1):
                level = spent_level(0.95, number, looks) if how == "planned" else 0.95
                estimate = difference(
                    Scores(treatment[:seeds]), Scores(control[:seeds]), statistic="mean", step=0.01
                )
                interval = estimate.interval(level)
                if interval.low <= 1.0 <= interval.high:
                    continue  # undecided, which the rule would explain at length
                found = decide_size(estimate, SizeCriterion(**direction, level=level)).label
                wrong[how] += found == "reproduced"
                break
    nominal = 0.025
    noise = 3 * math.sqrt(nominal * (1 - nominal) / audits)
    assert wrong["planned"] / audits <= nominal + noise
    assert wrong["naive"] / audits > nominal + noise


# Which looks were planned


def world(seeds, looks=(), rule=GAIN, **changes):
    rows = {condition: scores[:seeds] for condition, scores in ROWS.items()}
    return World(rule, rows, protocol=protocol(seeds=seeds, looks=looks)).but(**changes)


def look(w, runs=None, name="claims.yaml"):
    """Return the look that verifying a world takes."""
    runs = w.runs() if runs is None else runs
    verdicts = Verdicts(verdicts=(w.verdict(runs),))
    (found,) = looks_of([(name, w.claim_set())], w.plan(), runs, verdicts=verdicts, events=9)
    return found


def standing(w, *looks, runs=None):
    runs = w.runs() if runs is None else runs
    (needs,) = w.plan().needs
    finished = Ledger(w.plan(), runs).bearing(needs).finished
    return standing_of(w.claim, needs, protocol=w.protocol, finished=finished, looks=looks)


def test_the_first_look_is_always_planned_and_alone_has_the_level_of_the_claim():
    found = standing(world(3))
    assert (found.number, found.planned, found.level(0.95), found.notes) == (1, (3,), 0.95, ())


def test_planned_looks_are_counted_and_each_has_its_own_level():
    first, second = world(3, (3, 5)), world(5, (3, 5))
    found = standing(second, look(first))
    assert (found.number, found.planned) == (2, (3, 5))
    assert found.level(0.95) == spent_level(0.95, 2, (3, 5))
    assert found.notes[0].startswith("Look 2 of 2 planned, at 3 and 5 seeds")
    assert "The next is at 5 seeds" in standing(first).notes[0]


def test_the_same_runs_verified_again_are_the_same_look():
    w = world(3)
    assert standing(w, look(w), look(w)).number == 1
    assert standing(w, look(w)).level(0.95) == 0.95


@pytest.mark.parametrize("declared", [(), (5,), (3, 5)])
def test_seeds_added_after_a_look_are_an_unplanned_look_whatever_is_declared_afterwards(declared):
    found = standing(world(5, declared), look(world(3)))
    assert (found.number, found.planned) == (None, (3,))
    assert found.level(0.95) == 0.95


def test_seeds_taken_away_after_a_look_are_an_unplanned_look_too():
    half = world(5)
    seen = half.runs()[:4]
    assert standing(world(3), look(half, seen)).number is None


def test_the_rest_of_a_plan_that_was_looked_at_half_done_is_planned():
    w = world(5)
    assert standing(w, look(w, w.runs()[:4])).number == 1


def test_a_look_that_saw_no_score_fixes_nothing():
    assert standing(world(5), look(world(3), [])).number == 1


def test_a_return_to_the_planned_number_is_planned_and_the_claim_can_be_decided_there():
    looks = [look(world(3)), look(world(5))]
    assert standing(world(3), *looks).number == 1
    assert standing(world(5), *looks).number is None


def test_the_looks_of_the_first_verification_count_and_the_reader_is_told():
    found = standing(world(5, (3, 5, 10)), look(world(3, (3, 5))))
    assert (found.number, found.planned) == (2, (3, 5))
    assert any("and not those of the protocol now, at 3, 5 and 10" in n for n in found.notes)


def test_scores_seen_under_another_criterion_were_seen():
    looser = claim("gain", reported="unknown", minimum_effect={"points": 0.1, "because": "why not"})
    assert standing(world(5, rule=looser), look(world(3))).number is None
    same = standing(world(3, rule=looser), look(world(3)))
    assert same.number == 1
    assert any("criterion" in note and "changed after scores" in note for note in same.notes)


def test_scores_of_the_same_models_by_other_code_were_seen():
    def scored(seeds, code):
        """Return evaluations of trained models, by one version of the scoring code."""
        specs = [
            spec_of(
                c, "ner", s, parent=f"{s}{c.label()[0] == 's':d}".ljust(64, "0"), evaluator=code
            )
            for c in (SQUAD, NONE)
            for s in range(seeds)
        ]
        return [run_of(spec, ()) for spec in specs]

    old, new = scored(3, "scoring@1"), scored(5, "scoring@2")
    assert not {r.spec_digest for r in old} & {r.spec_digest for r in new}
    seen = look(world(3)).model_copy(update={"trained": trained(old)})
    needs = ClaimNeeds(claim="c1", criterion=GAIN.criterion(), runs=[r.spec_digest for r in new])
    found = standing_of(GAIN, needs, protocol=protocol(seeds=5), finished=new, looks=[seen])
    assert (found.number, found.planned) == (None, (3,))
    again = scored(3, "scoring@2")
    needs = needs.model_copy(update={"runs": tuple(r.spec_digest for r in again)})
    found = standing_of(GAIN, needs, protocol=protocol(seeds=3), finished=again, looks=[seen])
    assert found.number == 1
    assert any("other runs of as many seeds were looked at" in note for note in found.notes)


def test_looks_at_another_claim_or_at_other_models_do_not_count():
    other = world(3, rule=claim("gain", id="c2", reported="unknown"))
    assert standing(world(5), look(other)).number == 1
    elsewhere = World(claim("gain", treatment=MNLI, reported="unknown"), {MNLI: ROWS[NONE][:3]})
    assert standing(world(5), look(elsewhere)).number == 1


def test_a_claim_without_seeds_has_no_looks_to_plan():
    rule = claim("value", condition=NONE, reported=50, tolerance=5.0)
    fixed = {NONE: ROWS[NONE][0]}
    three, five = (World(rule, fixed, protocol=protocol(seeds=n)) for n in (3, 5))
    assert standing(five, look(three)).number == 1


def test_settings_are_facts_and_have_no_looks():
    rule = claim("protocol", settings=[{"field": "base.checkpoint", "equals": "toy-base"}])
    assert standing(world(5, rule=rule), look(world(3, rule=rule))).number == 1


@given(
    plans=st.lists(st.tuples(st.integers(2, 6), st.booleans()), min_size=1, max_size=4),
    now=st.integers(2, 6),
)
def test_a_verdict_decides_only_at_numbers_fixed_before_the_first_look(plans, now):
    worlds = [world(n, tuple(sorted({n, 6})) if more else ()) for n, more in plans]
    looks = [look(w) for w in worlds]
    found = standing(world(now), *looks)
    fixed = worlds[0].protocol.looks or (worlds[0].protocol.seeds,)
    assert found.planned == tuple(fixed)
    assert (found.number is not None) == (now in fixed)
    assert found.level(0.95) >= 0.95


# What an unplanned look decides


@pytest.mark.parametrize("label", ["reproduced", "not_reproduced"])
def test_a_decision_at_an_unplanned_look_is_held_back_and_says_what_to_do(label):
    unplanned = Standing(5, (3,), None, "2026-01-01T00:00:00+00:00")
    found = held_if_unplanned(Outcome(label, "magnitude", ("Because.",), 1.0), unplanned)
    assert (found.label, found.finding, found.estimate) == ("inconclusive", "undecided", 1.0)
    assert found.reasons[0].startswith("Unplanned look:")
    assert f"would read: {label} (magnitude)" in found.reasons[0]
    assert "--set looks=[3,5]" in found.reasons[0]
    assert found.reasons[1:] == ("Because.",)


def test_nothing_is_held_back_at_a_planned_look_or_where_nothing_is_decided():
    decided = Outcome("reproduced", "magnitude", ("Because.",))
    assert held_if_unplanned(decided, Standing(3, (3,), 1)) is decided
    for label in ("inconclusive", "not_evaluable"):
        open_ = Outcome(label, "undecided", ("Because.",))
        assert held_if_unplanned(open_, Standing(5, (3,), None, "then")) is open_


# The protocol


def test_looks_must_rise_and_hold_the_number_of_seeds():
    assert protocol(seeds=3, looks=(3, 5, 10)).looks == (3, 5, 10)
    for seeds, looks, why in ((4, (3, 5), "one of the planned looks, 3, 5"), (3, (3, 3), "rise"),
                              (3, (5, 3), "rise"), ("unknown", (3,), "one of")):  # fmt: skip
        with pytest.raises(ValidationError, match=why):
            protocol(seeds=seeds, looks=looks)


def test_planned_looks_are_no_deviation_from_a_paper():
    assert compare(protocol(), protocol(looks=(3, 5))) == ()
