"""Broken claim files: every fault has its line, its field, what was found and what was expected."""

from __future__ import annotations

import os
import pickle  # noqa: TID251  errors cross process boundaries, which the test imitates
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.check import MAX_BYTES, json_schema, parse_claims, read_claim_file
from claims.claim import ClaimSet
from claims.errors import ClaimFileError, Fault
from claims.wording import KINDS

GOOD = """\
schema: corroborate/claims@1
paper: {title: A paper, arxiv: 2005.13013v2}
claims:
  - id: one
    statement: It helps.
    source: {quote: it helps, found_in: abstract}
    kind: gain
    treatment: {intermediate: [mnli]}
    control: {intermediate: []}
    measure:
      split: test
      tasks: all
    reported: 8.2
    tolerance: {points: 2.0, because: chosen}
    minimum_effect:
      points: 0.5
      because: chosen
"""


def faults_of(text: str | bytes) -> tuple[Fault, ...]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ClaimFileError) as caught:
        parse_claims(data, path="claims.yaml")
    return caught.value.faults


def only_fault(text: str | bytes) -> Fault:
    faults = faults_of(text)
    assert len(faults) == 1, faults
    return faults[0]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_good_file_is_read(tmp_path: Path):
    file = tmp_path / "claims.yaml"
    file.write_text(GOOD, encoding="utf-8")
    claims = read_claim_file(file)
    assert claims.claims[0].id == "one"
    assert claims.claims[0].reported == 8.2


def test_a_byte_order_mark_is_no_fault():
    assert parse_claims(b"\xef\xbb\xbf" + GOOD.encode(), path="x").claims[0].id == "one"


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "found", "expected"),
    [
        ("split: test", "split: dev", 11, "claims[0].measure.split", "'dev'", "'validation'"),
        ("8.2", "'8.2'", 13, "claims[0].reported", "'8.2'", "a number or 'unknown'"),
        ("8.2", "a lot", 13, "claims[0].reported", "'a lot'", "a number or 'unknown'"),
        ("8.2", ".nan", 13, "claims[0].reported", "NaN", "a finite number or 'unknown'"),
        ("8.2", "180", 13, "claims[0].reported", "180", "at most 100"),
        ("points: 0.5", "points: 0", 16, "claims[0].minimum_effect.points", "0", "above 0"),
        (", because: chosen}", "}", 14, "claims[0].tolerance.because", "nothing", "'because'"),
        ("tasks: all", "tasks: xnli", 12, "claims[0].measure.tasks", "'xnli'", "a list or 'all'"),
        ("tasks: all", "taks: all", 12, "claims[0].measure.taks", "unknown field", "'tasks'?"),
        ("kind: gain", "kind: gian", 7, "claims[0].kind", "'gian'", "did you mean 'gain'?"),
        ("    kind: gain\n", "", 4, "claims[0].kind", "nothing", "ranking"),
        ("id: one", "id: a b", 4, "claims[0].id", "'a b'", "letters, digits"),
        ("id: one", "id: [one]", 4, "claims[0].id", '["one"]', "text"),
        ("v2}", "}", 2, "paper.arxiv", "2005.13013", "with its version"),
        ("{quote: it helps, found_in: abstract}", "abstract", 6, "claims[0].source", "", "mapping"),
        ("[mnli]", "no", 8, "claims[0].treatment.intermediate", "'no'", "a list or 'all'"),
        ("[mnli]", "[a, a]", 8, "claims[0].treatment.intermediate", '["a", "a"]', "differ"),
        ("[mnli]", "[a, 'b c']", 8, "claims[0].treatment.intermediate[1]", "'b c'", "letters"),
        ("[mnli]", "[]", 8, "claims[0].treatment", "", "must differ in one factor"),
        ("8.2", "-8.2", 13, "claims[0].reported", "-8.2", "above 0 for direction up"),
        ("8.2", "unknown", 14, "claims[0].tolerance", "", "must be absent"),
        ("corroborate/claims@1", "corroborate/claims@7", 1, "schema", "claims@7'", "claims@1'"),
        ("schema: corroborate/claims@1\n", "", 1, "schema", "nothing", "claims@1'"),
        ("tasks: all", "split: dev", 12, "claims[0].measure.split", "line 11", "once"),
        ("kind: gain", "kind: !!str gain", 7, "claims[0].kind", "tag '!!str'", "without tags"),
        ("8.2", "!!python/object:os.system x", 13, "claims[0].reported", "tag", "without tags"),
        ("8.2", "&size 8.2", 13, "claims[0].reported", "&size", "without anchors"),
        ("8.2", "*size", 13, "claims[0].reported", "*size", "without aliases"),
        ("It helps.", '"\\e[2J"', 5, "claims[0].statement", "x1b", "printable"),
        ("It helps.", '"\\ud800"', 5, "claims[0].statement", "ud800", "printable"),
        ("tasks: all", "? [a]\n      : all", 12, "claims[0].measure.?", "as a key", "field name"),
    ],
)
def test_a_fault_is_told_with_line_field_found_and_expected(old, new, line, field, found, expected):
    fault = only_fault(changed(old, new))
    assert (fault.line, fault.field) == (line, field)
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.parametrize(
    ("text", "line", "field", "found"),
    [
        ("", 1, "document", "nothing"),
        ("# only a remark\n", 1, "document", "nothing"),
        ("- 1\n", 1, "document", "[1]"),
        ("claims: [\n", 2, "document", "broken YAML"),
        ("a: b\n c: d: e\n", 2, "document", "broken YAML"),
        ("a: 1\n\tb: 2\n", 2, "document", "broken YAML"),
        ("a: \x07\n", 1, "document", "x07"),
        (b"a: 1\nb: \xff\n", 2, "document", "0xff"),
        (b"\xff\xfea\x00", 1, "document", "0xff"),
        (GOOD + "---\n" + GOOD, 18, "document", "second document"),
        ("a: " + "[" * 5000, 1, "a" + "[0]" * 19, "nesting deeper than 20"),
        ("a:\n" + "\n".join(" " * i + "-" for i in range(1, 60)), None, None, "nesting"),
        ('"\\UFFFFFFFF"', 1, "document", "out of range"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1\n", 1, "document", "out of range"),
    ],
)
def test_a_text_that_is_no_acceptable_yaml_is_told(text, line, field, found):
    fault = only_fault(text)
    assert found in fault.found
    if line is not None:
        assert (fault.line, fault.field) == (line, field)


def test_all_faults_of_a_file_come_at_once_in_the_order_of_the_file():
    text = GOOD.replace("split: test", "split: dev").replace("points: 0.5", "points: -1")
    text = text.replace("2005.13013v2", "2005.13013").replace("[mnli]", "[mnli, mnli]")
    text = text.replace("reported: 8.2", "reported: 8.2\n    reported: 8.3")
    fields = [(f.line, f.field) for f in faults_of(text)]
    assert fields == [
        (2, "paper.arxiv"),
        (8, "claims[0].treatment.intermediate"),
        (11, "claims[0].measure.split"),
        (14, "claims[0].reported"),
        (17, "claims[0].minimum_effect.points"),
    ]


def test_a_good_claim_beside_a_faulty_one_is_not_blamed():
    second = GOOD.split("claims:\n")[1].replace("id: one", "id: two")
    text = GOOD.replace("split: test", "split: dev") + second
    assert only_fault(text).field == "claims[0].measure.split"


def test_a_repeated_id_names_the_line_of_the_first():
    text = GOOD + GOOD.split("claims:\n")[1]
    fault = only_fault(text)
    assert (fault.line, fault.field, fault.found) == (18, "claims[1].id", "'one'")
    assert "line 4" in fault.expected


def test_a_size_without_tolerance_points_at_the_missing_field():
    fault = only_fault(changed("    tolerance: {points: 2.0, because: chosen}\n", ""))
    assert fault.field == "claims[0].tolerance"
    assert "required where reported is a number" in fault.expected


def test_every_kind_is_named_where_the_kind_is_wrong():
    fault = only_fault(changed("kind: gain", "kind: victory"))
    assert all(kind in fault.expected for kind in KINDS)


def test_words_like_no_and_dates_stay_text():
    text = changed("title: A paper", "title: 2020-05-26").replace("quote: it helps", "quote: no")
    claims = parse_claims(text.encode(), path="x")
    assert (claims.paper.title, claims.claims[0].source.quote) == ("2020-05-26", "no")


def test_messages_hold_no_jargon_and_no_address():
    text = (
        GOOD.replace("split: test", "split: dev")
        .replace("8.2", "[1]")
        .replace("kind: gain", "kind: gain\n    mlm: 3\n    level: 2\n    notes: {a: b}")
        .replace("[mnli]", "[3]")
        .replace("{intermediate: []}", "{intermediate: [], mlm: 1, base: [x]}")
    )
    told = "\n".join(map(str, faults_of(text))).lower()
    for word in ("http", "pydantic", "input", "literal", "tuple", "validat", "str_", "dict"):
        assert word not in told.replace("'validation'", "")


def test_a_file_beyond_the_size_bound_is_refused_unread(tmp_path: Path):
    file = tmp_path / "large.yaml"
    file.write_bytes(GOOD.encode() + b"#" * MAX_BYTES)
    with pytest.raises(ClaimFileError, match="more than 1048576 bytes"):
        read_claim_file(file)


def test_what_is_no_readable_file_is_told_without_a_traceback(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path / "absent.yaml", tmp_path, pipe, "a\0b", "x" * 5000):
        with pytest.raises(ClaimFileError) as caught:
            read_claim_file(path)
        assert caught.value.faults[0].field == "file"


def test_very_many_faults_are_counted_and_not_all_printed():
    text = "schema: corroborate/claims@1\npaper: {title: t}\nclaims:\n" + "- 3\n" * 900
    faults = faults_of(text)
    assert len(faults) == 501
    assert faults[-1].found == "400 further faults"


OWN = """\
benchmarks:
  own: {reviews: {metrics: [accuracy], languages: [en, de]}, tags: {metrics: [f1], languages: [fr]}}
claims:
"""


@given(
    tasks=st.sets(st.sampled_from(("reviews", "tags", "review")), min_size=1),
    languages=st.sets(st.sampled_from(("en", "de", "fr", "German")), min_size=1),
    benchmark=st.sampled_from(("own", "another")),
)
def test_a_measure_names_only_what_its_benchmark_has_where_the_file_describes_it(
    tasks, languages, benchmark
):
    measure = f"      benchmark: {benchmark}\n      tasks: {sorted(tasks)}\n"
    measure += f"      languages: {sorted(languages)}\n"
    text = changed("claims:\n", OWN).replace("      tasks: all\n", measure)
    spoken = {"reviews": {"en", "de"}, "tags": {"fr"}}
    meant = {code for task in tasks for code in spoken.get(task, ())}
    wrong = set()
    if benchmark == "own":
        wrong |= {"tasks"} if not tasks <= set(spoken) else set()
        wrong |= {"languages"} if meant and not languages <= meant else set()
    if not wrong:
        assert parse_claims(text.encode(), path="claims.yaml").claims
        return
    faults = faults_of(text)
    assert {fault.field for fault in faults} == {f"claims[0].measure.{field}" for field in wrong}
    for fault in faults:
        assert fault.field.rpartition(".")[2] in text.splitlines()[fault.line - 1]


def test_the_error_survives_pickling():
    with pytest.raises(ClaimFileError) as caught:
        parse_claims(b"a: 1", path="x.yaml")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.faults == caught.value.faults


def test_the_schema_for_editors_knows_every_kind_and_its_fields_by_their_names_in_files():
    schema = json_schema()
    assert set(schema["properties"]) == {"schema", "paper", "benchmarks", "claims"}
    assert set(schema["properties"]["claims"]["items"]["discriminator"]["mapping"]) == set(KINDS)
    assert schema["additionalProperties"] is False


def is_refused_or_read(data: bytes) -> None:
    faults: tuple[Fault, ...] = ()
    claims: ClaimSet | None = None
    try:
        claims = parse_claims(data, path="any")
    except ClaimFileError as error:
        faults = error.faults
    assert (claims is None) == bool(faults)
    for fault in faults:
        assert str(fault).isprintable()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_order(data):
    is_refused_or_read(data)


yamlish = st.text(
    alphabet=st.sampled_from(list("ab:-[]{}?,&*!|>%@#'\"\\ \n\t~01.eu\ud7ff\u2028é<")), max_size=120
)


@given(yamlish)
@settings(max_examples=300)
def test_any_yaml_like_text_is_read_or_refused_in_order(text):
    is_refused_or_read(text.encode())


@given(st.integers(0, len(GOOD)), st.integers(0, 12), yamlish)
@settings(max_examples=300)
def test_any_damage_to_a_good_file_is_read_or_refused_in_order(start, length, inserted):
    is_refused_or_read((GOOD[:start] + inserted + GOOD[start + length :]).encode())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=200)
def test_any_value_in_any_field_is_read_or_refused_in_order(data):
    document = yaml.safe_load(GOOD)
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not place[key] or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(values)
    is_refused_or_read(yaml.safe_dump(document, allow_unicode=True).encode())
