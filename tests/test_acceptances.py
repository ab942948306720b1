"""Accepted changes of what decides a claim: one change each, on record, and never by the way."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_looks import look as look_of
from verifier_strategies import NONE, SQUAD, World, claim, level_arm

from replication.acceptances import Acceptance, append_acceptance, read_acceptances
from replication.chain import link
from replication.errors import StoreError
from verifier.accepting import accept, who
from verifier.criterion import criterion_of, held_if_moved
from verifier.errors import AcceptanceError
from verifier.outcome import Outcome
from verifier.verify import verify

A, B, C, D = ("abcd"[i] * 64 for i in range(4))
digests = st.sampled_from((A, B, C, D))


def acceptance(then=A, now=B, **changes) -> Acceptance:
    fields = {
        "time": "2026-01-02T03:04:05+00:00", "claim": "c1", "then": then, "now": now,
        "by": "Ada <ada@example.org>", "because": "the table was read wrongly", "version": "0.1.0",
    }  # fmt: skip
    return Acceptance(**(fields | changes))


def now_is(now, *acceptances, planned=A, looks=()):
    return criterion_of(
        "c1", now, planned=planned, models=("0" * 12,), looks=looks, acceptances=acceptances
    )


def seen(criterion, frozen=None, **changes):
    return look_of(claim="c1", criterion=criterion, frozen=frozen, **changes)


# What is in force


def test_what_the_plan_kept_is_in_force_until_a_change_from_it_is_accepted():
    assert now_is(A).stands
    assert not now_is(B).stands
    assert now_is(B, acceptance()).stands
    assert now_is(C, acceptance(), acceptance(B, C)).stands
    assert not now_is(A, acceptance()).stands, "going back is a change as well"


@pytest.mark.parametrize(
    "other", [acceptance(B, A), acceptance(C, B), acceptance(A, C), acceptance(claim="c2")]
)
def test_an_acceptance_is_of_exactly_one_change_of_one_claim(other):
    assert not now_is(B, other).stands


@pytest.mark.parametrize("frozen", [A, None])
def test_planning_anew_after_a_look_changes_nothing_of_what_is_in_force(frozen):
    """Nor does verifying anew: a look under the changed criterion is no acceptance of it."""
    looks = (seen(A, frozen), seen(B, B, events=9))
    assert not now_is(B, planned=B, looks=looks).stands
    assert now_is(B, acceptance(), planned=B, looks=looks).stands
    assert now_is(A, planned=B, looks=looks).stands


def test_a_first_look_under_a_changed_criterion_does_not_put_it_in_force():
    assert not now_is(B, looks=(seen(B, A),)).stands
    assert now_is(A, looks=(seen(B, A),)).stands


def test_looks_at_other_models_or_claims_fix_nothing():
    fresh = seen(A, A, trained=("1" * 12,))
    assert now_is(B, planned=B, looks=(fresh, look_of(claim="c2", criterion=A))).stands


@given(st.lists(st.tuples(digests, digests).filter(lambda p: p[0] != p[1]), max_size=8), digests)
def test_whatever_is_accepted_at_most_one_criterion_stands(pairs, planned):
    every = [acceptance(*pair) for pair in pairs]
    standing = [d for d in (A, B, C, D) if now_is(d, *every, planned=planned).stands]
    assert len(standing) == 1
    if planned not in {then for then, _ in pairs}:
        assert standing == [planned]


@given(st.sampled_from(("reproduced", "not_reproduced", "inconclusive", "not_evaluable")), digests)
def test_a_criterion_that_moved_never_decides_and_one_that_stands_takes_nothing(label, now):
    outcome = Outcome(label, "undecided", ("why",))
    held = held_if_moved(outcome, now_is(now))
    if now == A or label in ("inconclusive", "not_evaluable"):
        assert held is outcome
    else:
        assert held.label == "inconclusive"
        assert f"would read: {label}" in held.reasons[0]
        assert held.reasons[1:] == outcome.reasons


# What a verdict says

RULE = claim("gain", reported=10.0, tolerance=2.0)
WORLD = World(RULE, {SQUAD: level_arm([60, 60.1, 59.9]), NONE: level_arm([50, 50.1, 49.9])})


def verdict_of(world, *acceptances):
    found = verify(
        [world.claim_set()], world.plan(), world.runs(), {"toy": world.protocol},
        tasks_of=lambda name: world.tasks, acceptances=acceptances,
    )  # fmt: skip
    return found.verdicts[0]


def test_a_goalpost_that_moved_after_the_plan_turns_nothing_green_until_it_is_accepted():
    assert verdict_of(WORLD).verdict == "reproduced"
    moved = replace(WORLD, criterion=A)
    held = verdict_of(moved)
    now = RULE.criterion()
    assert (held.verdict, held.finding) == ("inconclusive", "undecided")
    assert held.estimate == verdict_of(WORLD).estimate
    (why,) = held.stale
    assert why.startswith(f"criterion: {A[:12]} then, {now[:12]} now; not accepted.")
    assert "corroborate accept c1 --claims FILE --store DIR --because" in why
    assert "nobody has accepted that" in held.reasons[0]
    assert held.reasons[1].endswith("would read: reproduced (magnitude).")
    accepted = verdict_of(moved, acceptance(A, now))
    assert (accepted.verdict, accepted.stale) == ("reproduced", ())
    assert accepted.reasons[0].endswith(
        "accepted by Ada <ada@example.org> on 2026-01-02 because: the table was read wrongly"
    )
    assert accepted.acceptances == (acceptance(A, now),)


def test_a_failure_that_is_expected_is_withheld_as_well():
    low = World(
        claim("gain", reported=30.0, tolerance=2.0, expected="not_reproduced"), WORLD.scores
    )
    assert verdict_of(low).as_expected() is True
    held = verdict_of(replace(low, criterion=A))
    assert held.as_expected() is None
    assert not held.family.contradicted, "what decides nothing contradicts no paper"


def test_of_many_acceptances_a_verdict_tells_the_last_and_counts_the_rest():
    now = RULE.criterion()
    turns = [acceptance(*pair) for pair in [(A, B), (B, A)] * 10]
    reasons = verdict_of(replace(WORLD, criterion=A), *turns, acceptance(A, now)).reasons
    assert sum("accepted by Ada" in reason for reason in reasons) == 5
    assert "Before that, 16 more changes of the criterion were accepted." in reasons


# The record


def test_acceptances_are_read_back_in_their_order(tmp_path):
    assert read_acceptances(tmp_path) == ()
    first, second = acceptance(), acceptance(B, C)
    append_acceptance(tmp_path, first, after=())
    append_acceptance(tmp_path, second, after=(first,))
    assert read_acceptances(tmp_path) == (first, second)


def test_an_acceptance_that_did_not_know_of_another_is_refused(tmp_path):
    append_acceptance(tmp_path, acceptance(), after=())
    with pytest.raises(StoreError, match="added at this moment"):
        append_acceptance(tmp_path, acceptance(by="Bob"), after=())
    assert read_acceptances(tmp_path) == (acceptance(),)


@settings(max_examples=20)
@given(cut=st.integers(1, 200))
def test_a_half_written_acceptance_is_none(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("store")
    append_acceptance(folder, acceptance(), after=())
    append_acceptance(folder, acceptance(B, C), after=(acceptance(),))
    path = folder / "acceptances.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_acceptances(folder) == (acceptance(),)
    append_acceptance(folder, acceptance(B, D), after=(acceptance(),))
    assert [a.now for a in read_acceptances(folder)] == [B, D]


@pytest.mark.parametrize(
    "changes",
    [{"because": "\x1b[2J"}, {"by": ""}, {"by": "x" * 201}, {"then": B}, {"now": "b"}, {"more": 1},
     {"claim": "../x"}, {"because": "x" * 2001}, {"time": "soon"}, {"by": "\u202e"}],
    ids=range(10),
)  # fmt: skip
def test_a_line_that_no_one_here_wrote_is_a_message(tmp_path, changes):
    body = acceptance().model_dump(mode="json", by_alias=True) | changes
    line = json.dumps({**body, "chain": link("", body)})
    (tmp_path / "acceptances.jsonl").write_text(f"{line}\n")
    with pytest.raises(StoreError, match="line 1") as caught:
        read_acceptances(tmp_path)
    assert "\x1b" not in str(caught.value)


# Who


def test_who_accepts_is_gits_user_or_else_the_shells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_COUNT", "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert who({}) == ("", "")
    assert who({"LOGNAME": "eve"}) == ("eve", "from $LOGNAME")
    assert who({"USER": "a\x1b[2J\nb"})[0] == "a\ufffd[2J b"
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Ada L.\n\temail = ada@example.org\n")
    assert who({"USER": "eve"}) == (
        "Ada L. <ada@example.org>",
        "from git's user.name and user.email",
    )


def test_all_that_is_missing_is_said_at_once(tmp_path):
    named = [("c.yaml", WORLD.claim_set())]
    with pytest.raises(AcceptanceError) as caught:
        accept(tmp_path, "c9", named, by=" ", because="\n")
    by = "--by: found 0 characters ; expected 1 to 200. Say who accepts it: --by NAME."
    for part in ("found no claims of that id in c.yaml", by, "--because: found 0"):
        assert part in str(caught.value)
