"""The graph explorer in a browser: what it draws and tells are the trace's numbers, and it answers at once."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from ctl.draw.browser import script, style_sheet
from ctl.draw.footage import Footage, film_crops
from ctl.draw.graph_view import MAX_FRAMES, SCRIPTS, SHEETS, drawn_scales, graph_view
from ctl.draw.page import number, page
from ctl.draw.palette import NEGATIVE, POSITIVE
from ctl.explain.reading import centre_block, matrices
from ctl.skeleton import JOINTS, part_count, physical_adjacency
from ctl.types import Trace
from tests.draw.conftest import OpenPage
from tests.draw.pages import expect_answers_at_once, expect_numbers, make_person, set_range, view_page
from tests.explain.traces import make_trace
from tests.oracles.graph_links import links

KNEE, ANKLE = JOINTS.index("left knee"), JOINTS.index("left ankle")
CLIP = 6


def make_footage(trace: Trace) -> Footage:
    tracklet = make_person(trace).tracklet
    return film_crops(tracklet.crops, trace.keypoints, tracklet.times, MAX_FRAMES)


def graph_html(trace: Trace) -> str:
    fragment = graph_view(trace, make_footage(trace), CLIP)
    return view_page(fragment, SHEETS, SCRIPTS)


def node(shown: Page, number: int, scale: str = "s1") -> str:
    return f'.node[data-name="{JOINTS[number]}"][aria-label$="({scale})"]'


def rows(shown: Page) -> list[list[str]]:
    return [row.locator("th, td").all_text_contents() for row in shown.locator("tbody tr").all()]


@pytest.mark.parametrize("frame", [0, 2, 5])
def test_the_table_tells_the_links_of_the_chosen_joint(open_page: OpenPage, frame: int) -> None:
    trace = make_trace(frames=6)
    shown = open_page(graph_html(trace))
    set_range(shown, "Frame", frame)
    shown.locator(node(shown, KNEE)).click()
    found = links(trace, CLIP, "s1", 2, frame, KNEE)
    assert len(rows(shown)) == len(found) == 15
    for row, link in zip(rows(shown), found, strict=True):
        sign = "+" if link.reach != "scale" else ""
        assert row[0] == f"{link.value:{sign}.3f}".replace("-", "−")
        assert [text.split(" (")[0] for text in row[1:3]] == list(link.words)
        told = [number(value, signed=True) for value in link.terms if value is not None]
        assert row[4:] == (told or ["", "", ""])
    assert "left knee" in shown.inner_text(".view-said")


def test_the_page_holds_the_traces_own_numbers(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    shown = open_page(graph_html(trace))
    own = slice(part_count("s2"), 2 * part_count("s2"))
    expect_numbers(shown, trace, "s2", 1, own)


def test_the_strongest_learned_links_are_drawn_with_their_sign(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    shown = open_page(graph_html(trace))
    set_range(shown, "Frame", 0)
    set_range(shown, "Learned links", 4)
    for scale in ("s1", "s2", "s3"):
        weights = centre_block(matrices(trace, scale, 2)[0], scale)
        off = (physical_adjacency(scale) == 0) & ~np.eye(part_count(scale), dtype=bool)
        order = sorted(zip(*np.nonzero(off), strict=True), key=lambda place: -abs(weights[place]))[:4]
        shown.get_by_role("radio", name=scale).check(force=True)
        colours = shown.locator(".link .learned").evaluate_all("all => all.map(path => path.getAttribute('stroke'))")
        assert colours[::-1] == [POSITIVE if weights[place] > 0 else NEGATIVE for place in order]
        least = float(np.floor(abs(weights[order[1]]) * 100) / 100)
        set_range(shown, "At least", least)
        kept = [place for place in order if abs(weights[place]) >= least]
        assert shown.locator(".link .learned").count() == len(kept)
        set_range(shown, "At least", 0)


def test_arrows_start_at_the_sender_and_cross_to_the_other_scales(open_page: OpenPage) -> None:
    trace = make_trace(frames=6)
    shown = open_page(graph_html(trace))
    set_range(shown, "Frame", 2)
    shown.locator(node(shown, KNEE)).click()
    strongest = links(trace, CLIP, "s1", 2, 2, KNEE)[0]
    last = shown.locator(".chosen .link").last.locator(".casing").get_attribute("d")
    start = [float(number) for number in re.findall(r"[\d.]+", last or "")[:2]]
    np.testing.assert_allclose(start, trace.keypoints.xy[2, strongest.sender[1]], atol=0.1)
    assert shown.locator(".chosen .between").count() == 5
    assert shown.locator(".ghost").count() == 5, "where the senders of other frames were"
    shown.get_by_role("radio", name="s1").check(force=True)
    assert shown.locator(".chosen .between").count() == 0, "s3 isn't shown"


def test_keys_walk_over_the_body(open_page: OpenPage) -> None:
    shown = open_page(graph_html(make_trace(frames=1, window=1)))
    shown.get_by_role("radio", name="s1").check(force=True)
    shown.locator(".node").first.focus()
    shown.keyboard.press("End")
    chosen = lambda: shown.locator(".node[aria-pressed=true]").get_attribute("data-name")  # noqa: E731
    assert chosen() == "right ankle"
    shown.keyboard.press("ArrowUp")
    assert chosen() == "right knee"
    shown.keyboard.press("ArrowRight")
    assert chosen() == "left knee"
    shown.keyboard.press("Home")
    assert chosen() == "nose"
    assert shown.evaluate("document.activeElement.dataset.name") == "nose"
    assert shown.locator(".node[tabindex='0']").count() == 1, "one stop for the Tab key"
    shown.keyboard.press("Escape")
    assert shown.locator(".node[aria-pressed=true]").count() == 0


def test_it_plays_unless_less_motion_is_asked_for(open_page: OpenPage) -> None:
    html = graph_html(make_trace(frames=4))
    shown = open_page(html)
    expect(shown.locator(".view-clock")).to_contain_text("frame 3")
    shown.get_by_role("button", name="Pause").click()
    still = shown.inner_text(".view-clock")
    shown.wait_for_timeout(300)
    assert shown.inner_text(".view-clock") == still
    shown.emulate_media(reduced_motion="reduce")
    shown.reload()
    shown.wait_for_timeout(400)
    assert "frame 1 " in shown.inner_text(".view-clock")
    assert shown.get_by_role("button", name="Play").is_visible()


def test_hovering_tells_numbers_and_leaves_the_choice(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    shown = open_page(graph_html(trace))
    set_range(shown, "Frame", 1)
    shown.locator(node(shown, ANKLE)).click()
    shown.locator(node(shown, KNEE)).hover()
    value = links(trace, CLIP, "s1", 2, 1, KNEE)[0].value
    assert f"left knee receives {value:+.2f}".replace("-", "−") in shown.inner_text(".view-tip")
    shown.mouse.move(2, 2)
    assert shown.locator(".view-tip").is_hidden()
    assert shown.locator(".node[aria-pressed=true]").get_attribute("data-name") == "left ankle"


def test_gradio_and_the_other_views_hear_of_a_choice(open_page: OpenPage) -> None:
    """As gr.HTML runs it: a function of `element`, `trigger` and `watch`; a new value keeps the choice."""
    trace = make_trace(frames=3)
    hear = "(...all) => heard.push(all), (_, again) => { refill = again; }"
    own = (
        "<script>var heard = [], told = [], refill;"
        "document.addEventListener('ctl:show', event => told.push(event.detail));"
        f"(function (element, trigger, watch) {{{script(*SCRIPTS)}}})(document.body, {hear});</script>"
    )
    shown = open_page(page("x", graph_view(trace, make_footage(trace), CLIP), style_sheet(*SHEETS), own))
    set_range(shown, "Frame", 1)
    shown.locator('.node[aria-label="right upper arm (s2)"]').click()
    assert shown.evaluate("heard") == [["select", {"scale": "s2", "node": 3, "name": "right upper arm"}]]
    assert shown.evaluate("told.map(({scale, node, frame}) => [scale, node, frame])") == [["s2", 3, 2]]
    shown.evaluate("refill()")
    assert shown.locator(".node[aria-pressed=true]").get_attribute("data-name") == "right upper arm"
    asked = {"frame": 3, "layer": 1, "scale": "s3", "node": 1}
    shown.evaluate("detail => document.dispatchEvent(new CustomEvent('ctl:show', {detail}))", asked)
    assert "frame 3 " in shown.inner_text(".view-clock")
    assert shown.locator(".node[aria-pressed=true]").get_attribute("data-name") == "left arm"
    assert shown.get_by_role("radio", name="1", exact=True).is_checked()


def test_it_answers_within_50_ms(open_page: OpenPage) -> None:
    shown = open_page(graph_html(make_trace(frames=60)))
    expect_answers_at_once(
        shown,
        """
      const [radios, nodes] = [".view-choice input", ".node"].map(all => [...document.querySelectorAll(all)]);
      const [count, least] = document.querySelectorAll(".view-slider input");
      return {
        scrub: timed(turn => slide(document.querySelector(".view-player input"), turn * 4)),
        scale: timed(turn => radios[turn % 4].click()),
        layer: timed(turn => radios[4 + turn % 2].click()),
        links: timed(turn => slide(count, 10 + turn)),
        threshold: timed(turn => slide(least, turn / 20)),
        hover: timed(turn => nodes[turn].dispatchEvent(new PointerEvent("pointermove", {bubbles: true}))),
      };
    """,
    )


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_for_everybody(open_page: OpenPage, width: int, dark: bool) -> None:
    shown = open_page(graph_html(make_trace(frames=3)), width=width, dark=dark)
    shown.locator(node(shown, KNEE)).click()
    assert shown.get_by_role("button", name="left knee (s1)").count() == 1
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    found = [one["id"] for one in Axe().run(shown).response["violations"] if one["impact"] in ("serious", "critical")]
    assert found == []


def test_a_model_without_graphs_has_nothing_to_show_and_weights_alone_are_shown(open_page: OpenPage) -> None:
    trace = make_trace(frames=2)
    bare = Trace(trace.keypoints, {}, {}, trace.whole, {}, {}, trace.parts)
    assert drawn_scales(bare) == ()
    only_weights = Trace(trace.keypoints, {}, trace.cross_scale, trace.whole, {}, {}, trace.parts)
    shown = open_page(graph_html(only_weights))
    shown.locator(node(shown, KNEE)).click()
    assert [row[3] for row in rows(shown)] == ["between scales"] * 5
