"""Tasks made of others, tasks in another language, and examples without a gold label."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import UNHURRIED, arm, claim, claim_set, measure, write, write_xtreme

from replication.data import FolderSource
from replication.errors import DataError
from replication.plan import make_plan
from replication.protocol import Protocol
from replication.protocols import load_protocol
from replication.tasks.row import leaks_of, parts_of, tasks

ANLI = ("anli_r1", "anli_r2", "anli_r3")
PLUS = tasks()["anli_plus"]
PARTS = (*ANLI, "mnli", "snli")


def pairs(name, count, *, unlabelled=0):
    """Return rows that tell by their text where they come from; the last ones have no gold label."""
    return [
        {
            "uid": f"u{i}",
            "premise": f"{name} {i}",
            "hypothesis": "b",
            "label": 0 if i < count else -1,
        }
        for i in range(count + unlabelled)
    ]


def write_part(root, name, count, *, ending="", unlabelled=0):
    row = tasks()[name]
    place = root / f"{row.folders[0]}{ending}" / f"{row.splits['train']}.parquet"
    return write(place, pairs(name, count, unlabelled=unlabelled))


def write_parts(root, counts, ending=""):
    for name, count in zip(PARTS, counts, strict=True):
        write_part(root, name, count, ending=ending)
    return FolderSource(root)


def came_from(examples):
    return Counter(e["first"].split()[0] for e in examples)


def test_snli_is_read_without_the_pairs_on_which_annotators_did_not_agree(tmp_path):
    write_part(tmp_path, "snli", 4, unlabelled=6)
    found = FolderSource(tmp_path).examples(tasks()["snli"], "train", "en", None)
    assert [e["first"] for e in found] == [f"snli {i}" for i in range(4)]
    some = FolderSource(tmp_path).examples(tasks()["snli"], "train", "en", 2)
    assert [e["first"] for e in some] == ["snli 0", "snli 2"]


def test_a_label_that_is_missing_altogether_is_not_taken_for_one_to_leave_out(tmp_path):
    rows = [{"premise": "a", "hypothesis": "b", "label": label} for label in (0, None, -1)]
    write(tmp_path / "snli/train.parquet", rows)
    found = FolderSource(tmp_path).examples(tasks()["snli"], "train", "en", None)
    assert [e["label"] for e in found] == [0, None]


def test_a_composite_is_all_examples_of_its_parts_each_told_apart(tmp_path):
    source = write_parts(tmp_path, (1, 2, 3, 4, 5))
    assert source.languages(PLUS, "train") == ("en",)
    found = source.examples(PLUS, "train", "en", None)
    assert came_from(found) == dict(zip(PARTS, (1, 2, 3, 4, 5), strict=True))
    assert len({e["id"] for e in found}) == 15
    assert {e["language"] for e in found} == {"en"}


@given(
    counts=st.lists(st.integers(1, 40), min_size=5, max_size=5),
    limit=st.none() | st.integers(1, 90),
)
@UNHURRIED
def test_a_limit_is_on_the_whole_and_gives_each_part_its_share(tmp_path_factory, counts, limit):
    source = write_parts(tmp_path_factory.mktemp("data"), counts)
    found = source.examples(PLUS, "train", "en", limit)
    total = sum(counts)
    assert len(found) == (total if limit is None else min(limit, total))
    parts = came_from(found)
    for name, count in zip(PARTS, counts, strict=True):
        assert abs(parts[name] - len(found) * count / total) <= 1


def test_a_composite_with_a_part_missing_is_not_there_and_the_plan_names_the_part(tmp_path):
    source = write_parts(write_xtreme(tmp_path), (1, 1, 1, 1, 1))
    assert planned(source, arm("anli_plus")).specs != ()
    (tmp_path / "intermediate/snli/train.parquet").unlink()
    assert source.languages(PLUS, "train") == ()
    with pytest.raises(DataError, match="task 'snli' split 'train': found no file"):
        source.examples(PLUS, "train", "en", None)
    assert "nor its parts snli." in refusals(source, arm("anli_plus"))


def test_a_folder_of_the_composites_own_is_read_instead_of_its_parts(tmp_path):
    source = write_parts(tmp_path, (1, 1, 1, 1, 1))
    write(tmp_path / "anli_plus/train.parquet", pairs("own", 2, unlabelled=1))
    found = source.examples(PLUS, "train", "en", None)
    assert [e["first"] for e in found] == ["own 0", "own 1"]
    (tmp_path / "intermediate/snli/train.parquet").unlink()
    assert source.languages(PLUS, "train") == ("en",)


@pytest.mark.parametrize("changed", PARTS)
def test_the_revision_of_a_composite_changes_with_each_part(tmp_path, changed):
    source = write_parts(tmp_path, (2, 2, 2, 2, 2))
    before = source.revision(PLUS, "train", ["en"])
    assert before.startswith("sha256:")
    assert FolderSource(tmp_path).revision(PLUS, "train", ["en"]) == before
    write_part(tmp_path, changed, 3)
    assert source.revision(PLUS, "train", ["en"]) != before


def test_a_part_that_changed_after_planning_is_refused(tmp_path):
    source = write_parts(tmp_path, (2, 2, 2, 2, 2))
    source.revision(PLUS, "train", ["en"])
    write_part(tmp_path, "mnli", 3)
    with pytest.raises(DataError, match="other bytes than when"):
        source.examples(PLUS, "train", "en", None)


def test_composites_have_parts_of_their_own_kind_and_inherit_what_these_leak():
    assert tuple(p.name for p in parts_of(PLUS)) == PARTS
    assert {(p.family, p.labels) for p in parts_of(PLUS)} == {(PLUS.family, PLUS.labels)}
    assert leaks_of("squad_v1") == tasks()["squad_v1"].leaks != ()
    assert leaks_of("anli_plus") == ()
    assert leaks_of("nosuch") == ()


def test_a_sibling_folder_is_the_same_task_in_another_language(tmp_path):
    write_part(tmp_path, "mnli", 2)
    write_part(tmp_path, "mnli", 3, ending=".de")
    write(tmp_path / "mnli.sw/train.parquet", pairs("suaheli", 1))
    write(tmp_path / "mnli.fr/validation_matched.parquet", pairs("other split", 1))
    source, row = FolderSource(tmp_path), tasks()["mnli"]
    assert source.languages(row, "train") == ("de", "en", "sw")
    german = source.examples(row, "train", "de", 2)
    assert [(e["language"], e["id"]) for e in german] == [("de", "de-0"), ("de", "de-1")]
    assert [e["first"] for e in source.examples(row, "train", "sw", None)] == ["suaheli 0"]
    assert len(source.examples(row, "train", "en", None)) == 2


def test_a_translation_has_its_own_revision(tmp_path):
    write_part(tmp_path, "mnli", 2)
    source, row = FolderSource(tmp_path), tasks()["mnli"]
    before = source.revision(row, "train", ["en"])
    write_part(tmp_path, "mnli", 3, ending=".de")
    assert source.revision(row, "train", ["en"]) == before
    german = source.revision(row, "train", ["de"])
    assert german != before
    write_part(tmp_path, "mnli", 4, ending=".de")
    assert source.revision(row, "train", ["de"]) != german
    with pytest.raises(DataError, match="found no file"):
        source.revision(row, "train", ["sw"])


@pytest.mark.parametrize("name", ["mnli.en", "mnli..", "mnli.DE", "mnli.a/b", "mnlide", "mnli.d"])
def test_other_folders_are_no_languages(tmp_path, name):
    write_part(tmp_path, "mnli", 2)
    write(tmp_path / "intermediate" / name / "train.parquet", pairs("x", 1))
    assert FolderSource(tmp_path).languages(tasks()["mnli"], "train") == ("en",)


@pytest.mark.parametrize("language", ["de", "../de", "de/../../x", "*"])
def test_a_language_without_a_folder_is_refused_with_the_folder_to_add(tmp_path, language):
    write_part(tmp_path, "mnli", 2)
    (tmp_path / "de").mkdir()
    with pytest.raises(DataError, match=r"no language '.*or a folder intermediate/mnli\."):
        FolderSource(tmp_path).examples(tasks()["mnli"], "train", language, None)


def test_only_tasks_without_a_language_of_their_own_are_translated_by_folder(tmp_path):
    source = FolderSource(write_xtreme(tmp_path))
    write(tmp_path / "xtreme/tydiqa.de/train.parquet", [{"id": "german-1"}])
    assert source.languages(tasks()["tydiqa"], "train") == ("en", "fi")


def test_a_composite_is_translated_where_all_its_parts_are(tmp_path):
    source = write_parts(tmp_path, (1, 1, 1, 1, 1))
    for name in ("anli_r1", "anli_r2", "anli_r3", "mnli"):
        write_part(tmp_path, name, 2, ending=".de")
    assert source.languages(PLUS, "train") == ("en",)
    write_part(tmp_path, "snli", 2, ending=".de")
    assert source.languages(PLUS, "train") == ("de", "en")
    assert len(source.examples(PLUS, "train", "de", None)) == 10
    assert source.revision(PLUS, "train", ["de"]) != source.revision(PLUS, "train", ["en"])


def test_a_composites_own_translation_does_not_hide_its_english_parts(tmp_path):
    source = write_parts(tmp_path, (1, 1, 1, 1, 1))
    write(tmp_path / "anli_plus.de/train.parquet", pairs("eigen", 2))
    assert source.languages(PLUS, "train") == ("de", "en")
    assert len(source.examples(PLUS, "train", "en", None)) == 5
    assert came_from(source.examples(PLUS, "train", "de", None)) == {"eigen": 2}
    both = {source.revision(PLUS, "train", codes) for codes in (["de"], ["en"], ["de", "en"])}
    assert len(both) == 3


def protocol(*intermediate) -> Protocol:
    document = load_protocol("scratch").model_dump(mode="json", by_alias=True)
    return Protocol.model_validate({**document, "intermediate_tasks": list(intermediate)})


def planned(source, treatment, *, control=None, tasks=("tydiqa",)):
    asked = measure(benchmark="xtreme", tasks=list(tasks), split="validation")
    own = claim("c", treatment=treatment, control=control or arm(), measure=asked)
    return make_plan([claim_set(own)], protocol("anli_plus", "ccg", "mnli", "squad_v1"), source)


def refusals(source, treatment, **fields):
    return "\n".join(
        r.reason for n in planned(source, treatment, **fields).needs for r in n.refusals
    )


def test_translated_data_is_planned_as_a_language_of_the_intermediate_task(tmp_path):
    source = FolderSource(write_xtreme(tmp_path))
    translated = arm("mnli", intermediate_language="de")
    assert "'mnli' has no 'de' split 'train'" in refusals(source, translated, control=arm("mnli"))
    write_part(tmp_path, "mnli", 2, ending=".de")
    plan = planned(source, translated, control=arm("mnli"))
    used = {
        s.data[0].languages: s.data[0].revision for s in plan.specs if s.phase == "intermediate"
    }
    assert set(used) == {("de",), ("en",)}
    assert len(set(used.values())) == 2


def test_a_translation_leaks_what_its_original_leaks(tmp_path):
    source = FolderSource(write_xtreme(tmp_path))
    original = tmp_path / "intermediate/squad/validation.parquet"
    copy = tmp_path / "intermediate/squad.de/validation.parquet"
    copy.parent.mkdir()
    copy.write_bytes(original.read_bytes())
    arms = {"treatment": arm("squad_v1", intermediate_language="de"), "control": arm("squad_v1")}
    assert "leaks into 'xquad'" in refusals(source, **arms, tasks=["xquad"])
    assert planned(source, **arms, tasks=["xquad"]).specs == ()
    assert planned(source, **arms, tasks=["tydiqa"]).specs != ()


def test_ccg_without_its_data_is_refused_with_what_to_lay_where(tmp_path):
    source = FolderSource(write_xtreme(tmp_path))
    said = refusals(source, arm("ccg"))
    assert "CCGbank is licensed" in said
    assert "ccg/train.parquet" in said
    with pytest.raises(DataError, match="CCGbank is licensed"):
        source.examples(tasks()["ccg"], "train", "en", None)
