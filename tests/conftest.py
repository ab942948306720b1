"""What tests of several modules share: golden files, a hub and an arXiv on this machine."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from engines_under_test import _connected_to_ray, ray_cluster  # noqa: F401  fixtures
from hypothesis import HealthCheck, settings
from loopback_arxiv import arxiv_site  # noqa: F401  a fixture
from loopback_hub import loopback  # noqa: F401  a fixture
from loopback_indexes import desk, indexes  # noqa: F401  fixtures

pytest_plugins = ["pytester"]  # runs pytest within a test, for the plugin that claims are tests by

# A job in the background of a script ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine must not fail a law, and CI must fail for what a change did, not for a new example.
settings.register_profile(
    "steady",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("steady")

GOLDENS = Path(__file__).parent / "goldens"

_DIGEST = re.compile(r"`[0-9a-f]{12}`")
"""A shortened digest: it moves with every new field of a record, and says nothing of the layout."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regen-goldens",
        action="store_true",
        help="rewrite the golden files; review the difference before committing it",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a golden file; a missing one is written, and the test fails."""

    def compare(name: str, text: str) -> None:
        path = GOLDENS / name
        masked = _DIGEST.sub("`DIGEST`", text)
        if request.config.getoption("--regen-goldens"):
            path.write_text(masked, encoding="utf-8")
            return
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(masked, encoding="utf-8")
            pytest.fail(f"there was no golden file {path}; it is written now: review and commit it")
        expected = path.read_text(encoding="utf-8")
        assert masked == expected, f"{path} differs; if that is meant, run pytest --regen-goldens"

    return compare
