import re

import numpy as np
import pytest
from playwright.sync_api import Page

from ctl.draw.browser import script, style_sheet
from ctl.draw.graph_view import graph_page, graph_view
from ctl.draw.page import page
from ctl.explain.graph_links import links
from ctl.skeleton import JOINTS
from ctl.types import Trace
from tests.draw.conftest import OpenPage
from tests.explain.traces import HEIGHT, WIDTH, make_trace

KNEE, ANKLE = JOINTS.index("left knee"), JOINTS.index("left ankle")


def crops_of(trace: Trace) -> np.ndarray:
    return np.full((len(trace.keypoints.xy), HEIGHT, WIDTH, 3), 90, np.uint8)


def shown_rows(page: Page) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in page.locator("tbody:visible tr").all()]


def test_the_table_and_the_drawing_carry_the_links_of_the_chosen_node(open_page: OpenPage) -> None:
    trace = make_trace(frames=6)
    page = open_page(graph_page(trace, crops_of(trace), 6, "clip.mp4"))
    page.fill("#frame", "2")
    page.locator(f'.node[data-node="{KNEE}"]').click()
    found = links(trace, 6, "s1", 2, 2, KNEE)
    rows = shown_rows(page)
    assert len(rows) == len(found) == 15
    for row, link in zip(rows, found, strict=True):
        sign = "+" if link.reach != "scale" else ""
        assert row[0] == f"{link.value:{sign}.3f}".replace("-", "−")
        assert [text.split(" (")[0] for text in row[1:3]] == list(link.words)
    wheres = {row[3] for row in rows}
    assert wheres == {"in this frame", "from frame t−1", "from frame t+1", "between scales"}
    drawn = page.locator(".links.shown > g")
    assert drawn.count() == len(found)
    assert page.locator(".links.shown .physical").count() == sum(link.joined_by_body for link in found)
    assert page.locator(".links.shown .between").count() == 5
    assert "left knee" in page.inner_text(".graph-said")


def test_arrows_start_at_the_sender_and_end_at_the_receiver(open_page: OpenPage) -> None:
    trace = make_trace(frames=6)
    page = open_page(graph_page(trace, crops_of(trace), 6, "clip.mp4"))
    page.fill("#frame", "2")
    strongest = links(trace, 6, "s1", 2, 2, KNEE)[0]
    path = page.locator(f'.links[data-node="{KNEE}"] > g').last.locator(".casing").get_attribute("d")
    start = [float(number) for number in re.findall(r"[\d.]+", path or "")[:2]]
    wanted = trace.keypoints.xy[2, strongest.sender[1]] + (WIDTH + 10, 14)  # the centre frame stands second
    np.testing.assert_allclose(start, wanted, atol=0.1)


def test_keys_walk_over_the_body(open_page: OpenPage) -> None:
    trace = make_trace(frames=1, window=1)
    page = open_page(graph_page(trace, crops_of(trace), 6, "clip.mp4"))
    page.locator(".node").first.focus()
    page.keyboard.press("End")
    chosen = lambda: page.locator(".node[aria-pressed=true]").get_attribute("data-name")  # noqa: E731
    assert chosen() == "right ankle"
    page.keyboard.press("ArrowUp")
    assert chosen() == "right knee"
    page.keyboard.press("ArrowRight")
    assert chosen() == "left knee"
    page.keyboard.press("Home")
    assert chosen() == "nose"
    assert page.evaluate("document.activeElement.dataset.name") == "nose"
    assert page.locator(".node[tabindex='0']").count() == 1, "one stop for the Tab key"


def test_the_choice_outlives_the_frame(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    page = open_page(graph_page(trace, crops_of(trace), 6, "clip.mp4"))
    page.locator(f'.node[data-node="{ANKLE}"]').click()
    page.fill("#frame", "1")
    assert page.locator(".node[aria-pressed=true]").get_attribute("data-name") == "left ankle"
    assert all("left ankle" in (row[1], row[2].split(" (")[0]) for row in shown_rows(page))


def test_gradio_hears_of_a_choice(open_page: OpenPage) -> None:
    """As gr.HTML runs it: a function of `element`, `trigger` and `watch`."""
    trace = make_trace(frames=3)
    fragment = graph_view(trace, crops_of(trace), 6, "s2", 1, 1)
    call = f"(function (element, trigger, watch) {{{script('graph')}}})(document.body, (...all) => heard.push(all))"
    browser = open_page(page("x", fragment, style_sheet("graph"), f"<script>var heard = []; {call}</script>"))
    browser.locator('.node[data-node="3"]').click()
    assert browser.evaluate("heard") == [["select", {"scale": "s2", "node": 3, "name": "right upper arm"}]]


def test_hovering_shows_and_leaves_the_choice(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    page = open_page(graph_page(trace, crops_of(trace), 6, "clip.mp4"))
    page.locator(f'.node[data-node="{ANKLE}"]').hover()
    assert page.locator(".links.shown").get_attribute("data-node") == str(ANKLE)
    page.mouse.move(5, 5)
    assert page.locator(".links.shown").get_attribute("data-node") == "0"


def test_a_frame_outside_the_clip_is_said_to_be_absent() -> None:
    trace = make_trace(frames=6)
    assert "begins here" in graph_view(trace, crops_of(trace), 6, "s3", 1, 0)
    assert "ends here" in graph_view(trace, crops_of(trace), 6, "s3", 1, 5)
    assert "no frame" not in graph_view(trace, crops_of(trace), 6, "s3", 1, 3)


@pytest.mark.parametrize("width", [1440, 390])
def test_every_node_has_a_name_and_the_page_does_not_scroll_sideways(open_page: OpenPage, width: int) -> None:
    trace = make_trace(frames=3)
    page = open_page(graph_page(trace, crops_of(trace), 6, "</b>.mp4"), width=width)
    assert page.get_by_role("button").count() == 17
    assert page.get_by_role("button", name="left knee: left knee receives").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_model_without_graphs_gets_a_sentence() -> None:
    trace = make_trace(frames=1)
    bare = Trace(trace.keypoints, {}, {}, trace.whole, {}, {}, trace.parts)
    assert "nothing to show" in graph_page(bare, crops_of(trace), 6, "clip.mp4")
    only_weights = Trace(trace.keypoints, {}, trace.cross_scale, trace.whole, {}, {}, trace.parts)
    assert "between scales" in graph_page(only_weights, crops_of(trace), 6, "clip.mp4")
