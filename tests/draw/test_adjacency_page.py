import numpy as np

from ctl.draw.adjacency_page import MAX_FRAMES, adjacency_html
from ctl.draw.matrices import strongest_links
from ctl.types import Trace
from tests.draw.conftest import OpenPage
from tests.explain.traces import make_trace


def test_every_graph_and_term_can_be_chosen_and_is_drawn(open_page: OpenPage) -> None:
    trace = make_trace(frames=3)
    page = open_page(adjacency_html(trace, "clip.mp4"))
    assert page.locator("#graph option").all_inner_texts() == [
        *("s1, layer 1", "s1, layer 2", "s2, layer 1", "s2, layer 2", "s3, layer 1", "s3, layer 2"),
        *("s1 to s3", "s2 to s3"),
    ]
    page.select_option("#graph", "s2_l2")
    page.fill("#frame", "2")
    for term, key in (("sum", "A"), ("physical", "Ap"), ("mask", "Am"), ("context", "Ac")):
        page.select_option("#term", term)
        drawn = page.evaluate("document.getElementById('plot').data[0].z")
        np.testing.assert_allclose(drawn, trace.adjacency[f"{key}_s2_l2"][2], atol=1e-5)
        best = strongest_links(trace, "s2", 2, term, 2)[0]
        wanted = [best.receiver, best.sender, f"{best.value:.3f}"]
        assert page.locator("#links tr").first.locator("td").all_inner_texts() == wanted
    assert page.locator("#plot .heatmaplayer image").count() == 1
    page.select_option("#graph", "s1_s3")
    drawn = page.evaluate("document.getElementById('plot').data[0].z")
    np.testing.assert_allclose(drawn, trace.cross_scale["A_s1_s3"][2], atol=1e-5)
    assert page.locator("#term").is_disabled()


def test_the_page_follows_the_readers_theme(open_page: OpenPage) -> None:
    html = adjacency_html(make_trace(frames=1, layers=1), "clip.mp4")
    colours = []
    for dark in (False, True):
        page = open_page(html, dark=dark)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        colours.append(page.evaluate("document.getElementById('plot').layout.font.color"))
    assert len(set(colours)) == 4


def test_a_long_tracklet_is_thinned_out_and_the_page_says_so(open_page: OpenPage) -> None:
    trace = make_trace(frames=40, layers=1)
    page = open_page(adjacency_html(trace, "clip.mp4"))
    assert f"{MAX_FRAMES} of 40 frames" in page.inner_text("body")
    page.fill("#frame", str(MAX_FRAMES - 1))
    assert page.inner_text("#shown") == "39"
    drawn = page.evaluate("document.getElementById('plot').data[0].z")
    np.testing.assert_allclose(drawn, trace.adjacency["A_s1_l1"][39], atol=1e-5)


def test_the_name_of_the_clip_is_text(open_page: OpenPage) -> None:
    page = open_page(adjacency_html(make_trace(frames=1, layers=1), "</script><b>x</b>.mp4"))
    assert "</script><b>x</b>.mp4" in page.inner_text("p.muted")


def test_a_model_without_graphs_gets_a_sentence(open_page: OpenPage) -> None:
    trace = make_trace(frames=1)
    bare = Trace(trace.keypoints, {}, {}, trace.whole, {}, {}, trace.parts)
    assert "nothing to show" in open_page(adjacency_html(bare, "clip.mp4")).inner_text("body")


def test_a_narrow_screen_scrolls_the_plot_and_not_the_page(open_page: OpenPage) -> None:
    page = open_page(adjacency_html(make_trace(frames=1, layers=1), "clip.mp4"), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
