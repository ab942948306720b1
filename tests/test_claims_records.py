"""Claim records: JSON keeps them whole, and their identity depends on what they say alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from claims.claim import Claim, ClaimSet, GainClaim
from claims.estimand import Condition, Contrast
from claims.library import load

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip)
points = st.floats(0.01, 100, allow_nan=False)
margin = st.fixed_dictionaries({"points": points, "because": texts})
measures = st.fixed_dictionaries(
    {
        "benchmark": names,
        "tasks": st.just("all") | st.lists(names, min_size=1, max_size=3, unique=True),
        "languages": st.sampled_from(["all", "zero_shot"])
        | st.lists(names, min_size=1, max_size=3, unique=True),
        "split": st.sampled_from(["train", "validation", "test", "unknown"]),
        "seeds": st.sampled_from(["mean", "median", "single", "unknown"]),
    }
)
conditions = st.fixed_dictionaries(
    {"intermediate": st.just("all") | st.lists(names, min_size=1, max_size=3, unique=True)},
    optional={"base": names},
)
common = {
    "id": names,
    "statement": texts,
    "source": st.fixed_dictionaries({"quote": texts, "found_in": texts}),
    "notes": st.lists(texts, max_size=2),
    "measure": measures,
}


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    fields = draw(st.fixed_dictionaries(common))
    condition = draw(conditions)
    none = {**condition, "intermediate": []}
    contrast = {"treatment": condition, "control": none}
    size = draw(points)
    kind = draw(
        st.sampled_from(["gain", "value", "ranking", "consistency", "no_benefit", "direction"])
    )
    own = {
        "gain": {
            **contrast,
            "reported": size,
            "tolerance": draw(margin),
            "minimum_effect": draw(margin),
        },
        "direction": {**contrast, "reported": "unknown", "minimum_effect": draw(margin)},
        "value": {"condition": condition, "reported": size, "tolerance": draw(margin)},
        "ranking": {"candidates": [condition, none], "claimed": [condition], "top": 1},
        "consistency": {"contrasts": [contrast], "cells": "tasks", "at_least": "unknown"},
        "no_benefit": {"contrasts": [contrast], "minimum_effect": draw(margin)},
    }[kind]
    document = {**fields, **own, "kind": "gain" if kind == "direction" else kind}
    return TypeAdapter(Claim).validate_python(document)


def gain(**changes: object) -> GainClaim:
    document = {
        "id": "one",
        "statement": "It helps.",
        "source": {"quote": "it helps", "found_in": "abstract"},
        "treatment": {"intermediate": ["mnli", "squad"]},
        "control": {},
        "measure": {"split": "test"},
        "reported": 8.2,
        "tolerance": {"points": 2.0, "because": "chosen"},
        "minimum_effect": {"points": 0.5, "because": "chosen"},
    }
    return GainClaim.model_validate({**document, **changes})


@given(claims())
def test_a_claim_survives_json_with_its_identity(claim):
    again = TypeAdapter(Claim).validate_json(claim.canonical())
    assert again == claim
    assert again.digest() == claim.digest()


@given(claims(), st.randoms(use_true_random=False))
def test_the_order_of_keys_is_not_identity(claim, random):
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            items = [(k, shuffled(v)) for k, v in value.items()]
            random.shuffle(items)
            return dict(items)
        return [shuffled(v) for v in value] if isinstance(value, list) else value

    document = shuffled(claim.model_dump(mode="json"))
    assert TypeAdapter(Claim).validate_python(document).digest() == claim.digest()


@given(claims(), texts, texts)
def test_prose_does_not_move_the_criterion(claim, statement, quote):
    source = claim.source.model_copy(update={"quote": quote})
    told = claim.model_copy(
        update={"statement": statement, "source": source, "notes": ("n",), "expected": "reproduced"}
    )
    assert told.criterion() == claim.criterion()


@pytest.mark.parametrize(
    "change",
    [
        {"reported": 8.3},
        {"tolerance": {"points": 2.1, "because": "chosen"}},
        {"minimum_effect": {"points": 0.4, "because": "chosen"}},
        {"measure": {"split": "validation"}},
        {"measure": {"split": "test", "languages": "zero_shot"}},
        {"treatment": {"intermediate": ["mnli"]}},
        {"level": 0.9},
    ],
)
def test_whatever_can_turn_the_verdict_moves_the_criterion(change):
    assert gain(**change).criterion() != gain().criterion()


def test_a_digest_is_the_same_under_every_hash_seed():
    program = (
        "from claims.library import load;"
        "s = load('xstilts')[0][1];"
        "print(s.digest(), *[c.criterion() for c in s.claims])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    own = load("xstilts")[0][1]
    assert outputs == {" ".join([own.digest(), *(c.criterion() for c in own.claims)]) + "\n"}


def test_intermediate_tasks_are_a_set():
    tasks = {"intermediate": ["squad", "mnli"]}
    assert gain(treatment=tasks).digest() == gain().digest()


def test_a_contrast_in_two_factors_is_refused():
    with pytest.raises(ValidationError, match="intermediate, mlm"):
        Contrast(treatment=Condition(intermediate=("mnli",), mlm=True), control=Condition())


def test_a_record_cannot_be_changed_afterwards():
    claim = gain()
    with pytest.raises(ValidationError):
        claim.reported = 1.0


def test_a_claim_set_is_written_with_the_name_schema_of_its_version():
    claims = load("xstilts")[0][1]
    document = json.loads(claims.canonical())
    assert document["schema"] == "corroborate/claims@1"
    assert ClaimSet.model_validate_json(json.dumps(document)) == claims
