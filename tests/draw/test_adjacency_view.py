"""The matrices in a browser: what is pointed at is told in the trace's numbers, and the joints light up."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from ctl.draw.adjacency_view import MAX_FRAMES, adjacency_html
from ctl.skeleton import JOINTS, PARTS
from ctl.types import Trace
from tests.draw.conftest import OpenPage
from tests.draw.pages import expect_answers_at_once, expect_numbers, make_person, set_range
from tests.explain.traces import make_trace

KNEE, ANKLE = JOINTS.index("left knee"), JOINTS.index("left ankle")


def html_of(trace: Trace, name: str = "clip.mp4") -> str:
    return adjacency_html(make_person(trace), name)


def point_at(shown: Page, row: int, column: int, matrix: int = 0) -> str:
    """Move the pointer to a cell; what the page says of it."""
    canvas = shown.locator("canvas[role=application]").nth(matrix)
    canvas.scroll_into_view_if_needed()
    place, box = canvas.evaluate("canvas => canvas.place"), canvas.bounding_box()
    assert box is not None
    x, y = (place["left"] + (column + 0.5) * place["cell"], place["top"] + (row + 0.5) * place["cell"])
    shown.mouse.move(box["x"] + x, box["y"] + y)
    return shown.inner_text(".view-said")


def numbers(text: str) -> list[float]:
    return [float(found.replace("−", "-")) for found in re.findall(r"[+−]\d+\.\d+", text)]


def test_it_opens_on_what_is_learned_in_the_frames_own_block(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    shown = open_page(html_of(trace))
    set_range(shown, "Frame", 1)
    assert shown.get_by_role("radio", name="Learned").is_checked()
    said = point_at(shown, KNEE, ANKLE)
    assert said.startswith("left knee (t) receives ")
    assert "from left ankle (t)" in said
    terms = [trace.adjacency[f"{key}_s1_l2"][1, 17 + KNEE, 17 + ANKLE] for key in ("Ap", "Am", "Ac")]
    np.testing.assert_allclose(numbers(said), [terms[1] + terms[2], *terms], atol=6e-4)
    assert (
        shown.locator(".adjacency-person .receiver").count() == shown.locator(".adjacency-person .sender").count() == 1
    )


@pytest.mark.parametrize(("term", "key"), [("Sum", "A"), ("Context", "Ac"), ("Mask", "Am"), ("Body", "Ap")])
def test_every_block_tells_its_own_entries(open_page: OpenPage, term: str, key: str) -> None:
    trace = make_trace(frames=4)
    shown = open_page(html_of(trace))
    set_range(shown, "Frame", 2)
    shown.get_by_role("radio", name="s2").check(force=True)
    shown.get_by_role("radio", name=term).check(force=True)
    names = list(PARTS["s2"])
    for receives, r in (("t−1", 0), ("t+1", 2)):
        for sends, s in (("t", 1), ("t+1", 2)):
            shown.get_by_role("button", name=f"Block: {receives} receives from {sends}", exact=True).click()
            said = point_at(shown, 4, 7)
            assert said.startswith(f"{names[4]} ({receives}) receives")
            assert f"from {names[7]} ({sends})" in said
            assert numbers(said)[0] == pytest.approx(
                trace.adjacency[f"{key}_s2_l2"][2, r * 10 + 4, s * 10 + 7], abs=6e-4
            )
    shown.get_by_role("button", name="whole window").click()
    said = point_at(shown, 25, 3)
    assert numbers(said)[0] == pytest.approx(trace.adjacency[f"{key}_s2_l2"][2, 25, 3], abs=6e-4)


def test_the_page_holds_the_traces_own_numbers(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    shown = open_page(html_of(trace))
    expect_numbers(shown, trace, "s1", 1)


def test_colours_mean_the_same_in_every_frame(open_page: OpenPage) -> None:
    """The colour of one cell, frame by frame, is the value's place on one scale."""
    trace = make_trace(frames=4)
    shown = open_page(html_of(trace))
    set_range(shown, "Frame", 0)
    shown.get_by_role("radio", name="Context").check(force=True)
    key = shown.inner_text(".adjacency-key")
    limit = np.abs(trace.adjacency["Ac_s1_l2"]).max()
    assert f"{limit:.2f}" in key
    red_less_blue = []
    for frame in range(4):
        set_range(shown, "Frame", frame)
        assert shown.inner_text(".adjacency-key") == key
        pixel = shown.locator("canvas[role=application]").first.evaluate(
            "(canvas, [i, j]) => { const {left, top, cell} = canvas.place, zoom = canvas.width / canvas.clientWidth;"
            " return [...canvas.getContext('2d').getImageData((left + (j + .5) * cell) * zoom,"
            " (top + (i + .5) * cell) * zoom, 1, 1).data]; }",
            [KNEE, ANKLE],
        )
        red_less_blue.append(pixel[0] - pixel[2])
    values = trace.adjacency["Ac_s1_l2"][:, 17 + KNEE, 17 + ANKLE]
    assert [side > 0 for side in red_less_blue] == [value > 0.02 * limit for value in values]


def test_a_joint_on_the_picture_lights_its_row_and_column(open_page: OpenPage) -> None:
    shown = open_page(html_of(make_trace(frames=2)))
    set_range(shown, "Frame", 0)
    before = shown.locator("canvas[role=application]").first.evaluate("canvas => canvas.toDataURL()")
    shown.locator(f'.adjacency-person [data-node="{KNEE}"]').hover()
    assert shown.inner_text(".view-said").startswith("left knee: its row is what it receives")
    assert shown.locator("canvas[role=application]").first.evaluate("canvas => canvas.toDataURL()") != before


def test_both_cross_scale_matrices_are_there(open_page: OpenPage) -> None:
    trace = make_trace(frames=2)
    shown = open_page(html_of(trace))
    set_range(shown, "Frame", 1)
    for place, (source, sender) in enumerate((("s1", 5), ("s2", 3)), start=1):
        said = point_at(shown, 2, sender, matrix=place)
        value = trace.cross_scale[f"A_{source}_s3"][1, 2, sender]
        assert said == f"right arm (s3) receives {value:.3f} from {list(PARTS[source])[sender]} ({source})"
        assert shown.locator(".adjacency-person .receiver").count() == 1


def test_arrow_keys_go_from_cell_to_cell(open_page: OpenPage) -> None:
    shown = open_page(html_of(make_trace(frames=2)))
    set_range(shown, "Frame", 0)
    shown.locator("canvas[role=application]").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        shown.keyboard.press(key)
    assert shown.inner_text(".view-said").startswith("left eye (t) receives ")
    assert "from left eye (t)" in shown.inner_text(".view-said")


def test_the_strip_goes_to_its_frame(open_page: OpenPage) -> None:
    trace = make_trace(frames=MAX_FRAMES + 20, layers=1)
    shown = open_page(html_of(trace))
    assert f"{MAX_FRAMES} of {MAX_FRAMES + 20} frames" in shown.inner_text("body")
    last = shown.get_by_role("button", name=f"Frame {MAX_FRAMES + 20}", exact=True)
    last.click()
    assert f"frame {MAX_FRAMES + 20} " in shown.inner_text(".view-clock")
    assert last.get_attribute("aria-pressed") == "true"
    shown.get_by_role("radio", name="Sum").check(force=True)
    said = point_at(shown, KNEE, ANKLE)
    assert numbers(said)[0] == pytest.approx(trace.adjacency["A_s1_l1"][-1, 17 + KNEE, 17 + ANKLE], abs=6e-4)


def test_it_answers_within_50_ms(open_page: OpenPage) -> None:
    shown = open_page(html_of(make_trace(frames=MAX_FRAMES)))
    expect_answers_at_once(
        shown,
        """
      const track = document.querySelector(".view-player input"), canvas = document.querySelector("[role=application]");
      const box = canvas.getBoundingClientRect();
      const radio = name => document.querySelector(`.view-choice input[value=${name}]`).click();
      const where = turn => ({bubbles: true, clientX: box.x + 150 + 9 * turn, clientY: box.y + 150 + 9 * turn});
      slide(track, 0);
      return {
        scrub: timed(turn => slide(track, 2 * turn)),
        hover: timed(turn => canvas.dispatchEvent(new PointerEvent("pointermove", where(turn)))),
        scale: timed(turn => radio(["s2", "s3", "s1"][turn % 3])),
        term: timed(turn => radio(["sum", "context", "learned"][turn % 3])),
      };
    """,
    )


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_for_everybody(open_page: OpenPage, width: int, dark: bool) -> None:
    shown = open_page(html_of(make_trace(frames=3), "</script><b>x</b>.mp4"), width=width, dark=dark)
    assert "</script><b>x</b>.mp4" in shown.inner_text("p.muted")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    found = [one["id"] for one in Axe().run(shown).response["violations"] if one["impact"] in ("serious", "critical")]
    assert found == []


def test_a_model_without_graphs_gets_a_sentence_and_weights_alone_are_shown(open_page: OpenPage) -> None:
    trace = make_trace(frames=2)
    bare = Trace(trace.keypoints, {}, {}, trace.whole, {}, {}, trace.parts)
    assert "nothing to show" in html_of(bare)
    only_weights = Trace(trace.keypoints, {}, trace.cross_scale, trace.whole, {}, {}, trace.parts)
    shown = open_page(html_of(only_weights))
    assert "(s3) receives" in point_at(shown, 2, 3, matrix=1)
