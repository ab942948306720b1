"""Deviations: nothing differs from itself, every difference is found, none is belittled."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.record import canonical_json
from replication.deviations import Deviation, compare, replication_kind
from replication.protocol import Protocol
from replication.protocols import load_protocol

SCRATCH = load_protocol("scratch", "full").model_dump(mode="json", by_alias=True)
LAWS = settings(deadline=None, max_examples=60)
ABSENT = "absent"

VALUES: dict[str, list[Any]] = {
    "base.checkpoint": ["xlm-roberta-large", "unknown"],
    "base.architecture.layers": [1, 24],
    "intermediate.epochs": [1, 2.5, "unknown"],
    "intermediate.learning_rate": [1e-5, "unknown"],
    "intermediate.batch_size": [{"tokens": 900}, 16, "unknown", {"tokens": 70}],
    "intermediate.warmup_share": [0.0, 0.06, 0.9, "unknown"],
    "intermediate.clip_norm": [1e-9, 0.9, "unknown"],
    "intermediate.examples": [100],
    "intermediate_tasks": [["mnli"], []],
    "intermediate_recipes": [{}],
    "train_splits": [{}],
    "targets.panx": [ABSENT, {"train_on": None}],
    "targets.xquad.train_on": ["squad_v1"],
    "evaluation.splits.panx": ["test", "unknown", ABSENT],
    "evaluation.retrieval": [None],
    "evaluation.examples_per_language": [10],
    "seeds": [1, 30, "unknown"],
    "precision": ["fp32", "unknown"],
    "pretraining": [None],
}
"""Dotted field -> values that it may be changed to."""


def altered(changes: dict[str, Any]) -> Protocol:
    """Return protocol `scratch` with some fields changed; the outer ones last."""
    document = deepcopy(SCRATCH)
    for path, value in sorted(changes.items(), reverse=True):
        *parents, last = path.split(".")
        inner = document
        for step in parents:
            inner = inner[step]
        if value == ABSENT:
            inner.pop(last)
        else:
            inner[last] = value
    return Protocol.model_validate(document)


mutations = st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 3), max_size=6).map(
    lambda picked: altered({p: VALUES[p][i % len(VALUES[p])] for p, i in picked.items()})
)
deviations = st.lists(
    st.builds(
        Deviation,
        field=st.sampled_from(["a", "b"]),
        reported=st.just("1"),
        used=st.just("2"),
        importance=st.sampled_from(["important", "minor"]),
    ),
    max_size=4,
).map(tuple)


def at(protocol: Protocol, path: str) -> Any:
    here: Any = protocol.model_dump(mode="json", by_alias=True)
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here


@given(protocol=mutations)
@LAWS
def test_a_protocol_does_not_deviate_from_itself(protocol):
    assert compare(protocol, protocol) == ()
    assert replication_kind(compare(protocol, protocol)) == "direct"


@given(one=mutations, two=mutations)
@LAWS
def test_the_fields_that_differ_are_the_same_from_either_side(one, two):
    there, back = compare(one, two), compare(two, one)
    assert [d.field for d in there] == [d.field for d in back]
    assert [(d.reported, d.used) for d in there] == [(d.used, d.reported) for d in back]


@given(one=mutations, two=mutations)
@LAWS
def test_every_deviation_names_a_field_that_differs_and_every_difference_is_named(one, two):
    found = compare(one, two)
    fields = [d.field for d in found]
    assert fields == sorted(set(fields))
    assert all(at(one, field) != at(two, field) for field in fields)
    for path in VALUES:
        if at(one, path) != at(two, path):
            assert any(f == path or f.startswith(f"{path}.") or path.startswith(f) for f in fields)
    assert (found == ()) == (one.canonical() == two.canonical())


@given(one=mutations, two=mutations)
@LAWS
def test_what_the_paper_does_not_report_is_minor_and_yet_no_direct_replication(one, two):
    for deviation in compare(one, two):
        silent, used = (at(protocol, deviation.field) for protocol in (one, two))
        if silent == "unknown" and not (isinstance(used, dict) and "tokens" in used):
            assert deviation.importance == "minor"
            assert replication_kind((deviation,)) == "close"


@given(found=deviations, more=deviations)
def test_the_kind_follows_from_the_deviations_and_more_of_them_never_strengthen_it(found, more):
    important = any(d.importance == "important" for d in found)
    expected = "conceptual" if important else "close" if found else "direct"
    assert replication_kind(found) == expected
    order = ["direct", "close", "conceptual"]
    assert order.index(replication_kind(found + more)) >= order.index(expected)
    assert replication_kind(found[::-1]) == expected


@pytest.mark.parametrize(
    ("field", "value", "importance"),
    [
        ("intermediate.warmup_share", 0.06, "minor"),
        ("intermediate.warmup_share", 0.9, "important"),
        ("intermediate.weight_decay", 0.0, "minor"),
        ("intermediate.weight_decay", 50.0, "important"),
        ("intermediate.clip_norm", 0.9, "minor"),
        ("intermediate.clip_norm", 1e-9, "important"),
        ("intermediate.adam_epsilon", 1e-6, "minor"),
        ("intermediate.adam_epsilon", 1.0, "important"),
        ("seeds", 5, "minor"),
        ("precision", "fp32", "minor"),
        ("intermediate.warmup_share", "unknown", "important"),
        ("intermediate.epochs", 1, "important"),
        ("intermediate.learning_rate", 1e-6, "important"),
        ("intermediate.batch_size", {"tokens": 1280}, "important"),
        ("base.architecture.layers", 24, "important"),
        ("evaluation.splits.panx", "test", "important"),
        ("evaluation.retrieval", None, "important"),
        ("targets.panx", ABSENT, "important"),
        ("train_splits", {}, "important"),
    ],
)
def test_what_can_move_an_estimate_is_important(field, value, importance):
    (found,) = compare(altered({}), altered({field: value}))
    assert found.importance == importance
    assert found.field == field or field == "train_splits"


def test_a_block_that_is_absent_is_one_deviation():
    (found,) = compare(altered({}), altered({"pretraining": None}))
    assert (found.field, found.used) == ("pretraining", "none")
    (found,) = compare(altered({"targets.panx": ABSENT}), altered({}))
    assert (found.field, found.reported) == ("targets.panx", "none")


def test_how_a_protocol_is_told_is_no_deviation():
    prose = {"name": "other", "size": "other", "summary": "Other words.", "caveats": ["Beware."]}
    told = altered({**prose, "sources": {"seeds": "page 3"}})
    assert compare(altered({}), told) == ()


def test_a_long_value_is_shortened_and_a_short_one_is_whole():
    names = [f"a_rather_long_name_of_a_task_{i}" for i in range(9)]
    (found,) = compare(altered({}), altered({"intermediate_tasks": names}))
    assert found.reported == canonical_json(SCRATCH["intermediate_tasks"])
    assert len(found.used) == 160
    assert found.used.endswith("...")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("evaluation.retrieval.threshold", "scored_gold"),
        ("evaluation.retrieval.layer_chosen", "after_scoring"),
        ("evaluation.selection", {"rule": "best", "languages": "all"}),
    ],
)
def test_what_is_not_zero_shot_is_important_even_if_the_paper_is_silent(field, value):
    silent = altered({field: "unknown"})
    found = compare(silent, altered({field: value}))
    assert replication_kind(found) == "conceptual"
    assert any("not zero-shot" in d.used for d in found)
    assert compare(altered({field: value}), altered({field: value})) == ()


def test_batches_of_neighbours_in_length_are_important_even_if_the_paper_is_silent():
    (found,) = compare(
        altered({"intermediate.batch_size": "unknown"}),
        altered({"intermediate.batch_size": {"tokens": 1280}}),
    )
    assert found.importance == "important"
    assert found.used == "neighbours in length, at most 1280 tokens a batch"
    budget = {**SCRATCH["intermediate"], "batch_size": {"tokens": 1280}}
    mixed = {"corpus": ["t"], "sentences_per_language": 9, "step_share": 0.5, "recipe": budget}
    found = compare(altered({"masked_mixing": "unknown"}), altered({"masked_mixing": mixed}))
    assert [(d.field, d.importance) for d in found] == [
        ("masked_mixing", "minor"),
        ("masked_mixing.recipe.batch_size", "important"),
    ]


def test_an_unknown_block_against_lists_and_numbers_is_one_minor_deviation():
    mixed = {
        "corpus": ["mini_text"],
        "sentences_per_language": 9,
        "step_share": 0.5,
        "recipe": SCRATCH["intermediate"],
    }
    unknown, known = altered({"masked_mixing": "unknown"}), altered({"masked_mixing": mixed})
    (found,) = compare(unknown, known)
    assert (found.field, found.importance) == ("masked_mixing", "minor")


def test_a_papers_protocol_is_nothing_like_the_miniature():
    found = compare(load_protocol("xstilts"), load_protocol("miniature"))
    fields = {d.field for d in found}
    assert {"base.checkpoint", "intermediate_tasks", "seeds", "targets.xnli"} <= fields
    assert replication_kind(found) == "conceptual"
