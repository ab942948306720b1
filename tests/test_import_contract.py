"""What every reader of foreign scores promises, whatever its format."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from imported_world import table
from test_import_sources import ODD, odd_file

from replication.errors import ImportedScoresError
from replication.imports.entering import FORMATS, enter, read_scores
from replication.imports.score import LABELS, Given, Reading, Score, points
from replication.store import Store

FIXTURES = Path(__file__).parent / "fixtures" / "imports"
SECONDS = 20
HUGE = b"1" + b"0" * 400


@dataclass(frozen=True)
class Case:
    """A fixture of a format, and what damages it."""

    write: Callable[[Path], object]
    """Puts the fixture into a folder that is not there yet."""
    victim: str
    """A file that holds scores."""
    number: bytes
    """A piece of it that a huge number takes the place of."""
    given: Mapping[str, object] = field(default_factory=dict)


def _copied(*parts: str) -> Callable[[Path], object]:
    return lambda folder: shutil.copytree(FIXTURES.joinpath(*parts), folder)


def _tidy(folder: Path) -> None:
    folder.mkdir()
    (folder / "scores.csv").write_text(table())


def _xtreme(folder: Path) -> None:
    files = json.loads((FIXTURES / "xtreme" / "mock.json").read_text(encoding="utf-8"))
    for name, text in files.items():
        side, _, rest = name.partition("/")
        path = (folder if side == "predictions" else folder.parent / "labels") / rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


TRAINED = {"task": "xnli", "language": "de", "split": "validation"}
CASES = {
    "tidy": Case(_tidy, "scores.csv", b"81.2"),
    "xtreme": Case(_xtreme, "xnli/test-de.tsv", b"", {"labels": "labels", "seed": 3}),
    "jiant": Case(_copied("jiant", "none"), "udpos/val_metrics.json", b'"f1": 0.'),
    "hf-trainer": Case(
        _copied("hf_trainer", "plain"), "seed-11/eval_results.json", b'"eval_accuracy": 0.', TRAINED
    ),
    "model-index": Case(
        _copied("model_index", "trainer"), "README.md", b"value: 0.",
        {"scale": "fraction", "language": "en"},
    ),
    "eee": Case(_copied("eee", "finetuned"), "seed-1.json", b'"score": 8'),
    "lm-eval": Case(_copied("lm_eval", "zero-shot"), "*.json", b"0.", {"language": "en"}),
    "mlflow": Case(_copied("mlflow", "mlruns"), "*/*/metrics/*accuracy", b" 0."),
}  # fmt: skip


def case_of(folder: Path, format_: str) -> tuple[Path, Given]:
    """Write the fixture of a format below a folder; its path, and what has to be given."""
    given = dict(CASES[format_].given)
    if "labels" in given:
        given["labels"] = str(folder / "labels")
    CASES[format_].write(folder / "scores")
    return folder / "scores", Given(**given)


def victim(path: Path, format_: str) -> Path:
    """The file of a fixture that is damaged."""
    return min(path.glob(CASES[format_].victim))


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """Break off what hangs."""

    def stop(*_: object) -> None:
        raise AssertionError(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


every_format = pytest.mark.parametrize("format_", FORMATS)


def test_every_format_has_a_case():
    assert set(CASES) == set(FORMATS)


@every_format
def test_every_score_has_its_source_its_scale_and_valid_names(tmp_path, format_):
    path, given = case_of(tmp_path, format_)
    reading = read_scores(path, format_, given)
    assert reading.scores
    paths = [source.path for source in reading.sources]
    assert paths == sorted(set(paths))
    for score in reading.scores:
        assert score.raw.path in paths
        assert score.points == points(score.raw.value, score.raw.scale)
        assert Score.model_validate(score.model_dump()) == score
    for source in reading.sources:
        file = path / source.path
        if source.path.startswith(LABELS):
            file = tmp_path / source.path
        if file.is_file():
            assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def told(reading: Reading) -> tuple[object, ...]:
    """A reading without its tables of items, which are compared by what is in them."""
    items = {
        key: {
            code: (part.ids.to_pylist(), str(part.outcomes)) for code, part in of.languages.items()
        }
        for key, of in reading.items.items()
    }
    return reading.evaluator, reading.sources, reading.scores, reading.left_out, items


@every_format
def test_the_same_files_read_the_same_and_enter_a_store_once(tmp_path, format_):
    path, given = case_of(tmp_path, format_)
    first, second = (read_scores(path, format_, given) for _ in range(2))
    assert told(first) == told(second)
    held = []
    for reading in (first, second):
        with Store.open(tmp_path / "store") as store:
            entered = enter(reading, store, format_=format_, protocol=None)
            plan = store.latest_plan()
        held.append((plan, [r.canonical() for r in store.runs()], files_of(tmp_path / "store")))
    assert entered.runs == ()
    assert len(entered.there) == len(held[0][1]) > 0
    assert held[0] == held[1]


def files_of(store: Path) -> dict[str, bytes]:
    """What a store's files hold."""
    return {
        str(file.relative_to(store)): file.read_bytes()
        for file in sorted(store.rglob("*"))
        if file.is_file() and file.name != "lock"  # which says since when it is held
    }


def faults_of(error: ImportedScoresError) -> tuple[str, ...]:
    """What is wrong, where there is one fault as where there are several."""
    return error.faults or (str(error),)


def _huge(path: Path, format_: str) -> Path:
    file = victim(path, format_)
    old = CASES[format_].number
    assert old in file.read_bytes()
    # the last byte is a digit or a point of the number
    file.write_bytes(file.read_bytes().replace(old, old[:-1] + HUGE, 1))
    return path


def _instead(content: bytes) -> Callable[[Path, str], Path]:
    def damage(path: Path, format_: str) -> Path:
        victim(path, format_).write_bytes(content)
        return path

    return damage


def _alone(make: Callable[[Path], object]) -> Callable[[Path, str], Path]:
    """Import what is made in place of the victim, and nothing else."""

    def damage(path: Path, format_: str) -> Path:
        file = victim(path, format_)
        file.unlink()
        make(file)
        return file

    return damage


def _emptied(path: Path, _: str) -> Path:
    shutil.rmtree(path)
    path.mkdir()
    return path


def _loop(path: Path, format_: str) -> Path:
    name = victim(path, format_).name
    _emptied(path, format_)
    (path / "below").mkdir()
    (path / "below" / "above").symlink_to(path, target_is_directory=True)
    (path / name).symlink_to(path / name)
    return path


def _other_pipe(path: Path, _: str) -> Path:
    os.mkfifo(path / "pipe")
    return path / "pipe"


def _pipe(path: Path, format_: str) -> Path:
    file = victim(path, format_)
    file.unlink()
    os.mkfifo(file)
    return path


DAMAGE = {
    "a path that is missing": lambda path, _: path / "nowhere",
    "a path that is too long": lambda path, _: path / ("d" * 5000),
    "an empty folder": _emptied,
    "links in a circle": _loop,
    "a pipe in place of a file": _pipe,
    "an empty file": _instead(b""),
    "bytes that are no text": _instead(bytes(range(256)) * 16),
    "brackets without end": _instead(b"[" * 100_000),
    "a huge number": _huge,
    "a pipe of another name beside files in order": _other_pipe,
    "a pipe alone": _alone(os.mkfifo),
    "an empty file alone": _alone(Path.touch),
    "a link to itself alone": _alone(lambda path: path.symlink_to(path)),
}


# a huge number among XTREME's predictions is a wrong answer
DAMAGED = [(f, d) for f in FORMATS for d in DAMAGE if (f, d) != ("xtreme", "a huge number")]


@pytest.mark.parametrize(("format_", "damage"), DAMAGED)
def test_what_is_damaged_is_refused_in_words(tmp_path, format_, damage):
    path, given = case_of(tmp_path, format_)
    with pytest.raises(ImportedScoresError) as caught:
        read_scores(DAMAGE[damage](path, format_), format_, given)
    assert all(" ; expected " in fault for fault in faults_of(caught.value))


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
@every_format
def test_a_path_that_no_record_can_hold_is_never_shown_as_it_is(tmp_path, format_, name):
    path, given = case_of(tmp_path, format_)
    odd_file(path, name)
    odd = os.fsencode(path) + b"/" + name.removesuffix(b".json") + b"-folder/below"
    if len(name) < 100:
        file = victim(path, format_)
        os.makedirs(odd, exist_ok=True)  # noqa: PTH103 - bytes, no Path
        shutil.copy(file, odd + b"/" + os.fsencode(file.name))
    try:
        reading = read_scores(path, format_, given)
        lines = (*reading.left_out, *(source.path for source in reading.sources))
    except ImportedScoresError as error:
        lines = faults_of(error)
    assert all(line.isprintable() for line in lines)


def test_no_reader_needs_torch(tmp_path):
    cases = []
    for format_ in FORMATS:
        (tmp_path / format_).mkdir()
        path, given = case_of(tmp_path / format_, format_)
        cases.append([str(path), format_, given.model_dump()])
    program = (
        "import json, sys\n"
        "from replication.imports.entering import read_scores\n"
        "from replication.imports.score import Given\n"
        "for path, format_, given in json.loads(sys.argv[1]):\n"
        "    assert read_scores(path, format_, Given(**given)).scores\n"
        "heavy = {'torch', 'transformers', 'datasets', 'ray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program, json.dumps(cases)], check=True, timeout=60)
