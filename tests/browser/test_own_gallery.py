"""The visitor's own gallery in Chromium: enrol, rename, export, remove, import, and searches over several clips."""

import re
from pathlib import Path

from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, Route, expect

from ctl.gallery import read_bundle, read_gallery
from tests.browser.conftest import Shoot
from tests.browser.running import running_app
from tests.browser.steps import NARROW, SAMPLES, WIDE, choose_sample, expect_no_overflow, open_tab, type_number, visit


def enrol(page: Page, name: str, camera: str) -> None:
    page.locator("#enrol-name input, #enrol-name textarea").fill(name)
    page.locator("#enrol-camera input, #enrol-camera textarea").fill(camera)
    page.click("#enrol")
    expect(page.locator("#shelf")).to_contain_text(name)


def open_own_gallery(page: Page) -> None:
    open_tab(page, "Gallery")
    page.get_by_role("button", name="Your gallery").click()
    expect(page.locator("#enrol")).to_be_visible()


def mark(page: Page, text: str) -> None:
    page.locator("#marked input").click()
    page.get_by_role("option", name=re.compile(text)).click()
    page.keyboard.press("Escape")


def test_from_enrolling_to_importing(browser: Browser, app_url: str, shoot: Shoot, tmp_path: Path) -> None:
    """On a phone, and what it looks like on a desktop."""
    with visit(browser, app_url, NARROW, dark=True, sample="walker-0010") as page:
        open_own_gallery(page)
        page.click("#enrol")
        expect(page.locator(".toast-body")).to_contain_text("Say who it is")
        enrol(page, "Ada", "porch")
        assert page.locator("#hits li", has_text="Ada").count() == 0, "the clip is never among its own hits"

        mark(page, "Ada · camera porch")
        page.locator("#new-name input, #new-name textarea").fill("Ada Lovelace")
        page.click("#rename")
        expect(page.locator("#shelf")).to_contain_text("Ada Lovelace")
        page.click("#export")
        expect(page.locator("#exported .download-link").first).to_be_visible()
        with page.expect_download() as download:
            page.locator("#exported .download-link").first.click()
        bundle = tmp_path / "gallery.zip"
        download.value.save_as(bundle)
        (entry,) = read_bundle(bundle).entries
        assert (entry.person, entry.camera) == ("Ada Lovelace", "porch")
        for (width, height), device in ((WIDE, "desktop"), (NARROW, "phone")):
            page.set_viewport_size({"width": width, "height": height})
            expect_no_overflow(page)
            shoot(page, f"own-gallery-{device}.png")

        mark(page, "Ada Lovelace")
        page.click("#remove")
        expect(page.locator("#shelf")).not_to_contain_text("Ada")
        page.set_input_files("#bundle input[type=file]", bundle)
        expect(page.locator("#bundle .file-preview")).to_be_visible()
        page.click("#import")
        expect(page.locator("#shelf")).to_contain_text("Ada Lovelace")

        choose_sample(page, "Walker 2")
        expect(page.locator("#hits li").first).to_contain_text("Walker 2")
        page.get_by_role("button", name="Search again, filter and count").click()
        type_number(page, "#top-k", "100")  # they are strangers
        found = page.locator("#hits li", has_text="Ada Lovelace")
        expect(found).to_have_count(1)
        found.get_by_role("button", name="Compare").click()
        expect(page.locator("#match .match-head")).to_be_visible()
    with visit(browser, app_url, sample="walker-0002") as other:
        open_tab(other, "Gallery")
        expect(other.locator("#hits li").first).to_be_visible()
        assert other.locator("#hits li", has_text="Ada").count() == 0, "what a visitor enrols is theirs alone"


def test_searches_combine_filter_and_go_on(browser: Browser, app_url: str, shoot: Shoot) -> None:
    with visit(browser, app_url, sample="man-lab1") as page:
        open_tab(page, "Gallery")
        page.get_by_role("button", name="Search again, filter and count").click()
        expect(page.locator("#queries")).to_contain_text("man-lab1.mp4, person 1")
        choose_sample(page, "Man, camera 3")
        found = page.locator("#hits li", has_text="man (lab)")
        expect(page.locator("#queries label", has=page.locator("input:checked"))).to_contain_text("man-lab3.mp4")
        expect(found).to_have_count(3)
        page.locator("#queries").get_by_role("checkbox", name="man-lab1.mp4, person 1").click()
        expect(found).to_have_count(2)
        others = found.all_inner_texts()
        cameras = sorted(text.partition("camera ")[2].split("\n")[0] for text in others)
        assert cameras == ["lab 2", "lab 4"], "neither query is among the hits"
        expect(page.locator("#histogram rect")).to_have_count(40)
        shoot(page, "gallery-combined.png")

        type_number(page, "#at-least", "0.5")
        expect(page.locator("#meaning")).to_contain_text("similarity 0.50 shows one person")
        weak = page.locator("#hits li b", has_text=re.compile(r"· (−|0\.[0-4])"))
        expect(weak).to_have_count(0)

        page.locator("#hits li").first.get_by_role("button", name="Search").click()
        chosen = page.locator("#queries input:checked")
        expect(chosen).to_have_count(1)
        expect(page.locator("#queries label", has=page.locator("input:checked"))).to_contain_text("camera")


def test_an_older_search_never_overtakes_a_newer_one(browser: Browser, app_url: str) -> None:
    """The older one's request is held back until the newer one is answered."""
    with visit(browser, app_url, sample="walker-0010") as page:
        open_tab(page, "Gallery")
        hits = page.locator("#hits li")
        expect(hits.first).to_contain_text("Walker 10")
        page.get_by_role("button", name="Search again, filter and count").click()
        held: list[Route] = []
        page.route("**/queue/join*", lambda route: route.fallback() if held else held.append(route))
        type_number(page, "#top-k", "7")
        hits.filter(has_text="woman").first.get_by_role("button", name="Search").click()
        expect(hits.first).to_contain_text("woman")
        newer = hits.all_inner_texts()
        assert len(held) == 1
        with page.expect_response("**/queue/join*"):
            held[0].continue_()
        page.wait_for_timeout(1500)
        assert hits.all_inner_texts() == newer


def test_a_gallery_on_disk_outlives_the_app(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "gallery"
    with (
        running_app(tmp_path / "first", "--gallery", str(folder)) as url,
        visit(browser, url, sample="walker-0005") as page,
    ):
        open_own_gallery(page)
        expect(page.locator("#own-gallery")).to_contain_text("stays on this server's disk")
        enrol(page, "Grace", "hall")
        eva = Client(url, verbose=False).predict(
            handle_file(SAMPLES / "woman-lab3.mp4"), "Eva", "door", kind="crop", api_name="/enrol"
        )
        assert (eva["gallery"], eva["kept"]) == ("", "for good")
    with running_app(tmp_path / "second", "--gallery", str(folder)) as url, visit(browser, url) as page:
        open_own_gallery(page)
        expect(page.locator("#shelf")).to_contain_text("Grace")
        found = Client(url, verbose=False).predict(also=[eva["key"]], api_name="/rank")
        assert [hit["person"] for hit in found["hits"]] == ["Grace"]
    gallery = read_gallery(folder)
    kept = gallery.records([entry.key for entry in gallery.entries])
    who = [(record.entry.person, record.entry.camera, bool(record.evidence)) for record in kept]
    assert sorted(who) == [("Eva", "door", True), ("Grace", "hall", True)]
