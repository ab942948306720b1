"""Looking at what is scored is found out and told: target-language selection, thresholds, layers."""

from __future__ import annotations

import pytest
from verifier_strategies import ENVIRONMENT

from claims.estimand import Condition
from replication.deviations import compare, replication_kind
from replication.protocol import Selection
from replication.protocols import load_protocol
from replication.run import DataUse, Plan, Run, RunSpec
from verifier.departures import layer_deviations

XSTILTS = load_protocol("xstilts")
JIANT = load_protocol("xstilts-jiant")


def changed(protocol, **evaluation):
    whole = protocol.evaluation.model_copy(update=evaluation)
    return protocol.model_copy(update={"evaluation": whole})


def retrieval(protocol, **fields):
    return changed(protocol, retrieval=protocol.evaluation.retrieval.model_copy(update=fields))


def found(reported, used):
    return {d.field: d for d in compare(reported, used)}


@pytest.mark.parametrize("reported", [XSTILTS, JIANT], ids=["unknown", "training"])
def test_choosing_checkpoints_on_target_languages_is_an_important_deviation(reported):
    used = changed(JIANT, selection=Selection(rule="best", languages="all"))
    deviation = found(reported, used)["evaluation.selection.languages"]
    assert deviation.importance == "important"
    assert "not zero-shot" in deviation.used


def test_a_threshold_tuned_on_the_scored_gold_is_important_unless_the_paper_says_so():
    assert found(XSTILTS, JIANT)["evaluation.retrieval.threshold"].importance == "important"
    fixed = retrieval(JIANT, threshold=1.06)
    assert found(fixed, JIANT)["evaluation.retrieval.threshold"].importance == "important"
    assert "evaluation.retrieval.threshold" not in found(JIANT, JIANT)
    assert found(XSTILTS, fixed)["evaluation.retrieval.threshold"].importance == "minor"


def test_a_layer_chosen_after_scoring_is_important():
    used = retrieval(JIANT, layer_chosen="after_scoring")
    assert found(JIANT, used)["evaluation.retrieval.layer_chosen"].importance == "important"


def test_an_unknown_block_stays_minor_where_nothing_leaks():
    deviations = found(XSTILTS, changed(JIANT, selection=Selection(rule="best")))
    assert deviations["evaluation.selection"].importance == "minor"
    assert "evaluation.selection.languages" not in deviations


def test_such_a_run_is_conceptual():
    used = changed(JIANT, selection=Selection(rule="best", languages="all"))
    assert replication_kind(compare(JIANT, used)) == "conceptual"


def retrieved(layer, started):
    """A finished run of Tatoeba at a layer."""
    use = DataUse(name="tatoeba", split="validation", languages=("af",), revision="sha256:0")
    spec = RunSpec(
        phase="evaluation",
        condition=Condition(),
        seed=None,
        tasks=("tatoeba",),
        parent=None,
        base=JIANT.base,
        retrieval=JIANT.evaluation.retrieval.model_copy(update={"layer": layer}),
        data=(use,),
        precision="fp32",
    )
    return Run(
        spec_digest=spec.digest(),
        spec=spec,
        status="finished",
        environment=ENVIRONMENT,
        started=started,
        seconds=1.0,
    )


def layers(runs, tasks=("tatoeba",)):
    plan = Plan(protocol=JIANT, data="folder", needs=(), specs=(), claims_digest="0" * 64)
    return layer_deviations(plan, runs, tasks)


BEFORE, AFTER = retrieved(7, "2026-01-01T00:00:00"), retrieved(21, "2026-03-01T00:00:00")
OURS = retrieved(14, "2026-02-01T00:00:00")


def test_scores_at_another_layer_before_ours_are_told():
    (deviation,) = layers([OURS, BEFORE])
    assert deviation.field == "evaluation.retrieval.layer_chosen"
    assert deviation.importance == "important"
    assert deviation.used == "layer 14, after layers 7 were scored in this store"


@pytest.mark.parametrize("runs", [[OURS], [OURS, AFTER], []])
def test_a_layer_that_was_scored_first_or_alone_is_not(runs):
    assert layers(runs) == ()


def test_other_tasks_layers_do_not_matter():
    assert layers([OURS, BEFORE], tasks=("bucc",)) == ()
