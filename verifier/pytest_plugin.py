"""Claims as tests: claim files are collected by pytest, and tests may ask for a claim's verdict.

Light: imports nothing but pytest and the standard library until a session has to do with claims, since
pytest loads this file in every session of an environment that Corroborate is installed in.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from verifier.pytest_files import argument_files, ini_files, is_claim_file, unwalked

if TYPE_CHECKING:
    from claims.claim import Claim, ClaimSet
    from verifier.scores import Scores
    from verifier.verdict import Verdict

__all__ = ["ClaimFile", "ClaimItem", "assert_claim", "verdict"]

PROPERTY = "corroborate"
"""Name of the user property of a report that carries a verdict, also to the controller of xdist."""
_CACHE = pytest.StashKey["dict[Path, dict[str, tuple[Claim, Verdict]] | str]"]()
"""Claim file -> its verdicts, or why there are none."""
_INI = {
    "corroborate_claims": ("paths", "claim files to collect, relative to the ini file"),
    "corroborate_store": (
        "string",
        "run store that claims are decided on; --run-store goes before",
    ),
    "corroborate_scores": (
        "paths",
        "files of scores that claims are decided on; --scores goes before",
    ),
    "corroborate_scores_format": ("string", "format of those files, as of `corroborate import`"),
    "corroborate_given": ("args", "what those files do not say, FIELD=VALUE each, as of --given"),
    "corroborate_protocol": ("string", "protocol that those scores followed, as you declare"),
    "corroborate_inconclusive": ("string", "what an inconclusive claim does: fail, xfail or skip"),
    "corroborate_data": ("string", "folder of the data that --replicate reads"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    group = parser.getgroup("corroborate", "claims of papers, decided on runs or scores")
    group.addoption("--run-store", metavar="DIR", help="decide claims on the runs of this store")
    group.addoption(
        "--scores", action="append", metavar="FILE", help="decide claims on these scores instead"
    )
    group.addoption("--scores-format", metavar="F", help="format of --scores, tidy by default")
    group.addoption(
        "--scores-given", action="append", metavar="FIELD=VALUE", help="what --scores do not say"
    )
    group.addoption(
        "--scores-protocol", metavar="P", help="protocol that --scores followed, as you declare"
    )
    group.addoption(
        "--require-evidence", action="store_true", help="fail claims that are not evaluable"
    )
    group.addoption(
        "--replicate", metavar="P", help="first make the runs that are missing, by this protocol"
    )
    group.addoption(
        "--budget-hours",
        type=float,
        metavar="H",
        help="start no run of --replicate after this long",
    )
    for name, (kind, text) in _INI.items():
        default = {"corroborate_inconclusive": "fail", "corroborate_scores_format": "tidy"}.get(
            name
        )
        parser.addini(name, text, type=kind, default=default)  # type: ignore[arg-type]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, check the settings, and add claim files of the ini to what is collected."""
    config.addinivalue_line(
        "markers",
        "claim(id, claims=None, judged=True): the test is about this claim, and passes only if its "
        "verdict is as expected; with judged=False the test itself looks at the fixture `verdict`",
    )
    policy = config.getini("corroborate_inconclusive")
    if policy not in ("fail", "xfail", "skip"):
        raise pytest.UsageError(
            f"corroborate_inconclusive: found {policy!r} ; expected fail, xfail or skip."
        )
    if config.getoption("--replicate") and config.getoption("--budget-hours") is None:
        raise pytest.UsageError(
            "--replicate: found no --budget-hours ; expected the hours after which no run begins."
        )
    config.pluginmanager.register(_Summary(), "corroborate-summary")
    ini_files(config)  # a path that fits no file is told whatever is collected
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args += map(str, unwalked(config))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Make the missing runs, if that was asked for: once, before workers of xdist begin."""
    config = session.config
    if config.getoption("--replicate") and not hasattr(config, "workerinput"):
        _replicate(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ClaimFile | None:
    """Collect a claim file that the ini or the command line names."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    named = file_path.resolve() in argument_files(parent.config) and is_claim_file(file_path)
    if named or file_path in ini_files(parent.config):
        return ClaimFile.from_parent(parent, path=file_path)
    return None


class ClaimFile(pytest.File):
    """A claim file: one test per claim."""

    def collect(self) -> Iterator[ClaimItem]:
        """Yield the claims in the order of the file."""
        for claim in _read(self.path).claims:
            yield ClaimItem.from_parent(self, name=claim.id, claim=claim)


class ClaimItem(pytest.Item):
    """One claim as a test: passes where its verdict is as expected."""

    def __init__(self, *, claim: Claim, **rest: Any) -> None:
        """Keep the claim."""
        super().__init__(**rest)
        self.claim = claim

    def runtest(self) -> None:
        """Decide the claim.

        Raises:
            pytest.fail.Exception: the verdict is against expectation, or inconclusive.
        """
        _judge(self, *_verdict(self, self.path, self.claim.id))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the claim stands and what it says."""
        return self.path, None, f"claim {self.claim.id}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Judge every claim that a test is marked with, before the test itself."""
    held: BaseException | None = None
    for marker in item.iter_markers("claim"):
        if marker.kwargs.get("judged", True):
            try:
                _judge(item, *_marked(item, marker))
            except (pytest.skip.Exception, pytest.xfail.Exception) as error:
                held = held or error  # another claim may yet fail the test
    if held is not None:
        raise held
    return (yield)


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """The verdict on the claim that the test is marked with: `@pytest.mark.claim("id")`."""
    marker = request.node.get_closest_marker("claim")
    if marker is None:
        raise pytest.UsageError(
            f"{request.node.nodeid}: found no marker ; expected @pytest.mark.claim('id') on a test "
            "that asks for a verdict."
        )
    found = _marked(request.node, marker)
    _note(request.node, found[1])
    return found[1]


def assert_claim(
    claim: Claim | str,
    scores: Scores | Mapping[str, Sequence[float]] | Any,
    *,
    n: int | None = None,
) -> Verdict:
    """Assert that scores bear a claim out, and return the verdict.

    To call this is to declare that the scores followed the protocol that the claim is about, unless
    they are `Scores` that declare another.

    Args:
        claim: a record, or `claims.yaml::id`.
        scores: `Scores`, a table in the tidy layout, or per arm of a claim about one task in one
            language, such as `{"treatment": [...], "control": [...]}`, its scores in points: (n_seeds,);
            `Scores` take fractions.
        n: examples behind each of those scores; needed for scores per arm.

    Raises:
        AssertionError: the verdict is against expectation, or inconclusive.
        CorroborateError: the claim or the scores cannot be read.
    """
    __tracebackhide__ = True
    from verifier.asserting import decided_on, told  # noqa: PLC0415

    found, verdict = decided_on(claim, scores, n=n)
    if verdict.as_expected() is not True:
        raise AssertionError("\n".join(told(found, verdict)))
    return verdict


class _Summary:
    """Hears of the verdicts of a session, also of those that workers of xdist took, and tells them."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the line of a verdict."""
        for name, value in report.user_properties:
            if name == PROPERTY:
                self.lines[report.nodeid, str(value)] = None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write one line per claim, and say of skipped ones that they did not pass."""
        if not self.lines:
            return
        terminalreporter.section("claims")
        for _, text in self.lines:
            terminalreporter.line(text)
        bare = sum(text.startswith("not_evaluable ") for _, text in self.lines)
        if bare and not terminalreporter.config.getoption("--require-evidence"):
            terminalreporter.line(
                f"{bare} not evaluable: skipped, which is no pass; --require-evidence fails them."
            )


def _judge(item: pytest.Item, claim: Claim, verdict: Verdict) -> None:
    """Let a test go on where the verdict is as expected; else fail or skip it, as was asked for."""
    __tracebackhide__ = True
    from verifier.asserting import told  # noqa: PLC0415

    _note(item, verdict)
    text = "\n".join(told(claim, verdict))
    if verdict.verdict == "not_evaluable" and not item.config.getoption("--require-evidence"):
        pytest.skip(_first(verdict))
    if verdict.verdict == "inconclusive":
        policy = item.config.getini("corroborate_inconclusive")
        if policy == "skip":
            pytest.skip(_first(verdict))
        if policy == "xfail":
            pytest.xfail(_first(verdict))
    if verdict.as_expected() is not True or verdict.stale:
        pytest.fail(text, pytrace=False)


def _first(verdict: Verdict) -> str:
    reason = verdict.reasons[0] if verdict.reasons else verdict.finding
    return f"{verdict.claim} is {verdict.verdict.replace('_', ' ')}: {reason}"


def _note(item: pytest.Item, verdict: Verdict) -> None:
    """Put a verdict into the report of its test, once; junitxml writes it as properties."""
    from verifier.asserting import line  # noqa: PLC0415

    told = (PROPERTY, line(verdict))
    if told in item.user_properties:
        return
    found = {"claim": verdict.claim, "verdict": verdict.verdict, "finding": verdict.finding}
    if verdict.estimate is not None:
        found["estimate"] = f"{verdict.estimate:.6g}"
    if verdict.interval is not None:
        found["interval"] = f"{verdict.interval.low:.6g} {verdict.interval.high:.6g}"
    item.user_properties += [*found.items(), told]


def _marked(item: pytest.Item, marker: pytest.Mark) -> tuple[Claim, Verdict]:
    """Return the claim that a marker names, and its verdict."""
    __tracebackhide__ = True
    name = str(marker.args[0]) if marker.args else ""
    stated = marker.kwargs.get("claims")
    files = ini_files(item.config)
    if stated is not None:
        files = [
            path
            for path in (item.path.parent / stated, item.config.rootpath / stated)
            if path.is_file()
        ]
        files = [path.resolve() for path in files[:1]]
    having = [path for path in files if any(claim.id == name for claim in _read(path).claims)]
    if len(having) == 1:
        return _verdict(item, having[0], name)
    if having:
        pytest.fail(
            f"marker claim({name!r}): found such a claim in {', '.join(map(str, having))} ; expected "
            "one of them. Say claims='FILE' in the marker.",
            pytrace=False,
        )
    known = ", ".join(str(path) for path in files) or "no claim file"
    pytest.fail(
        f"marker claim({name!r}): found no such claim in {known} ; expected its id in a file that "
        "corroborate_claims in the ini names, or claims='FILE' in the marker.",
        pytrace=False,
    )


def _verdict(item: pytest.Item, path: Path, name: str) -> tuple[Claim, Verdict]:
    """Return a claim of a file with its verdict; all claims of a file are decided together, once."""
    __tracebackhide__ = True
    from claims.errors import CorroborateError  # noqa: PLC0415

    decided = item.config.stash.setdefault(_CACHE, {})
    if path not in decided:
        try:
            decided[path] = _decide(item.config, path)
        except CorroborateError as error:
            hint = "\n  --given is --scores-given here, or corroborate_given in the ini."
            decided[path] = f"{error}{hint if '--given' in str(error) else ''}"
    found = decided[path]
    if isinstance(found, str):
        pytest.fail(found, pytrace=False)
    if not found:
        text = (
            f"claim {name!r}: found neither runs nor scores ; expected --run-store DIR, --scores FILE, "
            "or corroborate_store or corroborate_scores in the ini."
        )
        item.user_properties.append((PROPERTY, f"not_evaluable  {name}  {text.partition(': ')[2]}"))
        if item.config.getoption("--require-evidence"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)
    return found[name]


def _decide(config: pytest.Config, path: Path) -> dict[str, tuple[Claim, Verdict]]:
    from verifier.asserting import on_files, on_store  # noqa: PLC0415

    store, files = config.getoption("--run-store"), config.getoption("--scores")
    if store and files:
        raise pytest.UsageError("--scores: found --run-store too ; expected one of them.")
    if not store and not files:
        store, files = _of_ini(config)
    if store:
        return on_store(path, Path(config.invocation_params.dir, store))
    if not files:
        return {}
    return on_files(
        path, [Path(config.invocation_params.dir, file) for file in files],
        format_=config.getoption("--scores-format") or config.getini("corroborate_scores_format"),
        given=config.getoption("--scores-given") or config.getini("corroborate_given") or (),
        protocol=config.getoption("--scores-protocol") or config.getini("corroborate_protocol") or None,
    )  # fmt: skip


def _of_ini(config: pytest.Config) -> tuple[str | None, list[str]]:
    """Return the store and the files of scores that the ini names, the store before the files."""
    store = config.getini("corroborate_store")
    root = config.inipath.parent if config.inipath else config.rootpath
    return (str(root / store) if store else None), [
        str(p) for p in config.getini("corroborate_scores") or ()
    ]


def _replicate(config: pytest.Config) -> None:
    """Plan and make the runs that the claim files of this session lack."""
    from claims.errors import CorroborateError  # noqa: PLC0415
    from verifier.asserting import replicated  # noqa: PLC0415

    files = [*ini_files(config), *(p for p in argument_files(config) if is_claim_file(p))]
    store = config.getoption("--run-store") or _of_ini(config)[0]
    if not files or not store:
        raise pytest.UsageError(
            f"--replicate: found {len(files)} claim files and store {store} ; expected claim files and "
            "a --run-store."
        )
    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            replicated(
                sorted(set(files)), Path(config.invocation_params.dir, store),
                protocol=config.getoption("--replicate"),
                budget_hours=config.getoption("--budget-hours"),
                data=config.getini("corroborate_data") or None,
            )  # fmt: skip
    except KeyboardInterrupt:
        pytest.exit("--replicate: interrupted; the same command goes on from here", returncode=2)
    except CorroborateError as error:
        raise pytest.UsageError(f"--replicate: {error}") from None


def _read(path: Path) -> ClaimSet:
    from claims.check import read_claim_file  # noqa: PLC0415
    from claims.errors import ClaimsError  # noqa: PLC0415

    try:
        return read_claim_file(str(path))
    except ClaimsError as error:
        raise pytest.Collector.CollectError(str(error)) from None
