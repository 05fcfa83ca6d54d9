"""The page in Chromium, from a dropped clip to the last tab, on a desktop, a tablet and a phone, in light and dark."""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from ctl.web.samples import OPENING
from tests.browser.conftest import Shoot
from tests.browser.steps import (
    SAMPLES,
    TABS,
    brightness,
    choose_sample,
    drop,
    expect_drawn,
    expect_no_overflow,
    expect_shown,
    open_filled_tab,
    open_tab,
    sample_named,
    visit,
)


def expect_playing(page: Page, video: str) -> None:
    """The video has a picture and its clock goes on; it loops, so any two different times will do."""
    expect(page.locator(video)).to_be_visible()
    page.wait_for_function(
        "selector => { const v = document.querySelector(selector); return v?.videoWidth > 0 && v.currentTime > 0; }",
        arg=video,
    )
    before = page.eval_on_selector(video, "v => v.currentTime")
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector)?.currentTime != before", arg=[video, before]
    )


def test_the_page_opens_on_an_answer(browser: Browser, app_url: str, shoot: Shoot) -> None:
    """From opening the page to who, and why: no click, and nothing is computed by the backbone."""
    with visit(browser, app_url, moving=True) as page:
        expect(page.locator("#answer h2")).to_contain_text("Most similar: woman (rendered)")
        cards = page.locator("#answer li")
        expect(cards).to_have_count(6)
        expect(cards.first).to_contain_text("same person")
        expect(cards.last).to_contain_text("someone else")
        expect(page.locator("#status")).not_to_contain_text("Done in")
        expect_drawn(page, "#portrait img", taller=200)
        shoot(page, "start.png")


def test_a_sample_is_shown_at_once_without_run(page: Page) -> None:
    expect(page.locator("#answer li").first).to_be_visible()
    choose_sample(page, "Walker 2")
    expect(page.locator("#answer h2")).to_contain_text("Nobody known is similar enough")
    expect(sample_named(page, "Walker 2")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("location.search.includes('sample=walker-0002')")


def test_of_samples_clicked_in_a_row_the_last_is_shown(page: Page) -> None:
    expect_shown(page, OPENING)
    with page.expect_response("**/queue/join*"):
        sample_named(page, "Walker 2").click()
    sample_named(page, "Walker 5").click()
    expect_shown(page, "walker-0005")
    page.wait_for_timeout(1000)
    expect_shown(page, "walker-0005")


def test_only_the_open_tab_is_filled_and_only_once(page: Page) -> None:
    expect(page.locator("#explorer .node").first).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    choose_sample(page, "Man, camera 1")
    page.wait_for_timeout(1500)
    assert len(asked) == 3, "the sample, its graph, and the query to remember"
    for tab, filled in (("Adjacency", "#matrices canvas"), ("Match", "#match .match-head")):
        open_tab(page, tab)
        expect(page.locator(filled).first).to_be_visible()
        open_tab(page, "Graph")
    for tab in ("Adjacency", "Match"):
        open_tab(page, tab)
    page.wait_for_timeout(1000)
    assert len(asked) == 5


LATE_END = """
const {fetch} = window;
window.fetch = async (...request) => {
  const answer = await fetch(...request);
  if (!String(request[0].url ?? request[0]).includes("/queue/data")) return answer;
  const late = new TransformStream({async transform(piece, stream) {
    if (new TextDecoder().decode(piece).includes("close_stream")) await new Promise(done => setTimeout(done, 1000));
    stream.enqueue(piece);
  }});
  return new Response(answer.body.pipeThrough(late), answer);
};
"""
"""A network on which the end of a stream comes a second after what came before it."""


def test_tabs_are_filled_though_the_end_of_the_stream_before_comes_late(page: Page) -> None:
    page.add_init_script(LATE_END)
    page.reload()
    expect(page.locator("#explorer .node").first).to_be_visible(timeout=30_000)
    choose_sample(page, "Walker 2")
    open_tab(page, "Gallery")
    expect(page.locator("#hits li").first).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)])
def test_run_stands_beside_the_drop_zone_on_the_first_screen(
    browser: Browser, app_url: str, size: tuple[int, int]
) -> None:
    with visit(browser, app_url, size) as page:
        expect(page.locator("#answer li").first).to_be_visible()
        drop_zone, run = page.locator("#clip").bounding_box(), page.locator("#run").bounding_box()
        assert drop_zone is not None
        assert run is not None
        assert run["x"] >= drop_zone["x"] + drop_zone["width"]
        assert run["y"] < drop_zone["y"] + drop_zone["height"]
        assert run["y"] + run["height"] <= size[1]


def test_a_card_is_the_hit_everywhere(page: Page) -> None:
    second = page.locator("#answer li button").nth(1)
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#answer [aria-pressed=true]")).to_have_count(1)
    open_tab(page, "Match")
    expect(page.locator("#hit input")).to_have_value(re.compile("^#2 · "))
    similarity = page.locator("#hit input").input_value().split(" · ")[1]
    expect(page.locator("#match .match-head")).to_contain_text(f"Similarity {similarity}")
    open_tab(page, "Grad-CAM")
    expect(page.locator("#reference input")).to_have_value(re.compile("^#2 · "))


def test_people_of_a_scene_are_chosen_on_the_frame_and_by_key(browser: Browser, app_url: str) -> None:
    with visit(browser, f"{app_url}?sample=lab") as page:
        boxes, faces = page.locator("#people .ctl-frame button"), page.locator("#people .ctl-faces button")
        expect(faces).to_have_count(3)
        expect(page.locator("#answer h2")).to_contain_text("woman (rendered)")
        boxes.nth(1).click()
        expect(page.locator("#answer h2")).to_contain_text("man (lab)")
        expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
        page.wait_for_function("location.search.includes('person=2')")
        faces.nth(2).focus()
        page.keyboard.press("Enter")
        expect(page.locator("#portrait figcaption")).to_have_text("Person 3")
        expect(page.locator("#answer .same")).to_have_count(0)


def test_clip_fills_every_tab(page: Page, shoot: Shoot) -> None:
    drop(page, SAMPLES / "lab.mp4")
    page.click("#run")
    expect(page.locator("#status")).to_contain_text("Done in")

    expect(page.locator("#explorer .node").first).to_be_visible()
    page.get_by_role("button", name="A video of this graph").click()
    expect_playing(page, "#graph-video video")
    expect(page.locator(".ctl-note", has_text="rankings are not meaningful")).to_have_count(0)
    people = page.locator("#people .ctl-faces button")
    expect(people.nth(1)).to_be_visible()
    shoot(page, "graph.png")

    first = page.get_attribute("#graph-video video", "src")
    page.get_by_role("radio", name="s3 · 5 parts").first.click()
    page.wait_for_function("old => document.querySelector('#graph-video video').src != old", arg=first)
    expect_playing(page, "#graph-video video")

    open_tab(page, "Adjacency")
    matrices = page.locator("#matrices")
    expect(matrices.locator("canvas[role=application]")).to_have_count(3)
    expect(matrices.get_by_role("button", name="Frame 17", exact=True)).to_be_visible()
    shoot(page, "adjacency.png")
    matrices.get_by_role("radio", name="Body (Ap)").check(force=True)
    expect(matrices.locator(".adjacency-key")).to_contain_text("0.00 1.00")

    open_tab(page, "Grad-CAM")
    expect(page.locator("#cam-maps canvas").first).to_be_visible()
    page.get_by_role("button", name="This map as picture and video").click()
    expect_playing(page, "#cam-video video")
    expect_drawn(page, "#cam-strip img", wider=300)
    shoot(page, "cam.png")

    open_tab(page, "Gallery")
    best = page.locator("#hits li").first
    expect(best).to_contain_text("camera")
    expect_drawn(page, "#hits li img", taller=100)
    shoot(page, "gallery.png")

    open_tab(page, "Numbers")
    expect(page.get_by_role("gridcell", name="total")).to_be_visible()
    page.get_by_role("button", name="Embedding and analysis.json").click()
    expect(page.locator("#embedding-plot rect")).to_have_count(512)
    with page.expect_download() as download:
        page.locator("#files .download-link").first.click()
    analysis = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert len(analysis["tracklets"]) == people.count() > 1
    assert analysis["checkpoint"]["trained"] is True
    shoot(page, "numbers.png")

    for device, width, height in (("tablet", 768, 1024), ("phone", 390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for tab in TABS:
            open_filled_tab(page, tab)
            expect_no_overflow(page)
            shoot(page, f"{device}-{tab.lower().replace(' ', '-')}.png")

    open_tab(page, "Graph")
    shown = page.locator("#explorer .view-data").text_content()
    people.nth(1).click()
    page.wait_for_function("old => document.querySelector('#explorer .view-data').textContent != old", arg=shown)
    expect(page.locator("#graph-video video")).to_have_count(0)


def test_sample_in_the_dark(browser: Browser, app_url: str, shoot: Shoot) -> None:
    with visit(browser, f"{app_url}?sample=man-lab1&tab=adjacency", dark=True) as page:
        expect(page.locator("#people")).to_be_hidden()
        expect(page.locator("#matrices .adjacency-key")).to_be_visible()
        assert brightness(page, "#matrices .adjacency-key") > 150, "dark text on a dark page"
        shoot(page, "dark-adjacency.png")
