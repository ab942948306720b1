"""What will the runs of a plan cost? Seconds, device memory and disk, with the error of the figure.

Seconds come from a model fitted on finished runs: a constant, steps, steps times weights, and
arithmetic operations, each with a price that is not negative, by least squares on the logarithm of
measured over predicted. Its error is what the model gets wrong on kinds of runs that it was not
fitted on. For a device that nobody measured there is arithmetic, which is never called measured.
Light: no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from replication.cost_table import CostTable, Shape, Throughput, cost_table, shape_of_base
from replication.data import Source
from replication.run import Plan, Run, RunSpec
from replication.tasks.row import tasks
from replication.workload import Unsized, Work, Workloads

__all__ = [
    "FEWEST_RUNS",
    "Bill",
    "NodeCost",
    "Observation",
    "bill_of",
    "device_here",
    "fit",
    "foreseen_memory",
    "gpu_memory",
    "left_out",
    "observation",
    "operations",
    "price",
]

FEWEST_RUNS = 12
"""Finished runs, on one device, from which a store's own speed is fitted."""

FEWEST_KINDS = 4
"""Kinds of runs among them; with fewer, the error for kinds not seen cannot be told."""

MOST_RUNS = 2000
"""Runs that a fit looks at; more add nothing but time."""


@dataclass(frozen=True, slots=True)
class NodeCost:
    """What one run is expected to cost; None where that is not known, and why."""

    seconds: float | None
    """On the device that was measured."""
    gpu_seconds: float | None
    """On the table's GPU, by arithmetic."""
    gpu_memory: int | None
    """Peak bytes of that GPU's memory, by arithmetic."""
    disk: int | None
    """Bytes that the run leaves in the store."""
    unknown: str | None = None
    """What is missing, where something is."""


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of every run of a plan, and what the figures rest on."""

    nodes: dict[str, NodeCost]
    """Digest -> cost."""
    device: str
    throughput: Throughput | None
    """None where the device was never measured."""
    own: bool = False
    """Whether the throughput is that of the store's own runs."""
    beyond: float = 0.0
    """How many times the encoder is larger than the largest one measured; 0 where it is not."""
    assumed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """What is not known, in words, sorted."""
    gpu: str = ""
    gpu_because: str = ""


def bill_of(plan: Plan, source: Source, runs: Sequence[Run] = ()) -> Bill:
    """Return what each run of a plan costs.

    Args:
        plan: the plan.
        source: where its data are.
        runs: of the store, where one was named; with enough of them the model is fitted on them.
    """
    table, loads = cost_table(), Workloads(source)
    device = _device_of(runs) or device_here()
    own = fit(_observed(runs, loads, table, device), device, "the finished runs of this store")
    throughput = own or table.of_device(device)
    shape = shape_of_base(plan.protocol.base, table, _vocabulary(runs, plan))
    nodes: dict[str, NodeCost] = {}
    known: dict[tuple[Work, str], NodeCost] = {}
    for spec in plan.specs:
        try:
            work = loads.of(spec)
        except Unsized as why:
            nodes[spec.digest()] = NodeCost(None, None, None, None, str(why))
            continue
        key = (work, f"{spec.phase} {spec.tasks[0] if spec.tasks else ''}")
        if key not in known:
            known[key] = _cost(spec, work, shape, table, throughput)
        nodes[spec.digest()] = known[key]
    because = table.gpu.because
    if plan.protocol.precision == "fp32":
        because += "; at the speed of bf16, while the protocol asks for fp32, which is slower"
    beyond = shape.inner / throughput.largest if shape and throughput else 0.0
    return Bill(
        nodes=nodes,
        device=device,
        throughput=throughput,
        own=own is not None,
        beyond=beyond if beyond > 1 else 0.0,
        assumed=tuple(sorted(loads.assumed)),
        unknown=tuple(sorted({n.unknown for n in nodes.values() if n.unknown})),
        gpu=table.gpu.name,
        gpu_because=because,
    )


def device_here() -> str:
    """Return what this machine would compute on, as far as that is known without asking a driver."""
    return "cuda" if Path("/dev/nvidia0").exists() else "cpu"


def operations(work: Work, shape: Shape) -> float:
    """Return the floating-point operations of a run: two a weight and token forwards, four back.

    Attention adds its products over the mean length, and masked places their projection onto the
    vocabulary (Kaplan et al. 2020, section 2.1, counts the same way).
    """
    length = work.tokens / work.features if work.features else 0.0
    forward = 2 * shape.inner + 4 * shape.layers * shape.width * min(length, work.longest)
    passes = 3 if work.steps else 1
    words = 2 * shape.width * shape.vocabulary * work.predicted
    return passes * (forward * work.tokens + words) + forward * work.looked


def gpu_memory(work: Work, shape: Shape, table: CostTable, *, half: bool) -> int:
    """Return peak bytes on the table's GPU: weights with their state, and a micro-batch's activations.

    Activations are those of real tokens, since batches are packed; only what a head reads is padded
    again, one state a token and its gradient. In evaluation there is no state, and one layer's
    activations at a time (of a micro-batch four times as large).

    Args:
        work: of the run.
        shape: of the encoder.
        table: bytes a weight and an activation.
        half: whether activations are kept in 16 bits; weights and their state never are.
    """
    wide, most = 1 if half else 2, table.gpu.tokens_at_once
    if not work.steps:
        tokens = min(4.0 * most, work.tokens)
        return round(4 * shape.parameters + tokens * shape.width * table.activation_bytes * wide)
    tokens = min(float(most), work.held)
    kept = tokens * shape.layers * shape.width * table.activation_bytes * wide
    padded = max(1, work.batch) * work.longest * shape.width * 2 * 2 * wide
    share = work.predicted / work.tokens if work.tokens else 0.0
    words = 3 * 4 * tokens * share * shape.vocabulary  # logits, their softmax and its gradient
    return round(shape.parameters * table.state_bytes + kept + padded + words)


def foreseen_memory(spec: RunSpec, loads: Workloads, *, at_once: int | None = None) -> int | None:
    """Return peak bytes of what a run holds where it computes; None where a size is not known.

    Args:
        spec: of the run.
        loads: of the plan's source.
        at_once: most tokens of a micro-batch; None for those of the table's GPU.
    """
    table = loads.table
    shape = shape_of_base(spec.base, table)
    if shape is None:
        return None
    try:
        work = loads.of(spec)
    except (Unsized, KeyError):  # a task that only another version has
        return None
    if at_once is not None:
        here = table.gpu.model_copy(update={"tokens_at_once": at_once})
        table = table.model_copy(update={"gpu": here})
    # what "auto" means is the device's matter, and 32 bits never take less
    return gpu_memory(work, shape, table, half=spec.precision == "bf16")


def price(work: Work, shape: Shape, throughput: Throughput) -> float:
    """Return the expected seconds of a run on a device that was measured."""
    prices = throughput.training if work.steps else throughput.evaluation
    return float(np.dot(_terms(work, shape), prices))


def _terms(work: Work, shape: Shape) -> tuple[float, ...]:
    done = operations(work, shape) / 1e12
    if work.steps:
        return (1.0, work.steps, work.steps * shape.parameters / 1e9, done)
    return (1.0, work.features, done)


@dataclass(frozen=True, slots=True)
class Observation:
    """One finished run: what it was, what it had to do, and how long it took."""

    kind: str
    """Phase, tasks and encoder; runs that differ in seed or condition only are of one kind."""
    work: Work
    shape: Shape
    seconds: float


@dataclass(slots=True)
class _Fitted:
    """Prices by whether a run trains."""

    prices: dict[bool, tuple[float, ...]] = field(default_factory=dict)

    def predicts(self, seen: Observation) -> float | None:
        """Return the seconds expected; None where no run like it was seen."""
        prices = self.prices.get(seen.work.steps > 0)
        return float(np.dot(_terms(seen.work, seen.shape), prices)) if prices else None


def fit(seen: Sequence[Observation], device: str, measured: str) -> Throughput | None:
    """Return the speed of a device as fitted on finished runs; None where they are too few.

    Args:
        seen: runs on this device.
        device: its name.
        measured: on what, for the reader.
    """
    kinds = sorted({o.kind for o in seen})
    both = {o.work.steps > 0 for o in seen} == {True, False}
    if len(seen) < FEWEST_RUNS or len(kinds) < FEWEST_KINDS or not both:
        return None
    whole = _fitted(seen)
    missed = left_out(seen)
    if len(missed) < FEWEST_KINDS:
        return None
    return Throughput(
        device=device,
        training=tuple(_short(p) for p in whole.prices[True]),
        evaluation=tuple(_short(p) for p in whole.prices[False]),
        factor=_short(float(np.exp(np.quantile(list(missed.values()), 0.9)))),
        runs=len(seen),
        kinds=len(kinds),
        largest=max(o.shape.inner for o in seen),
        measured=measured,
    )


def left_out(seen: Sequence[Observation]) -> dict[str, float]:
    """Return, for every kind, how far it is from what the other kinds foretell.

    It is the median over the kind's runs of |log(measured / predicted)|, with prices fitted without
    any run of the kind. A kind is passed over where it is the only one that trains, or that does not.
    """
    missed: dict[str, float] = {}
    for kind in sorted({o.kind for o in seen}):
        fitted = _fitted([o for o in seen if o.kind != kind])
        own = [o for o in seen if o.kind == kind]
        expected = [fitted.predicts(o) for o in own]
        logs = [np.log(o.seconds / e) for o, e in zip(own, expected, strict=True) if e]
        if logs:
            missed[kind] = float(np.median(np.abs(logs)))
    return missed


def _fitted(seen: Sequence[Observation]) -> _Fitted:
    found = _Fitted()
    for trains in (True, False):
        some = [o for o in seen if (o.work.steps > 0) == trains]
        if some:
            terms = np.array([_terms(o.work, o.shape) for o in some], dtype=float)
            kinds = [o.kind for o in some]
            weights = np.array([kinds.count(k) for k in kinds], dtype=float) ** -0.5
            seconds = np.array([o.seconds for o in some], dtype=float)
            found.prices[trains] = _prices(terms, seconds, weights)
    return found


def _prices(terms: np.ndarray, seconds: np.ndarray, weights: np.ndarray) -> tuple[float, ...]:
    """Return prices, none negative, that make the weighted squared log residuals least.

    Every kind of run weighs the same however many runs it has. The start is the fit of relative
    errors, which is convex.

    Args:
        terms: (runs, terms).
        seconds: (runs,), measured.
        weights: (runs,).
    """
    from scipy.optimize import least_squares, nnls  # noqa: PLC0415  slow to import, and rarely needed

    scale = np.where(terms.max(axis=0) > 0, terms.max(axis=0), 1.0)
    scaled = terms / scale
    start, _ = nnls(scaled / seconds[:, None] * weights[:, None], weights)
    least = 1e-6 * float(seconds.min())

    def missed(prices: np.ndarray) -> np.ndarray:
        return np.asarray(weights * np.log((scaled @ prices + least) / seconds))

    found = least_squares(missed, start + least, bounds=(0.0, np.inf))
    return tuple(float(x) for x in found.x / scale)


def _observed(
    runs: Iterable[Run], loads: Workloads, table: CostTable, device: str
) -> list[Observation]:
    """Return the runs of a device that finished and whose work can be told from the data here."""
    seen: list[Observation] = []
    for run in runs:
        if len(seen) == MOST_RUNS:
            break
        if run.status != "finished" or run.environment.device != device or run.seconds <= 0:
            continue
        if found := observation(run, loads, table):
            seen.append(found)
    return seen


def observation(run: Run, loads: Workloads, table: CostTable) -> Observation | None:
    """Return a finished run as one point of a fit; None where its work cannot be told."""
    spec = run.spec
    shape = shape_of_base(spec.base, table)
    try:
        work = loads.of(spec)
    except (Unsized, KeyError):  # a task that this version does not have any more
        return None
    if shape is None:
        return None
    tasks_ = "+".join(spec.tasks)
    size = f"{shape.layers}x{shape.width}"
    mlm = "/mlm" if spec.masked_mixing is not None else ""
    return Observation(f"{spec.phase} {tasks_}{mlm} {size}", work, shape, run.seconds)


def _cost(
    spec: RunSpec,
    work: Work,
    shape: Shape | None,
    table: CostTable,
    throughput: Throughput | None,
) -> NodeCost:
    if shape is None:
        missing = f"the size of the encoder '{spec.base.checkpoint}'"
        return NodeCost(None, None, None, None, missing)
    return NodeCost(
        seconds=price(work, shape, throughput) if throughput else None,
        gpu_seconds=_gpu_seconds(work, shape, table),
        gpu_memory=gpu_memory(work, shape, table, half=spec.precision != "fp32"),
        disk=_disk(spec, work, shape, table),
    )


def _gpu_seconds(work: Work, shape: Shape, table: CostTable) -> float:
    """Return seconds on the table's GPU: launching steps, or computing them, whichever is more."""
    gpu = table.gpu
    computing = operations(work, shape) / (gpu.operations * gpu.share)
    return max(computing, work.steps * shape.layers * gpu.step_seconds_per_layer)


def _disk(spec: RunSpec, work: Work, shape: Shape, table: CostTable) -> int | None:
    """Return the bytes of a checkpoint in 32 bits, or of what a scored example leaves."""
    if work.steps:
        return 4 * shape.parameters
    each = table.example_bytes.get(tasks()[spec.tasks[0]].family)
    return None if each is None else round(each * work.examples)


def _device_of(runs: Iterable[Run]) -> str | None:
    """Return the device of most finished runs; None without any."""
    found = [r.environment.device for r in runs if r.status == "finished"]
    return max(sorted(set(found)), key=found.count) if found else None


def _vocabulary(runs: Iterable[Run], plan: Plan) -> int | None:
    """Return the size of the vocabulary that the plan's own pretraining has made, if it has."""
    roots = {s.digest() for s in plan.specs if s.phase == "pretraining"}
    for run in runs:
        size = run.facts.get("vocabulary")
        if run.spec_digest in roots and isinstance(size, int):
            return size
    return None


def _short(value: float) -> float:
    return float(f"{value:.4g}")
