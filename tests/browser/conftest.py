"""The app as its users meet it: a process of its own, a real browser, and a place for screenshots."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.running import ROOT, running_app
from tests.browser.steps import visit

SAMPLES = ROOT / "assets" / "samples"
Shoot = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_app(tmp_path_factory.mktemp("app") / "scratch") as url:
        yield url


@pytest.fixture(scope="session")
def shoot() -> Shoot:
    """A function (page, name of a file) that takes a picture of the whole page where $ARTEFACTS says to keep them."""

    def take(page: Page, name: str) -> None:
        if folder := os.environ.get("ARTEFACTS"):
            page.screenshot(path=Path(folder) / name, full_page=True)

    return take


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    with visit(browser, app_url) as page:
        yield page
