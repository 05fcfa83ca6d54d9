"""The self-contained pages in a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[OpenPage]:
    """Open HTML from disk in Chromium, without a network; a script error fails the test at the end."""
    errors: list[str] = []

    pages: list[Page] = []

    def open_it(html: str, width: int = 1000, dark: bool = False) -> Page:
        file: Path = tmp_path_factory.mktemp("page") / "page.html"
        file.write_text(html, encoding="utf-8")
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", offline=True
        )
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        return page

    yield open_it
    for page in pages:
        page.close()
    assert not errors
