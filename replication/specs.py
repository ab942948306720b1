"""The run specs of one protocol: which run starts from which, each built once."""

from __future__ import annotations

from collections.abc import Iterable

from claims.estimand import Condition
from replication.data import Source
from replication.protocol import Lengths, Protocol, Recipe, Selection
from replication.run import EVALUATOR, DataUse, RunSpec
from replication.tasks.row import corpora, tasks

__all__ = ["SpecBuilder"]


class SpecBuilder:
    """Builds specs for conditions and seeds, and remembers them by digest."""

    def __init__(self, protocol: Protocol, source: Source) -> None:
        """Keep the protocol and the source, which gives each piece of data its revision."""
        self.protocol = protocol
        self.source = source
        self.specs: dict[str, RunSpec] = {}
        self._seen: dict[tuple[object, ...], str] = {}
        self._languages: dict[tuple[str, str], tuple[str, ...]] = {}
        self._uses: dict[tuple[str, str, tuple[str, ...]], DataUse] = {}
        self._texts: dict[str, str | None] = {}
        assert protocol.precision != "unknown"  # a plan refuses what a run must know
        self._precision = protocol.precision

    def evaluations(self, condition: Condition, task: str, split: str) -> tuple[str, ...]:
        """Return the digests of one evaluation per seed.

        Where nothing random follows the base checkpoint, there is one evaluation, without a seed.
        """
        target = self.protocol.targets[task]
        fixed = not condition.intermediate and target.train_on is None
        first, count = self.protocol.first_seed, int(self.protocol.seeds)
        seeds = [None] if fixed else list(range(first, first + count))
        return tuple(self._evaluation(condition, task, split, seed) for seed in seeds)

    def languages(self, task: str, split: str) -> tuple[str, ...]:
        """Return the languages of a split at hand; the source is asked once, for it looks at files.

        Raises:
            DataError: a file that has to be looked into cannot be read.
        """
        if (task, split) not in self._languages:
            self._languages[task, split] = self.source.languages(tasks()[task], split)
        return self._languages[task, split]

    def text_revision(self, corpus: str) -> str | None:
        """Return the revision of a corpus, None where it is not here; the source is asked once.

        Raises:
            DataError: a file cannot be read.
        """
        if corpus not in self._texts:
            self._texts[corpus] = self.source.text_revision(corpora()[corpus])
        return self._texts[corpus]

    def reachable(self, digests: Iterable[str]) -> dict[str, RunSpec]:
        """Return the specs of some runs and of all runs that they start from."""
        found: dict[str, RunSpec] = {}
        todo = sorted(digests)
        while todo:
            digest = todo.pop()
            if digest not in found:
                found[digest] = self.specs[digest]
                todo += [p for p in (found[digest].parent,) if p is not None]
        return found

    def _evaluation(self, condition: Condition, task: str, split: str, seed: int | None) -> str:
        key = ("evaluation", condition, task, split, seed)
        if key in self._seen:
            return self._seen[key]
        target, evaluation = self.protocol.targets[task], self.protocol.evaluation
        if target.train_on is None:
            parent = self._intermediate(condition, seed)
            retrieval = evaluation.retrieval
            assert retrieval is not None
            lengths = Lengths(max_length=int(retrieval.max_length))
        else:
            assert target.recipe is not None
            parent = self._target(condition, target.train_on, target.recipe, seed)
            retrieval, lengths = None, target.recipe.lengths()
        spec = RunSpec(
            phase="evaluation",
            condition=condition,
            seed=seed,
            tasks=(task,),
            parent=parent,
            base=self.protocol.base,
            lengths=lengths,
            retrieval=retrieval,
            examples_per_language=evaluation.examples_per_language,
            data=(self._use(task, split, self.languages(task, split)),),
            precision=self._precision,
            evaluator=EVALUATOR,
        )
        return self._keep(key, spec)

    def _target(self, condition: Condition, train_on: str, recipe: Recipe, seed: int | None) -> str:
        key = ("target", condition, train_on, recipe, seed)
        if key in self._seen:
            return self._seen[key]
        selection = self._selection()
        spec = RunSpec(
            phase="target",
            condition=condition,
            seed=seed,
            tasks=(train_on,),
            parent=self._intermediate(condition, seed),
            base=self.protocol.base,
            recipes={train_on: recipe},
            selection=selection,
            selection_data=self._selection_use(selection, train_on),
            data=(self._train_use(train_on, condition.training_language),),
            precision=self._precision,
        )
        return self._keep(key, spec)

    def _intermediate(self, condition: Condition, seed: int | None) -> str | None:
        """Return the digest of the intermediate phase, or of the base where there is none."""
        if not condition.intermediate:
            return self._pretraining()
        key = ("intermediate", condition, seed)
        if key in self._seen:
            return self._seen[key]
        names = tuple(condition.intermediate)
        masked = self.protocol.masked_mixing if condition.mlm else None
        assert not isinstance(masked, str)
        special = self.protocol.intermediate_recipes
        spec = RunSpec(
            phase="intermediate",
            condition=condition,
            seed=seed,
            tasks=names,
            parent=self._pretraining(),
            base=self.protocol.base,
            recipes={n: special.get(n, self.protocol.intermediate) for n in names},
            mixing=self.protocol.mixing if len(names) > 1 else None,
            masked_mixing=masked,
            data=(
                *(self._train_use(n, condition.intermediate_language) for n in names),
                *(self._corpora(masked.corpus) if masked else ()),
            ),
            precision=self._precision,
        )
        return self._keep(key, spec)

    def _pretraining(self) -> str | None:
        """Return the digest of pretraining from scratch; None where the base is a checkpoint."""
        pretraining = self.protocol.pretraining
        if pretraining is None:
            return None
        key = ("pretraining",)
        if key in self._seen:
            return self._seen[key]
        spec = RunSpec(
            phase="pretraining",
            condition=None,
            seed=pretraining.seed,
            tasks=(),
            parent=None,
            base=self.protocol.base,
            pretraining=pretraining,
            data=self._corpora(pretraining.corpus),
            precision=self._precision,
        )
        return self._keep(key, spec)

    def _corpora(self, names: Iterable[str]) -> tuple[DataUse, ...]:
        """Return the corpora that are here, as pieces of data."""
        uses = []
        for name in names:
            revision = self.text_revision(name)
            if revision is not None:
                languages = tuple(sorted(corpora()[name].languages))
                uses.append(
                    DataUse(name=name, split="text", languages=languages, revision=revision)
                )
        return tuple(uses)

    def _selection(self) -> Selection | None:
        """Return how checkpoints are chosen; None where the last one is kept."""
        selection = self.protocol.evaluation.selection
        if isinstance(selection, Selection) and selection.rule == "best":
            return selection
        return None

    def _selection_use(self, selection: Selection | None, train_on: str) -> DataUse | None:
        """Return the validation data of the task that is trained."""
        if selection is None:
            return None
        there = self.languages(train_on, "validation")
        languages = there if selection.languages == "all" else tuple(x for x in there if x == "en")
        return self._use(train_on, "validation", languages)

    def _train_use(self, name: str, language: str) -> DataUse:
        split = self.protocol.train_splits.get(name, "train")
        return self._use(name, split, (language,))

    def _use(self, task: str, split: str, languages: tuple[str, ...]) -> DataUse:
        key = (task, split, languages)
        if key not in self._uses:
            revision = self.source.revision(tasks()[task], split, languages)
            self._uses[key] = DataUse(
                name=task, split=split, languages=languages, revision=revision
            )
        return self._uses[key]

    def _keep(self, key: tuple[object, ...], spec: RunSpec) -> str:
        digest = spec.digest()
        self.specs[digest] = spec
        self._seen[key] = digest
        return digest
