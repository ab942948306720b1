"""Runs of a store as Hypothesis draws them, made here and imported, for the laws of exports."""

from __future__ import annotations

from hypothesis import strategies as st

from claims.estimand import Condition
from replication.imports.entering import runs_of
from replication.imports.score import Reading, Score
from replication.origin import Raw, SourceFile, StatedSpread
from replication.protocol import Base
from replication.run import EVALUATOR, DataUse, Environment, Measurement, Run, RunSpec

WHERE = Environment(
    python="3.11", packages={}, platform="test", device="cpu", threads=1, code="0.1.0 (abc)"
)
NAMES = st.sampled_from(["xlm-r", "true", "1.5", "m+n", "0.1.2", "null", "A_"])
TASK_NAMES = st.sampled_from(["squad", "mnli", "1e5", "no", "mlm", "7", "all.2"])
POINTS = st.floats(0, 100)
TARGETS = st.sampled_from(
    ["xnli", "pawsx", "mlqa", "tatoeba", "reviews", "mnli", "1e5", "no", "0x10"]
)
LANGUAGES = st.sampled_from(["de", "en", "no", "zh", "1.0"])
METRICS = st.sampled_from(["accuracy", "f1", "exact_match", "1e3"])
SPLITS = st.sampled_from(["train", "validation", "test"])
BASES = st.one_of(st.just("protocol"), NAMES)


@st.composite
def conditions(draw, languages=True):
    other = st.sampled_from(["en", "de"]) if languages else st.just("en")
    return Condition(
        base=draw(BASES),
        intermediate=tuple(draw(st.sets(TASK_NAMES, max_size=3))),
        mlm=draw(st.booleans()),
        intermediate_language=draw(other),
        training_language=draw(other),
    )


def plain_run(condition, seed):
    """A run that was made here, of one score."""
    spec = RunSpec(
        phase="evaluation", condition=condition, seed=seed, tasks=("pawsx",), parent="0" * 64,
        base=Base(checkpoint="FacebookAI/xlm-roberta-large"),
        data=(DataUse(name="pawsx", split="test", languages=("de",), revision="a" * 40),),
        precision="fp32", evaluator=EVALUATOR,
    )  # fmt: skip
    score = Measurement(
        task="pawsx", language="de", split="test", metric="accuracy", score=80.25 + seed, n=2000
    )
    return Run(
        spec_digest=spec.digest(), spec=spec, status="finished", measurements=(score,),
        environment=WHERE, started="2026-01-02T03:04:05+00:00", seconds=1,
    )  # fmt: skip


@st.composite
def own_runs(draw, conditions_=None):
    """A run that was made here."""
    task, split = draw(TARGETS), draw(SPLITS)
    cells = draw(st.sets(st.tuples(LANGUAGES, METRICS), min_size=1, max_size=4))
    spec = RunSpec(
        phase="evaluation",
        condition=draw(conditions() if conditions_ is None else conditions_),
        seed=draw(st.none() | st.integers(0, 2**63 - 1)),
        tasks=(task,),
        parent="0" * 64,
        base=Base(checkpoint=draw(st.none() | st.just("FacebookAI/xlm-roberta-large"))),
        data=(
            DataUse(
                name=task,
                split=split,
                languages=tuple(sorted({language for language, _ in cells})),
                revision=draw(st.sampled_from(["sha256:abc", "a" * 40])),
            ),
        ),
        precision="fp32",
        evaluator=EVALUATOR,
    )
    scores = tuple(
        Measurement(
            task=task, language=language, split=split, metric=metric,
            score=draw(POINTS), n=draw(st.integers(1, 10**6)),
        )
        for language, metric in sorted(cells)
    )  # fmt: skip
    return Run(
        spec_digest=spec.digest(), spec=spec, status="finished", measurements=scores,
        environment=WHERE, started="2026-01-02T03:04:05+00:00", seconds=1,
    )  # fmt: skip


@st.composite
def imported_runs(draw, conditions_=None):
    """A run of one foreign score, which may count or only be shown."""
    texts = st.sampled_from(["A mean over runs.", "=1+1", 'é, "ü"', "1e3", "- a: b # c", "\u2028x"])
    score = Score(
        condition=draw(conditions() if conditions_ is None else conditions_),
        checkpoint=draw(st.none() | st.just("a/b")),
        seed=draw(st.none() | st.just("none") | st.integers(0, 9)),
        task=draw(TARGETS), language=draw(LANGUAGES), split=draw(SPLITS), metric=draw(METRICS),
        points=draw(POINTS),
        n=draw(st.none() | st.integers(1, 10**6)),
        seeds=draw(st.sampled_from(["single", "mean", "median"])),
        raw=Raw(
            value=0.5, scale="fraction", path="scores.csv", at=f"line {draw(st.integers(1, 9))}",
            spread=draw(st.none() | st.just(StatedSpread(quantity="standard_error", value=0.1))),
        ),
        shown=draw(st.none() | texts),
    )  # fmt: skip
    reading = Reading(EVALUATOR, (SourceFile(path="scores.csv", sha256="0" * 64),), (score,))
    (run,) = runs_of(reading, "tidy", None, started="2026-01-02T03:04:05+00:00")
    return run


def some_runs(conditions_=None):
    """One to five runs."""
    one = st.one_of(own_runs(conditions_), imported_runs(conditions_))
    return st.lists(one, min_size=1, max_size=5, unique_by=lambda run: run.spec_digest)
