"""The house keeps its laws: layers, light imports, no cycles, small files, honest names."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pickle  # noqa: TID251 - only what this test has just written is read
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("claims", "replication", "verifier", "reports")
FILES = [
    *sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py")),
    ROOT / "corroborate.py",
]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
HEAVY = ("torch", "transformers", "datasets", "ray")
LIGHT_IN_REPLICATION = (
    "protocol", "deviations", "run", "plan", "store", "errors", "looks", "items", "item_clusters",
    "acceptances", "appended", "chain", "cost", "cost_table", "gc", "migrations", "orders",
    "remaining", "why", "workload", "tasks.row",
    "engines.courier", "engines.depot", "engines.device", "engines.sharing",
)  # fmt: skip
MARKDOWN = sorted(
    p
    for p in ROOT.rglob("*.md")
    if not {".venv", "out", "node_modules", "goldens"} & set(p.relative_to(ROOT).parts)
)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def declared(path: Path) -> list[str] | None:
    """Return the names in `__all__`, in their order; None where the module has none."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, as a user's shell would start it."""
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def light_modules() -> list[str]:
    """Return every module under the light law that exists, except entry points of pytest."""
    names = [
        module_name(p)
        for p in FILES
        if p.parts[len(ROOT.parts)] in {"claims", "verifier", "reports"}
    ]
    names += [
        f"replication.{name}"
        for name in LIGHT_IN_REPLICATION
        if (ROOT / "replication" / f"{name.replace('.', '/')}.py").exists()
    ]
    return names


def test_imports_point_down_only() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    found = subprocess.run(
        [command, "--no-cache"], check=False, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_nothing_imports_the_composition_root() -> None:
    guilty = [
        path
        for path in FILES
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Import) and "corroborate" in {a.name for a in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module == "corroborate")
    ]
    assert not guilty


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    below = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    while leaves := {module for module, imported in below.items() if not imported}:
        below = {m: imported - leaves for m, imported in below.items() if m not in leaves}
    assert not below, f"modules in an import cycle, or that import one: {sorted(below)}"


def test_light_modules_import_nothing_heavy_even_indirectly() -> None:
    names = light_modules()
    assert len(names) > 15, "the list of light modules looks wrong"
    found = python(
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["report", "--help"]])
def test_help_imports_nothing_heavy(arguments) -> None:
    found = python(
        "import sys\nimport corroborate\n"
        f"try:\n    code = corroborate.main({arguments!r})\n"
        "except SystemExit as stop:\n    code = stop.code\n"
        f"print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)), code or 0)"
    )
    assert found.stdout.strip().endswith("HEAVY [] 0"), found.stdout + found.stderr
    assert "corroborate" in found.stdout.partition("HEAVY")[0], "help should name the command"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_file_stays_within_the_size_budget(path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE_LINES, f"{path}: {lines} lines"
    long = [
        f"{f.name}: {f.end_lineno - f.lineno + 1}"
        for f in functions(path)
        if (f.end_lineno or 0) - f.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not long, f"{path}: functions above {MAX_FUNCTION_LINES} lines: {long}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_function_is_annotated(path) -> None:
    bare = []
    for function in functions(path):
        spec = function.args
        named = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
        missing = [a.arg for a in named if a.annotation is None and a.arg not in {"self", "cls"}]
        if missing or function.returns is None:
            bare.append((function.name, missing))
    assert not bare, f"{path}: {bare}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_module_and_public_name_has_a_docstring(path) -> None:
    module = tree(path)
    if not module.body:
        return
    assert ast.get_docstring(module), f"{path}: the module says nothing of itself"
    silent = []
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            members = node.body if isinstance(node, ast.ClassDef) else []
            inner = [m for m in members if isinstance(m, ast.FunctionDef)]
            named = [node, *(m for m in inner if not m.name.startswith("_"))]
            silent += [n.name for n in named if not ast.get_docstring(n)]
    assert not silent, f"{path}: {silent}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_all_is_sorted_and_names_what_is_public(path) -> None:
    names = declared(path)
    if path.name == "__init__.py" and names is None:
        return
    assert names is not None, f"{path}: has no __all__"
    assert names == [
        *sorted(n for n in names if n.isupper()),
        *sorted(n for n in names if not n.isupper() and n[0].isupper()),
        *sorted(n for n in names if n[0].islower()),
    ], f"{path}: constants, classes, functions"
    body = [
        inner
        for node in tree(path).body
        for inner in (node.body if isinstance(node, ast.If) else [node])  # if TYPE_CHECKING
    ]
    here = {n.name for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
        here |= {t.id for t in targets if isinstance(t, ast.Name)}
        if isinstance(node, ast.Import | ast.ImportFrom):
            here |= {alias.asname or alias.name for alias in node.names}
    assert set(names) <= here, f"{path}: names that do not exist: {set(names) - here}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_is_unpickled_or_evaluated(path) -> None:
    banned_modules = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.partition(".")[0] in banned_modules]
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").partition(".")[0] in banned_modules
        ):
            found.append(node.module)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            risky = {"eval", "exec", "compile", "torch.load", "yaml.load", "yaml.unsafe_load"}
            found += [called] if called in risky else []
            found += [
                f"{called}(allow_pickle=...)"
                for k in node.keywords
                if k.arg == "allow_pickle"
                and not (isinstance(k.value, ast.Constant) and k.value.value is False)
            ]
    assert not found, f"{path}: {found}"


def error_classes() -> list[type[Exception]]:
    found = []
    for package in PACKAGES:
        module = importlib.import_module(f"{package}.errors")
        members = inspect.getmembers(module, inspect.isclass)
        found += [
            c for _, c in members if issubclass(c, Exception) and c.__module__ == module.__name__
        ]
    return found


@pytest.mark.parametrize("kind", error_classes(), ids=lambda c: c.__name__)
def test_errors_survive_pickling_with_their_message(kind) -> None:
    try:
        error = kind("claim 'x': found 0 ; expected 1. Mend it.")
    except TypeError:
        from claims.errors import Fault

        error = kind("x.yaml", (Fault(3, "claims[0].id", "0", "a name"),))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_all_errors_have_one_root() -> None:
    from claims.errors import CorroborateError

    assert all(issubclass(kind, CorroborateError) for kind in error_classes())


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    broken = [link for link in local if not (path.parent / link).exists()]
    assert not broken, f"{path}: {broken}"


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda p: str(p.relative_to(ROOT)))
def test_claim_files_shown_in_documents_are_accepted(path) -> None:
    from claims.check import parse_claims

    blocks = re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for block in blocks:
        if block.startswith("schema: corroborate/claims@1"):
            assert parse_claims(block.encode(), path=path.name).claims


def test_readme_is_under_500_words() -> None:
    words = (ROOT / "README.md").read_text(encoding="utf-8").split()
    assert 50 < len(words) < 500, len(words)


def test_extension_points_of_this_distribution_can_be_loaded_by_name() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    missing = []
    for group in project["entry-points"].values():
        for value in group.values():
            module, _, attribute = value.partition(":")
            path = ROOT / f"{module.replace('.', '/')}.py"
            named = not attribute or attribute in (declared(path) or [])  # pytest takes a module
            if not path.exists() or not named:
                missing.append(value)
    assert not missing, f"entry points without module or public name: {missing}"


def test_constraints_pin_every_dependency_exactly_and_name_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    loose = [line for line in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line)]
    assert not loose
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in pins}
    wanted = re.findall(
        r'^    "([A-Za-z0-9_-]+)[><=]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert wanted
    assert {name.lower().replace("_", "-") for name in wanted} <= pinned


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_audit_succeeds_when_something_is_undecided_and_fails_otherwise(tmp_path) -> None:
    fake = tmp_path / "venv" / "bin"
    fake.mkdir(parents=True)
    for name in ("python", "corroborate"):
        (fake / name).write_text('#!/bin/sh\nexit "${FAKE_CODE:-0}"\n')
        (fake / name).chmod(0o755)
    (tmp_path / "venv" / ".installed").touch()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    results = {}
    for code in range(5):
        found = subprocess.run(
            ["make", "audit", f"VENV={tmp_path / 'venv'}", "OUT=some/where"],
            check=False,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            env=clean | {"FAKE_CODE": str(code)},
        )
        results[code] = (found.returncode == 0, "some/where/report.html" in found.stdout)
    assert results == {
        0: (True, True),
        1: (False, True),
        2: (False, False),
        3: (True, True),
        4: (False, False),
    }
