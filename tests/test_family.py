"""Claims of one paper: which share runs, and whether one of them is contradicted at all."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from verifier_strategies import MNLI, NONE, SQUAD, World, arm, claim

from claims.claim import ClaimSet, Paper
from replication.plan import conditions_of
from replication.run import ClaimNeeds
from reports.build import build
from reports.claim_section import claim_section
from reports.to_json import RENDERER as JSON
from reports.to_json import read_document
from reports.to_markdown import RENDERER as MARKDOWN
from reports.to_markdown import markdown
from verifier.family import with_family, with_shared_runs
from verifier.multiplicity import holm
from verifier.verdict import Evidence, Verdict
from verifier.verify import verify

ALPHA = 0.05


def verdict(name, runs=(), *, label="not_reproduced", kind="gain", replication="direct"):
    return Verdict(
        claim=name, kind=kind, statement="A statement.", verdict=label, finding="contradicted",
        replication=replication, level=1 - ALPHA, signature="s", reasons=("why",),
        evidence=Evidence(runs=tuple(runs)),
    )  # fmt: skip


def gain(name, *, treatment=SQUAD, reported=10.0, tolerance=2.0):
    return claim("gain", id=name, treatment=treatment, reported=reported, tolerance=tolerance)


def paper(*rules, gains=(10.0, 5.0), sd=0.3, arxiv="2005.13013v2"):
    """Claim set, plan and runs of one paper; `gains` of SQuAD and MNLI over no intermediate."""
    rng = np.random.default_rng(1)
    means = {SQUAD: 50 + gains[0], MNLI: 50 + gains[1], NONE: 50}
    world = World(rules[0], {c: arm(rng, m, sd=sd) for c, m in means.items()})
    plan = world.plan()
    needs = tuple(
        ClaimNeeds(
            claim=rule.id,
            criterion=rule.criterion(),
            runs=tuple(s.digest() for s in plan.specs if s.condition in conditions_of(rule)),
            refusals=(),
        )
        for rule in rules
    )
    heading = {
        "title": "A toy paper", "protocol": "toy", "arxiv": arxiv, "controls": arxiv is None,
    }  # fmt: skip
    claims = ClaimSet.model_validate(
        {"schema": "corroborate/claims@1", "paper": heading, "claims": list(rules)}
    )
    return claims, plan.model_copy(update={"needs": needs}), world


def judged(*rules, **how):
    claims, plan, world = paper(*rules, **how)
    reported = {"toy": world.protocol}
    return verify([claims], plan, world.runs(), reported, tasks_of=lambda _: world.tasks).verdicts


def report(*rules, **how):
    claims, plan, world = paper(*rules, **how)
    found = verify(
        [claims], plan, world.runs(), {"toy": world.protocol}, tasks_of=lambda _: world.tasks
    )
    return build([claims], found, plan=plan, runs=world.runs(), commands=("x",), generated="now")


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=8))
def test_deciding_anew_at_stricter_levels_is_holm_on_p_values(p_values):
    adjusted = holm(p_values)
    assume(all(abs(p - ALPHA) > 1e-6 for p in adjusted))
    names = [f"c{i}" for i in range(len(p_values))]
    by_name = dict(zip(names, p_values, strict=True))
    labels = ["not_reproduced" if p <= ALPHA else "inconclusive" for p in p_values]
    verdicts = [verdict(n, label=label) for n, label in zip(names, labels, strict=True)]
    found = with_family(verdicts, lambda name, level: by_name[name] <= 1 - level)
    assert [v.family.contradicted for v in found] == [p <= ALPHA for p in adjusted]
    assert {v.family.size for v in found} == {len(p_values)}
    assert [v.verdict for v in found] == labels


def test_only_claims_that_chance_could_contradict_are_in_the_family():
    outside = [verdict("a", replication="conceptual"), verdict("b", replication=None)]
    fact = verdict("c", kind="protocol")
    found = with_family([*outside, fact, verdict("d")], lambda _, level: level < 0.96)
    assert [v.family is None for v in found] == [True, True, True, False]
    assert found[3].family.size == 1
    assert found[3].family.contradicted


@given(st.lists(st.sets(st.sampled_from("abcdef"), max_size=3), max_size=6))
def test_claims_share_runs_both_ways_and_never_with_themselves(runs):
    names = [f"c{i}" for i in range(len(runs))]
    pairs = zip(names, runs, strict=True)
    found = with_shared_runs([verdict(n, sorted(used)) for n, used in pairs])
    for one, used in zip(found, runs, strict=True):
        expected = [n for n, other in zip(names, runs, strict=True) if used & other]
        assert list(one.evidence.shared_with) == [n for n in expected if n != one.claim]


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_claims_of_files_and_of_runs_changes_no_verdict(shuffler):
    rules = [gain("a"), gain("b", treatment=MNLI), gain("c", reported=6.5, tolerance=2.0)]
    value = claim("value", id="d", condition=MNLI, reported=55, tolerance=3.0)
    claims, plan, world = paper(*rules, value)
    files = [
        claims.model_copy(update={"claims": part, "paper": Paper(title=title, protocol="toy")})
        for title, part in (("One", claims.claims[:2]), ("Two", claims.claims[2:]))
    ]
    runs, shuffled = world.runs(), world.runs()

    def decided(sets, evidence):
        found = verify(
            sets, plan, evidence, {"toy": world.protocol}, tasks_of=lambda _: world.tasks
        )
        return {v.claim: v.canonical() for v in found.verdicts}

    first = decided(files, runs)
    shuffler.shuffle(shuffled)
    mixed = [
        f.model_copy(update={"claims": tuple(shuffler.sample(f.claims, len(f.claims)))})
        for f in shuffler.sample(files, 2)
    ]
    assert decided(mixed, shuffled) == first


def test_claims_on_one_control_share_its_runs():
    value = claim("value", id="alone", condition=MNLI, reported=55, tolerance=3.0)
    found = {v.claim: v for v in judged(gain("squad"), gain("mnli", treatment=MNLI), value)}
    assert found["squad"].evidence.shared_with == ("mnli",)
    assert found["mnli"].evidence.shared_with == ("alone", "squad")
    assert found["alone"].evidence.shared_with == ("mnli",)


@settings(max_examples=15, deadline=None)
@given(st.floats(-2, 2), st.integers(1, 5))
def test_more_claims_never_add_a_contradiction_and_change_no_verdict(off, more):
    rule = gain("first", reported=7.0, tolerance=1.0)
    alone = judged(rule, gains=(10.0 + off, 5.0))[0]
    others = [gain(f"more-{i}") for i in range(more)]
    among = judged(rule, *others, gains=(10.0 + off, 5.0))[0]
    assert (among.verdict, among.finding, among.interval) == (
        alone.verdict, alone.finding, alone.interval,
    )  # fmt: skip
    assert among.family.size == 1 + more
    assert alone.family.contradicted or not among.family.contradicted
    assert alone.family.contradicted == (alone.verdict == "not_reproduced")


def test_a_contradiction_near_its_edge_does_not_outlast_the_correction():
    edge = gain("edge", reported=6.5, tolerance=2.0)
    alone = judged(edge)[0]
    assert alone.verdict == "not_reproduced"
    others = [gain(f"more-{i}") for i in range(30)]
    among = judged(edge, *others)[0]
    assert among.verdict == "not_reproduced"
    assert not among.family.contradicted


def test_the_report_says_whether_a_paper_is_contradicted_and_what_shares_runs():
    document = report(gain("true"), gain("false", treatment=MNLI))
    text = MARKDOWN.render(document).decode()
    assert "At least one claim of this paper is contradicted" in text
    assert "over the 2 claims that evidence bears on, Holm, level 95 %): `false`." in text
    assert "Shares runs with, so is not independent of: `false`" in text
    assert read_document(JSON.render(document)) == document


def test_a_paper_whose_claims_hold_is_not_said_to_be_contradicted():
    text = MARKDOWN.render(report(gain("true"), gain("too", reported=10.4))).decode()
    assert "It is not shown that at least one claim of this paper is contradicted" in text


def test_one_decided_claim_or_controls_get_no_paper_level_statement():
    for document in (report(gain("true")), report(gain("a"), gain("b"), arxiv=None)):
        assert "Holm, level" not in MARKDOWN.render(document).decode()


def test_a_claim_that_shares_no_run_has_no_such_line_and_old_verdicts_are_read():
    document = report(gain("true"))
    (section,) = document.sets[0].claims
    assert "Shares runs" not in markdown([claim_section(section, shown={})])
    record = json.loads(section.verdict.canonical())
    del record["family"], record["evidence"]["shared_with"]
    assert Verdict.model_validate(record).family is None
    assert "family" not in section.verdict.to_json()
