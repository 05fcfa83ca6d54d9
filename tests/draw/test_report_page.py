"""report.html of a real clip, with the bundled checkpoint, in a browser."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ctl.draw.match_page import match_html
from ctl.draw.matrices import strongest_cross_scale, strongest_links
from ctl.draw.page import number
from ctl.draw.report_page import LIMITS, report_html
from ctl.explain.match import Match, explain_match
from ctl.files import ROOT
from ctl.pipeline import Engine
from ctl.results import thumbnails
from ctl.types import UNTRAINED, Analysis, PersonAnalysis
from tests.draw.conftest import OpenPage

SAMPLES = ROOT / "assets" / "samples"


@pytest.fixture(scope="module")
def man(analysis: Analysis) -> PersonAnalysis:
    return analysis.people[0]


@pytest.fixture(scope="module")
def match(engine: Engine, man: PersonAnalysis) -> Match:
    return explain_match(engine.evidence(man), engine.evidence(engine.analyze(SAMPLES / "man-lab2.mp4").people[0]))


@pytest.fixture(scope="module")
def html(engine: Engine, analysis: Analysis, man: PersonAnalysis, match: Match) -> str:
    return report_html(analysis, man, thumbnails(engine.gallery, analysis), engine.grad_cam(man.tracklet.crops), match)


def test_the_report_says_of_what_and_by_what_it_is(html: str, analysis: Analysis, open_page: OpenPage) -> None:
    page = open_page(html)
    assert page.inner_text("h1") == "Person 1 of man-lab1.mp4" == page.title()
    text = page.inner_text("body")
    assert f"Checkpoint {analysis.checkpoint.id} · SHA-256 {analysis.checkpoint.sha256}" in text
    assert f"{analysis.video.frames} frames of 128×256" in text
    assert "read as one person's crops" in text
    assert f"in {analysis.video.frames} of them, from 0.0 to {analysis.people[0].tracklet.times[-1]:.1f} s" in text
    assert all(notice in text for notice in analysis.video.notices)
    assert LIMITS in text
    assert LIMITS.count(". ") == 1, "two sentences"
    assert UNTRAINED.lower() not in text.lower()


def test_the_explorer_answers_and_the_strongest_links_are_listed(
    html: str, man: PersonAnalysis, open_page: OpenPage
) -> None:
    page = open_page(html)
    page.locator('.node[data-name="left knee"]').click()
    assert "left knee" in page.inner_text(".view-said")
    assert page.locator(".chosen .link").count() == 15
    middle = len(man.tracklet) // 2
    assert f"frame {middle + 1}, the middle one" in page.inner_text("body")
    wanted = [strongest_links(man.trace, "s1", 2, "sum", middle)]
    wanted += [strongest_cross_scale(man.trace, scale, middle) for scale in ("s1", "s2")]
    captions = ["s1, layer 2", "s1 to s3", "s2 to s3"]
    for table, caption, links in zip(page.locator(".report-tables table").all(), captions, wanted, strict=True):
        assert table.locator("caption").inner_text() == caption
        rows = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]
        assert rows == [[link.receiver, link.sender, number(link.value, signed=True)] for link in links]


def test_the_ranking_the_maps_and_the_match_are_there(
    html: str, man: PersonAnalysis, match: Match, open_page: OpenPage
) -> None:
    page = open_page(html)
    hits = page.locator(".ranking li")
    assert hits.count() == len(man.ranking)
    assert f"person {man.ranking[0].person}" in hits.first.inner_text()
    assert page.locator(".ranking img").first.evaluate("picture => picture.clientWidth") == 128
    strip = page.get_by_alt_text("Frames, each over its Grad-CAM map")
    assert strip.evaluate("picture => picture.naturalWidth > 1000 && picture.complete")
    assert match_html(match) in html
    page.evaluate("document.querySelectorAll('details').forEach(folded => { folded.open = true; })")
    frame = page.locator(".match li img").first  # has no style of the ranking's
    assert frame.evaluate("picture => picture.clientHeight > 200 && picture.clientWidth > 100")
    assert page.locator(".match-pair svg").first.evaluate("bars => bars.clientWidth") > 200


def test_what_is_not_given_is_left_out(engine: Engine, analysis: Analysis, man: PersonAnalysis) -> None:
    html = report_html(analysis, man, {})
    assert "Grad-CAM" not in html
    assert "The first hit" not in html
    assert html.count("no picture") == len(man.ranking)


def test_the_same_input_gives_the_same_page_and_nothing_is_fetched(
    engine: Engine, analysis: Analysis, man: PersonAnalysis, html: str
) -> None:
    slower = replace(analysis, timings_s={"people": 99.0})
    pictures, cams = thumbnails(engine.gallery, analysis), np.ones((len(man.tracklet), 8, 4))
    assert report_html(analysis, man, pictures, cams) == report_html(slower, man, pictures, cams)
    assert not re.search(r"""(src|href)=["'](?!data:)""", html)
    assert not re.search(r"url\((?!#)|@import|\bfetch\(|20\d\d-\d\d", html)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_does_not_scroll_sideways(html: str, open_page: OpenPage, width: int) -> None:
    page = open_page(html, width=width, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_names_from_outside_are_text_and_an_untrained_or_bare_model_is_said(
    analysis: Analysis, man: PersonAnalysis, open_page: OpenPage
) -> None:
    trace = man.trace
    bare = replace(man, trace=replace(trace, adjacency={}, cross_scale={}), ranking=())
    strange = replace(
        analysis,
        video=replace(analysis.video, source="</title><b>.mp4"),
        checkpoint=replace(analysis.checkpoint, id="<i>me</i>", revision="main", trained=False),
        dropped=("Person 2 is left out: <u>.",),
    )
    text = open_page(report_html(strange, bare, {})).inner_text("body")
    assert "Person 1 of </title><b>.mp4" in text
    assert "Checkpoint <i>me</i>@main" in text
    assert "Person 2 is left out: <u>." in text
    assert UNTRAINED.lower() in text.lower()
    assert "no graph layers" in text
    assert "The gallery is empty." in text
