"""What tests of phases, workers and engines share: the miniature's data and a protocol of seconds."""

from __future__ import annotations

import torch

from claims.estimand import Condition
from replication.protocol import Protocol
from replication.protocols import load_protocol
from replication.run import Plan
from replication.specs import SpecBuilder

torch.set_num_threads(1)  # on a busy machine, threads that share tiny tensors wait for each other

NONE = Condition()
GUILD = Condition(intermediate=("mini_guild",))
MIXED = Condition(intermediate=("mini_choice", "mini_guild", "mini_squad"))
ORDER = ("pretraining", "intermediate", "target", "evaluation")
PER_LANGUAGE = 9


def protocol(**changes) -> Protocol:
    """The miniature's own protocol, with hardly any data and one epoch."""
    document = load_protocol("miniature").model_dump(mode="json", by_alias=True)
    brief = {"examples": 24, "epochs": 1, "batch_size": 8}
    document["pretraining"]["sentences_per_language"] = 30
    document["pretraining"]["recipe"]["epochs"] = 1
    document["intermediate"].update(brief)
    for target in document["targets"].values():
        if target["recipe"]:
            target["recipe"].update(brief)
    document["base"]["architecture"].update(width=16, feed_forward=32, dropout=0.1)
    document["evaluation"]["examples_per_language"] = PER_LANGUAGE
    return Protocol.model_validate({**document, "seeds": 1, **changes})


def specs(source, *wanted, recipe=protocol, **changes):
    """Return the runs of (condition, target) pairs, parents first, under the tiny protocol."""
    used = recipe(**changes)
    builder = SpecBuilder(used, source)
    ends = [d for c, t in wanted for d in builder.evaluations(c, t, used.evaluation.splits[t])]
    found = builder.reachable(ends).values()
    return used, sorted(found, key=lambda s: (ORDER.index(s.phase), s.title()))


def plan(source, *wanted, **changes):
    used, ordered = specs(source, *wanted, **changes)
    return Plan(
        protocol=used, data=source.name, needs=(), specs=tuple(ordered), claims_digest="0" * 64
    )
