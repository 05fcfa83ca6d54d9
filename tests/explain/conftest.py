"""A browser for the self-contained pages."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """Open HTML from disk in Chromium, without a network; a script error fails the test at the end."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "the tests need Chromium: see the README"
    errors: list[str] = []

    def open_it(html: str, width: int = 1000, dark: bool = False) -> Page:
        file: Path = tmp_path_factory.mktemp("page") / "page.html"
        file.write_text(html, encoding="utf-8")
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", offline=True
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        return page

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield open_it
        browser.close()
    assert not errors
