"""Documents of older versions: read by tested functions, or refused by their names."""

from __future__ import annotations

import hashlib
import json

import pytest
from test_looks import look
from test_store import do_run, plan, spec

from claims.record import canonical_json
from replication.errors import StoreError
from replication.looks import append_looks, read_looks
from replication.migrations import MIGRATIONS, migrated
from replication.store import Store


def renamed(schema, **names):
    """A migration that gives fields other names."""

    def migrate(document):
        fields = {names.get(k, k): v for k, v in document.items()}
        return {**fields, "schema": schema}

    return migrate


def test_a_document_of_this_version_is_left_as_it_is():
    document = {"schema": "a/run@1", "inner": [{"schema": "a/spec@1"}]}
    assert migrated(document, "a/run@1", "run") is document


def test_an_old_document_goes_through_every_version_in_between_and_so_do_its_records():
    table = {
        "a/run@1": renamed("a/run@2", seconds="duration"),
        "a/run@2": renamed("a/run@3", duration="wall_s"),
        "a/spec@1": renamed("a/spec@2", lr="learning_rate"),
    }
    old = {"schema": "a/run@1", "seconds": 3, "specs": [{"schema": "a/spec@1", "lr": 1}]}
    new = {"schema": "a/run@3", "wall_s": 3, "specs": [{"schema": "a/spec@2", "learning_rate": 1}]}
    kept = json.dumps(old)
    assert migrated(old, "a/run@3", "run", table) == new
    assert json.dumps(old) == kept
    assert migrated(new, "a/run@3", "run", table) == new


@pytest.mark.parametrize(
    "document", [None, [], 3, {}, {"schema": 1}, {"schema": {}}, {"schema": "a/run@9"}]
)
@pytest.mark.parametrize("table", [{}, {"a/run@1": renamed("a/run@2")}])
def test_what_no_function_leads_to_this_version_is_refused_by_its_name(document, table):
    name = document.get("schema") if isinstance(document, dict) else None
    with pytest.raises(StoreError, match=rf"run 'x': found schema '{name}' ; expected 'a/run@2'"):
        migrated(document, "a/run@2", "run 'x'", table)


@pytest.mark.parametrize("to", ["a/run@1", "a/run@0", "a/run", "a/run@x"])
def test_a_migration_that_leads_nowhere_ends(to):
    with pytest.raises(StoreError, match="expected a later version"):
        migrated({"schema": "a/run@1"}, "a/run@2", "run", {"a/run@1": renamed(to)})


def test_every_registered_migration_leads_to_the_next_version_of_its_schema():
    for schema, migrate in MIGRATIONS.items():
        name, _, number = schema.partition("@")
        assert migrate({"schema": schema})["schema"] == f"{name}@{int(number) + 1}"


def test_a_store_written_by_an_older_version_is_read(tmp_path, monkeypatch):
    """As if today's version had renamed a field of each record that a store keeps."""
    path = tmp_path / "store"
    with Store.open(path) as store:
        store.add_plan(plan())
        run = do_run(store)
    append_looks(path, [look()])
    older(path, run)
    names = {"run": "secs", "journal": "when", "plan": "dataset", "look": "when"}
    now = {"run": "seconds", "journal": "time", "plan": "data", "look": "time"}
    for write in (False, True):
        with pytest.raises(StoreError, match="corroborate/journal@0"):
            Store.open(path, write=write)
    with pytest.raises(StoreError, match="corroborate/look@0"):
        read_looks(path)
    for kind, name in names.items():
        schema = f"corroborate/{kind}@1"
        monkeypatch.setitem(
            MIGRATIONS, f"corroborate/{kind}@0", renamed(schema, **{name: now[kind]})
        )
    for write in (False, True):
        with Store.open(path, write=write) as store:
            assert store.runs() == (run,)
            assert store.latest_plan() == plan()
    assert read_looks(path) == (look(),)
    with Store.open(path) as store:
        do_run(store, 1)
    with Store.open(path, write=False) as store:
        assert len(store.runs()) == 2


def older(path, run):
    """Write a store again as version 0 of every schema would have written it."""
    folder = path / "runs" / spec().digest()
    digests = {}
    for file, kind, new, old in (
        (folder / "run.json", "run", "seconds", "secs"),
        (path / "plans" / f"{plan().digest()}.json", "plan", "data", "dataset"),
    ):
        document = json.loads(file.read_bytes())
        document[old] = document.pop(new)
        content = canonical_json({**document, "schema": f"corroborate/{kind}@0"}).encode()
        file.unlink()
        digests[kind] = hashlib.sha256(content).hexdigest()
        named = file if kind == "run" else file.with_name(f"{digests[kind]}.json")
        named.write_bytes(content)
    for file, kind in ((path / "journal.jsonl", "journal"), (path / "looks.jsonl", "look")):
        chain, lines = "", []
        for line in file.read_text().splitlines():
            body = json.loads(line)
            del body["chain"]
            body["when"] = body.pop("time")
            body["schema"] = f"corroborate/{kind}@0"
            if body.get("event") == "plan":
                body["subject"] = digests["plan"]
            if body.get("event") == "finished":
                body["record"] = digests["run"]
            chain = hashlib.sha256((chain + canonical_json(body)).encode()).hexdigest()
            lines.append(canonical_json({**body, "chain": chain}))
        file.write_text("".join(f"{line}\n" for line in lines))
    assert run.spec_digest == spec().digest()
