"""Protocol files: the bundled ones load in every size, and every fault is told in plain words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.safe_yaml import read_yaml
from replication import protocols
from replication.errors import ProtocolError
from replication.protocols import bundled_protocols, changes_of, load_protocol

FOLDER = Path(protocols.__file__).parent

TOY = """\
schema: corroborate/protocol@1
name: toy
summary: A toy recipe.
base:
  checkpoint: null
  architecture: {layers: 2, width: 8, attention_heads: 2, feed_forward: 16, vocabulary: 90, max_positions: 32}
pretraining:
  corpus: [mini_text]
  sentences_per_language: 10
  recipe: {epochs: 1, batch_size: 8, learning_rate: 1e-3, max_length: 16}
intermediate_tasks: [mini_guild]
intermediate: {epochs: 3, batch_size: 8, learning_rate: 1e-3, max_length: 16}
targets:
  mini_topic:
    train_on: mini_topic
    recipe: {epochs: 1, batch_size: 8, learning_rate: 1e-3, max_length: 16}
evaluation:
  splits: {mini_topic: test}
seeds: 2
sizes:
  whole: {}
  little:
    seeds: 1
    intermediate: {epochs: 1}
    base: {architecture: {layers: 1}}
    intermediate_tasks: [mini_shuffled]
"""  # noqa: E501  the tests count its lines


@pytest.fixture
def file(tmp_path):
    """Write a protocol file and return its path as an argument."""

    def written(text: str | bytes) -> str:
        path = tmp_path / "toy.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return written


def changed(old: str, new: str) -> str:
    assert TOY.count(old) == 1, old
    return TOY.replace(old, new)


def told(path: str, size: str | None = None) -> list[str]:
    """Return the faults of a file, a line each."""
    with pytest.raises(ProtocolError) as caught:
        load_protocol(path, size)
    first, *lines = str(caught.value).splitlines()
    number = len(lines)
    assert first == f"protocol '{path}': {number} {'fault' if number == 1 else 'faults'}"
    return [line.strip() for line in lines]


def sizes_of(name: str) -> list[str | None]:
    document = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return [None, *document.get("sizes", ["full"])]


@pytest.mark.parametrize(
    ("name", "size"), [(n, size) for n in bundled_protocols() for size in sizes_of(n)]
)
def test_a_bundled_protocol_loads_in_each_of_its_sizes(name, size):
    protocol = load_protocol(name, size)
    assert protocol.name == name
    assert size is None or protocol.size == size
    assert set(protocol.targets) == set(protocol.evaluation.splits)


def test_the_protocols_that_the_design_names_are_bundled():
    assert {"miniature", "scratch", "xstilts"} <= set(bundled_protocols())


def test_a_small_size_says_what_was_scaled_down():
    small, full = load_protocol("scratch", "small"), load_protocol("scratch", "full")
    assert load_protocol("scratch") == small
    assert small.base.architecture.layers < full.base.architecture.layers
    assert small.intermediate.examples is not None
    assert any(str(small.intermediate.examples) in caveat for caveat in small.caveats)


def test_a_size_is_merged_at_every_depth_and_replaces_lists(file):
    whole, little = (load_protocol(file(TOY), size) for size in ("whole", "little"))
    assert (whole.size, little.size) == ("whole", "little")
    assert (whole.intermediate.epochs, little.intermediate.epochs) == (3, 1)
    assert little.intermediate.batch_size == 8
    assert little.base.architecture.layers == 1
    assert little.base.architecture.width == 8
    assert little.intermediate_tasks == ("mini_shuffled",)
    assert little.seeds == 1
    back = {"size": "whole", "seeds": 2, "intermediate": whole.intermediate}
    back |= {"base": whole.base, "intermediate_tasks": ("mini_guild",)}
    assert little.model_copy(update=back) == whole


def test_without_a_size_the_default_is_taken_or_the_file_as_it_stands(file):
    path = file(TOY)
    assert load_protocol(path).size == "full"
    assert load_protocol(path, "full") == load_protocol(path)
    assert load_protocol(file(f"{TOY}default_size: little\n")).size == "little"


def test_seeds_replace_those_of_the_file_and_of_the_size(file):
    assert load_protocol(file(TOY), "little", seeds=7).seeds == 7
    assert load_protocol("miniature", seeds=3).seeds == 3


def test_loading_twice_gives_the_same(file):
    path = file(TOY)
    assert load_protocol(path, "little").digest() == load_protocol(path, "little").digest()


def test_an_unknown_size_is_answered_with_the_known_ones(file):
    with pytest.raises(ProtocolError, match=r"no size 'huge' ; expected one of: little, whole\."):
        load_protocol(file(TOY), "huge")
    with pytest.raises(ProtocolError, match=r"no size 'huge' ; expected one of: full\."):
        load_protocol("miniature", "huge")


@pytest.mark.parametrize("name", ["scrach", "", "nowhere.yaml", "a\0b.yaml", "x" * 300 + ".yaml"])
def test_an_unknown_name_is_answered_with_the_bundled_ones_or_why(name):
    with pytest.raises(ProtocolError, match=r"scratch, xstilts|cannot be read"):
        load_protocol(name)


def test_a_bundled_name_is_not_taken_for_a_file_without_suffix(tmp_path, monkeypatch):
    (tmp_path / "scratch").write_text(TOY)
    monkeypatch.chdir(tmp_path)
    assert load_protocol("scratch").name == "scratch"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "layers: 2",
            "layers: 0",
            "line 6: base.architecture.layers: found 0 ; expected a number of",
        ),
        ("seeds: 2", "seeds: two", "line 19: seeds: found 'two' ; expected a whole number or 'unk"),
        (
            "seeds: 2",
            "seeds: 2.5",
            "line 19: seeds: found 2.5 ; expected a whole number or 'unknown'",
        ),
        ("seeds: 2\n", "", "seeds: found nothing ; expected the field 'seeds'"),
        ("epochs: 3", "epochs: .nan", "line 12: intermediate.epochs: found NaN ; expected"),
        ("epochs: 3", "epoch: 3", "(did you mean 'epochs'?)"),
        (
            "epochs: 3",
            "epochs: 3, epochs: 4",
            "line 12: intermediate.epochs: found the field again",
        ),
        (
            "mini_topic: test",
            "mini_topic: dev",
            "line 18: evaluation.splits.mini_topic: found 'dev'",
        ),
        ("  mini_topic:\n", "  mini topic:\n", "found the name 'mini topic' ; expected a name of"),
        ("    train_on: mini_topic\n", "    train_on: null\n", "train_on and recipe must be given"),
        ("intermediate_tasks: [mini_guild]", "intermediate_tasks: mini_guild", "expected a list"),
        ("protocol@1", "protocol@9", "line 1: schema: found 'corroborate/protocol@9' ; expected"),
        ("name: toy", "name: !!python/name:os.system toy", "the tag '!!python/name:os.system'"),
        ("name: toy", "name: &x toy", "the anchor &x"),
        ("  whole: {}", "  whole: 3", "line 21: sizes.whole: found 3 ; expected a mapping"),
        ("summary: A toy recipe.", "summary: [", "broken YAML"),
        ("summary: A toy recipe.", 'summary: "\\e[31m"', "the character '\\x1b'"),
    ],
)
def test_a_fault_is_told_with_its_line_in_plain_words(file, old, new, fault):
    lines = told(file(changed(old, new)), "whole" if "whole" in new else None)
    assert any(fault in line for line in lines), lines
    for line in lines:
        assert " ; expected " in line
        jargon = r"pydantic|https?:|input_value|type=|Input should|constrained|literal\["
        assert not re.search(jargon, line), line


def test_all_faults_come_at_once_in_the_order_of_the_file(file):
    text = TOY.replace("layers: 2", "layers: 0").replace("epochs: 3", "epochs: -1")
    lines = told(file(text.replace("seeds: 2", "seeds: none\nspare: 1")))
    assert [line.split(": ")[1] for line in lines] == [
        "base.architecture.layers",
        "intermediate.epochs",
        "seeds",
        "spare",
    ]


def test_a_fault_of_a_size_has_the_line_of_the_size(file):
    (line,) = told(file(changed("{layers: 1}", "{layers: none}")), "little")
    assert line.startswith("line 25: base.architecture.layers: found 'none'")
    path = file(changed("{layers: 1}", "{layers: none}"))
    assert load_protocol(path, "whole").base.architecture.layers == 2


def test_a_default_that_is_no_size_is_a_fault(file):
    (line,) = told(file(f"{TOY}default_size: huge\n"))
    assert line == "line 27: default_size: found 'huge' ; expected one of little, whole"


@pytest.mark.parametrize("text", ["", "3", "- a", "just words", "~", "sizes: {a: 1}", b"\xff\xfe"])
def test_what_is_no_protocol_at_all_is_told_so(file, text):
    assert told(file(text))


def test_a_huge_file_is_not_read(file):
    with pytest.raises(ProtocolError, match="over 1 MiB"):
        load_protocol(file(TOY + "#" * protocols.MAX_BYTES))


def test_a_folder_is_no_protocol(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ProtocolError, match="found no such"):
        load_protocol(str(tmp_path / "folder.yaml"))


LINES = TOY.splitlines()


@given(
    drop=st.sets(st.integers(0, len(LINES) - 1), max_size=4),
    noise=st.dictionaries(
        st.integers(0, len(LINES) - 1), st.sampled_from(["[", "  x: 1", "\t", "- 1", "? 2", "*a"])
    ),
    size=st.sampled_from([None, "little", "whole", "full"]),
)
@settings(deadline=None, max_examples=150)
def test_whatever_the_file_the_answer_is_a_protocol_or_a_protocol_error(
    tmp_path_factory, drop, noise, size
):
    path = tmp_path_factory.mktemp("any") / "toy.yaml"
    kept = [noise.get(i, "") + line for i, line in enumerate(LINES) if i not in drop]
    path.write_text("\n".join(kept), encoding="utf-8")
    try:
        protocol = load_protocol(str(path), size)
    except ProtocolError:
        return
    assert not read_yaml(path.read_text(encoding="utf-8")).faults
    assert protocol.size == (size or "full")


def test_fields_set_on_the_command_line_are_told_and_can_be_set_again():
    changes = ["seeds=1", "intermediate.epochs=5", "evaluation.retrieval.layer=2"]
    protocol = load_protocol("scratch", changes=changes)
    assert (protocol.seeds, protocol.intermediate.epochs) == (1, 5.0)
    assert load_protocol("scratch", changes=changes_of(protocol)) == protocol
    assert changes_of(load_protocol("scratch")) == ()


@pytest.mark.parametrize("change", ["seeds", "=3", "seeds=[", "seeds: 3"])
def test_a_change_that_is_no_field_and_value_is_refused(change):
    with pytest.raises(ProtocolError, match="expected a dotted field and a value"):
        load_protocol("scratch", changes=[change])


def test_a_change_of_a_field_that_does_not_exist_names_it():
    with pytest.raises(ProtocolError, match=r"intermediate\.epoch"):
        load_protocol("scratch", changes=["intermediate.epoch=3"])
