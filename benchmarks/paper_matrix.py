"""What would the flagship paper's matrix need on a GPU: which runs, and how long is each?

Hours are arithmetic and were never measured: numbers of examples times tokens times operations per
token, scaled so that the whole matrix, with shared trainings made once, takes what SPEED.md of the
project's notes has for one H200. Sizes are from FACTS.md 3c to 3e, epochs from 3a. Lengths of XNLI,
SQuAD and tagging are those measured in SPEED.md; all that is marked below is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product

from claims.claim import ClaimSet, ProtocolClaim
from claims.library import load
from replication.examples import Example
from replication.plan import make_plan
from replication.protocol import Protocol
from replication.protocols import load_protocol
from replication.run import Plan, RunSpec
from replication.tasks.row import Corpus, Task, benchmark_tasks, tasks

__all__ = [
    "LOOKS", "MATRIX_HOURS", "SEEDS", "SINGLES", "TARGETS", "hours_of", "make", "matrix_hours",
    "paper", "recipe",
]  # fmt: skip

LOOKS = (3, 5, 10)
SINGLES = (
    "anli_plus", "ccg", "commonsense_qa", "cosmos_qa", "hellaswag", "mnli", "qqp", "squad_v1",
    "squad_v2",
)  # fmt: skip
TARGETS = tuple(task.name for task in benchmark_tasks("xtreme"))
SEEDS = 3
MATRIX_HOURS = 22.0
"""One H200, 22 configurations and 3 seeds; SPEED.md, compacted vocabulary, varlen, CUDA graphs."""

_TRAINED: Mapping[str, tuple[int, float]] = {
    "mnli": (392_702, 40),
    "qqp": (363_846, 30),  # tokens assumed
    "squad_v1": (87_599, 183),
    "squad_v2": (130_319, 183),
    "hellaswag": (39_905, 4 * 80),  # tokens of the four endings assumed
    "cosmos_qa": (25_262, 4 * 110),  # likewise
    "commonsense_qa": (9_741, 5 * 20),  # likewise
    "anli_plus": (1_104_934, 45),  # that it is MNLI, SNLI and ANLI is recalled; tokens assumed
    "ccg": (39_604, 25),  # number recalled
    "pawsx": (49_401, 50),  # tokens assumed
    "udpos": (21_253, 25),
    "panx": (20_000, 25),
    "tydiqa": (3_696, 183),
}
"""Task -> training examples, tokens of each."""
_EPOCHS = {"pawsx": 5, "udpos": 10, "panx": 10}
"""Epochs of target trainings; 2 for others, and 2 for intermediate ones, which the guide leaves open."""
_SCORED: Mapping[str, tuple[int, int, float]] = {
    "xnli": (15 * 2_490, 15 * 5_010, 40),
    "pawsx": (7 * 2_000, 7 * 2_000, 50),
    "udpos": (29 * 1_500, 33 * 1_500, 25),  # examples a language assumed
    "panx": (40 * 5_000, 40 * 5_000, 25),  # likewise
    "xquad": (11 * 1_190, 11 * 1_190, 183),
    "mlqa": (7 * 800, 7 * 6_500, 183),  # likewise
    "tydiqa": (5_077, 5_077, 183),
    "bucc": (150_000, 350_000, 30),  # sentences of both sides; assumed
    "tatoeba": (72_000, 72_000, 12),  # tokens assumed
}
"""Task -> examples of the validation and of the test split, all languages, and tokens of each."""
_RETRIEVAL_LAYERS = 14 / 24
_MLM_STEPS = 0.2
"""Share of steps that is masked-language modelling, where it is mixed in; not known of the paper."""
_MASKED = (
    f"{{corpus: [panx_test_text], sentences_per_language: 1000, step_share: {_MLM_STEPS}, "
    "recipe: {epochs: 1, batch_size: 32, learning_rate: 0.00001, max_length: 256}}"
)
_SETTINGS = (
    "seed_statistic=mean", "intermediate.epochs=2", "intermediate.batch_size=32",
    "intermediate.max_length=256", "intermediate.stride=128", f"masked_mixing={_MASKED}",
)  # fmt: skip
_LEAST_MANY = 7
"""Tasks that `many` of nine stands for in the claim on TyDiQA; the paper gives no number."""


class _Everything:
    """A source that has every task in all its languages, of which nothing is ever read."""

    name = "everything"
    commits: dict[str, str] = {}

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        if split not in task.splits:
            return ()
        absent = task.missing.get(split, ())  # type: ignore[call-overload]
        return tuple(sorted(set(task.languages) - set(absent)))

    def revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        return f"simulated:{task.name}:{split}:{len(languages)}"

    def text_revision(self, corpus: Corpus) -> str | None:
        return f"simulated:{corpus.name}"

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        raise NotImplementedError

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        raise NotImplementedError


@cache
def recipe(seeds: int = SEEDS, looks: tuple[int, ...] = ()) -> Protocol:
    """Return the authors' later recipe, with what it leaves open filled in."""
    settings = [*_SETTINGS, f"looks=[{','.join(map(str, looks))}]"]
    return load_protocol("xstilts-jiant", None, seeds, settings)


@cache
def paper() -> ClaimSet:
    """Return the paper's claims about scores, with what it leaves open filled in.

    Of its sixteen claims three are about settings, which wait for no run, and one is about translated
    data, whose language no readable source states, so that no run of it can be planned.
    """
    ((_, claim_set),) = load("xstilts")
    kept = []
    for claim in claim_set.claims:
        if isinstance(claim, ProtocolClaim) or claim.id == "translated-not-better":
            continue
        known = {"score": "task_average", "seeds": "mean"}
        if claim.measure.split == "unknown":
            known["split"] = "validation"
        changes: dict[str, object] = {"measure": claim.measure.model_copy(update=known)}
        if getattr(claim, "at_least", None) == "unknown":
            changes["at_least"] = _LEAST_MANY
        if selection := getattr(claim, "selection", None):
            changes["selection"] = selection.model_copy(update={"languages": "training"})
        kept.append(claim.model_copy(update=changes))
    return claim_set.model_copy(update={"claims": tuple(kept)})


def make(sets: Sequence[ClaimSet], protocol: Protocol) -> Plan:
    """Return the real planner's plan, as if all data were at hand."""
    return make_plan(sets, protocol, _Everything())


def hours_of(spec: RunSpec) -> float:
    """Return the H200 hours of one run."""
    masked = spec.condition is not None and spec.condition.mlm
    if spec.phase == "intermediate":
        work = _intermediate(spec.tasks, masked=masked)
    elif spec.phase == "target":
        work = _target(spec.tasks[0])
    else:
        work = _evaluation(spec.tasks[0], spec.data[0].split)
    return work * _hours_per_work()


def matrix_hours(*, share: bool, keep: bool = True, seeds: int = SEEDS) -> float:
    """Return the hours of every cell: 22 configurations, nine targets, some seeds.

    Args:
        share: whether targets with the same training data share their training (XQuAD and MLQA).
        keep: whether the intermediate checkpoint is kept for all nine targets.
        seeds: of each cell.
    """
    return seeds * _matrix(share=share, keep=keep) * _hours_per_work()


@cache
def _hours_per_work() -> float:
    return MATRIX_HOURS / (SEEDS * _matrix(share=True, keep=True))


# Below, work is in operations per parameter of the encoder's layers.


def _matrix(*, share: bool, keep: bool) -> float:
    """Return the work of every cell with one seed."""
    return sum(_row(i, share=share, keep=keep) for i in _configurations())


def _configurations() -> list[float]:
    """Return the work of the intermediate phase of each configuration."""
    plain = [(), *((name,) for name in SINGLES), SINGLES]
    return [_intermediate(names, masked=masked) for names, masked in product(plain, (False, True))]


def _row(intermediate: float, *, share: bool, keep: bool) -> float:
    twice = _target("squad_v1") if share else 0.0
    times = 1 if keep else len(TARGETS)
    return times * intermediate + sum(_cell(task) for task in TARGETS) - twice


def _cell(task: str) -> float:
    """Return the work of training for and scoring one target, after the intermediate phase."""
    train_on = recipe().targets[task].train_on
    scored = sum(_evaluation(task, s) for s in ("validation", "test") if s in tasks()[task].splits)
    return scored + (_target(train_on) if train_on else 0.0)


def _intermediate(names: Sequence[str], *, masked: bool) -> float:
    """Return the work of the intermediate phase.

    Steps of masked-language modelling come on top. Without any task there are as many of them as
    with the average single one.
    """
    each = {name: _training(name, 2) for name in SINGLES}
    found = sum(each[name] for name in names)
    if not masked:
        return found
    more = found if names else sum(each.values()) / len(SINGLES)
    return found + more * _MLM_STEPS / (1 - _MLM_STEPS)


def _target(train_on: str) -> float:
    return _training(train_on, _EPOCHS.get(train_on, 2))


def _training(name: str, epochs: int) -> float:
    examples, tokens = _TRAINED[name]
    return 6 * examples * tokens * epochs


def _evaluation(task: str, split: str) -> float:
    validation, test, tokens = _SCORED[task]
    layers = _RETRIEVAL_LAYERS if task in ("bucc", "tatoeba") else 1.0
    return 2 * (test if split == "test" else validation) * tokens * layers
