"""From claims and a protocol to the smallest set of runs, with a reason for each thing refused.

A pure function of its inputs: no clock, no chance, no dependence on the order of claims.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Sequence

from claims.claim import Claim, ClaimSet, ProtocolClaim, SelectedGainClaim
from claims.estimand import Condition, Contrast, Measure
from claims.record import UNKNOWN, digest_of
from replication.data import Source
from replication.errors import DataError, PlanError
from replication.protocol import Protocol, base_name
from replication.run import ClaimNeeds, Phase, Plan, Refusal
from replication.runnable import refuse_unrunnable
from replication.specs import SpecBuilder
from replication.tasks.row import benchmark_tasks, corpora, leaks_of, parts_of, tasks

__all__ = ["conditions_of", "contrasts_of", "make_plan", "resolve"]

_ORDER: dict[Phase, int] = {"pretraining": 0, "intermediate": 1, "target": 2, "evaluation": 3}


def resolve(condition: Condition, protocol: Protocol) -> Condition:
    """Return the condition with `all` and the name of the base replaced by what the protocol says."""
    changed: dict[str, object] = {}
    if condition.intermediate == "all":
        changed["intermediate"] = tuple(sorted(protocol.intermediate_tasks))
    if condition.base != "protocol" and condition.base == base_name(protocol.base):
        changed["base"] = "protocol"
    return condition.model_copy(update=changed) if changed else condition


def contrasts_of(claim: Claim) -> tuple[Contrast, ...]:
    """Return the contrasts of a claim over several of them; none for other kinds."""
    return tuple(getattr(claim, "contrasts", ()))


def conditions_of(claim: Claim) -> tuple[Condition, ...]:
    """Return every condition that a claim names, as written, without repetition."""
    named: list[Condition] = []
    for contrast in contrasts_of(claim):
        named += [contrast.treatment, contrast.control]
    for field in ("treatment", "control", "condition"):
        if isinstance(found := getattr(claim, field, None), Condition):
            named.append(found)
    named += getattr(claim, "candidates", ())
    return tuple(dict.fromkeys(named))


def make_plan(claim_sets: Sequence[ClaimSet], protocol: Protocol, source: Source) -> Plan:
    """Return the runs that the claims need, shared phases once, and what is refused with its reason.

    Raises:
        PlanError: two claims share an id, or the protocol leaves open what a run must know.
    """
    claims = [c for s in claim_sets for c in s.claims]
    ids = [c.id for c in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise PlanError(
            f"claims {', '.join(twice)}: found the id twice ; expected ids that differ."
        )
    refuse_unrunnable(protocol)
    planner = _Planner(protocol, source)
    needs: dict[str, ClaimNeeds] = {}
    for claim_set in claim_sets:
        own = [planner.needs(c) for c in claim_set.claims if not isinstance(c, ProtocolClaim)]
        shared = tuple(sorted({r for n in own for r in n.runs}))
        own += [
            _protocol_needs(c, shared) for c in claim_set.claims if isinstance(c, ProtocolClaim)
        ]
        needs |= {n.claim: n for n in own}
    specs = planner.builder.reachable({r for n in needs.values() for r in n.runs})
    ordered = sorted(specs.items(), key=lambda s: (_ORDER[s[1].phase], s[1].title(), s[0]))
    return Plan(
        protocol=protocol,
        data=source.name,
        needs=tuple(needs[i] for i in sorted(needs)),
        specs=tuple(spec for _, spec in ordered),
        claims_digest=digest_of(sorted(_digest_in_any_order(s) for s in claim_sets)),
    )


class _Planner:
    """What one protocol and one source can do for claims."""

    def __init__(self, protocol: Protocol, source: Source) -> None:
        self.protocol = protocol
        self.source = source
        self.builder = SpecBuilder(protocol, source)
        self.base_faults, self.base_notes = self._base()

    def needs(self, claim: Claim) -> ClaimNeeds:
        """Return the evaluation runs that bear on one claim, and the refusals."""
        refusals = [Refusal(reason=r) for r in (*self.base_faults, *self.base_notes)]
        wanted = [] if self.base_faults else self._conditions(claim, refusals)
        measure: Measure = claim.measure  # type: ignore[union-attr]
        runs: set[str] = set()
        for task in self._tasks(measure, wanted, refusals):
            splits = {self._split(task, measure.split)}
            if isinstance(claim, SelectedGainClaim):
                splits.add(self._split(task, claim.selection.split))
            for condition in wanted:
                for split in splits:
                    runs |= set(self.builder.evaluations(condition, task, split))
        return ClaimNeeds(
            claim=claim.id,
            criterion=claim.criterion(),
            runs=tuple(sorted(runs)),
            refusals=tuple(sorted(set(refusals), key=lambda r: r.canonical())),
        )

    def _split(self, task: str, claimed: str) -> str:
        """Return the split that the claim names where it is known and there, else the protocol's."""
        if claimed != UNKNOWN and self._there(task, claimed):
            return claimed
        return self.protocol.evaluation.splits[task]

    def _there(self, task: str, split: str) -> tuple[str, ...]:
        """Return the languages of a split at hand; none where its files cannot be read."""
        try:
            return self.builder.languages(task, split)
        except DataError:
            return ()

    def _base(self) -> tuple[list[str], list[str]]:
        """Return why the base cannot be pretrained, and what text it goes without."""
        if self.protocol.pretraining is None:
            return [], []
        names = self.protocol.pretraining.corpus
        nameless = [n for n in names if n not in corpora()]
        if nameless:
            listed = ", ".join(nameless)
            return [f"Pretraining corpus {listed} has no row in replication/tasks."], []
        try:
            absent = [n for n in names if self.builder.text_revision(n) is None]
        except DataError as error:
            return [str(error)], []
        if len(absent) == len(names):
            listed = ", ".join(names) or "none named"
            why = f"No text to pretrain on in {self.source.name}: {listed}. Name a folder with --data."
            return [why], []
        return [], [f"Pretraining goes without {n}: not in {self.source.name}." for n in absent]

    def _conditions(self, claim: Claim, refusals: list[Refusal]) -> list[Condition]:
        """Return the conditions to run: all of them, or for claims over contrasts those that can be."""
        reasons = {c: self._condition_faults(c) for c in conditions_of(claim)}
        missing = {c: self._missing_tasks(c) for c in reasons}
        if every := sorted({t for found in missing.values() for t in found}):
            reason = f"Protocol '{self.protocol.name}' has no intermediate task {', '.join(every)}."
            refusals.append(Refusal(reason=reason))
        refusals += [Refusal(reason=r, condition=c) for c, found in reasons.items() for r in found]
        able = [c for c, found in reasons.items() if not found and not missing[c]]
        contrasts = contrasts_of(claim)
        if contrasts:
            whole = [k for k in contrasts if k.treatment in able and k.control in able]
            able = [c for k in whole for c in (k.treatment, k.control)]
        elif len(able) < len(reasons):
            able = []
        return list(dict.fromkeys(resolve(c, self.protocol) for c in able))

    def _condition_faults(self, condition: Condition) -> list[str]:
        """Return why a condition cannot be trained under this protocol with these data."""
        name = self.protocol.name
        faults = []
        if condition.mlm:
            faults += self._masked_faults(condition)
        if resolve(condition, self.protocol).base != "protocol":
            faults.append(
                f"Protocol '{name}' starts from its own base, not from '{condition.base}'."
            )
        if UNKNOWN in (condition.intermediate_language, condition.training_language):
            faults.append("The claim does not say in which language the training data are.")
            return faults
        for task in resolve(condition, self.protocol).intermediate:
            if task in self.protocol.intermediate_tasks:
                fault = self._training_fault(task, condition.intermediate_language)
                faults += [fault] if fault else []
        return faults

    def _masked_faults(self, condition: Condition) -> list[str]:
        """Return why masked-language modelling cannot be mixed in."""
        settings, name = self.protocol.masked_mixing, self.protocol.name
        if settings is None or isinstance(settings, str):
            return [
                f"Protocol '{name}' has no masked-language modelling in the intermediate phase."
            ]
        if not condition.intermediate:
            return ["Masked-language modelling is mixed into intermediate tasks; there are none."]
        if unknown := [c for c in settings.corpus if c not in corpora()]:
            return [f"Corpus '{c}' has no row in replication/tasks." for c in unknown]
        lacking = [c for c in settings.corpus if self.builder.text_revision(c) is None]
        return [f"Corpus '{c}' is not in {self.source.name}." for c in lacking]

    def _missing_tasks(self, condition: Condition) -> list[str]:
        """Return the condition's intermediate tasks that the protocol does not have."""
        wanted = resolve(condition, self.protocol).intermediate
        return [t for t in wanted if t not in self.protocol.intermediate_tasks]

    def _training_fault(self, task: str, language: str) -> str | None:
        """Return why a task cannot be trained on in a language; None where it can."""
        if task not in tasks():
            return f"Task '{task}' has no row in replication/tasks."
        split = self.protocol.train_splits.get(task, "train")
        row = tasks()[task]
        try:
            if language in self.builder.languages(task, split):
                return None
            parts = [p.name for p in parts_of(row)]
            lacking = [p for p in parts if language not in self.builder.languages(p, split)]
        except DataError as error:
            return str(error)
        spoken = "English" if language == "en" else f"'{language}'"
        without = f", nor its parts {', '.join(lacking)}" if lacking else ""
        advice = f" {row.if_absent}" if row.if_absent else ""
        return (
            f"Task '{task}' has no {spoken} split '{split}' in {self.source.name}{without}.{advice}"
        )

    def _tasks(
        self, measure: Measure, conditions: list[Condition], refusals: list[Refusal]
    ) -> list[str]:
        """Return the target tasks that every condition can be scored on."""
        if not conditions:
            return []
        known = [t.name for t in benchmark_tasks(measure.benchmark)]
        if not known:
            refusals.append(
                Refusal(reason=f"Benchmark '{measure.benchmark}' has no row in replication/tasks.")
            )
            return []
        trained = {c.training_language for c in conditions}
        usable = []
        for task in known if measure.tasks == "all" else measure.tasks:
            if task not in known:
                faults = [f"Benchmark '{measure.benchmark}' has no such task."]
            else:
                faults = self._task_faults(task, measure.split, sorted(trained))
            found = [Refusal(reason=r, task=task) for r in faults]
            found += [r for c in conditions for r in self._leaks(c, task)]
            found += self._read_before(conditions, task, measure.split)
            if not found:
                here, lacking = self._languages(task, measure, trained)
                refusals += [Refusal(reason=r, task=task) for r in lacking]
                usable += [task] if here else []
            refusals += found
        return usable

    def _languages(
        self, task: str, measure: Measure, trained: set[str]
    ) -> tuple[set[str], list[str]]:
        """Return the languages asked of a task that are at hand, and what is said of the others."""
        row, split = tasks()[task], self._split(task, measure.split)
        official = set(row.languages) - set(row.missing.get(split, ()))  # type: ignore[call-overload]
        asked = official
        if measure.languages == "zero_shot":
            asked = official - trained
        elif measure.languages != "all":
            asked = official & set(measure.languages)
            if not asked:
                listed = ", ".join(measure.languages)
                return set(), [f"Split '{split}' has none of the languages asked for: {listed}."]
        here = asked & set(self._there(task, split))
        if here == asked:
            return here, []
        listed = ", ".join(sorted(asked - here))
        return here, [f"Split '{split}' lacks {listed} in {self.source.name}."]

    def _task_faults(self, task: str, claimed_split: str, trained_in: list[str]) -> list[str]:
        """Return why a target task cannot be scored under this protocol with these data."""
        target = self.protocol.targets.get(task)
        name = self.protocol.name
        if target is None or task not in tasks():
            return [f"Protocol '{name}' does not have this target task."]
        if task not in self.protocol.evaluation.splits:
            return [f"Protocol '{name}' names no split to score it on."]
        if target.train_on is None and self.protocol.evaluation.retrieval is None:
            return [f"Protocol '{name}' does not say how sentences become vectors."]
        if target.train_on:
            found = [self._training_fault(target.train_on, code) for code in trained_in]
            found.append(self._selection_fault(target.train_on))
            if faults := [f for f in found if f]:
                return faults
        split = self._split(task, claimed_split)
        try:
            there = self.builder.languages(task, split)
        except DataError as error:
            return [str(error)]
        return [] if there else [f"Task '{task}' has no split '{split}' in {self.source.name}."]

    def _selection_fault(self, train_on: str) -> str | None:
        """Return why the best checkpoint cannot be chosen; None where it can, or the last is kept."""
        selection = self.protocol.evaluation.selection
        if isinstance(selection, str) or selection.rule != "best":
            return None
        try:
            if "en" in self.builder.languages(train_on, "validation"):
                return None
        except DataError as error:
            return str(error)
        return f"Task '{train_on}' has no English validation split to choose a checkpoint on."

    def _read_before(
        self, conditions: list[Condition], task: str, claimed_split: str
    ) -> list[Refusal]:
        """Return why text that the encoder was pretrained on gives away what the task evaluates."""
        if task not in self.protocol.evaluation.splits:
            return []
        split, read = self._split(task, claimed_split), list[str]()
        if self.protocol.pretraining is not None:
            read += self.protocol.pretraining.corpus
        masked = self.protocol.masked_mixing
        if masked is not None and not isinstance(masked, str) and any(c.mlm for c in conditions):
            read += masked.corpus
        return [
            Refusal(
                reason=f"Corpus '{name}' is the text of split '{split}', scored here.", task=task
            )
            for name in dict.fromkeys(read)
            if name in corpora() and corpora()[name].holds.get(task) == split
        ]

    def _leaks(self, condition: Condition, task: str) -> list[Refusal]:
        """Return why training data of this lineage gives away what the task evaluates."""
        target = self.protocol.targets.get(task)
        trained = list(condition.intermediate)
        if target is not None and target.train_on:
            trained.append(target.train_on)
        return [
            Refusal(
                reason=(
                    f"Training on split '{leak.split}' of '{name}' leaks into '{task}': "
                    f"{leak.because}"
                ),
                condition=condition,
                task=task,
            )
            for name in trained
            for leak in leaks_of(name)
            if leak.split == self.protocol.train_splits.get(name, "train") and task in leak.into
        ]


def _protocol_needs(claim: ProtocolClaim, runs: tuple[str, ...]) -> ClaimNeeds:
    """A claim about settings rests on whatever its neighbours run; alone it needs no training."""
    refusals = () if runs else (Refusal(reason="No other claim of the file needs a run."),)
    return ClaimNeeds(claim=claim.id, criterion=claim.criterion(), runs=runs, refusals=refusals)


def _digest_in_any_order(claim_set: ClaimSet) -> str:
    """Return a digest that does not depend on where in the file a claim stands."""
    claims = sorted(c.digest() for c in claim_set.claims)
    own = (
        {"benchmarks": claim_set.model_dump(mode="json")["benchmarks"]}
        if claim_set.benchmarks
        else {}
    )
    # whose claims they are is for readers: no run and no decision rests on it
    paper = claim_set.paper.model_dump(mode="json", by_alias=True, exclude={"controls"})
    return digest_of({"paper": digest_of(paper), "claims": claims, **own})
