"""A tracking server of MLflow says what its folder says, and whatever else answers is a fault."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil

import pytest
import requests
from hostile_json import broken
from hypothesis import given as drawn
from loopback_mlflow import mlflow_server, teller
from test_import_mlflow import NOTHING, SETTINGS, STORE, experiment

from replication.errors import ImportedScoresError
from replication.imports import mlflow_server as asking
from replication.imports.mlflow import read
from replication.imports.score import Given, Reading


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    shutil.copytree(STORE, folder / "mlruns")
    with mlflow_server(folder / "mlruns", folder / "log") as url:
        yield url


@pytest.fixture
def other():
    with teller() as server:
        yield server


def api_run(**changes):
    """Return a run as the server's API tells it."""
    data = {
        "metrics": [{"key": "accuracy", "value": 81.5, "timestamp": 1, "step": "2"}],
        "params": [
            {"key": k, "value": v}
            for k, v in {"seed": "1", "task": "xnli", "language": "de", "split": "test"}.items()
        ],
        "tags": [{"key": "n", "value": "10"}, {"key": "mlflow.parentRunId", "value": "p"}],
    }
    info = {"run_id": "a1", "experiment_id": "1", "status": "FINISHED", "lifecycle_stage": "active"}
    return {"info": info | changes, "data": data}


def pages(*listed):
    """Return an answer of one page with these runs."""
    return lambda asked: (200, {}, json.dumps({"runs": listed}).encode())


def test_the_server_says_what_its_folder_says(server, monkeypatch) -> None:
    monkeypatch.setattr(asking, "_PAGE", 3)
    for name in ("reviews", "transfer"):
        folder = read(experiment(name), NOTHING)
        for url in (
            f"{server}/#/experiments/{experiment(name).name}",
            f"{server}?experiment={name}",
        ):
            served = read(url, NOTHING)
            assert set(served.scores) == set(folder.scores)
            assert served.sources == folder.sources
            assert sorted(served.left_out) == sorted(folder.left_out)


def test_a_run_logged_at_the_server_comes_in_with_its_last_value(server) -> None:
    def ask(what, **fields):
        answer = requests.post(f"{server}/api/2.0/mlflow/{what}", json=fields, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    own = ask("experiments/create", name="R&D é")["experiment_id"]
    run = ask("runs/create", experiment_id=own, start_time=1)["run"]["info"]["run_id"]
    for key, value in {"seed": "none", "task": "xnli", "language": "de", "model": "logreg"}.items():
        ask("runs/log-parameter", run_id=run, key=key, value=value)
    for step, value in ((3, 61.5), (1, 99.0), (2, 0.5)):
        ask("runs/log-metric", run_id=run, key="test/f1", value=value, timestamp=step, step=step)
    ask("runs/log-metric", run_id=run, key="loss", value="NaN", timestamp=1, step=1)
    url = f"{server}?experiment=R%26D+%C3%A9"
    with pytest.raises(ImportedScoresError, match="0 finished runs of 1"):
        read(url, NOTHING)
    ask("runs/update", run_id=run, status="FINISHED")
    (score,) = read(url, Given(n=7)).scores
    assert (score.points, score.metric, score.split, score.seed) == (61.5, "f1", "test", "none")
    assert (score.n, score.condition.base) == (7, "logreg")


@pytest.mark.parametrize(
    "place", ["", "/#/experiments/", "?experiment=a&experiment=b", "/#/models/1"]
)
def test_a_url_without_an_experiment_is_a_fault(place) -> None:
    with pytest.raises(ImportedScoresError, match="found no experiment in the URL"):
        read(f"http://127.0.0.1:9{place}", NOTHING)


def test_an_experiment_that_is_not_there_is_a_fault(server) -> None:
    with pytest.raises(ImportedScoresError, match="HTTP 404"):
        read(f"{server}?experiment=nothing", NOTHING)
    with pytest.raises(ImportedScoresError):
        read(f"{server}/#/experiments/77", NOTHING)


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "ftp://h/#/experiments/1", "http://h:x/#/"]
)
def test_what_is_no_url_is_a_fault(url) -> None:
    with pytest.raises(ImportedScoresError, match="found no URL"):
        read(url, NOTHING)


def test_passwords_are_never_told() -> None:
    with pytest.raises(ImportedScoresError) as found:
        read("http://ann:secret@127.0.0.1:9/#/experiments/1", NOTHING)
    assert "secret" not in str(found.value)


def test_a_token_is_sent_as_mlflow_sends_it(other, monkeypatch) -> None:
    other.answer = pages(api_run())
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    read(other.url, NOTHING)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    read(other.url, NOTHING)
    sent = [headers["Authorization"] for _, _, headers in other.asked]
    assert sent == ["Bearer t0ken", "Basic YW5uOg=="]


@SETTINGS
@drawn(document=broken({"runs": [api_run(), api_run(run_id="a2")], "next_page_token": ""}))
def test_whatever_a_server_answers_it_is_read_or_has_faults(document, endless) -> None:
    pages_left = itertools.count()
    body = json.dumps(document).encode()
    endless.answer = lambda asked: (200, {}, body if next(pages_left) < 2 else b"{}")
    with contextlib.suppress(ImportedScoresError):
        assert isinstance(read(endless.url, NOTHING), Reading)


@pytest.fixture(scope="module")
def endless():
    with teller() as server:
        yield server


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (500, {}, b"\x1b[2J" * 100),
        (401, {}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b"[" * 100_000),
        (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b" + b"x" * 50),
        (200, {"Content-Length": "1000"}, b'{"runs": []}'),
        (200, {}, b'{"runs": "x"}'),
        (200, {}, b'{"runs": ' + b"9" * 5000 + b"}"),
    ],
)
def test_what_is_no_answer_is_a_fault_on_one_line(other, status, headers, body) -> None:
    other.answer = lambda asked: (status, headers, body)
    with pytest.raises(ImportedScoresError) as found:
        read(other.url, NOTHING)
    assert len(other.asked) == 1
    assert str(found.value).isprintable()


def test_a_redirection_is_not_followed(other, endless) -> None:
    endless.answer = pages(api_run())
    endless.asked.clear()
    for status in (302, 307, 308):
        other.answer = lambda asked, status=status: (status, {"Location": endless.url}, b"")
        with pytest.raises(ImportedScoresError, match=f"HTTP {status}"):
            read(other.url, NOTHING)
    assert not endless.asked


@pytest.mark.parametrize("bound", ["_MAX_ANSWER", "_MAX_BYTES"])
def test_an_answer_that_is_too_long_is_a_fault(other, monkeypatch, bound) -> None:
    body = json.dumps({"runs": [api_run()]}).encode() + b" " * 10**6
    other.answer = lambda asked: (200, {}, body)
    assert read(other.url, NOTHING).scores
    monkeypatch.setattr(asking, bound, 10**6)
    with pytest.raises(ImportedScoresError, match="too long an answer"):
        read(other.url, NOTHING)


def test_a_server_that_never_ends_is_left(other, monkeypatch) -> None:
    monkeypatch.setattr(asking, "_MAX_ANSWER", 10**6)
    other.answer = lambda asked: (200, {}, itertools.repeat(b" " * 2**16))
    with pytest.raises(ImportedScoresError, match="too long an answer"):
        read(other.url, NOTHING)
    other.answer = lambda asked: (200, {}, json.dumps({"next_page_token": "again"}).encode())
    monkeypatch.setattr(asking, "MAX_RUNS", 3 * asking._PAGE)
    with pytest.raises(ImportedScoresError, match=f"over {3 * asking._PAGE} runs"):
        read(other.url, NOTHING)
    monkeypatch.setattr(asking, "_MAX_SECONDS", -1.0)
    with pytest.raises(ImportedScoresError, match="no end of answers"):
        read(other.url, NOTHING)


def test_a_run_that_comes_twice_is_a_fault(other) -> None:
    other.answer = pages(api_run(), api_run())
    with pytest.raises(ImportedScoresError, match="twice"):
        read(other.url, NOTHING)


def test_runs_of_a_server_that_are_deleted_or_go_on_are_left_out(other) -> None:
    other.answer = pages(
        api_run(),
        api_run(run_id="a2", lifecycle_stage="deleted"),
        api_run(run_id="a3", status="RUNNING"),
    )
    reading = read(other.url, NOTHING)
    assert [score.raw.path for score in reading.scores] == ["experiments/1/runs/a1"]
    assert reading.left_out == ("experiments/1/runs/a2: deleted", "experiments/1/runs/a3: RUNNING")


def test_half_a_character_is_a_fault(other) -> None:
    run = api_run()
    run["data"]["tags"][1]["value"] = "\ud800"
    other.answer = pages(run)
    with pytest.raises(ImportedScoresError, match="surrogates not allowed"):
        read(other.url, NOTHING)


def test_a_run_of_another_experiment_is_a_fault(other) -> None:
    other.answer = pages(api_run(experiment_id="2"))
    with pytest.raises(ImportedScoresError, match="another experiment"):
        read(other.url, NOTHING)
