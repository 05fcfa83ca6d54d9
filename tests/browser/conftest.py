"""The app as its users meet it: a process of its own, a real browser, and a place for screenshots."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.running import ROOT, running_app
from tests.browser.steps import visit

SAMPLES = ROOT / "assets" / "samples"


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_app(tmp_path_factory.mktemp("app") / "scratch") as url:
        yield url


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """$ARTEFACTS, where CI keeps pictures, or a temporary folder."""
    folder = Path(os.environ.get("ARTEFACTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    with visit(browser, app_url) as page:
        yield page
