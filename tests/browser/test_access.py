"""Everybody can use the page: axe-core finds nothing serious on any tab, and the keyboard alone is enough."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Shoot
from tests.browser.steps import NARROW, TABS, WIDE, each_theme, look_name, open_filled_tab, visit

GRAVE = ("serious", "critical")
SHOT = ("Adjacency", "Grad-CAM", "Gallery", "Numbers", "Tables")
"""Tabs whose pictures no other test takes."""
OPEN_PANEL = "[role=tabpanel]:not([style*=none])"


OF_COLOUR = ("color-contrast", "link-in-text-block")
"""Rules that see a difference between a light and a dark page; the others are axe-core's about its structure."""


def grave(page: Page, where: str, rules: dict[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Violations of at least serious impact within an element, with what they are about."""
    violations = Axe().run(page, where, {"resultTypes": ["violations"]} | rules).response["violations"]  # half the time
    return [
        {"rule": violation["id"], "where": node["html"][:160], "why": node["failureSummary"][:200]}
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_axe_finds_nothing_serious(browser: Browser, app_url: str, shoot: Shoot, size: tuple[int, int]) -> None:
    report: dict[str, list[dict[str, str]]] = {}
    with visit(browser, app_url, size, moving=size == WIDE, sample="man-lab1") as page:
        expect(page.locator("#explorer .node").first).to_be_visible()
        for tab in TABS:
            open_filled_tab(page, tab)
            if tab == "Numbers":
                page.get_by_role("button", name="Embedding and analysis.json").click()
                expect(page.locator("#embedding-plot svg")).to_be_visible()
            for dark in each_theme(page):
                rules = {"runOnly": OF_COLOUR} if dark else {}
                report[f"{tab}, dark: {dark}"] = grave(page, "html" if tab == "Graph" else OPEN_PANEL, rules)
                if tab in SHOT:
                    shoot(page, f"{tab.lower()}-{look_name(size, dark)}.png")
    assert {tab: violations for tab, violations in report.items() if violations} == {}


def test_the_keyboard_is_enough(browser: Browser, app_url: str) -> None:
    with visit(browser, app_url) as page:
        expect(page.locator("#answer li").first).to_be_visible()
        press_until(page, "Tab", "document.activeElement.closest('#samples button[data-sample=man-lab1]')")
        page.keyboard.press("Enter")
        expect(page.locator("#answer h2")).to_contain_text("man (lab)")
        press_until(page, "Tab", "document.activeElement.closest('#run')")
        press_until(page, "Tab", "document.activeElement.closest('#answer button')")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#answer li").nth(1).get_by_role("button")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#explorer .node").first).to_be_visible()
        press_until(page, "Tab", "document.activeElement.getAttribute('role') === 'tab'")
        press_until(page, "Tab", "document.activeElement.closest('.node')")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#explorer .node[aria-pressed=true]")).not_to_have_attribute("data-name", "nose")


def press_until(page: Page, key: str, there: str) -> None:
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate(f"Boolean({there})"):
            return
    raise AssertionError(f"{key} never reaches {there}")
