"""What does a tracking server of MLflow hold? The runs of one experiment, asked for by its REST API.

Asked are `experiments/get-by-name` and `runs/search` of `/api/2.0/mlflow/` (MLflow 3.17.2), page by
page, within bounds of bytes, time and runs; redirections are not followed. Whoever needs a name or a
token sets MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, as for MLflow
itself.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from replication.imports.cells import listed, mapping
from replication.imports.faults import Faults, shown
from replication.imports.mlflow_run import FIELDS, MAX_RUNS, PARENT, Logged, Value, key_of, last
from replication.imports.score import Given
from replication.imports.sources import Sources, parsed

__all__ = ["runs_of_server"]

_PAGE = 200
_MAX_ANSWER = 64 * 2**20
_MAX_BYTES = 512 * 2**20
_MAX_SECONDS = 120.0
_TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and of the longest silence."""
_CHUNK = 2**16
_HOW = "http://HOST:PORT/#/experiments/ID or http://HOST:PORT?experiment=NAME"


def runs_of_server(url: str, given: Given, faults: Faults) -> list[Logged]:
    """Return the runs of the experiment that a URL names.

    Args:
        url: `http://HOST:PORT/#/experiments/ID`, as a browser shows it, or `http://HOST:PORT?experiment=NAME`.
        given: which metric the user names.
        faults: what is wrong with single runs is added here.

    Raises:
        ImportedScoresError: the URL names no experiment, or the server does not answer as it should.
    """
    server = _Server(url)
    experiment = server.experiment()
    runs: dict[str, Logged] = {}
    for told in server.runs(experiment):
        try:
            run = _run(told, experiment, given)
        except ValueError as error:
            faults.add(f"{server.name}: {error}")
            continue
        if run.run in runs:
            faults.add(
                f"{server.name}: run '{run.run}': found it twice ; expected it once. Try again."
            )
        runs[run.run] = run
    return list(runs.values())


class _Server:
    """A server, and how much it may still answer."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url[:4096])
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError(url)  # noqa: TRY301 - one message for both
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise Sources.fault(f"import {shown(url)}: found no URL ; expected {_HOW}.") from None
        self._parts = parts
        self._root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self.name = f"server {shown(parts.hostname + port)}"
        """Without user and password, which are never told."""
        self._session = requests.Session()
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        if user:
            self._session.auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
        elif token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._bytes = _MAX_BYTES
        self._end = time.monotonic() + _MAX_SECONDS

    def experiment(self) -> str:
        """Return the id of the experiment that the URL names."""
        found = re.fullmatch(
            r"/experiments/([A-Za-z0-9_-]{1,64})(?:/runs)?/?(?:\?.*)?", self._parts.fragment
        )
        if found:
            return found.group(1)
        names = parse_qs(self._parts.query[:2000]).get("experiment", [])
        if len(names) != 1 or self._parts.fragment:
            raise Sources.fault(f"{self.name}: found no experiment in the URL ; expected {_HOW}.")
        answer = self._ask("GET", "experiments/get-by-name", {"experiment_name": names[0]})
        held = answer.get("experiment")
        identity = held.get("experiment_id") if isinstance(held, dict) else None
        if not isinstance(identity, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", identity):
            raise Sources.fault(
                f"{self.name}: found no experiment called {shown(names[0])} ; expected one. {_HOW}."
            )
        return identity

    def runs(self, experiment: str) -> Iterator[dict[str, Any]]:
        """Yield every run of an experiment, deleted ones too."""
        asked: dict[str, Any] = {
            "experiment_ids": [experiment],
            "max_results": _PAGE,
            "run_view_type": "ALL",
        }
        for _ in range(MAX_RUNS // _PAGE):
            answer = self._ask("POST", "runs/search", asked)
            page, token = answer.get("runs", []), answer.get("next_page_token")
            if not isinstance(page, list) or len(page) > _PAGE:
                raise Sources.fault(f"{self.name}: found no page of runs ; expected one.")
            yield from (run if isinstance(run, dict) else {} for run in page)
            if not token:
                return
            asked["page_token"] = str(token)[:4096]
        raise Sources.fault(
            f"{self.name}: found over {MAX_RUNS} runs of {shown(experiment)} ; expected fewer."
        )

    def _ask(self, method: str, what: str, fields: dict[str, Any]) -> dict[str, Any]:
        found = ""
        try:
            with self._session.request(
                method,
                f"{self._root}/api/2.0/mlflow/{what}",
                headers={"Accept-Encoding": "identity"},
                stream=True,
                allow_redirects=False,
                timeout=_TIMEOUT,
                params=fields if method == "GET" else None,
                json=fields if method == "POST" else None,
            ) as response:
                data = self._body(response)
                if response.status_code != 200:
                    found = f"HTTP {response.status_code} ({shown(data[:60].decode('latin-1'))})"
                else:
                    answer = parsed(data.decode("utf-8"))
                    if isinstance(answer, dict):
                        return answer
                    found = "no JSON object"
        except (requests.RequestException, HTTPError, OSError) as error:
            found = f"no whole answer ({type(error).__name__})"
        except (ValueError, RecursionError):
            found = "no JSON"
        raise Sources.fault(
            f"{self.name}: {what}: found {found} ; expected an answer of MLflow's tracking server. Look "
            "whether the URL opens in a browser; where it asks who you are, set MLFLOW_TRACKING_TOKEN, "
            "or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )

    def _body(self, response: requests.Response) -> bytes:
        """Return the bytes of an answer.

        Raises:
            ImportedScoresError: they are too many, or take too long.
        """
        data = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            data += chunk
            self._bytes -= len(chunk)
            if len(data) > _MAX_ANSWER or self._bytes < 0:
                raise Sources.fault(
                    f"{self.name}: found too long an answer ; expected a shorter one."
                )
            if time.monotonic() > self._end:
                raise Sources.fault(
                    f"{self.name}: found no end of answers after {_MAX_SECONDS:.0f} s ; expected one."
                )
        return bytes(data)


def _run(run: dict[str, Any], experiment: str, given: Given) -> Logged:
    """Return one run.

    Raises:
        ValueError: it is not as the API describes it; with a sentence.
    """
    info, data = mapping(run.get("info")), mapping(run.get("data"))
    identity = info.get("run_id", info.get("run_uuid"))
    if not isinstance(identity, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", identity):
        raise ValueError(
            f"found a run with the id {shown(identity)} ; expected letters and digits."
        )
    if info.get("experiment_id") != experiment:
        raise ValueError(
            f"run '{identity}': found a run of another experiment ; expected one of it."
        )
    status = info.get("status")
    told = status if isinstance(status, str) and re.fullmatch("[A-Z]{1,20}", status) else "UNKNOWN"
    if info.get("lifecycle_stage") != "active":
        told = "deleted"
    params = _texts(identity, data, "params", FIELDS)
    tags = _texts(identity, data, "tags", (*FIELDS, PARENT))
    metrics: dict[str, Value] = {}
    others = []
    for entry in _entries(data, "metrics"):
        name = str(entry.get("key"))
        if key_of(name, given.metric) is None:
            others.append(name)
            continue
        place = f"run '{identity}': metric {shown(name)}"
        try:
            found = last([(entry.get("step", 0), entry.get("timestamp", 0), entry.get("value"))])
        except ValueError as error:
            raise ValueError(
                f"{place}: found {shown(error.args[0])} ; expected a number."
            ) from None
        if found is None or name in metrics:
            raise ValueError(f"{place}: found it twice ; expected it once.")
        metrics[name] = found
    return Logged(experiment, identity, told, params, tags, metrics, tuple(sorted(others)))


def _texts(
    identity: str, data: Mapping[str, Any], kind: str, names: tuple[str, ...]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in _entries(data, kind):
        name, value = entry.get("key"), entry.get("value", "")
        if name not in names:
            continue
        if not isinstance(value, str) or name in found:
            raise ValueError(
                f"run '{identity}': {kind}: {name}: found {shown(value)} ; expected text."
            )
        found[name] = value.strip()
    return found


def _entries(data: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return [mapping(entry) for entry in listed(data.get(kind))]
