"""A tracking server of MLflow on this machine, and another that says whatever a test wants."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests

APART = Path(sys.prefix) / "mlflow-server"
"""Where `make test` puts MLflow and what its server needs."""


@contextmanager
def mlflow_server(store, log):
    """Run the process that `mlflow server` would start on a file store; yield its URL.

    The command itself would load MLflow twice; this is its child, started with what it hands on.
    """
    if not APART.is_dir() and find_spec("mlflow") is None:
        pytest.skip("MLflow's server is not installed here (`make test` installs it)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "COV"))}
    environment |= {
        "PYTHONPATH": str(APART),
        "PYTHONWARNINGS": "ignore",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "_MLFLOW_SERVER_FILE_STORE": store.as_uri(),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": store.as_uri(),
    }
    command = [
        "uvicorn",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "mlflow.server.fastapi_app:app",
    ]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment,
            cwd=log.parent,
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            _await(url, process, log)
            yield url
        finally:
            process.kill()


def _await(url, process, log) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    pytest.fail(f"MLflow's server did not start:\n{log.read_text(errors='replace')[-3000:]}")


class _Teller(BaseHTTPRequestHandler):
    """Answers as the test says."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, asked, dict(self.headers)))
        status, headers, body = self.server.answer(asked)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for part in [body] if isinstance(body, bytes) else body:
            try:
                self.wfile.write(part)
                self.wfile.flush()
            except OSError:
                return  # who asked has heard enough

    def log_message(self, *arguments) -> None:
        pass


@contextmanager
def teller():
    """Run a server whose attribute `answer` is asked for (status, headers, body) each time."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Teller)
    server.asked, server.daemon_threads = [], True
    server.url = f"http://127.0.0.1:{server.server_port}/#/experiments/1"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
