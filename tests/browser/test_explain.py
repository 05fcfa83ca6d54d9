"""Why two clips match, in Chromium: the match, the graph explorer, what if, and whether a map is true."""

import re

import pytest
from playwright.sync_api import Browser, expect

from ctl.web.samples import OPENING
from tests.browser.conftest import Shoot
from tests.browser.steps import (
    NARROW,
    WIDE,
    brightness,
    each_theme,
    expect_no_overflow,
    expect_shown,
    look_name,
    open_tab,
    visit,
)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_match_says_what_it_adds_up_from(browser: Browser, app_url: str, shoot: Shoot, size: tuple[int, int]) -> None:
    with visit(browser, app_url, size, moving=size == WIDE, sample="man-lab1") as page:
        open_tab(page, "Match")
        match = page.locator("#match .match")
        expect(match).to_contain_text("Calibrated probability")
        expect(match.locator(".match-reasons svg")).to_have_count(6)
        page.evaluate("document.querySelectorAll('#match details').forEach(part => { part.open = true; })")
        assert match.locator("li figure").count() >= 4, "query and hit side by side"
        expect(match.locator("h3")).to_have_text(["17 parts (s1)", "10 parts (s2)", "5 parts (s3)"])
        sums = match.locator(".match-sum td").all_inner_texts()
        similarity = float(match.locator(".match-head b").first.inner_text().replace("−", "-"))
        assert float(sums[0].replace("−", "-")) == pytest.approx(similarity, abs=2e-3)
        expect_no_overflow(page)
        for dark in each_theme(page):
            assert (brightness(page, "#match .match-head") > 128) == dark
            shoot(page, f"match-{look_name(size, dark)}.png")


def test_another_hit_is_another_match(browser: Browser, app_url: str) -> None:
    with visit(browser, app_url, sample="man-lab1") as page:
        open_tab(page, "Gallery")
        second = page.locator("#hits li").nth(1)
        expect(second).to_contain_text("#2")
        shown = second.locator("b").inner_text().split(" · ")[1]
        second.get_by_role("button", name="Compare: rank 2").click()
        expect(page.get_by_role("tab", name="Match", exact=True)).to_have_attribute("aria-selected", "true")
        expect(page.locator("#match .match-head")).to_contain_text(f"Similarity {shown}")
        expect(page.locator("#match .match-note", has_text="The lead is what sets the hit apart")).to_have_count(1)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_graph_is_explored_with_keys_and_marks_the_matrix(
    browser: Browser, app_url: str, shoot: Shoot, size: tuple[int, int]
) -> None:
    with visit(browser, app_url, size, moving=size == WIDE, sample="woman-street") as page:
        explorer = page.locator("#explorer")
        expect(explorer.locator(".node")).to_have_count(32)
        explorer.get_by_role("radio", name="s1").check(force=True)
        explorer.locator(".node").first.focus()
        page.keyboard.press("End")
        chosen = explorer.locator(".node[aria-pressed=true]")
        expect(chosen).to_have_attribute("data-name", "right ankle")
        expect(explorer.locator("tbody tr").first).to_contain_text("ankle")
        expect(explorer.locator(".view-said")).to_contain_text("right ankle")
        explorer.get_by_label("Frame").fill("1")
        expect(explorer.locator(".view-clock")).to_contain_text("frame 2 ")
        expect(chosen).to_have_attribute("data-name", "right ankle")
        expect_no_overflow(page)
        for dark in each_theme(page):
            assert (brightness(page, "#explorer .view-clock") > 128) == dark
            shoot(page, f"graph-{look_name(size, dark)}.png")

        open_tab(page, "Adjacency")
        matrices = page.locator("#matrices")
        expect(matrices.locator(".view-said")).to_contain_text("right ankle: its row")
        open_tab(page, "Graph")
        page.keyboard.press("Tab")
        explorer.locator(".node[aria-pressed=true]").focus()
        page.keyboard.press("ArrowUp")
        open_tab(page, "Adjacency")
        expect(matrices.locator(".view-said")).to_contain_text("right knee: its row")
        expect(matrices.locator(".view-clock")).to_contain_text("frame 2 ")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_what_if_shows_what_moves(browser: Browser, app_url: str, shoot: Shoot, size: tuple[int, int]) -> None:
    with visit(browser, app_url, size, sample="man-lab3") as page:
        open_tab(page, "What if")
        answer = page.locator("#what-if")
        expect(page.get_by_role("checkbox", name="Context (Ac)")).not_to_be_checked()
        expect(answer).to_contain_text("How far each matrix moved")
        alone = answer.get_by_role("region", name="Each switch alone").locator("tbody tr")
        expect(alone).to_have_count(6)
        expect(alone.filter(has_text="Context (Ac)")).to_contain_text(re.compile("hits move|stays as it is"))
        expect(answer.locator("tr", has_text="A_s1_l1")).to_contain_text("%")
        page.get_by_role("checkbox", name="s1 · 17 joints").click()
        expect(answer.locator("tr", has_text="A_s1_l1")).to_contain_text("gone")
        page.get_by_role("checkbox", name="Frames hear each other").click()
        expect(answer).to_contain_text("How the ranking moved")
        expect_no_overflow(page)
        for dark in each_theme(page):
            assert (brightness(page, "#what-if td") > 128) == dark
            shoot(page, f"what-if-{look_name(size, dark)}.png")


def test_a_map_is_checked_on_request(browser: Browser, app_url: str, shoot: Shoot) -> None:
    with visit(browser, app_url, sample="walker-0010") as page:
        open_tab(page, "Grad-CAM")
        expect(page.locator("#cam-maps canvas")).to_be_visible()
        page.click("#check-map")
        verdict = page.locator("#verdict .faithfulness")
        expect(verdict).to_contain_text("this map is")
        expect(verdict.locator(".faithfulness-plots svg")).to_have_count(2)
        expect(verdict.locator("tr", has_text="ROAD")).to_be_visible()
        shoot(page, "verdict.png")


def test_the_address_reopens_sample_tab_and_rank(browser: Browser, app_url: str) -> None:
    with visit(browser, f"{app_url}?sample=man-lab1&tab=match&rank=2") as page:
        expect(page.locator("#match .match")).to_be_visible()
        expect(page.locator("#hit input")).to_have_value(re.compile("^#2 · "))
        open_tab(page, "What if")
        page.wait_for_function("location.search === '?sample=man-lab1&tab=what-if'")


def test_a_tab_alone_is_opened_on_the_first_sample(browser: Browser, app_url: str) -> None:
    with visit(browser, f"{app_url}?tab=what-if") as page:
        expect(page.get_by_role("tab", name="What if", exact=True)).to_have_attribute("aria-selected", "true")
        expect(page.locator("#what-if")).to_contain_text("How the ranking moved")
        expect_shown(page, OPENING)


def test_the_tour_leads_through_its_stops(browser: Browser, app_url: str, shoot: Shoot) -> None:
    with visit(browser, app_url, moving=True) as page:
        page.locator("#tour").get_by_role("button", name="Take the tour").click()
        walk = page.locator("#tour section")
        expect(walk).to_contain_text("1 of 6")
        expect(page.locator("#facts")).to_contain_text("man-lab1.")
        expect(page.get_by_role("tab", name="Match", exact=True)).to_have_attribute("aria-selected", "true")
        shoot(page, "tour.png")
        walk.get_by_role("button", name="Next").click()
        expect(walk).to_contain_text("2 of 6")
        expect(page.get_by_role("tab", name="Graph", exact=True)).to_have_attribute("aria-selected", "true")
        expect(page.locator("#explorer .view-clock")).to_contain_text("frame 4 ")
        for number in range(3, 7):
            expect(walk.get_by_role("button").last).to_be_focused()
            page.keyboard.press("Enter")
            expect(walk).to_contain_text(f"{number} of 6")
        walk.get_by_role("button", name="Back").click()
        expect(walk).to_contain_text("5 of 6")
        expect(page.locator("#portrait figcaption")).to_have_text("Person 2")
        walk.get_by_role("button", name="Leave").click()
        expect(page.locator("#tour")).to_contain_text("Take the tour")


def test_the_papers_tables_stand_beside_our_own(browser: Browser, app_url: str) -> None:
    with visit(browser, f"{app_url}?tab=tables&sample=man-lab1") as page:
        tables = page.locator("#paper-tables details")
        expect(tables).to_have_count(3)
        expect(page.locator("#paper-tables .ctl-plot")).to_have_count(3)
        tables.nth(2).locator("summary").click()
        expect(tables.nth(2).locator("tr", has_text="Basel + ContRe + 3D + CS")).to_contain_text("91.4")
