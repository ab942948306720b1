"""What scores does a Hugging Face model card state: `model-index`, or a file of `.eval_results`?

Specifications: modelcard.md and eval_results.yaml of huggingface/hub-docs. Neither names a scale: hub
users write 0.82 and 82.1 for the same metric, so that a value above 0 and at most 1 has none until the
user says which, and one above 1 is in points. Neither states an uncertainty: what follows `±` in a value
has no meaning that anybody defines, and is only noted. Light: no torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.record import UNKNOWN
from claims.safe_yaml import LocatedYaml, dotted, read_yaml
from claims.safe_yaml import Place as Steps
from replication.imports.card_values import (
    ARGUMENTS,
    NO_SCORES,
    head_of,
    known_sets,
    named,
    noted,
    raw_of,
    seeds_of,
    source_of,
    split_meant,
    split_said,
    system_trained,
    why_shown,
)
from replication.imports.cells import listed, mapping, name_of, split_of
from replication.imports.faults import Faults, shown
from replication.imports.run_files import collected, found_files, one_evaluator, reading_of
from replication.imports.score import Given, Reading, Score
from replication.imports.settled import Place, Said, checked, scored
from replication.imports.sources import Sources

__all__ = ["FOLDER", "MAX_HEAD", "MAX_SCORES", "read"]

FOLDER = ".eval_results"
MAX_HEAD = 2**20
"""Characters of a card's YAML head, or of another YAML file, that are read."""
MAX_SCORES = 20_000
"""Most scores of one import."""

_LEADERBOARD = (
    "An entry of a leaderboard says neither how the model was trained nor how it was asked."
)


def read(path: Path, given: Given) -> Reading:
    """Return the scores of a card (README.md), a YAML file, or all cards in a folder.

    Args:
        path: the file or the folder.
        given: what the cards do not say.

    Raises:
        ImportedScoresError: with every fault of every file.
    """
    sources, faults = Sources(path), Faults()
    found = _Cards(checked(given, faults), faults)
    for file in found_files(sources, faults, "README.md", "*.yaml", "*.yml"):
        if file != sources.root and file.suffix != ".md" and file.parent.name != FOLDER:
            continue
        with collected(faults):
            text = sources.text(file, most=64 * MAX_HEAD)
            found.add(sources.name(file), text, whole=file.suffix in {".yaml", ".yml"})
    evaluator = one_evaluator((read.evaluator for read in found.scores), faults)
    expected = f"a model card whose head has `model-index`, or a file of `{FOLDER}`"
    scores = found.result()
    return reading_of(
        sources, faults, scores, found.left_out, evaluator=evaluator, expected=expected
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """One score, with what only all of them together can settle."""

    score: Score
    evaluator: str
    source: str


class _Cards:
    """Collects the scores of cards."""

    def __init__(self, given: Given, faults: Faults) -> None:
        self.given = given
        self.faults = faults
        self.scores: list[_Read] = []
        self.left_out: list[str] = []
        self._kept = 0

    def add(self, path: str, text: str, *, whole: bool) -> None:
        """Read one file, a card or a YAML file as a whole."""
        head = (text, 0) if whole else head_of(text)
        if head is None:
            self.left_out.append(f"file '{path}': no YAML head between two lines `---`")
            return
        if len(head[0]) > MAX_HEAD:
            self.faults.add(
                f"file '{path}': found over {MAX_HEAD} characters of YAML ; expected fewer. Split it."
            )
            return
        document = read_yaml(head[0])
        card = _Card(self, path, document, head[1])
        listed = isinstance(document.value, list)
        mine = ("document", "[") if listed else ("document", "model-index")
        for fault in document.faults:
            if not document.complete or fault.field.startswith(mine):
                self.faults.add(
                    f"file '{path}', line {fault.line + head[1]}: {fault.field}: found {fault.found} ; "
                    f"expected {fault.expected}."
                )
        if listed:
            for index, entry in enumerate(document.value):
                card.entry(index, mapping(entry))
        elif isinstance(document.value, dict) and "model-index" in document.value:
            card.index(document.value["model-index"], document.value.get("base_model"))
        elif document.complete:
            self.left_out.append(f"file '{path}': no `model-index`")

    def keep(self, read: _Read) -> None:
        """Add a score."""
        self._kept += 1
        if self._kept <= MAX_SCORES:
            self.scores.append(read)
        elif self._kept == MAX_SCORES + 1:
            self.faults.add(
                f"import: found over {MAX_SCORES} scores ; expected fewer. Import the parts one by one."
            )

    def result(self) -> tuple[Score, ...]:
        """Return the scores; where they come from several sources, none of them counts."""
        if len({read.source for read in self.scores}) < 2:
            return tuple(read.score for read in self.scores)
        why = "The cards name several sources, whose evaluators may differ."
        return tuple(
            r.score if r.score.shown else r.score.model_copy(update={"shown": why})
            for r in self.scores
        )


class _Card:
    """Reads one YAML document."""

    def __init__(self, cards: _Cards, path: str, document: LocatedYaml, before: int) -> None:
        self.cards = cards
        self.path = path
        self.document = document
        self.before = before
        self.sets: set[str] = set()

    def at(self, steps: Steps, notes: Iterable[str] = ()) -> str:
        """Return where a value stands, with what is noted of it."""
        line = self.document.line(steps) + self.before
        return "; ".join((f"line {line}, {dotted(steps)}", *notes))[:3000]

    def place(self, at: str) -> Place:
        """Return that as what settles."""
        return Place(self.cards.faults, self.cards.given, f"{self.path}, {at}", exact=True)

    def index(self, index: object, trained_from: object) -> None:
        """Read a `model-index`."""
        if not isinstance(index, list):
            self.place(self.at(("model-index",))).fault(shown(index), "a list of models.")
            return
        self.sets = {
            str(mapping(mapping(result).get("dataset")).get("type"))
            for model in index
            for result in listed(mapping(model).get("results"))
        }
        single = trained_from if isinstance(trained_from, str) and trained_from.strip() else None
        for i, entry in enumerate(index):
            steps: Steps = ("model-index", i)
            model = mapping(entry)
            name, results = model.get("name"), model.get("results")
            if not isinstance(name, str) or not name.strip() or not isinstance(results, list):
                self.place(self.at(steps)).fault("a model without name or results", "both.")
                continue
            for j, result in enumerate(results):
                self.result((*steps, "results", j), mapping(result), name, single)

    def result(
        self, steps: Steps, result: Mapping[str, Any], model: str, trained_from: str | None
    ) -> None:
        """Read the metrics of one data set."""
        data, metrics = mapping(result.get("dataset")), result.get("metrics")
        if not isinstance(metrics, list) or not isinstance(data.get("type"), str):
            self.place(self.at(steps)).fault("a result without dataset.type or metrics", "both.")
            return
        types = Counter(str(mapping(m).get("type")) for m in metrics)
        source, notes = source_of(result)
        notes = [*noted(data, ("type", "config", "revision")), *notes]
        for k, entry in enumerate(metrics):
            metric = mapping(entry)
            args = mapping(metric.get("args"))
            own = [*noted(metric, ("name", "verified", "config")), *noted(args, ARGUMENTS)]
            at = self.at((*steps, "metrics", k), [*notes, *own])
            shared = types[str(metric.get("type"))] > 1 and not set(args) & set(ARGUMENTS)
            kind = name_of(metric.get("type"))
            if kind is not None and NO_SCORES.fullmatch(kind.lower()):
                self.cards.left_out.append(
                    f"file '{self.path}', {at}: metric {kind}, of which more is not better"
                )
                continue
            place = self.place(at)
            before = self.cards.faults.total
            fields = place.fields(self.said(place, metric, data, shared=shared))
            statistic = seeds_of(place, args)
            raw = raw_of(place, self.path, at, metric.get("value"), args.get("scale"))
            trained = system_trained(place, args, model, trained_from)
            if self.cards.faults.total > before:
                continue
            why = why_shown(args, mapping(data.get("args")), metric.get("config"))
            score = scored(fields, trained, raw, seeds=statistic, shown=why)
            if score is not None:
                self.cards.keep(_Read(score, str(args.get("evaluator") or UNKNOWN)[:200], source))

    def said(
        self, place: Place, metric: Mapping[str, Any], data: Mapping[str, Any], *, shared: bool
    ) -> dict[str, tuple[Said]]:
        """Return what is said of the fields of a score.

        Args:
            place: where it stands.
            metric: as the card has it.
            data: the data set, as the card has it.
            shared: whether its type names other metrics beside it, so that its name must tell them
                apart.
        """
        args, of_data = mapping(metric.get("args")), mapping(data.get("args"))
        title = metric.get("name")
        stated = title.lower() if shared and isinstance(title, str) else metric.get("type")
        known = known_sets().get((data["type"], str(data.get("config") or "")), (None, None))
        task = named("task", of_data.get("task", known[0] or self._task(data["type"])))
        split, word = split_meant(task[0][1] or place.given.task, data.get("split"))
        split = split_of(of_data.get("split")) or split
        return {
            "task": task,
            "language": named("language", of_data.get("language", known[1])),
            **split_said(place, split or word),
            "metric": named("metric", stated),
            "seed": (("seed", args.get("seed")),),
            "n": (("n", args.get("n")),),
        }

    def _task(self, data_set: str) -> str | None:
        """Return the name of a data set that is no known task; None leaves it to what the user says."""
        if self.cards.given.task is not None and len(self.sets) == 1:
            return None
        return data_set.rstrip("/").rpartition("/")[2]

    def entry(self, index: int, entry: Mapping[str, Any]) -> None:
        """Read one entry of a file of `.eval_results`, which names no metric, split or language."""
        data = mapping(entry.get("dataset"))
        source, notes = source_of(entry)
        notes = [
            *noted(data, ("id", "task_id", "revision")),
            *noted(entry, ("date", "notes")),
            *notes,
        ]
        notes += ["with a verifyToken, which is not checked"] if entry.get("verifyToken") else []
        at = self.at((index,), notes)
        place = self.place(at)
        name, task_id = data.get("id"), data.get("task_id")
        if not isinstance(name, str) or not isinstance(task_id, str):
            place.fault("an entry without dataset.id or dataset.task_id", "both.")
            return
        task = (name if task_id == "default" else task_id).rstrip("/").rpartition("/")[2]
        unsaid = ("language", "split", "metric", "seed", "n")
        fields = place.fields({"task": named("task", task), **dict.fromkeys(unsaid, ())})
        raw = raw_of(place, self.path, at, entry.get("value"), None)
        score = scored(fields, system_trained(place, {}, None), raw, shown=_LEADERBOARD)
        if score is not None:
            self.cards.keep(_Read(score, UNKNOWN, source))
