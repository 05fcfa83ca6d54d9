"""A visitor's own clip in Chromium: dropped, pasted, fetched, recorded; cut, compared, run, stopped, enrolled."""

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from ctl.video.cut import write_cut
from ctl.video.reader import open_clip
from ctl.video.writer import write_video
from ctl.web import text
from tests.browser.steps import SAMPLES, choose_sample, drop, sample_named, visit
from tests.conftest import CHROMIUM_ARGS, chromium_path


def run_unknown(page: Page, folder: Path, sample: str) -> None:
    """Drop a clip of a sample's people of which nothing is stored, and press Run."""
    write_cut(SAMPLES / f"{sample}.mp4", folder / "unknown.mp4", 0.0, 6.0)
    drop(page, folder / "unknown.mp4")
    page.click("#run")


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


def test_an_own_clip_is_two_clicks_away_from_its_answer(page: Page, tmp_path: Path) -> None:
    """Drop, Run; then one click enrols the person."""
    write_cut(SAMPLES / "man-lab2.mp4", tmp_path / "garden.mp4", 0.0, 1.2)
    drop(page, tmp_path / "garden.mp4")
    expect(page.locator("#cut")).to_be_hidden()
    page.click("#run")
    expect(page.locator("#facts")).to_contain_text("garden.mp4")
    page.wait_for_function("!location.search")
    expect(page.locator("#answer h2")).to_contain_text("man (lab)")
    expect(page.locator("#answer .ctl-truth")).to_have_count(0)
    page.click("#enrol-card")
    expect(page.locator(".toast-body")).to_contain_text("garden is enrolled")
    choose_sample(page, "Man, camera 1")
    expect(page.locator("#answer")).to_contain_text("garden")


def test_two_clips_are_compared(page: Page, tmp_path: Path) -> None:
    for name, clip in (("one", "man-lab2"), ("two", "man-lab4"), ("three", "woman-lab1")):
        write_cut(SAMPLES / f"{clip}.mp4", tmp_path / f"{name}.mp4", 0.0, 1.2)
    drop(page, tmp_path / "one.mp4")
    page.get_by_role("button", name="Two clips: one person?").click()
    page.set_input_files("#other-clip input[type=file]", tmp_path / "two.mp4")
    expect(page.locator("#other-clip .file-preview")).to_contain_text("two")
    page.click("#run")
    expect(page.locator("#answer h2")).to_contain_text("Probably one person")
    expect(page.locator("#answer li")).to_have_count(1)
    expect(page.get_by_role("tab", name="Match", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#hit input")).to_have_value(re.compile("two.mp4"))
    expect(page.locator("#match .match-head")).to_contain_text("Similarity")
    page.locator("#other-clip").get_by_role("button", name="Clear").click()
    page.set_input_files("#other-clip input[type=file]", tmp_path / "three.mp4")
    expect(page.locator("#other-clip .file-preview")).to_contain_text("three")
    page.click("#run")
    expect(page.locator("#answer h2")).to_contain_text("Probably two people")


def test_a_long_clip_is_cut_before_it_is_run(page: Page, tmp_path: Path) -> None:
    with open_clip(SAMPLES / "man-lab1.mp4") as frames:
        images = [frame.image for frame in frames]
    write_video(tmp_path / "long.mp4", images * 9, 30.0)  # 15 seconds
    drop(page, tmp_path / "long.mp4")
    expect(page.locator("#cut video")).to_be_visible()
    end = page.locator("#cut-end input[type=number]")
    expect(end).to_have_value("14.7")
    end.fill("2")
    end.press("Enter")
    page.click("#run")
    expect(page.locator("#facts")).to_contain_text("long.mp4 · 20 frames")


def test_a_pasted_clip_lands_in_the_drop_zone(page: Page) -> None:
    """Even one that is pasted as soon as there is a drop zone."""
    clip = base64.b64encode((SAMPLES / "walker-0002.mp4").read_bytes()).decode()
    page.add_init_script(f"""
      const bytes = Uint8Array.from(atob("{clip}"), one => one.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], "pasted.mp4", {{type: "video/mp4"}}));
      const waiting = new MutationObserver(() => {{
        if (!document.querySelector("#clip input[type=file]")) return;
        waiting.disconnect();
        document.dispatchEvent(new ClipboardEvent("paste", {{clipboardData: data}}));
      }});
      waiting.observe(document, {{childList: true, subtree: true}});
    """)
    page.reload()
    expect(page.locator("#clip .file-preview")).to_contain_text("pasted")
    expect(page.locator("#facts")).to_contain_text("woman-lab4.")
    expect(page.locator("#clip .file-preview")).to_contain_text("pasted")


def test_cancel_stops_a_run(page: Page, tmp_path: Path) -> None:
    run_unknown(page, tmp_path, "street")
    expect(page.locator("#status")).to_contain_text("Finding people")
    page.click("#cancel")
    expect(page.locator("#status")).to_contain_text("Stopped.")
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator("#cancel")).to_be_disabled()


def test_a_sample_chosen_as_a_run_ends_does_not_mix_with_it(page: Page, tmp_path: Path) -> None:
    """The answer of one and the pictures of the other would be somebody who isn't there."""
    run_unknown(page, tmp_path, "lab")
    expect(page.locator("#facts")).to_contain_text("unknown.mp4")
    sample_named(page, "Man, camera 1").click()
    expect(page.locator("#facts")).to_contain_text("man-lab1.mp4")
    page.wait_for_timeout(2000)  # all of the run has come
    expect(page.locator("#people")).to_be_hidden()
    expect(page.locator("#portrait figcaption")).to_have_text("man-lab1.mp4")
    expect(page.locator("#facts")).to_contain_text("man-lab1.mp4")


def test_what_is_opened_as_a_run_ends_stays_open(page: Page, tmp_path: Path) -> None:
    """The pictures come after the answer, and bring nothing else."""
    run_unknown(page, tmp_path, "lab")
    expect(page.locator("#facts")).to_contain_text("unknown.mp4")
    page.get_by_role("button", name=text.FILM).click()
    expect(page.locator("#portrait figcaption")).to_have_text("Person 1")
    page.wait_for_timeout(2000)
    expect(page.locator("#graph-video video")).to_be_visible()


def test_the_graph_plays_only_where_it_is_seen_and_no_clip_is_run(
    browser: Browser, app_url: str, tmp_path: Path
) -> None:
    with visit(browser, app_url, moving=True) as page:
        clock = page.locator("#explorer .view-clock")

        def expect_playing() -> None:
            clock.scroll_into_view_if_needed()
            expect(clock).not_to_have_text(clock.inner_text())

        def expect_resting() -> None:
            before = clock.inner_text()
            page.wait_for_timeout(900)  # two frames of the slowest clip
            assert clock.inner_text() == before

        expect_playing()
        page.set_viewport_size({"width": 1440, "height": 200})
        page.evaluate("scrollTo(0, 0)")
        expect(page.locator("#explorer")).not_to_be_in_viewport()
        expect_resting()
        expect_playing()
        page.set_viewport_size({"width": 1440, "height": 1000})
        run_unknown(page, tmp_path, "street")
        expect(page.locator("#status")).to_contain_text("Finding people")
        expect_resting()
        page.click("#cancel")
        expect(page.locator("#cancel")).to_be_disabled()
        expect_playing()


def test_whom_it_sees_and_how_long_it_takes_is_shown_while_a_clip_is_run(page: Page, tmp_path: Path) -> None:
    run_unknown(page, tmp_path, "street")
    picture = page.locator("#portrait img")
    expect(picture).to_have_attribute("alt", "The first frame of the clip")
    expect(page.locator("#enrol-card")).to_be_hidden()
    expect(picture).to_have_attribute("alt", "Whom the detector sees in a frame of the clip")
    expect(page.locator("#status")).to_contain_text(re.compile(r"\w · about [1-9]\d* s left"))
    page.click("#cancel")
    expect(page.locator("#status")).to_contain_text("Stopped.")


def test_a_link_is_fetched_into_the_drop_zone(page: Page, app_url: str) -> None:
    """A link to what was uploaded before: those of public hosts take the same way from the address to the clip."""
    page.get_by_role("button", name="Record · link · models").click()
    address = page.locator("#address input, #address textarea")
    page.click("#fetch")
    expect(page.locator(".toast-body")).to_contain_text("Paste a link to a clip first.")
    clip = {
        "files": {"name": "walk.mp4", "mimeType": "video/mp4", "buffer": (SAMPLES / "walker-0002.mp4").read_bytes()}
    }
    (path,) = page.context.request.post(f"{app_url}gradio_api/upload", multipart=clip).json()
    address.fill(f"{app_url}gradio_api/file={path}")
    address.press("Enter")
    expect(page.locator("#clip .file-preview")).to_contain_text("walk")
    page.click("#run")
    expect(page.locator("#facts")).to_contain_text("walk.mp4")


def test_a_link_to_a_private_host_is_refused_in_one_sentence(page: Page) -> None:
    page.get_by_role("button", name="Record · link · models").click()
    page.locator("#address input, #address textarea").fill("http://127.0.0.1:1/walk.mp4")
    page.click("#fetch")
    expect(page.locator(".toast-body")).to_contain_text("can't be fetched: send the file itself")
    expect(page.locator("#clip .file-preview")).to_have_count(0)


def test_what_the_camera_records_is_run(browser: Browser, app_url: str, tmp_path: Path) -> None:
    """A camera that shows a scene over and over."""
    film = tmp_path / "camera.mjpeg"
    with open_clip(SAMPLES / "lab.mp4") as frames:
        film.write_bytes(b"".join(jpeg(frame.image) for frame in frames))
    arguments = [
        *CHROMIUM_ARGS,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with (
        browser.browser_type.launch(executable_path=chromium_path(), args=arguments) as with_camera,
        visit(with_camera, app_url) as page,
    ):
        page.get_by_role("button", name="Record · link · models").click()
        camera = page.locator("#camera")
        camera.get_by_text("Click to Access Webcam").click()
        record = camera.get_by_role("button", name="start recording")
        record.click()
        expect(record).to_have_text("Stop")
        page.wait_for_timeout(2000)
        record.click()
        expect(page.locator("#clip .file-preview")).to_be_visible()
        page.click("#run")
        expect(page.locator("#status")).to_contain_text("Done in")


def jpeg(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return file.getvalue()
