"""The page about two audits: weak sides marked, hostile text inert, and open to every reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from axe_core_python.sync_playwright import Axe
from markdown_it import MarkdownIt
from playwright.sync_api import Browser
from test_compare import changed, one, other_machine, other_recipe, other_runs
from test_html import Outline, browser, needs_browser  # noqa: F401  a fixture
from test_reports import UNDECIDED, WEAK, claim_set, conceptual, controls, document, gain

import corroborate
from reports.blocks import Figure, Section, Table, flat, plain_text
from reports.compare import compare
from reports.compare_command import rendered
from reports.comparison import Comparison, DifferenceKind
from reports.comparison_card import KINDS
from reports.comparison_page import comparison_page
from reports.document import Document
from reports.to_json import RENDERER as JSON

OTHERWISE = {"verdict": "inconclusive", "finding": "undecided"}
EVIL = (
    "</p></style></script><script>alert(1)</script><img src=x onerror=alert(1)> \u202e| `a` **b**"
)


def mixed() -> tuple[Document, Document]:
    """Two audits with every kind of claim on the page."""
    old = document(
        [claim_set(gain(), gain("turned"), gain("lost"), gain("gone"))],
        [{}, {"claim_id": "turned"}, {"claim_id": "lost"}, {"claim_id": "gone"}],
    )
    new = document(
        [claim_set(gain(), gain("turned", reported=7.5), gain("lost"), gain("come"))],
        [
            {},
            {**OTHERWISE, "claim_id": "turned", "reported": 7.5},
            {"claim_id": "lost", "estimate": 7.0},
            {"claim_id": "come"},
        ],
    )
    return old, new


def files(old: Document, new: Document) -> dict[str, str]:
    found = rendered(compare(old, new), ("html", "md", "json"))
    return {name: content.decode() for name, content in found.items()}


def cards(old: Document, new: Document) -> list[str]:
    blocks = flat([comparison_page(compare(old, new))])
    return [plain_text(b.title).split(":")[0] for b in blocks if isinstance(b, Section) and b.tags]


def test_what_is_unexplained_stands_first_and_what_is_the_same_last() -> None:
    assert cards(*mixed()) == ["lost", "turned", "squad-gain", "come", "gone"]


def test_the_head_says_what_changed_and_warns_of_what_nothing_explains() -> None:
    head = files(*mixed())["comparison.md"].partition("## The two audits")[0]
    assert "Of 3 claims in both audits, 1 has another verdict" in head
    assert "reproduced then and inconclusive now: `turned`" in head
    assert "Unexplained: `lost`" in head
    assert "Only in the old audit: `gone`" in head
    assert "Only in the new audit: `come`" in head


def test_two_equal_audits_read_as_nothing_changed() -> None:
    text = files(one(), one())["comparison.md"]
    assert "Nothing changed: both audits say the same of 1 claim" in text
    assert "Unexplained" not in text


def test_a_verdict_names_what_can_have_changed_it() -> None:
    new = changed(one(verdict=UNDECIDED), other_machine, other_recipe, other_runs)
    text = files(one(), new)["comparison.md"]
    assert "recipe; runs; machine or versions" in text
    assert "| environment | packages.torch" not in text
    assert "| machine or versions | packages.torch | 2.13.0 | 2.14.0 |" in text


def test_numbers_that_print_the_same_are_told_to_differ() -> None:
    text = files(one(), one(verdict={"estimate": 8.0001}))["comparison.md"]
    assert "the numbers differ in digits not shown" in text


@pytest.mark.parametrize("side", ["old", "new"])
def test_a_weak_side_is_marked_on_every_table_and_picture(side) -> None:
    weak, strong = one(verdict=WEAK), one()
    pair = (weak, strong) if side == "old" else (strong, weak)
    blocks = list(flat([comparison_page(compare(*pair))]))
    figures = [b for b in blocks if isinstance(b, Figure)]
    mark = f"{side.capitalize()}: Conceptual evidence only."
    assert len(figures) == 2
    assert all(plain_text(f.caption).startswith(mark) for f in figures)
    assert all(json.loads(f.spec)["title"]["text"] == mark for f in figures)
    heads = [plain_text(h) for b in blocks if isinstance(b, Table) for h in b.header]
    other = "new" if side == "old" else "old"
    assert f"estimate, interval, {side} (Conceptual evidence only)" in heads
    assert f"estimate, interval, {other}" in heads


def test_simulated_audits_say_so_of_both_sides() -> None:
    text = files(controls(), controls())["comparison.md"]
    head = text.partition("## The two audits")[0]
    assert "The old audit: Simulated." in head
    assert "The new audit: Simulated." in head
    assert "| claim | verdict, old (Simulated) | verdict, new (Simulated) |" in text


def test_a_failed_control_warns_against_the_side_that_it_is_of() -> None:
    wrong = controls(verdict="reproduced", finding="magnitude")
    head = files(controls(), wrong)["comparison.md"].partition("## The two audits")[0]
    assert "The new audit: controls did not come out as expected: `absent`" in head
    assert "The old audit: controls" not in head


def test_a_stale_verdict_says_so_on_top() -> None:
    stale = one(verdict={"stale": ["evaluator: a then, b now"]})
    head = files(stale, one())["comparison.md"].partition("## The two audits")[0]
    assert "**Stale verdicts:** `squad-gain`" in head


def test_hostile_texts_add_no_tag_and_no_markup() -> None:
    def pair(text: str) -> dict[str, str]:
        new = changed(one({"statement": text, "notes": [text]}, {**UNDECIDED, "reasons": [text]}))
        return files(one({"statement": "Some claim."}), new)

    evil, calm = pair(EVIL), pair("calm")
    assert Outline(evil["comparison.html"]).tags == Outline(calm["comparison.html"]).tags
    assert "\u202e" not in evil["comparison.html"]
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = [parser.parse(of["comparison.md"]) for of in (evil, calm)]
    assert [t.type for t in tokens[0]] == [t.type for t in tokens[1]]


def test_every_link_of_the_page_leads_to_one_place_in_it() -> None:
    outline = Outline(files(*mixed())["comparison.html"])
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.targets <= {*outline.ids}
    assert {"claim-turned", "claim-gone", "claim-come", "verdicts"} <= outline.targets


def test_the_page_and_the_markdown_print_the_same_numbers() -> None:
    found = files(*mixed())
    words = re.compile(r"[+-]?\d+\.\d+ \[[^\]]+\]")
    page = set(words.findall(re.sub(r"<[^>]+>", "", found["comparison.html"])))
    assert page
    assert page == set(words.findall(found["comparison.md"].replace("\\", "")))


def test_pictures_that_the_markdown_names_are_there() -> None:
    found = files(*mixed())
    named = set(re.findall(r"\]\((figures/[^)]+)\)", found["comparison.md"]))
    assert named
    assert named == {name for name in found if name.startswith("figures/")}


def test_many_changed_claims_share_one_picture() -> None:
    names = [f"claim-{i}" for i in range(45)]
    old, new = (
        document([claim_set(*map(gain, names))], [{**of, "claim_id": name} for name in names])
        for of in ({}, OTHERWISE)
    )
    blocks = flat([comparison_page(compare(old, new))])
    assert [b.name for b in blocks if isinstance(b, Figure)] == ["compared"]


def test_every_kind_of_difference_has_words() -> None:
    assert set(KINDS) == set(get_args(DifferenceKind))


def saved(folder: Path, name: str, of: Document) -> str:
    path = folder / f"{name}.json"
    path.write_bytes(JSON.render(of))
    return str(path)


def test_the_command_writes_three_files_and_returns_the_new_audits_code(tmp_path, capsys) -> None:
    old, new = saved(tmp_path, "old", one()), saved(tmp_path, "new", conceptual())
    out = tmp_path / "out"
    assert corroborate.main(["report", "--compare", old, new, "--out", str(out)]) == 3
    assert corroborate.main(["report", "--compare", new, old, "--out", str(out)]) == 0
    names = {path.name for path in out.iterdir()}
    assert names == {"comparison.html", "comparison.md", "comparison.json", "figures"}
    read = Comparison.model_validate_json((out / "comparison.json").read_bytes())
    assert read == compare(conceptual(), one())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["controls", "--compare", "{old}", "{old}"], "--compare beside CLAIMS"),
        (["--compare", "{old}", "{old}", "--from", "{old}"], "--compare beside --from"),
        (["--compare", "{old}", "{none}"], "no such file"),
        (["--compare", "{folder}", "{old}"], "a folder"),
        (["--compare", "{old}", "{text}"], "corroborate/report@1"),
        (["--compare", "{old}", "{old}", "--format", "md,docx"], "'docx'"),
    ],
)
def test_what_cannot_be_compared_is_a_message_with_advice(
    tmp_path, capsys, arguments, expected
) -> None:
    (tmp_path / "text").write_text("no JSON")
    paths = {
        "old": saved(tmp_path, "old", one()),
        "none": str(tmp_path / "none"),
        "folder": str(tmp_path),
        "text": str(tmp_path / "text"),
    }
    out = tmp_path / "out"
    given = [argument.format(**paths) for argument in arguments]
    assert corroborate.main(["report", *given, "--out", str(out)]) == 2
    assert expected in capsys.readouterr().err
    assert not out.exists()


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    browser: Browser,  # noqa: F811
    tmp_path: Path,
    scheme,
) -> None:
    path = tmp_path / "comparison.html"
    path.write_text(files(*mixed())["comparison.html"], encoding="utf-8")
    page = browser.new_page(color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    found = [(v["id"], v["nodes"][0]["html"]) for v in Axe().run(page)["violations"]]
    wide = []
    for width in (390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        wide.append(page.evaluate("document.documentElement.scrollWidth") <= width)
    page.select_option("select[name=verdict]", "inconclusive")
    shown = page.locator("article.card:visible").count()
    page.close()
    assert (found, wide, shown, said) == ([], [True] * 3, 1, [path.as_uri()])
