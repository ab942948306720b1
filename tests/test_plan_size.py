"""Large plans: what the source is asked does not grow with the seeds, and work grows in proportion."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import combinations

import pytest
from tiny_data import arm, claim, claim_set, measure

from replication.data import FolderSource
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.protocols import load_protocol

ARMS = ("mini_choice", "mini_guild", "mini_shuffled", "mini_squad")
EVERY = [arm(*c) for n in range(5) for c in combinations(ARMS, n)]
EVERY += [{**a, "mlm": True} for a in EVERY if a["intermediate"]]


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("miniature")), "the miniature")


class Asked:
    """A source that counts its questions, and stands in for the hub where it has none behind it."""

    name = "a source that counts"
    commits: dict[str, str] = {}

    def __init__(self, behind=None):
        self.behind = behind
        self.questions = Counter()

    def languages(self, task, split):
        self.questions["languages", task.name, split] += 1
        if self.behind:
            return self.behind.languages(task, split)
        return tuple(sorted(task.languages)) if split in task.splits else ()

    def revision(self, task, split, languages):
        self.questions["revision", task.name, split] += 1
        return self.behind.revision(task, split, languages) if self.behind else "hub:" + "0" * 40

    def text_revision(self, corpus):
        self.questions["text", corpus.name] += 1
        return self.behind.text_revision(corpus) if self.behind else None


def whole_matrix(source, seeds):
    """Return a plan of 31 conditions on all targets: 246 nodes a seed."""
    ranking = claim("all", "ranking", candidates=EVERY, claimed=[EVERY[1]], top=1)
    protocol = load_protocol("miniature", seeds=seeds)
    return make_plan([claim_set(ranking | {"measure": measure(tasks="all")})], protocol, source)


def function_calls(work) -> int:
    """Return how many functions of Python some work calls: its size, whatever the machine does."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def test_the_source_is_asked_as_often_for_many_seeds_as_for_two(miniature):
    few, many = Asked(miniature), Asked(miniature)
    whole_matrix(few, 2)
    whole_matrix(many, 9)
    assert few.questions == many.questions
    assert set(few.questions.values()) == {1}


def test_twice_as_many_nodes_are_at_most_twice_the_work(miniature):
    whole_matrix(miniature, 1)  # rows of tasks are read once in a process
    sizes = [len(whole_matrix(miniature, n).specs) for n in (8, 16)]
    work = [function_calls(lambda n=n: whole_matrix(miniature, n)) for n in (8, 16)]
    assert sizes[1] > 1.9 * sizes[0] > 3000
    assert work[1] < 2.1 * work[0]
    assert work[1] / sizes[1] < 200  # calls a node; 10,000 nodes are then some two million


def test_the_papers_matrix_shares_squad_and_trains_nothing_for_retrieval():
    given = ("epochs=1", "batch_size=32", "max_length=256", "stride=128")
    changes = [*(f"intermediate.{g}" for g in given), f"base.revision={'a' * 40}"]
    protocol = load_protocol("xstilts-jiant", seeds=3, changes=changes)
    gain = claim(
        "c",
        treatment=arm("squad_v2"),
        measure=measure(benchmark="xtreme", tasks="all", split="validation"),
    )
    plan = make_plan([claim_set(gain)], protocol, Asked())
    evaluated = Counter(s.tasks[0] for s in plan.specs if s.phase == "evaluation")
    trained = Counter(s.tasks[0] for s in plan.specs if s.phase == "target")
    # nothing follows the checkpoint for retrieval without an intermediate task: one run, no seed
    assert evaluated == dict.fromkeys(
        ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa"), 6
    ) | {"bucc": 4, "tatoeba": 4}
    assert trained == dict.fromkeys(("mnli", "pawsx", "udpos", "panx", "squad_v1", "tydiqa"), 6)
    children = {
        t: {s.parent for s in plan.specs if s.phase == "evaluation" and s.tasks == (t,)}
        for t in ("xquad", "mlqa", "bucc", "tatoeba")
    }
    assert children["xquad"] == children["mlqa"]
    phase_of = {s.digest(): s.phase for s in plan.specs} | {None: "checkpoint"}
    assert {phase_of[p] for p in children["bucc"] | children["tatoeba"]} == {
        "checkpoint",
        "intermediate",
    }
    assert Counter(s.phase for s in plan.specs)["intermediate"] == 3
