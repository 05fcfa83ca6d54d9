"""The self-contained pages in a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def blank_page(browser: Browser) -> Iterator[Page]:
    """One for all tests, without a network: to make one takes longer than to draw on it."""
    page = browser.new_page(offline=True)
    yield page
    page.close()


@pytest.fixture
def open_page(tmp_path: Path, blank_page: Page) -> Iterator[OpenPage]:
    """Open HTML from disk in Chromium, in place of what was open before; a script error fails the test at the end."""
    errors: list[str] = []

    def hear(error: Error) -> None:
        errors.append(str(error))

    def open_it(html: str, width: int = 1000, dark: bool = False) -> Page:
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        blank_page.mouse.move(0, 0)
        blank_page.set_viewport_size({"width": width, "height": 900})
        blank_page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="no-preference")
        blank_page.goto((tmp_path / "page.html").as_uri())
        return blank_page

    blank_page.on("pageerror", hear)
    yield open_it
    blank_page.goto("about:blank")
    blank_page.remove_listener("pageerror", hear)
    assert not errors
