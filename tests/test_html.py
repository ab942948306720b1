"""The page: one file from disk, filtered, sorted and linked, that runs nothing of others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from test_reports import claim_set, conceptual, controls, decided, document, gain

from reports.to_html import RENDERER as HTML

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


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_anyone_out(browser, tmp_path, scheme) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(HTML.render(controls()))
    page = browser.new_page(color_scheme=scheme)
    page.goto(path.as_uri())
    found = [(v["id"], v["nodes"][0]["html"]) for v in Axe().run(page)["violations"]]
    page.close()
    assert found == []


@needs_browser
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_width_scrolls_sideways(browser, tmp_path, width) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(HTML.render(document([claim_set(gain(statement="x" * 3900))], [{}])))
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert wide <= width
