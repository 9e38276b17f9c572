"""The page in a browser: nothing goes wrong in it, and everybody can read it, also by keyboard and without script."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from .expected import EXPECTED

PAGES = sorted(EXPECTED.glob("*.html"))
LOOKED_AT = ("upgrade", "first-deployment", "override", "volumes-go", "program-error", "drift")
"""Situations that together have every part of a page."""
NARROW = 360
"""Width in pixels of a small telephone."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "apt-get install chromium, or: make test-unit, which does"
    with sync_playwright() as playwright:
        # root has no sandbox in Chromium; the pages are our own
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def opened(page: Page, name: str) -> Page:
    page.goto((EXPECTED / f"{name}.html").as_uri())
    return page


def test_every_page_opens_without_an_error_and_asks_nothing_of_anybody(page: Page) -> None:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    for file in PAGES:
        opened(page, file.stem)
        assert page.title().endswith(": preview")
        assert page.locator("h1").count() == 1
    assert said == []
    assert asked == [file.as_uri() for file in PAGES]


@pytest.mark.parametrize("look", ["light", "dark", "narrow"])
@pytest.mark.parametrize("name", LOOKED_AT)
def test_contrast_landmarks_and_names_are_as_they_should_be(page: Page, name: str, look: str) -> None:
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    if look == "narrow":
        page.set_viewport_size({"width": NARROW, "height": 640})
    opened(page, name)
    for fold in page.locator("summary").all():
        fold.click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    # what is wider scrolls by itself, the page does not
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_fold_opens_and_closes_by_keyboard(page: Page) -> None:
    opened(page, "upgrade")
    fold = page.locator("details")
    assert fold.get_attribute("open") is None
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    for key, there in (("Enter", True), ("Space", False), ("Enter", True)):
        page.keyboard.press(key)
        assert fold.locator("table").is_visible() is there
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "search"


def test_the_filter_finds_a_resource(page: Page) -> None:
    opened(page, "upgrade")
    page.locator("summary").click()
    rows = page.locator("details tbody tr")
    box = page.get_by_label("Filter")
    box.fill("HANDOVER keystone-1")
    assert rows.locator("visible=true").all_inner_texts() == [
        rows.filter(has_text="keystone-1-handover").inner_text()
    ]
    assert page.locator("output").inner_text() == f"1 of {rows.count()}"
    box.fill("")
    assert rows.locator("visible=true").count() == rows.count() > 10


def test_it_is_read_and_folded_without_script_and_printed_whole(browser: Browser, page: Page) -> None:
    context = browser.new_context(java_script_enabled=False)
    still = opened(context.new_page(), "upgrade")
    assert "contract" in still.locator("h1").inner_text()
    still.locator("summary").click()
    assert still.get_by_text("keystone-1-handover", exact=True).is_visible()
    assert not still.locator(".filter").is_visible()
    context.close()
    opened(page, "upgrade")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.get_by_text("keystone-1-handover", exact=True).is_visible()
    assert not page.locator(".filter").is_visible()


def test_a_normal_change_is_a_small_page() -> None:
    assert Path(EXPECTED / "upgrade.html").stat().st_size <= 200_000
