"""Tidy tables: what is written comes back whatever the format, and what is odd is told with its line."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.estimand import Condition
from replication.errors import ImportedScoresError
from replication.imports import tidy, tidy_rows
from replication.imports.score import Given

HEADER = "base,intermediate,mlm,target,language,split,metric,seed,score,n"
ROW = "protocol,none,False,xnli,de,validation,accuracy,1,81.5,2490"

FRENCH = ROW.replace(",de,", ",fr,")


def put(tmp_path, *lines, name="scores.csv", end="\n"):
    path = tmp_path / name
    path.write_text("".join(line + end for line in lines), encoding="utf-8")
    return path


def read(path, **said):
    return tidy.read(path, Given(**said))


def faults(path, **said):
    with pytest.raises(ImportedScoresError) as caught:
        read(path, **said)
    return caught.value.faults


def the(reading):
    (score,) = reading.scores
    return score


def test_a_row_becomes_a_score_that_remembers_where_it_stood(tmp_path):
    path = put(tmp_path, HEADER, "", "org/Big-Model,squad_v1+mnli,True,xnli,de,test,f1,3,81.5,17")
    reading = read(path)
    score = the(reading)
    assert score.condition == Condition(
        base="Big-Model", intermediate=("mnli", "squad_v1"), mlm=True
    )
    assert score.checkpoint == "org/Big-Model"
    assert (score.task, score.language, score.split, score.metric) == ("xnli", "de", "test", "f1")
    assert (score.seed, score.points, score.n, score.seeds) == (3, 81.5, 17, "single")
    assert (score.raw.value, score.raw.scale) == (81.5, "points")
    assert (score.raw.path, score.raw.at) == ("scores.csv", "line 3")
    assert [s.path for s in reading.sources] == ["scores.csv"]
    assert reading.evaluator == "unknown"
    assert not reading.left_out


def test_only_what_cannot_go_wrong_has_a_default(tmp_path):
    path = put(tmp_path, "target,score", "xnli,81.5")
    told = faults(path)
    assert len(told) == 3
    for fault, field in zip(told, ("language", "split", "metric"), strict=True):
        assert f"found no column '{field}'" in fault
        assert f"--given {field}=..." in fault
    score = the(read(path, language="de", split="test", metric="accuracy"))
    assert score.condition == Condition()
    assert (score.seed, score.n, score.checkpoint) == (None, None, None)


def test_the_task_may_be_given_too(tmp_path):
    path = put(tmp_path, "language,split,metric,score", "de,test,f1,81.5")
    assert "--given task=..." in faults(path)[0]
    assert the(read(path, task="xnli")).task == "xnli"


def test_what_is_given_fills_empty_cells_and_never_overrules_a_full_one(tmp_path):
    path = put(tmp_path, HEADER, ",,,xnli,de,test,f1,,81.5,", ROW)
    said = {"base": "org/m", "intermediate": "b+a", "mlm": True, "seed": 4, "n": 9}
    told = faults(path, **said)
    assert len(told) == 5
    assert all("scores.csv, line 3: " in fault for fault in told)
    path = put(tmp_path, HEADER, ",,,xnli,de,test,f1,,81.5,")
    score = the(read(path, **said))
    assert score.condition == Condition(base="m", intermediate=("a", "b"), mlm=True)
    assert (score.checkpoint, score.seed, score.n) == ("org/m", 4, 9)


@pytest.mark.parametrize("base", ["", "protocol"])
def test_a_row_without_base_is_of_the_protocols_own(tmp_path, base):
    score = the(read(put(tmp_path, HEADER, ROW.replace("protocol", base))))
    assert score.condition.base == "protocol"
    assert score.checkpoint is None


def test_blanks_around_cells_and_names_of_columns_mean_nothing(tmp_path):
    path = put(tmp_path, HEADER.replace(",", " , "), ROW.replace(",", " , ").replace(" 2490", " "))
    score = the(read(path))
    assert (score.task, score.seed, score.points, score.n) == ("xnli", 1, 81.5, None)


def test_nothing_random_is_said_with_none(tmp_path):
    assert the(read(put(tmp_path, HEADER, ROW.replace(",1,", ",none,")))).seed == "none"


def test_other_columns_are_left_out_and_named_once(tmp_path):
    path = put(tmp_path, f"{HEADER},seconds,", f"{ROW},12,", f"{FRENCH},13,")
    reading = read(path)
    assert len(reading.scores) == 2
    assert reading.left_out == (
        "file 'scores.csv': columns 'seconds', '' are none of a tidy table",
    )


# the scale


def test_scores_that_may_be_fractions_are_refused_until_somebody_says(tmp_path):
    path = put(tmp_path, HEADER, ROW.replace("81.5", "0.815"), FRENCH.replace("81.5", "1"))
    (fault,) = faults(path)
    assert "--given scale=points or --given scale=fraction" in fault
    assert [s.points for s in read(path, scale="fraction").scores] == [81.5, 100]
    assert {s.raw.scale for s in read(path, scale="fraction").scores} == {"fraction"}
    assert [s.points for s in read(path, scale="points").scores] == [0.815, 1]


def test_one_fraction_among_points_is_told_with_its_line(tmp_path):
    path = put(tmp_path, HEADER, ROW, FRENCH.replace("81.5", "0.8"))
    (fault,) = faults(path)
    assert "line 3: column 'score': found 0.8 beside" in fault
    assert "scale=points" in fault
    assert len(read(path, scale="points").scores) == 2
    assert "found 81.5 ; expected 0 to 1" in faults(path, scale="fraction")[0]


def test_a_row_with_another_fault_still_tells_the_scale(tmp_path):
    told = faults(put(tmp_path, HEADER, ROW.replace("xnli", ""), FRENCH.replace("81.5", "0.8")))
    assert "line 2" in told[0]
    assert "line 3: column 'score': found 0.8 beside" in told[1]


def test_a_score_of_nothing_is_the_same_on_both_scales(tmp_path):
    assert the(read(put(tmp_path, HEADER, ROW.replace("81.5", "0.0")))).points == 0


# faults


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("81.5", '"81,5"', "decimal point"),
        ("81.5", "81,5", "found 11 cells ; expected 10"),
        ("81.5", "81.5%", "a number"),
        ("81.5", "100.01", "expected 0 to 100"),
        ("81.5", "-1", "expected 0 to 100"),
        ("81.5", "inf", "a number"),
        ("81.5", "nan", "a number"),
        ("81.5", "8_1", "a number"),
        ("81.5", "٨١", "a number"),
        ("81.5", "1e999", "a number"),
        ("81.5", "", "found nothing ; expected a value."),
        ("de", "", "--given language"),
        ("de", "d e", "a name"),
        ("de", "None", "an empty cell"),
        ("xnli", "", "--given task"),
        ("xnli", "a" * 81, "a name"),
        ("2490", '"2,490"', "column 'n': found '2,490' ; expected a whole number, such as 500."),
        ("accuracy", "\x1b[31m", "a name"),
        ("validation", "dev", "train, validation, test"),
        (",1,", ",-1,", "a whole number, or `none`"),
        (",1,", ",1.5,", "a whole number, or `none`"),
        (",1,", ",None,", "a whole number, or `none`"),
        (",1,", f",{2**63},", "a whole number, or `none`"),
        ("2490", "0", "at least 1"),
        ("False", "maybe", "true or false"),
        ("none", "all", "names of tasks"),
        ("none", "None", "names of tasks"),
        ("none", "a+none", "names of tasks"),
        ("none", "a+a", "each once"),
        ("none", "a++b", "names of tasks"),
        ("protocol", "nan", "checkpoint"),
        ("protocol", "org/protocol", "last part is a name"),
        ("protocol", "a b", "last part is a name"),
        ("protocol", "a" * 301, "at most 300"),
    ],
)
def test_a_bad_cell_is_told_with_its_line(tmp_path, old, new, told):
    assert ROW.count(old) == 1
    (fault,) = faults(put(tmp_path, HEADER, FRENCH, ROW.replace(old, new)))
    assert told in fault
    assert "line 3" in fault
    assert fault.isprintable()


def test_every_fault_of_every_table_is_told_up_to_a_page(tmp_path):
    put(tmp_path, HEADER, ROW.replace("81.5", "x").replace("1,", "y,"), ROW, name="one.csv")
    put(tmp_path, HEADER, *(ROW.replace("81.5", "z") for _ in range(60)), name="two.csv")
    told = faults(tmp_path)
    assert "one.csv, line 2: column 'seed'" in told[0]
    assert "one.csv, line 2: column 'score'" in told[1]
    assert "two.csv, line 2" in told[2]
    assert len(told) == 51
    assert told[-1] == "and 12 more"


def test_the_same_cell_twice_is_told_with_both_lines(tmp_path):
    row = "protocol,a+b,False,xnli,de,validation,accuracy,1,81.5,2490"
    put(tmp_path, HEADER, row, name="one.csv")
    put(tmp_path, HEADER, row.replace("a+b", "b+a").replace("81.5", "80"), name="two.csv")
    (fault,) = faults(tmp_path)
    assert "two.csv, line 2: found the same cell as in one.csv, line 2" in fault
    said = {"language": "de", "split": "test", "metric": "f1"}
    path = put(tmp_path, "target,score,seed", "xnli,80,", "xnli,81,", name="blank.csv")
    (fault,) = faults(path, **said)
    assert "Say the seeds" in fault


def test_a_table_whose_rows_only_seeds_could_tell_apart_misses_one_column(tmp_path):
    rows = [f"xnli,{score}" for score in range(80, 95)]
    path = put(tmp_path, "target,score", *rows)
    (fault,) = faults(path, language="de", split="test", metric="f1")
    assert "scores.csv, line 3: found the same cell as in scores.csv, line 2" in fault
    assert "no column 'seed' to tell them apart" in fault


def test_two_bases_of_one_name_are_no_one_base(tmp_path):
    rows = [ROW.replace("protocol", "one/m"), ROW.replace("protocol", "two/m").replace("de", "fr")]
    (fault,) = faults(put(tmp_path, HEADER, *rows))
    assert "'two/m' beside 'one/m'" in fault


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "no header"),
        ("a.csv", b"\n\n", "no header"),
        ("a.csv", HEADER.replace(",", ";").encode(), "semicolons"),
        ("a.csv", b"score,score\n1,2\n", "twice"),
        ("a.csv", (HEADER + "\n" + ROW.replace("xnli", '"xn"li')).encode(), "no CSV"),
        ("a.csv", (HEADER + "\n" + ROW.replace("xnli", '"xnli')).encode(), "no CSV"),
        ("a.csv", HEADER.encode("utf-16"), "UTF-8"),
        ("a.csv", b",".join(b"c%d" % i for i in range(1001)), "1001 columns"),
        ("a.jsonl", b'{"target": 1\n', "no JSON"),
        ("a.jsonl", b"[1]\n", "an object"),
        ("a.jsonl", b'{"score": 81, "score": 82}\n', "twice"),
        ("a.jsonl", b"[" * 100_000 + b"\n", "no JSON"),
        ("a.jsonl", b'{"score": ' + b"9" * 5000 + b"}\n", "no JSON"),
        ("a.parquet", b"PAR1", "no Parquet"),
        ("a.txt", b"", "no table"),
        ("a.items.parquet", b"", "no table"),
    ],
)
def test_a_file_that_is_no_table_is_a_fault(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    assert told in faults(tmp_path / name)[0]


def test_odd_values_of_json_are_faults_and_no_crash(tmp_path):
    row = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    odd = [[1], {"a": 1}, True, 10**400, float("inf"), "x" * 9000, -0.5]
    lines = [json.dumps({**row, column: value}) for column in row for value in odd]
    lines += [json.dumps({**row, "mlm": 1, "seed": 1.0, "n": 3.0, "score": 5})]
    told = faults(put(tmp_path, *lines, name="a.jsonl"))
    assert len(told) == 51
    assert all(len(fault) < 1000 for fault in told)


def test_too_many_rows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tidy_rows, "MAX_ROWS", 2)
    path = put(tmp_path, HEADER, *(ROW.replace("de", f"d{i}") for i in range(5)))
    (fault,) = faults(path)
    assert "line 4: found over 2 rows" in fault


def test_a_link_is_not_followed(tmp_path):
    put(tmp_path, HEADER, ROW, name="real.csv")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with pytest.raises(ImportedScoresError, match="not a link"):
        read(tmp_path / "link.csv")


# Parquet


def parquet(tmp_path, columns, name="a.parquet"):
    path = tmp_path / name
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_with_categories_integers_and_nulls_is_read(tmp_path):
    path = parquet(
        tmp_path,
        {
            "target": pa.array(["xnli", "xnli"]).dictionary_encode(),
            "language": pa.array(["de", "fr"], pa.large_string()),
            "split": ["test", "test"],
            "metric": ["f1", "f1"],
            "mlm": pa.array([True, None]),
            "seed": pa.array([1, None], pa.uint8()),
            "score": pa.array([81.5, 80], pa.float32()),
            "extra": [[1], [2]],
        },
    )
    reading = read(path)
    assert [s.seed for s in reading.scores] == [1, None]
    assert [s.points for s in reading.scores] == [81.5, 80]
    assert [s.raw.at for s in reading.scores] == ["row 1", "row 2"]
    assert reading.left_out == ("file 'a.parquet': column 'extra' is none of a tidy table",)


@pytest.mark.parametrize(
    "score", [[[81.5]], pa.array([b"81.5"]), pa.array([1], pa.timestamp("s")), ["8" * 5000]]
)
def test_parquet_of_other_types_is_a_fault(tmp_path, score):
    columns = {"target": ["x"], "language": ["de"], "split": ["test"], "metric": ["f1"]}
    (fault,) = faults(parquet(tmp_path, {**columns, "score": score}))
    assert "no Parquet of that shape" in fault


def test_parquet_that_unpacks_to_too_much_is_refused_before_it_is(tmp_path, monkeypatch):
    from replication.imports import tables

    columns = {"target": ["x"] * 9, "language": ["de"] * 9, "split": ["test"] * 9, "score": [5] * 9}
    path = parquet(tmp_path, columns)
    monkeypatch.setattr(tables, "MAX_BYTES", 100)
    assert "bytes unpacked" in faults(path, metric="f1")[0]
    monkeypatch.setattr(tables, "MAX_ROWS", 8)
    assert "9 rows where at most 8" in faults(path, metric="f1")[0]


# rows in memory


def test_rows_of_a_data_frame_become_scores():
    frame = pd.DataFrame({
        "target": ["xnli", "xnli"],
        "language": ["de", "fr"],
        "split": "test",
        "metric": "accuracy",
        "seed": [1, np.nan],
        "score": np.array([81.5, 80], np.float32),
        "n": pd.array([5, None], "Int64"),
        7: [1, 2],
    })  # fmt: skip
    scores = tidy.scores_of(frame.to_dict("records"), Given(), name="table 'mine'")
    assert [(s.seed, s.n, s.points) for s in scores] == [(1, 5, 81.5), (None, None, 80)]
    assert [(s.raw.path, s.raw.at) for s in scores] == [
        ("table 'mine'", "row 1"),
        ("table 'mine'", "row 2"),
    ]


def test_rows_in_memory_have_the_same_checks():
    row = {"target": "xnli", "language": "de", "split": "test", "metric": "f1", "score": 80}
    odd = [row, row, {**row, "score": None}, {**row, "seed": pd.NaT, "language": b"x"}, "row", {}]
    with pytest.raises(ImportedScoresError) as caught:
        tidy.scores_of(odd, Given(), name="mine")
    assert [f.split(":")[0] for f in caught.value.faults] == [
        "mine, row 2", "mine, row 3", "mine, row 4", "mine, row 5", *["mine, row 6"] * 5,
    ]  # fmt: skip


# laws

NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,5}", fullmatch=True).filter(
    lambda n: n not in {"all", "none", "nan", "null", "nil", "protocol"}
)
CELL = st.tuples(
    st.one_of(st.just("protocol"), NAMES),
    st.lists(NAMES, unique=True, max_size=3).map(lambda names: "+".join(names) or "none"),
    st.booleans(),
    NAMES,
    NAMES,
    st.sampled_from(["train", "validation", "test"]),
    NAMES,
    st.one_of(st.none(), st.just("none"), st.integers(0, 2**63 - 1)),
)
RESULT = st.tuples(
    st.floats(1.001, 100) | st.integers(2, 100).map(float) | st.just(0.0),
    st.none() | st.integers(1, 10**9),
)
TABLE = st.dictionaries(CELL, RESULT, min_size=1, max_size=6).map(
    lambda cells: [
        dict(zip(tidy_rows.COLUMNS, (*cell, *result), strict=True))
        for cell, result in cells.items()
    ]
)


def write(root, rows, kind):
    """Write rows as plainly as others would, without a line of the code under test."""
    path = root / f"scores.{kind}"
    if kind == "parquet":
        texts = [{**r, "seed": None if r["seed"] is None else str(r["seed"])} for r in rows]
        pq.write_table(pa.Table.from_pylist(texts), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        text = io.StringIO()
        writer = csv.DictWriter(
            text, tidy_rows.COLUMNS, delimiter="\t" if kind == "tsv" else ",", lineterminator="\r\n"
        )
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), newline="")
    return path


def told(scores):
    """Return what scores say, less where they stood."""
    return {
        (s.condition, s.checkpoint, s.seed, s.task, s.language, s.split, s.metric, s.points, s.n)
        for s in scores
    }


@settings(max_examples=60)
@given(
    TABLE, st.sampled_from(["csv", "tsv", "jsonl", "parquet"]), st.randoms(use_true_random=False)
)
def test_what_is_written_comes_back_whatever_the_format_and_the_order(
    tmp_path_factory, rows, kind, rng
):
    root = tmp_path_factory.mktemp("law")
    names = {text: tuple(text.split("+")) for text in (row["intermediate"] for row in rows)}
    names["none"] = ()
    expected = {
        (
            Condition(base=row["base"], intermediate=names[row["intermediate"]], mlm=row["mlm"]),
            None if row["base"] == "protocol" else row["base"],
            *(row[c] for c in ("seed", "target", "language", "split", "metric", "score", "n")),
        )
        for row in rows
    }  # fmt: skip
    found = read(write(root, rng.sample(rows, len(rows)), kind)).scores
    assert told(found) == expected
    assert told(tidy.scores_of(rows, Given(), name="rows")) == expected
    assert len(found) == len(rows)


@settings(max_examples=150)
@given(st.data())
def test_damaged_tables_are_read_or_refused_and_nothing_else(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("damaged")
    rows = [
        dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | {"language": c} for c in "ab"
    ]
    path = write(root, rows, data.draw(st.sampled_from(["csv", "tsv", "jsonl", "parquet"])))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(place, min(place + 6, len(content))))
        content[place:end] = data.draw(st.binary(max_size=6))
    path.write_bytes(bytes(content))
    with suppress(ImportedScoresError):
        read(path)
