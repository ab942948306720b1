"""What do results of EleutherAI's lm-evaluation-harness say? Scores of prompted models, all only shown.

Read in its code (0.4.13, `api/metrics.py`, `evaluator_utils.py`, `loggers/`): `acc`, `acc_norm`,
`exact_match` and `f1` of its own are fractions, `bleu` and `chrf` are points of sacrebleu; a task
with its own `process_results` may use either. `acc_stderr` is a standard error over examples: of a mean,
the sample standard deviation (n - 1) by sqrt(n); of `f1` and other statistics of a whole corpus, the
standard deviation of bootstrap replicates, which divides by n.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replication.imports.cells import listed, mapping, number_of, split_of, whole_of
from replication.imports.faults import Faults, shown
from replication.imports.run_files import collected, found_files, one_evaluator, reading_of
from replication.imports.score import Given, Reading, Score, Seed
from replication.imports.settled import Place, Said, checked, scored
from replication.imports.sources import Sources
from replication.origin import Raw, Scale, StatedSpread

__all__ = ["read"]

_MAX_BYTES = 32 * 2**20
_MAX_SCORES = 100_000
_FRACTIONS = {"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "f1"}
_POINTS = {"bleu", "chrf"}
_BOOTSTRAPPED = {
    "median",
    "matthews_corrcoef",
    "f1",
    "perplexity",
    "bleu",
    "chrf",
    "ter",
    "nanmean",
}
"""Aggregations whose standard error is bootstrapped."""
_NOT_SCORES = {
    "mcc": "a correlation from -1 to 1 is no share of points",
    "bypass": "no metric was computed (--predict_only)",
}
_ABOUT = {"name", "alias", "sample_len", "sample_count"}
"""What a task's results say beside metrics."""
_OTHER = "That is another quantity than the score of a model fine-tuned for the task."
_LANGUAGES = (
    " aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da"
    " de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz"
    " ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln"
    " lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi"
    " pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti"
    " tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
    " "
)
"""ISO 639-1, each between blanks."""


def read(path: Path | str, given: Given) -> Reading:
    """Return the scores of `results_*.json` in a folder, or of one such file.

    A task `xnli_de` on the configuration `de` of its data set is the task `xnli` in the language `de`;
    where a task does not say its language so, `given` has to. A group is a mean over tasks, and no score
    of its own.

    Args:
        path: what `--output_path` named, or one file of results.
        given: what the files do not say; a language and a scale fill in for those tasks that say none.

    Raises:
        ImportedScoresError: with every fault of every file.
    """
    sources, faults = Sources(Path(path)), Faults()
    given = checked(given, faults)
    left_out: list[str] = []
    scores: list[Score] = []
    versions: set[str] = set()
    for file in _results(sources, faults, left_out):
        with collected(faults):
            data = mapping(sources.json(file, most=_MAX_BYTES))
            results = _Results(sources.name(file), data, given, faults, left_out)
            versions.add(results.version)
            for score in results.scores():
                if len(scores) >= _MAX_SCORES:
                    faults.add(
                        f"import '{path}': found over {_MAX_SCORES} scores ; expected fewer."
                    )
                    break
                scores.append(score)
    evaluator = f"lm-eval {one_evaluator(versions, faults)}"
    return reading_of(
        sources, faults, scores, left_out, evaluator=evaluator, expected="a score among the results"
    )


def _results(sources: Sources, faults: Faults, left_out: list[str]) -> list[Path]:
    """Return the files with results, and tell what is done with those of samples."""
    files = []
    for file in found_files(sources, faults, "*.json", "*.jsonl"):
        name = sources.name(file)
        if file == sources.root or re.fullmatch(r"results.*\.json", file.name):
            files.append(file)
        elif re.fullmatch(r"samples_.*\.jsonl", file.name):
            left_out.append(
                f"file '{name}': outcomes of single examples, as the scores are only shown"
            )
        else:
            left_out.append(f"file '{name}': is not called results_*.json")
    if not files and not faults.total:
        faults.add(
            f"import '{sources.root}': found no results_*.json ; expected what lm_eval wrote to its "
            "--output_path."
        )
    return files


@dataclass(frozen=True, slots=True)
class _Cell:
    """One number of the file that may be a score."""

    task: str
    key: str
    """As in the file: `acc,none`."""
    metric: str
    """Without the filter."""
    name: str
    """With it, unless it is `none`."""
    value: float


class _Results:
    """One file of results."""

    def __init__(
        self,
        path: str,
        data: Mapping[str, Any],
        given: Given,
        faults: Faults,
        left_out: list[str],
    ) -> None:
        self.path = path
        self.given = given
        self.faults = faults
        self.left_out = left_out
        self.data = data
        self.results = mapping(self.data.get("results"))
        self.config = mapping(self.data.get("config"))
        version = self.data.get("lm_eval_version")
        self.version = version[:80] if isinstance(version, str) and version else "unknown"

    def scores(self) -> Iterator[Score]:
        """Yield every score in order, and collect what is none or wrong."""
        if not self.results:
            self.faults.add(
                f"file '{self.path}': found no results in it ; expected a JSON object with `results`, "
                "as lm_eval writes it."
            )
            return
        groups = {name for name, tasks in self._part("group_subtasks").items() if tasks}
        groups |= set(self._part("groups"))
        cells: list[_Cell] = []
        for task, metrics in self.results.items():
            if task in groups:
                self._leave(task, "", "a group's mean over tasks is no score of its own")
            else:
                cells += self._cells(task, mapping(metrics))
        silent = any(self._language(cell.task)[1] is None for cell in cells)
        unscaled = any(self._scale(cell) is None for cell in cells)
        for cell in cells:
            if score := self._score(cell, silent=silent, unscaled=unscaled):
                yield score

    def _cells(self, task: str, metrics: Mapping[str, Any]) -> Iterator[_Cell]:
        better = mapping(self._part("higher_is_better").get(task))
        for key, value in metrics.items():
            metric, _, chosen = key.partition(",")
            if key in _ABOUT or metric.endswith("_stderr"):
                continue
            if better.get(metric) is False:
                self._leave(task, key, "lower is better, so it is no score")
            elif metric in _NOT_SCORES:
                self._leave(task, key, _NOT_SCORES[metric])
            elif isinstance(value, bool) or not isinstance(value, int | float):
                self._leave(task, key, "it is no number")
            else:
                name = metric if chosen in {"", "none"} else f"{metric}.{chosen}"
                yield _Cell(task, key, metric, name, value)

    def _score(self, cell: _Cell, *, silent: bool, unscaled: bool) -> Score | None:
        at = f"results.{cell.task}.{cell.key}"
        place = Place(self.faults, self.given, f"file '{self.path}': {shown(at)}")
        name, language = self._language(cell.task)
        fields = place.fields(
            {
                "task": (("its name", name),),
                "language": (("dataset_name", language),),
                "metric": (("its name", cell.name),),
                "split": (self._split(cell.task),),
                "n": (("n-samples", self._samples(cell.task, "effective")),),
            },
            fills={"language"} if silent else (),
        )
        trained = place.trained((("model_name", self._model()),))
        value = number_of(cell.value)
        if value is None:
            place.fault(f"score {shown(cell.value)}", "a finite number.")
            return None
        said = ("the harness", self._scale(cell))
        scale = place.scale(value, said, needed=True, fills=unscaled)
        if scale is None:
            return None
        raw = Raw(value=value, scale=scale, path=self.path, at=at, spread=self._spread(cell))
        why = self._why_shown(cell.task)
        return scored(fields, trained, raw, seed=self._seed(cell.task), shown=why)

    def _language(self, task: str) -> tuple[str, str | None]:
        """Return a task's name without its language, and the language where the file says it."""
        code = self._config(task).get("dataset_name")
        if isinstance(code, str) and code.count(".") == 1 and code.replace(".", "_") == task:
            code = code.partition(".")[2]  # xquad_de is on the configuration xquad.de
        if not isinstance(code, str) or not task.endswith(f"_{code}"):
            return task, None
        if f" {code} " in _LANGUAGES or re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", code):
            return task.removesuffix(f"_{code}"), code
        return task, None

    def _model(self) -> str | None:
        """Return the model's name; the harness takes it from the arguments in this order."""
        if isinstance(name := self.data.get("model_name"), str):
            return name
        arguments = self.config.get("model_args")
        if isinstance(arguments, str):
            pairs = (part.partition("=") for part in arguments[:10_000].split(","))
            arguments = {key: value for key, _, value in pairs}
        for key in ("peft", "delta", "pretrained", "model", "path", "engine"):
            if isinstance(value := mapping(arguments).get(key), str):
                return value
        return None

    def _split(self, task: str) -> Said:
        """Return the split scored: that of test examples, or else of validation examples."""
        config = self._config(task)
        key = "test_split" if config.get("test_split") else "validation_split"
        return key, split_of(config.get(key))

    def _scale(self, cell: _Cell) -> Scale | None:
        """Return the scale where the harness's own code computed the metric, else null."""
        config = self._config(cell.task)
        if config.get("process_results") or self._aggregation(cell) == "unknown":
            return None
        if cell.metric in _FRACTIONS:
            return "fraction"
        return "points" if cell.metric in _POINTS else None

    def _aggregation(self, cell: _Cell) -> str:
        """Return how the metric sums up examples; `unknown` where the configuration has none."""
        for entry in listed(self._config(cell.task).get("metric_list"))[:1000]:
            if mapping(entry).get("metric") == cell.metric:
                default = cell.metric if cell.metric in _BOOTSTRAPPED else "mean"
                named = mapping(entry).get("aggregation", default)
                own = isinstance(named, str) and named in {"mean", *_BOOTSTRAPPED}
                return named if own else "unknown"
        return "unknown"

    def _spread(self, cell: _Cell) -> StatedSpread | None:
        metric, comma, chosen = cell.key.partition(",")
        number = number_of(mapping(self.results[cell.task]).get(f"{metric}_stderr{comma}{chosen}"))
        if number is None or number < 0:
            return None
        how = self._aggregation(cell)
        return StatedSpread(
            quantity="standard_error",
            value=number,
            over="examples",
            divisor="unknown" if how == "unknown" else "n" if how in _BOOTSTRAPPED else "n-1",
        )

    def _shots(self, task: str) -> int | None:
        shots = self._part("n-shot").get(task, self.config.get("num_fewshot"))
        return shots if isinstance(shots, int) and 0 <= shots < 10**6 else None

    def _seed(self, task: str) -> Seed | None:
        """Return the seed given, or else that of the draw of examples in the prompt."""
        if self.given.seed is not None:
            return self.given.seed
        seed = self.config.get("fewshot_seed")
        return whole_of(seed, 0) if self._shots(task) else None

    def _samples(self, task: str, which: str) -> object:
        count = mapping(self._part("n-samples").get(task)).get(which)
        return count if count != 0 else None

    def _why_shown(self, task: str) -> str:
        shots, seed = self._shots(task), self.config.get("fewshot_seed")
        told = "an unknown number of" if shots is None else str(shots)
        drawn = f" (few-shot seed {shown(seed)})" if shots else ""
        parts = [f"Scored by prompting, with {told} examples in the prompt{drawn}.", _OTHER]
        effective, original = (self._samples(task, which) for which in ("effective", "original"))
        if effective != original:
            parts.append(f"Only {shown(effective)} of {shown(original)} examples were scored.")
        version = self._part("versions").get(task)
        if version is not None and version != "Yaml":  # which stands for none
            parts.append(f"Version of the task: {shown(version)}.")
        digest = self._part("task_hashes").get(task)
        if isinstance(digest, str) and re.fullmatch("[0-9a-f]{12,64}", digest):
            parts.append(f"Hash of examples and prompts: {digest[:12]}.")
        return " ".join(parts)

    def _part(self, name: str) -> Mapping[str, Any]:
        return mapping(self.data.get(name))

    def _config(self, task: str) -> Mapping[str, Any]:
        return mapping(self._part("configs").get(task))

    def _leave(self, task: str, key: str, why: str) -> None:
        at = f"results.{task}.{key}" if key else f"results.{task}"
        self.left_out.append(f"file '{self.path}': {shown(at)}: {why}")
