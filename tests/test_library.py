"""The bundled claim sets, and how a CLAIMS argument finds files, folders and bundled sets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from claims.claim import ClaimSet, ProtocolClaim
from claims.errors import ClaimFileError, ClaimFilesError, UnknownClaimsError
from claims.library import bundled, load
from replication.protocols import load_protocol
from replication.tasks.row import benchmark_tasks, tasks

SHARED = Path(__file__).parents[2] / "shared"
MINIMAL = """\
schema: corroborate/claims@1
paper: {title: A paper}
claims:
  - id: settings
    statement: It starts from XLM-R.
    source: {quote: unknown, found_in: paper}
    kind: protocol
    settings: [{field: base.checkpoint, equals: xlm-roberta-large}]
"""


def xstilts() -> ClaimSet:
    return load("xstilts")[0][1]


def conditions(claims: ClaimSet) -> list:
    found = []
    for claim in claims.claims:
        for contrast in getattr(claim, "contrasts", ()):
            found += [contrast.treatment, contrast.control]
        found += [getattr(claim, n) for n in ("treatment", "control") if hasattr(claim, n)]
        found += getattr(claim, "candidates", ())
    return found


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_set_loads(name):
    ((read, claims),) = load(name)
    assert read == name
    assert claims.claims


def test_xstilts_is_bundled():
    assert "xstilts" in bundled()


def test_each_number_of_the_reports_is_one_claim():
    reported = [getattr(claim, "reported", "unknown") for claim in xstilts().claims]
    assert sorted(r for r in reported if r != "unknown") == [5.4, 7.0, 7.5, 8.2, 8.7]


def test_tolerances_follow_the_rule_that_was_fixed_beforehand():
    for claim in xstilts().claims:
        tolerance = getattr(claim, "tolerance", None)
        if tolerance is not None:
            assert tolerance.points == pytest.approx(max(1.0, 0.25 * claim.reported))


def test_the_xstilts_protocol_names_every_task_of_the_claims():
    claims, protocol = xstilts(), load_protocol(xstilts().paper.protocol)
    for condition in conditions(claims):
        named = () if condition.intermediate == "all" else condition.intermediate
        assert set(named) <= set(protocol.intermediate_tasks)
    assert set(protocol.targets) == {t.name for t in benchmark_tasks("xtreme")}
    assert set(protocol.intermediate_tasks) <= set(tasks())


def test_the_xstilts_protocol_has_the_settings_that_its_protocol_claims_state():
    claims = xstilts()
    document = load_protocol(claims.paper.protocol).model_dump(mode="json")
    stated = [s for c in claims.claims if isinstance(c, ProtocolClaim) for s in c.settings]
    assert stated
    for setting in stated:
        value = document
        for part in setting.field.split("."):
            value = value[part]
        wanted = list(setting.equals) if isinstance(setting.equals, tuple) else setting.equals
        assert value == wanted


def test_the_xstilts_protocol_states_no_hyperparameter_that_the_paper_does_not():
    protocol = load_protocol("xstilts")
    recipes = [protocol.intermediate, *(t.recipe for t in protocol.targets.values() if t.recipe)]
    for recipe in recipes:
        assert set(recipe.model_dump().values()) == {"unknown"}
    assert {protocol.seeds, protocol.seed_statistic, protocol.evaluation.selection} == {"unknown"}
    assert set(protocol.evaluation.splits.values()) == {"unknown"}


@pytest.mark.shared
def test_quotes_are_the_words_of_the_reports_or_of_the_abstract():
    if not (SHARED / "seeds").is_dir():
        pytest.skip("the folder ../shared is not here")
    seeds = [f.read_text(encoding="utf-8") for f in sorted((SHARED / "seeds").glob("*.txt"))]
    facts = (SHARED / "docs" / "FACTS.md").read_text(encoding="utf-8")
    assert seeds
    for claim in xstilts().claims:
        texts = seeds if "synthesis reports" in claim.source.found_in else [facts]
        assert all(claim.source.quote in text for text in texts), claim.id


@pytest.mark.shared
def test_every_sentence_of_the_reports_has_a_claim():
    if not (SHARED / "seeds").is_dir():
        pytest.skip("the folder ../shared is not here")
    quotes = [claim.source.quote for claim in xstilts().claims]
    for file in (SHARED / "seeds").glob("*.txt"):
        rows = [r for r in file.read_text(encoding="utf-8").splitlines() if "✓" in r]
        assert len(rows) == 9
        for row in rows:
            assert any(quote in row for quote in quotes), row


def test_a_path_wins_over_a_bundled_name(tmp_path: Path, monkeypatch):
    (tmp_path / "xstilts").write_text(MINIMAL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load("xstilts")[0][1].paper.title == "A paper"


def test_a_folder_gives_its_claim_files_by_name_and_leaves_the_rest(tmp_path: Path):
    for name in ("b.yml", "a.yaml", "notes.txt"):
        (tmp_path / name).write_text(MINIMAL, encoding="utf-8")
    (tmp_path / "sub.yaml").mkdir()
    assert [Path(n).name for n, _ in load(str(tmp_path))] == ["a.yaml", "b.yml"]


def test_an_empty_folder_is_an_error(tmp_path: Path):
    with pytest.raises(UnknownClaimsError, match="found 0 files"):
        load(str(tmp_path))


def test_one_bad_file_of_a_folder_is_told_by_its_path(tmp_path: Path):
    (tmp_path / "good.yaml").write_text(MINIMAL, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("schema: x\n", encoding="utf-8")
    with pytest.raises(ClaimFileError, match=re.escape(str(tmp_path / "bad.yaml"))):
        load(str(tmp_path))


def test_the_faults_of_several_bad_files_come_together(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("schema: x\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text(MINIMAL.replace("base.ch", "Base.ch"), encoding="utf-8")
    with pytest.raises(ClaimFilesError) as caught:
        load(str(tmp_path))
    told = str(caught.value)
    assert "a.yaml" in told
    assert "b.yaml" in told
    assert "claims[0].settings[0].field" in told
    assert len(caught.value.errors) == 2


@pytest.mark.parametrize("argument", ["xstlts", "", "a\0b", "x" * 5000, "nowhere/claims.yaml"])
def test_a_name_of_nothing_is_answered_with_the_bundled_sets(argument):
    with pytest.raises(UnknownClaimsError, match="xstilts"):
        load(argument)
