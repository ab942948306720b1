"""Items beside a tidy table: kept where they give its scores, and told where they do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.estimand import Condition
from replication.errors import ImportedScoresError
from replication.imports import tidy
from replication.imports.entering import enter
from replication.imports.score import Given
from replication.items import read_items
from replication.store import Store

HEADER = "intermediate,target,language,split,metric,seed,score,n\n"
PLACE = {"intermediate": "b+a", "target": "xnli", "split": "test", "seed": 1}
RIGHT = [
    {**PLACE, "language": c, "id": f"{c}-{i}", "accuracy": float(i < 3)}
    for c in ("fr", "de")
    for i in range(4)
]


def put(tmp_path, items, table=None):
    lines = table or [f"a+b,xnli,{c},test,accuracy,1,75,4" for c in ("de", "fr")]
    (tmp_path / "scores.csv").write_text(HEADER + "".join(line + "\n" for line in lines))
    pq.write_table(pa.Table.from_pylist(items), tmp_path / "scores.items.parquet")
    return tmp_path / "scores.csv"


def faults(path):
    with pytest.raises(ImportedScoresError) as caught:
        tidy.read(path, Given())
    return caught.value.faults


def test_items_reach_the_store_and_are_what_its_own_reader_takes(tmp_path):
    reading = tidy.read(put(tmp_path, RIGHT), Given())
    assert [s.path for s in reading.sources] == ["scores.csv", "scores.items.parquet"]
    assert set(reading.items) == {(Condition(intermediate=("a", "b")), 1, "xnli")}
    with Store.open(tmp_path / "store") as store:
        enter(reading, store, format_="tidy", protocol=None)
        (run,) = store.runs()
        kept = read_items(store.folder(run.spec_digest), run)
    assert list(kept.languages) == ["de", "fr"]
    assert kept.languages["de"].ids.to_pylist() == ["de-0", "de-1", "de-2", "de-3"]
    assert kept.languages["de"].outcomes["accuracy"].tolist() == [1, 1, 1, 0]


def test_items_tell_how_many_examples_there_were_where_the_table_does_not(tmp_path):
    table = [f"a+b,xnli,{c},test,accuracy,1,75," for c in ("de", "fr")]
    assert [s.n for s in tidy.read(put(tmp_path, RIGHT, table), Given()).scores] == [4, 4]


def test_runs_of_several_families_of_tasks_may_share_a_file(tmp_path):
    panx = {**PLACE, "target": "panx", "language": "de", "id": "q", "matched": 1, "predicted": 1}
    xquad = {**PLACE, "target": "xquad", "language": "de", "id": "q", "passage": "p", "f1": 0.5}
    items = [{**panx, "gold": 3}, *RIGHT, {**xquad, "exact_match": 0.0}]
    table = [
        *(f"a+b,xnli,{c},test,accuracy,1,75,4" for c in ("de", "fr")),
        "a+b,panx,de,test,f1,1,50,1",
        "a+b,xquad,de,test,f1,1,50,1",
        "a+b,xquad,de,test,exact_match,1,0,1",
    ]
    columns = {name: None for item in items for name in item}
    reading = tidy.read(put(tmp_path, [{**columns, **i} for i in items], table), Given())
    found = {task: items.languages["de"] for (_, _, task), items in reading.items.items()}
    assert set(found) == {"xnli", "panx", "xquad"}
    assert set(found["panx"].outcomes) == {"matched", "predicted", "gold"}
    assert found["xquad"].passages.to_pylist() == ["p"]


def changed(**fields):
    return [{**RIGHT[0], **fields}, *RIGHT[1:]]


@pytest.mark.parametrize(
    ("items", "told"),
    [
        (RIGHT[:4], "no items in 'de', which has a score"),
        (RIGHT[1:], "3 items in 'fr' where 4 were scored"),
        (changed(accuracy=0.5), "accuracy 62.500000 from the items in 'fr', 75.000000 in the run"),
        (changed(accuracy=-1.0), "accuracy -1 in 'fr', not from 0 to 1"),
        (changed(accuracy=None), "no value in column accuracy"),
        (changed(id="fr-1"), "1 repeated ids in 'fr'"),
        (changed(language="sw"), "items in 'sw', which has no score"),
        (changed(target="pawsx"), "items in 'fr', which has no score"),
        (changed(seed=-4), "column 'seed': found -4"),
        ([{**r, "id": "x" * 1001} for r in RIGHT], "texts over 1000 bytes"),
        ([{**r, "f1": 1.0} for r in RIGHT], "found columns"),
        ([{"id": "a", "accuracy": 1.0}], "no column 'language'"),
        ([{**r, "accuracy": "yes"} for r in RIGHT], "no Parquet of that shape"),
    ],
)
def test_items_that_do_not_give_the_scores_are_a_fault(tmp_path, items, told):
    assert any(told in fault for fault in faults(put(tmp_path, items)))


def test_items_of_one_run_under_two_spellings_are_a_fault(tmp_path):
    items = [*RIGHT[:4], *({**r, "intermediate": "a+b"} for r in RIGHT[4:])]
    assert "found items of the run of" in faults(put(tmp_path, items))[0]


def test_items_of_two_splits_cannot_be_kept_apart_and_are_a_fault(tmp_path):
    table = [f"a+b,xnli,{c},{s},accuracy,1,75,4" for c in ("de", "fr") for s in ("test", "train")]
    items = [*RIGHT, *({**r, "split": "train"} for r in RIGHT)]
    assert any("second split" in fault for fault in faults(put(tmp_path, items, table)))


def test_items_without_a_table_are_left_out_by_name(tmp_path):
    put(tmp_path, RIGHT)
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "other.items.parquet")
    reading = tidy.read(tmp_path, Given())
    assert reading.left_out == ("file 'other.items.parquet': lies beside no table of its name",)
    assert len(reading.items) == 1


def test_many_runs_are_told_apart_in_any_order(tmp_path):
    rng = np.random.default_rng(1)
    right = {(seed, c): rng.integers(0, 2, 5) for seed in range(6) for c in ("de", "fr", "sw")}
    table = [f"a+b,xnli,{c},test,accuracy,{s},{20 * int(x.sum())},5" for (s, c), x in right.items()]
    items = [
        {**PLACE, "seed": s, "language": c, "id": str(i), "accuracy": float(x[i])}
        for (s, c), x in right.items()
        for i in range(5)
    ]
    shuffled = [items[i] for i in rng.permutation(len(items))]
    reading = tidy.read(put(tmp_path, shuffled, table), Given(scale="points"))
    for (seed, code), outcomes in right.items():
        kept = reading.items[Condition(intermediate=("a", "b")), seed, "xnli"].languages[code]
        assert dict(zip(kept.ids.to_pylist(), kept.outcomes["accuracy"], strict=True)) == {
            str(i): x for i, x in enumerate(outcomes)
        }


@settings(max_examples=80)
@given(st.data())
def test_damaged_items_are_read_or_refused_and_nothing_else(tmp_path_factory, data):
    path = put(tmp_path_factory.mktemp("damaged"), RIGHT)
    file = path.with_name("scores.items.parquet")
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    file.write_bytes(bytes(content))
    try:
        tidy.read(path, Given())
    except ImportedScoresError:
        return
