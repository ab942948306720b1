"""The page: one file from disk, filtered, sorted and linked, that runs nothing of others."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pypdfium2
import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pydantic import ValidationError
from test_reports import claim_set, conceptual, controls, decided, document, gain

from reports.blocks import Fence, Section, flat
from reports.chance import chance_level, known_rows
from reports.commands import with_ways_back
from reports.content import content
from reports.document import Document, RunLine
from reports.to_html import RENDERER as HTML
from reports.to_json import RENDERER as JSON
from reports.to_json import read_document

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: apt-get install chromium"
)
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A report in the browser, which must stay silent and alone."""
    path = tmp_path / "report.html"
    path.write_bytes(HTML.render(decided()))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert said == [path.as_uri()]
    page.close()


class Outline(HTMLParser):
    """Tags and ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if (found.get("href") or "").startswith("#"):
            self.targets.add(str(found["href"])[1:])


@pytest.mark.parametrize("of", [conceptual(), controls(), decided()])
def test_every_link_of_a_page_leads_to_one_place_in_it(of) -> None:
    outline = Outline(HTML.render(of).decode())
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.targets <= {*outline.ids}
    assert {"claim-squad-gain", "verdicts", "main"} <= outline.targets


def test_hostile_texts_add_no_tag_to_the_page() -> None:
    evil = "</p></style></script><script>alert(1)</script><img src=x onerror=alert(1)> \u202e&lt;"
    hostile = document([claim_set(gain(statement=evil, notes=[evil]))], [{"reasons": [evil]}])
    plain = document([claim_set(gain(statement="calm", notes=["calm"]))], [{"reasons": ["calm"]}])
    outlines = [Outline(HTML.render(of).decode()).tags for of in (hostile, plain)]
    assert outlines[0] == outlines[1]
    assert "\u202e" not in HTML.render(hostile).decode()


@needs_browser
def test_filter_shows_the_claims_of_a_verdict_and_their_lines(opened) -> None:
    opened.select_option("select[name=verdict]", "inconclusive")
    assert opened.locator("article.card:visible").count() == 1
    assert opened.locator("tr[data-claim]:visible").first.inner_text().startswith("other")
    assert opened.inner_text("#shown") == "1 of 3 claims shown"
    opened.click("button[type=reset]")
    opened.wait_for_function("document.getElementById('shown').textContent.startsWith('3 of 3')")


@needs_browser
def test_a_link_to_a_hidden_claim_shows_it(opened) -> None:
    opened.select_option("select[name=verdict]", "inconclusive")
    opened.evaluate("location.hash = 'claim-squad-gain'")
    opened.wait_for_function("!document.getElementById('claim-squad-gain').hidden")
    assert opened.locator("#claim-squad-gain").is_visible()


@needs_browser
def test_tables_sort_by_number_both_ways(opened) -> None:
    table = opened.locator("#cost table")
    head = table.locator("thead th").nth(1)

    def runs() -> list[int]:
        return [int(text) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]

    before = runs()
    head.locator("button").click()
    assert (runs(), head.get_attribute("aria-sort")) == (sorted(before), "ascending")
    head.locator("button").click()
    assert (runs(), head.get_attribute("aria-sort")) == (sorted(before)[::-1], "descending")


WIDTHS = (390, 768, 1280)
LONG_WORD = "x" * 100_000
HOSTILE = {
    "script": "</p></style></script><script>document.title='hit'</script><img src=x onerror=alert(1)>",
    "right-to-left": "\u202e\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd (abc) [1, 2]",
    "latex": r"\input{/etc/passwd} $x_1^{2}$ \begin{document} %",
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467 \u2705\ufe0f reproduced " * 20,
    "word": "W" * 3900,
}


def hostile(text: str) -> Document:
    """Return a report whose every free text is this, and whose unbounded ones are a 100 kB word."""
    cells = [{"task": LONG_WORD, "estimate": 1.0}]
    arms = [{"condition": LONG_WORD, "seeds": [1, 2], "scores": [50.0, 51.0], "summary": 50.5}]
    found = {
        "reasons": [text],
        "signature": text + LONG_WORD,
        "paper_check": text + LONG_WORD,
        "stale": [text],
        "evidence": {"arms": arms, "cells": cells, "exclusions": [text]},
    }
    source = {"quote": text, "found_in": text[:100].strip()}
    claims = [gain(i, statement=text, notes=[text], source=source) for i in ("one", "two")]
    return document(
        [claim_set(*claims)], [{"claim_id": "one", **found}, {"claim_id": "two", **found}]
    )


def shown(browser: Browser, path: Path, of: Document, **options: Any) -> tuple[Page, list[str]]:
    """Open a report, and return its page with all that it says or asks for."""
    path.write_bytes(HTML.render(of))
    page = browser.new_page(**options)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    return page, said


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "of",
    [conceptual(), controls(), decided(), hostile(HOSTILE["script"])],
    ids=lambda of: of.title[:30],
)
def test_axe_finds_nothing_that_keeps_anyone_out(browser, tmp_path, of, scheme) -> None:
    page, _ = shown(browser, tmp_path / "report.html", of, color_scheme=scheme)
    page.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    found = [(v["id"], v["nodes"][0]["html"][:300]) for v in Axe().run(page)["violations"]]
    page.close()
    assert found == []


@needs_browser
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_inert_and_widen_no_page(browser, tmp_path, text) -> None:
    of = hostile(text)
    page, said = shown(browser, tmp_path / "report.html", of)
    page.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() == of.title
    assert page.locator("article.card").count() == 2
    words = " ".join(text.replace("\u202e", "\ufffd").replace("\u200d", "\ufffd").split())
    assert page.locator("#claim-one > p").first.text_content() == words
    page.close()
    assert said == [(tmp_path / "report.html").as_uri()]


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_width_shows_the_whole_page_in_light_and_dark(
    browser, tmp_path, width, scheme
) -> None:
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page, said = shown(browser, tmp_path / "report.html", decided(), **options)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture = page.screenshot(path=tmp_path / f"report-{width}-{scheme}.png", full_page=True)
    page.close()
    assert len(picture) > 50_000
    assert said == [(tmp_path / "report.html").as_uri()]


@needs_browser
def test_a_script_that_gets_into_the_file_does_not_run(browser, tmp_path) -> None:
    path = tmp_path / "report.html"
    evil = (
        "<script>document.title = 'hit'</script><img src='x:' onerror=\"document.title = 'hit'\">"
        "<a id=evil href=\"javascript:document.title = 'hit'\">x</a>"
        "<iframe src='data:text/html,x'></iframe>"
    )
    text = HTML.render(decided()).decode()
    path.write_text(text.replace("</main>", f"{evil}</main>", 1), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.evaluate("document.getElementById('evil').click()")
    page.wait_for_timeout(100)
    assert page.title() == decided().title
    assert page.inner_text("#shown") == "3 of 3 claims shown"
    page.close()


@needs_browser
def test_without_scripts_everything_can_be_read(browser, tmp_path) -> None:
    of = decided()
    page, said = shown(browser, tmp_path / "report.html", of, java_script_enabled=False)
    assert not page.locator("#filter").is_visible()
    assert page.locator("article.card:visible").count() == 3
    rest = page.locator("#claim-squad-gain details").last
    assert not rest.get_by_text("Signature").is_visible()
    rest.locator("summary").click()
    assert rest.get_by_text("Signature").is_visible()
    page.close()
    assert said == [(tmp_path / "report.html").as_uri()]


@needs_browser
@pytest.mark.parametrize("scripts", [True, False])
def test_print_holds_what_is_folded_on_the_screen_and_no_form(browser, tmp_path, scripts) -> None:
    page, _ = shown(browser, tmp_path / "report.html", decided(), java_script_enabled=scripts)
    printed = pypdfium2.PdfDocument(page.pdf())
    text = "".join(sheet.get_textpage().get_text_range() for sheet in printed)
    page.close()
    assert text.count("Signature:") == 3
    assert "Chance level of these scores" in text
    assert "show all" not in text


@needs_browser
def test_the_page_can_be_used_by_keys_alone(opened) -> None:
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Skip to the claims"
    opened.keyboard.press("Enter")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.name") == "verdict"
    opened.keyboard.type("inc")
    opened.wait_for_function("document.getElementById('shown').textContent.startsWith('1 of 3')")
    head = opened.locator("#cost thead button").first
    head.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("#cost thead th").first.get_attribute("aria-sort") == "ascending"
    fold = opened.locator("article.card:visible summary").first
    fold.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("article.card:visible details").first.get_attribute("open") == ""


@needs_browser
@pytest.mark.parametrize(
    ("field", "choice", "left"),
    [("kind", "gain", 3), ("task", "xnli", 3), ("language", "sw", 3)],
)
def test_claims_are_filtered_by_what_they_are_about(opened, field, choice, left) -> None:
    opened.select_option(f"select[name={field}]", choice)
    assert opened.locator("article.card:visible").count() == left
    opened.fill("input[name=words]", "(OTHER)")
    assert opened.locator("article.card:visible").count() == 1


@needs_browser
def test_a_link_to_a_run_opens_the_page_at_its_row(opened) -> None:
    opened.locator("#claim-squad-gain details").last.locator("summary").click()
    link = opened.locator("#claim-squad-gain a[href^='#run-']").first
    row = link.get_attribute("href")
    link.click()
    assert opened.locator(f"tr{row}").is_visible()
    assert opened.evaluate("location.hash") == row


@needs_browser
def test_a_run_leads_to_its_folder_in_the_store_whatever_that_is_called(browser, tmp_path) -> None:
    store, out = (
        tmp_path / "a store #1 %41 <b>\"'" / "javascript:x",
        tmp_path / "my reports" / "out",
    )
    out.mkdir(parents=True)
    of = decided()
    for run in of.runs[1:]:
        (store / "runs" / run.run).mkdir(parents=True)
    placed = with_ways_back(of, ["c.yaml"], store=str(store), out=str(out))
    assert placed == read_document(JSON.render(placed))
    assert [run.folder is None for run in placed.runs] == [True, *[False] * (len(of.runs) - 1)]
    page, _ = shown(browser, out / "report.html", placed)
    links = page.locator("#runs tbody th a").evaluate_all("all => all.map(a => a.href)")
    page.close()
    found = {Path(url2pathname(urlsplit(link).path)) for link in links}
    assert found == {store / "runs" / run.run for run in of.runs[1:]}


DIGEST = "ab" * 32


@pytest.mark.parametrize(
    "folder",
    [f"/etc/{DIGEST}", f"javascript:x//{DIGEST}", f"a/../{DIGEST}", f"a\\{DIGEST}", f"//h/{DIGEST}",
     "../" * 31 + DIGEST, "../passwd", "runs/" + "cd" * 32, f"runs/{DIGEST}\n", f".x/{DIGEST}"],
)  # fmt: skip
def test_a_folder_that_is_not_the_runs_own_is_refused(folder) -> None:
    line = {"run": DIGEST, "title": "x", "phase": "target", "status": "finished", "seconds": 1,
            "started": "now", "facts": {}}  # fmt: skip
    assert RunLine.model_validate({**line, "folder": f"../a b/runs/{DIGEST}"}).folder
    with pytest.raises(ValidationError):
        RunLine.model_validate({**line, "folder": folder})


def test_each_claim_has_the_command_that_makes_its_verdict_again() -> None:
    of = with_ways_back(decided(), ["my claims.yaml"], store="a 'store'; rm", out="out")
    cards = [b for b in flat([content(of)]) if isinstance(b, Section) and b.tags]
    for card in cards:
        (command,) = [b.lines[0] for b in flat(card.blocks) if isinstance(b, Fence)]
        claim = card.id.removeprefix("claim-")
        wanted = ["corroborate", "show", claim, "--claims", "my claims.yaml"]
        assert shlex.split(command) == [*wanted, "--store", "a 'store'; rm"]


def head_of(of: Document) -> str:
    return HTML.render(of).decode().partition("<nav")[0]


def test_stale_verdicts_failed_runs_and_exclusions_are_named_at_the_head() -> None:
    found = {
        "stale": ["evaluator: 1 then, 2 now"],
        "evidence": {"exclusions": ["seed 3: it failed"]},
    }
    of = document([claim_set(gain(), gain("other"))], [found, {"claim_id": "other"}])
    runs = (
        of.runs[0].model_copy(update={"status": "failed", "error": "out of memory"}),
        *of.runs[1:],
    )
    head = head_of(of.model_copy(update={"runs": runs}))
    assert "1 verdict of 2 is stale" in head
    assert f"1 run of {len(runs)} failed" in head
    assert f'href="#run-{runs[0].run[:12]}"' in head
    assert "left out of the evidence of 1 claim" in head
    assert head.count('href="#claim-squad-gain"') >= 2
    assert not {"stale", "failed", "left out"} & {*head_of(decided()).split()}


def test_chance_stands_beside_scores_only_where_guessing_has_one() -> None:
    rows = known_rows(())
    found = [chance_level(rows, task, "accuracy") for task in ("xnli", "pawsx", "nonesuch")]
    assert found == [100 / 3, 50.0, None]
    assert chance_level(rows, "xnli", "f1") is None
    assert chance_level(rows, "xquad", "f1") is None
    text = HTML.render(decided()).decode()
    assert "<em>chance level</em></th><td>33.3" in text
    assert "chance 33.3" in text
    assert "chance level (dotted), in points" in text
