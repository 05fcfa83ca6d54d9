"""Grad-CAM in a browser: no evidence, no tint; in step with a hit; strength and frames answer at once."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from ctl.draw.browser import script
from ctl.draw.cam_view import SCRIPTS, SHEETS, Mapped, cam_view
from ctl.draw.footage import film_crops
from tests.draw.conftest import OpenPage
from tests.draw.pages import expect_answers_at_once, make_person, set_range, view_page
from tests.explain.traces import HEIGHT, WIDTH, make_trace

GREY = 130


def mapped(name: str, frames: int, maps: np.ndarray) -> Mapped:
    person = make_person(make_trace(frames=frames))
    crops = np.full((frames, HEIGHT, WIDTH, 3), GREY, np.uint8)
    return Mapped(name, film_crops(crops, person.trace.keypoints, person.tracklet.times, frames), maps)


def spot(frames: int, row: int, column: int) -> np.ndarray:
    """All the evidence in one cell of the second frame."""
    maps = np.zeros((frames, 16, 8), np.float32)
    maps[1, row, column] = 1
    return maps


def cam_html(frames: int = 4) -> str:
    query = mapped("Person 1", frames, spot(frames, 4, 2))
    hit = mapped("Ada, camera 2", 2, spot(2, 12, 6))
    fragment = cam_view(query, hit, [0, 1, 0, 1] if frames == 4 else [0] * frames)
    return view_page(fragment, SHEETS, SCRIPTS)


def pixel(shown: Page, side: int, row: int, column: int) -> np.ndarray:
    """Red, green and blue in the middle of a map's cell."""
    return np.array(
        shown.locator("canvas")
        .nth(side)
        .evaluate(
            "(canvas, [y, x]) => [...canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1)"
            ".data].slice(0, 3)",
            [(row + 0.5) / 16, (column + 0.5) / 8],
        )
    )


def test_only_what_has_evidence_is_tinted(open_page: OpenPage) -> None:
    shown = open_page(cam_html())
    shown.wait_for_timeout(200)
    set_range(shown, "Frame", 1)
    assert np.abs(pixel(shown, 0, 4, 2) - GREY).max() > 60
    assert np.abs(pixel(shown, 0, 12, 6) - GREY).max() <= 2, "no evidence, no veil"
    assert np.abs(pixel(shown, 1, 12, 6) - GREY).max() > 60, "the hit is in step"
    set_range(shown, "Frame", 2)
    for side in (0, 1):
        for row, column in ((4, 2), (12, 6)):
            assert np.abs(pixel(shown, side, row, column) - GREY).max() <= 2


def test_the_slider_fades_the_map(open_page: OpenPage) -> None:
    shown = open_page(cam_html())
    shown.wait_for_timeout(200)
    set_range(shown, "Frame", 1)
    tints = []
    for strength in (0, 50, 100):
        set_range(shown, "Strength", strength)
        tints.append(int(np.abs(pixel(shown, 0, 4, 2) - GREY).max()))
    assert tints[0] <= 2 < 30 < tints[1] < tints[2]


def test_pointing_tells_the_maps_value_and_the_timeline_goes_to_its_frame(open_page: OpenPage) -> None:
    shown = open_page(cam_html())
    bars = shown.locator(".cam-timeline button")
    assert bars.nth(1).get_attribute("aria-label") == "Frame 2: 100 % of the strongest frame's evidence"
    assert bars.nth(0).get_attribute("aria-label") == "Frame 1: 0 % of the strongest frame's evidence"
    bars.nth(1).click()
    assert "frame 2 " in shown.inner_text(".view-clock")
    box = shown.locator("canvas").first.bounding_box()
    assert box is not None
    shown.mouse.move(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 4.5 / 16)
    assert shown.inner_text(".view-tip") == "evidence 1.00 of the clip's most"


def test_the_page_holds_the_maps_own_numbers(open_page: OpenPage) -> None:
    maps = np.random.default_rng(0).random((3, 16, 8)).astype(np.float32)
    fragment = cam_view(mapped("x", 3, maps))
    shown = open_page(view_page(fragment, SHEETS, SCRIPTS))
    held = shown.evaluate(
        "() => {" + script("view") + "return [...unpack(dataOf(document.querySelector('.view')).query.map).values]; }"
    )
    np.testing.assert_array_equal(np.array(held, np.float32).reshape(3, 16, 8), maps)
    assert shown.locator("figure").count() == 1


def test_it_answers_within_50_ms(open_page: OpenPage) -> None:
    shown = open_page(cam_html(frames=60))
    expect_answers_at_once(
        shown,
        """
      const [track, strength] = document.querySelectorAll("input[type=range]");
      return {
        scrub: timed(turn => slide(track, 4 * turn)),
        strength: timed(turn => slide(strength, 6 * turn)),
      };
    """,
    )


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_for_everybody(open_page: OpenPage, width: int, dark: bool) -> None:
    shown = open_page(cam_html(), width=width, dark=dark)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    tops = shown.locator("figure").evaluate_all("all => all.map(figure => figure.getBoundingClientRect().top)")
    assert tops[0] == tops[1], "side by side, on a phone too"
    found = [one["id"] for one in Axe().run(shown).response["violations"] if one["impact"] in ("serious", "critical")]
    assert found == []
