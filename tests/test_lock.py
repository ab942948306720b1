"""Locks: written where there is no file, demanded where there is one, every difference told at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_data
import tiny_models as tiny
import yaml
from loopback_hub import parquet
from safetensors.torch import load_file, save_file
from tiny_data import arm, claim, measure, write_claims, write_protocol

import corroborate
from replication.deviations import compare
from replication.lock import Lock, read_lock
from replication.model import save
from replication.protocols import load_protocol
from replication.store import Store

ROOT = Path(__file__).parents[1]
TINY = "someone/tiny-encoder"
RECIPE = {"epochs": 1, "batch_size": 8, "learning_rate": 0.001, "max_length": 48}
PAIR = {"premise": "a b", "hypothesis": "b", "label": 0}
LANGUAGES = (
    "ar",
    "bg",
    "de",
    "el",
    "en",
    "es",
    "fr",
    "hi",
    "ru",
    "sw",
    "th",
    "tr",
    "ur",
    "vi",
    "zh",
)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder to work in, with a claim file and a protocol that starts from a checkpoint."""
    monkeypatch.chdir(tmp_path)
    document = yaml.safe_load(write_protocol(tmp_path / "tiny.yaml").read_text())
    document |= {
        "base": {"checkpoint": TINY},
        "simulated": False,
        "intermediate_tasks": ["mnli"],
        "targets": {"xnli": {"train_on": "mnli", "recipe": RECIPE}},
        "seeds": 1,
    }
    document["evaluation"] |= {"splits": {"xnli": "test"}, "retrieval": None}
    for name in ("pretraining", "masked_mixing", "intermediate_recipes", "train_splits"):
        document.pop(name, None)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(document))
    asked = measure(benchmark="xtreme", tasks=["xnli"], languages=["de", "en"])
    value = claim(
        "score",
        "value",
        condition=arm(),
        measure=asked,
        reported=50,
        tolerance={"points": 100, "because": "whatever comes out"},
    )
    write_claims(tmp_path / "claims.yaml", value)
    return tmp_path


@pytest.fixture
def say(capsys):
    """Run a command in this process; return its exit code and what it told."""

    def run(*arguments):
        code = corroborate.main([str(a) for a in arguments])
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return code, told.err + told.out

    return run


def write_data(root, *, german="ein satz", label=0):
    rows = [
        {"language": code, "sentence1": german, "sentence2": "b", "gold_label": "entailment"}
        for code in ("de", "en")
    ]
    tiny_data.write(root / "xtreme/XNLI/test-00000-of-00001.parquet", rows)
    tiny_data.write(root / "intermediate/mnli/train.parquet", [{**PAIR, "label": label}] * 4)
    return root


def write_base(folder, change=0.0):
    folder.mkdir(exist_ok=True)
    save(tiny.model(), folder)
    tiny.tokenizer().save_pretrained(folder)
    state = load_file(folder / "model.safetensors")
    plain = {n.removeprefix("encoder."): t + change for n, t in state.items()}
    save_file(plain, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def local(desk, *more):
    """Return the arguments of a plan whose data and base lie in folders."""
    base = f"base.checkpoint={desk / 'base'}"
    where = ["--protocol", "tiny.yaml", "--data", "data", "--set", base]
    return ["plan", "claims.yaml", *where, "--lock", "runs.lock", *more]


def test_a_lock_is_written_once_and_then_demanded(desk, say):
    write_data(desk / "data")
    write_base(desk / "base")
    code, told = say(*local(desk))
    assert code == 0
    assert "lock: runs.lock written" in told
    written = (desk / "runs.lock").read_bytes()
    lock = read_lock(desk / "runs.lock")
    assert [(u.name, u.split, u.languages) for u in lock.data] == [
        ("mnli", "train", ("en",)),
        ("xnli", "test", ("de", "en")),
    ]
    assert lock.base.checkpoint == str(desk / "base")
    assert lock.base.revision.startswith("sha256:")
    assert lock.hub == {}
    code, told = say(*local(desk))
    assert code == 0
    assert "runs.lock written" not in told
    assert (desk / "runs.lock").read_bytes() == written


def test_every_difference_is_told_at_once_and_the_lock_stays(desk, say):
    write_data(desk / "data")
    write_base(desk / "base")
    say(*local(desk))
    before = read_lock(desk / "runs.lock")
    write_data(desk / "data", german="ein anderer", label=1)
    write_base(desk / "base", change=1.0)
    code, told = say(*local(desk))
    assert code == 2
    assert "lock 'runs.lock': 3 differences" in told
    for use in before.data:
        said = f"{use.name} {use.split} [{' '.join(use.languages)}]: found sha256:"
        assert said in told
        assert f"; expected {use.revision}" in told
    assert f"' at {before.base.revision}" in told
    assert read_lock(desk / "runs.lock") == before


@pytest.mark.parametrize("command", ["run", "audit"])
def test_runs_refuse_what_is_not_locked_before_anything_is_trained(desk, say, command):
    write_data(desk / "data")
    write_base(desk / "base")
    say(*local(desk))
    write_data(desk / "data", label=2)
    rest = local(desk)[1:]
    where = ["--store", "out/store"] if command == "run" else ["--out", "out"]
    code, told = say(command, *rest, *where)
    assert code == 2
    assert "1 difference" in told
    assert "mnli train [en]" in told
    with Store.open(desk / "out/store", write=False) as store:
        assert store.runs() == ()


def test_other_languages_and_data_that_the_lock_does_not_name_are_differences(desk, say):
    write_data(desk / "data")
    write_base(desk / "base")
    say(*local(desk))
    document = json.loads((desk / "runs.lock").read_text())
    document["data"] = [u for u in document["data"] if u["name"] != "mnli"]
    (desk / "runs.lock").write_text(json.dumps(document))
    row = {"language": "en", "sentence1": "a", "sentence2": "b", "gold_label": "neutral"}
    tiny_data.write(desk / "data/xtreme/XNLI/test-00000-of-00001.parquet", [row])
    code, told = say(*local(desk))
    assert code == 2
    assert "; expected no such data" in told
    assert "xnli test [en]: found sha256:" in told
    assert "; expected the languages de en" in told


def test_a_lock_may_name_more_than_a_plan_needs(desk, say):
    write_data(desk / "data")
    write_base(desk / "base")
    say(*local(desk))
    document = json.loads((desk / "runs.lock").read_text())
    document["data"].append({**document["data"][0], "name": "qqp"})
    document["hub"] = {"some/set": "0" * 40}
    (desk / "runs.lock").write_text(json.dumps(document))
    assert say(*local(desk))[0] == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"schema": "corroborate/lock@2", "base": null, "data": []}',
        '{"schema": "corroborate/lock@1", "base": null, "data": [], "more": 1}',
        '{"schema": "corroborate/lock@1", "base": null, "data": [], "hub": {"a/b": "main"}}',
        "\xff",
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_lock_is_refused_and_kept(desk, say, text):
    write_data(desk / "data")
    (desk / "runs.lock").write_bytes(text.encode("latin-1"))
    code, told = say(*local(desk))
    assert code == 2
    assert "lock 'runs.lock': found" in told
    assert "corroborate/lock@1" in told
    assert (desk / "runs.lock").read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize("place", ["data", "no/such/folder/lock", ""])
def test_a_place_where_no_lock_can_be_is_refused(desk, say, place):
    write_data(desk / "data")
    write_base(desk / "base")
    code, told = say(*local(desk, "--lock", place))
    assert code == 2
    assert "lock '" in told


def test_a_scratch_protocol_has_no_base_to_lock(desk, say):
    write_protocol(desk / "mini.yaml")
    write_claims(desk / "gain.yaml", claim("gain"))
    line = ["plan", "gain.yaml", "--protocol", "mini.yaml", "--lock", "mini.lock"]
    assert say(*line)[0] == say(*line)[0] == 0
    lock = read_lock(desk / "mini.lock")
    assert lock.base is None
    assert {u.split for u in lock.data} >= {"text", "train", "test"}


def test_a_base_that_is_pinned_is_no_deviation_from_one_reported_without_revision():
    reported = load_protocol("xstilts")
    base = reported.base.model_copy(update={"revision": "0" * 40})
    assert compare(reported, reported.model_copy(update={"base": base})) == ()
    other = base.model_copy(update={"revision": "1" * 40})
    (found,) = compare(
        reported.model_copy(update={"base": base}), reported.model_copy(update={"base": other})
    )
    assert (found.field, found.importance) == ("base.revision", "important")


def publish(loopback, folder, *, german="ein satz"):
    """Put the base, MNLI and XNLI on the hub; return their commits."""
    rows = [
        {"language": code, "sentence1": german, "sentence2": "b", "gold_label": "entailment"}
        for code in LANGUAGES
    ]
    xtreme = {"XNLI/test-00000-of-00001.parquet": parquet(rows), "README.md": _card("XNLI", "test")}
    glue = {"mnli/train-00000-of-00001.parquet": parquet([PAIR] * 8)}
    glue["README.md"] = _card("mnli", "train")
    model = {p.name: p.read_bytes() for p in folder.iterdir()}
    return {
        "base": loopback.add("model", TINY, model),
        "google/xtreme": loopback.add("dataset", "google/xtreme", xtreme),
        "nyu-mll/glue": loopback.add("dataset", "nyu-mll/glue", glue),
    }


def _card(config, split) -> bytes:
    files = f"  data_files:\n  - split: {split}\n    path: {config}/{split}-*\n"
    return f"---\nconfigs:\n- config_name: {config}\n{files}---\n".encode()


HUB = ["claims.yaml", "--protocol", "tiny.yaml", "--lock", "runs.lock"]


def test_a_locked_run_reads_the_locked_commits_whatever_the_hub_has_now(desk, say, loopback):
    old = publish(loopback, write_base(desk / "base"))
    assert say("plan", *HUB)[0] == 0
    lock = read_lock(desk / "runs.lock")
    assert lock.base.revision == old["base"]
    assert lock.hub == {n: c for n, c in old.items() if n != "base"}
    new = publish(loopback, write_base(desk / "base", change=1.0), german="neu")
    assert len(set(new.values()) & set(old.values())) == 1
    code, told = say("run", *HUB, "--store", "store")
    assert (code, told.splitlines()[-1]) == (0, "2 runs executed, 0 there already")
    assert loopback.asked_for(new["base"]) == loopback.asked_for(new["google/xtreme"]) == 0
    assert loopback.asked_for("revision/main") == 0
    with Store.open(desk / "store", write=False) as store:
        specs = [run.spec for run in store.runs()]
    assert {s.base.revision for s in specs} == {old["base"]}
    assert {u.revision for s in specs for u in s.data} == {f"hub:{c}" for c in lock.hub.values()}


def test_without_a_lock_the_newest_base_is_in_every_spec(desk, say, loopback):
    commits = publish(loopback, write_base(desk / "base"))

    def digests(*more):
        code, told = say("plan", "claims.yaml", "--protocol", "tiny.yaml", "--json", *more)
        assert code == 0
        return {run["digest"] for run in json.loads(told)["runs"]}

    found = digests()
    assert len(found) == 2
    assert digests("--set", f"base.revision={commits['base']}") == found
    assert digests("--set", "base.revision=main") == found
    assert digests("--set", f"base.revision={'a' * 40}").isdisjoint(found)


def test_a_protocol_that_names_another_commit_than_its_lock_is_refused(desk, say, loopback):
    publish(loopback, write_base(desk / "base"))
    say("plan", *HUB)
    code, told = say("plan", *HUB, "--set", f"base.revision={'a' * 40}")
    assert code == 2
    assert f"base: found '{TINY}' at {'a' * 40} ; expected '{TINY}' at" in told


def test_planning_on_the_hub_imports_no_heavy_library_and_tells_its_faults_in_a_line(
    desk, loopback
):
    commits = publish(loopback, write_base(desk / "base"))
    code = (
        "import sys, corroborate\n"
        "code = corroborate.main(sys.argv[1:])\n"
        "heavy = {'torch', 'transformers', 'datasets'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy), code)"
    )

    def run(*arguments):
        cache = {
            "HF_HOME": str(desk / "home"),
            "HF_ENDPOINT": loopback.url,
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            check=False,
            cwd=desk,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | cache,
        )

    done = run("plan", *HUB)
    assert done.stdout.splitlines()[-1] == "HEAVY [] 0", done.stderr
    assert (
        Lock.model_validate_json((desk / "runs.lock").read_text()).base.revision == commits["base"]
    )
    loopback.branches.clear()
    loopback.commits.clear()
    failed = run("plan", *HUB[:3])
    assert failed.stdout.splitlines()[-1] == "HEAVY [] 2"
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"corroborate: checkpoint '{TINY}': the hub answered 404")
