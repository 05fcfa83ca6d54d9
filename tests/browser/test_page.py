"""The page in Chromium, from a dropped clip to the last tab, on a desktop, a tablet and a phone, in light and dark."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.running import thinned
from tests.browser.steps import SAMPLES, TABS, brightness, drop, expect_drawn, open_tab, sideways_overflow, visit


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    with visit(browser, app_url) as page:
        yield page


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


def test_clip_fills_every_tab(page: Page, screenshots: Path) -> None:
    page.screenshot(path=screenshots / "start.png", full_page=True)
    drop(page, SAMPLES / "lab.mp4")
    page.click("#run")

    expect(page.locator("#explorer .node").first).to_be_visible()
    page.get_by_role("button", name="A video of this graph").click()
    expect_playing(page, "#graph-video video")
    expect(page.locator(".ctl-note", has_text="rankings are not meaningful")).to_have_count(0)
    people = page.locator("#people button.thumbnail-item")
    expect(people.nth(1)).to_be_visible()
    page.screenshot(path=screenshots / "graph.png", full_page=True)

    first = page.get_attribute("#graph-video video", "src")
    page.get_by_role("radio", name="s3 · 5 parts").first.click()
    page.wait_for_function("old => document.querySelector('#graph-video video').src != old", arg=first)
    expect_playing(page, "#graph-video video")

    open_tab(page, "Adjacency")
    matrices = page.locator("#matrices")
    expect(matrices.locator("canvas[role=application]")).to_have_count(3)
    expect(matrices.get_by_role("button", name="Frame 17", exact=True)).to_be_visible()
    page.screenshot(path=screenshots / "adjacency.png", full_page=True)
    matrices.get_by_role("radio", name="Body (Ap)").check(force=True)
    expect(matrices.locator(".adjacency-key")).to_contain_text("0.00 1.00")

    open_tab(page, "Grad-CAM")
    expect_playing(page, "#cam-video video")
    expect_drawn(page, "#cam-strip img", wider=300)
    page.screenshot(path=screenshots / "cam.png", full_page=True)

    open_tab(page, "Gallery")
    best = page.locator("#hits li").first
    expect(best).to_contain_text("camera")
    expect_drawn(page, "#hits li img", taller=100)
    page.screenshot(path=screenshots / "gallery.png", full_page=True)

    open_tab(page, "Numbers")
    expect(page.get_by_role("gridcell", name="total")).to_be_visible()
    expect(page.locator("#embedding-plot .barlayer")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#files .download-link").first.click()
    analysis = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert len(analysis["tracklets"]) == people.count() > 1
    assert analysis["checkpoint"]["trained"] is True
    page.screenshot(path=screenshots / "numbers.png", full_page=True)

    for device, width, height in (("tablet", 768, 1024), ("phone", 390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for tab in TABS:
            open_tab(page, tab)
            page.wait_for_timeout(500)
            assert sideways_overflow(page) == 0, f"{tab} is wider than a {device}"
            page.screenshot(path=screenshots / f"{device}-{tab.lower().replace(' ', '-')}.png", full_page=True)

    open_tab(page, "Graph")
    shown = page.locator("#explorer .view-data").text_content()
    people.nth(1).click()
    page.wait_for_function("old => document.querySelector('#explorer .view-data').textContent != old", arg=shown)
    expect(page.locator("#graph-video video")).to_have_count(0)


def test_sample_in_the_dark(browser: Browser, app_url: str, screenshots: Path) -> None:
    with visit(browser, app_url, dark=True) as page:
        page.locator("#samples button.thumbnail-item", has_text="Man, camera 1").click()
        expect(page.locator("#clip .file-preview")).to_contain_text("man-lab1")
        page.click("#run")
        expect(page.locator("#explorer .node").first).to_be_visible()
        expect(page.locator("#people")).to_be_hidden()
        open_tab(page, "Adjacency")
        expect(page.locator("#matrices .adjacency-key")).to_be_visible()
        assert brightness(page, "#matrices .adjacency-key") > 150, "dark text on a dark page"
        page.screenshot(path=screenshots / "dark-adjacency.png", full_page=True)


def test_bad_upload_is_told_in_one_sentence(page: Page, tmp_path: Path) -> None:
    clip = tmp_path / "holiday.mp4"
    clip.write_bytes(b"This is not a video. " * 100)
    drop(page, clip)
    page.click("#run")
    message = page.locator(".toast-body")
    expect(message).to_contain_text("holiday.mp4")
    expect(message).not_to_contain_text("Traceback")
    expect(page.locator("#run")).to_be_enabled()


def test_run_without_a_clip_says_what_is_missing(page: Page) -> None:
    page.click("#run")
    expect(page.locator(".toast-body")).to_contain_text("Choose a sample or drop a clip first.")


def test_cancel_stops_a_run(page: Page, tmp_path: Path) -> None:
    clip = tmp_path / "unknown.zip"
    clip.write_bytes(thinned(SAMPLES / "street.mp4"))
    drop(page, clip)
    page.click("#run")
    expect(page.locator("#status")).to_contain_text("Finding people")
    page.click("#cancel")
    expect(page.locator("#status")).to_contain_text("Stopped.")
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator("#cancel")).to_be_disabled()
