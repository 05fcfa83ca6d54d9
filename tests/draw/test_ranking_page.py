import numpy as np
import pytest

from ctl.draw.ranking_page import ranking_html
from ctl.types import UNTRAINED, Analysis, CheckpointInfo, Hit, PersonAnalysis, Tracklet, VideoInfo
from tests.draw.conftest import OpenPage
from tests.explain.traces import HEIGHT, WIDTH, make_trace

THUMBNAIL = np.tile(np.arange(0, 250, 5, dtype=np.uint8)[:, None, None], (1, 20, 3))  # taller than a crop


def make_analysis(trained: bool = False, hits: int = 7, person: str = "0012") -> Analysis:
    crops = np.full((4, HEIGHT, WIDTH, 3), 90, np.uint8)
    people = tuple(
        PersonAnalysis(
            Tracklet(id, crops, np.zeros((4, 4)), np.arange(4), np.arange(4) / 10, np.ones(4)),
            make_trace(),
            np.zeros(8),
            tuple(Hit(k + 1, f"key{k}", person, f"c{k}", 0.9 - 0.25 * k) for k in range(hits)),
        )
        for id in (1, 2)
    )
    video = VideoInfo("walk & talk.mp4", 640, 480, 10.0, 4, 0.4, ("Only the first 60 s were analysed.",))
    checkpoint = CheckpointInfo("preview", None, "0" * 64, trained, {})
    return Analysis(video, "scene", people, ("Person 3 was left out: too short.",), checkpoint)


def thumbnails(count: int) -> dict[str, np.ndarray]:
    return {f"key{k}": THUMBNAIL for k in range(count)}


def test_every_hit_shows_its_rank_person_camera_and_similarity(open_page: OpenPage) -> None:
    page = open_page(ranking_html(make_analysis(), thumbnails(6)))
    sections = page.locator("section")
    assert sections.count() == 2
    words = [hit.inner_text().split() for hit in sections.first.locator("li").all()]
    assert len(words) == 7
    assert words[1] == ["#2", "0.650", "person", "0012", "camera", "c1"]
    assert words[6] == ["no", "picture", "#7", "-0.600", "person", "0012", "camera", "c6"]


@pytest.mark.parametrize("width", [1200, 390])
def test_pictures_keep_their_shape_and_the_page_fits(open_page: OpenPage, width: int) -> None:
    page = open_page(ranking_html(make_analysis(), thumbnails(7)), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for image in page.locator("img").all():
        natural, shown = image.evaluate(
            "i => [i.naturalHeight / i.naturalWidth, i.clientHeight / i.clientWidth, i.complete]"
        )[:2]
        assert shown == pytest.approx(natural, rel=0.02)


def test_names_from_outside_are_text(open_page: OpenPage) -> None:
    page = open_page(ranking_html(make_analysis(person="<img src=x>"), thumbnails(7)))
    assert page.locator("li").first.locator("img").count() == 1
    assert "person <img src=x>" in page.locator("li").first.inner_text()
    assert "walk & talk.mp4" in page.inner_text("body")


def test_the_page_says_what_the_ranking_is_worth(open_page: OpenPage) -> None:
    untrained, trained = (open_page(ranking_html(make_analysis(t), {})).inner_text("body") for t in (False, True))
    assert UNTRAINED.lower() in untrained.lower()
    assert UNTRAINED.lower() not in trained.lower()
    for text in (untrained, trained):
        assert "cosine" in text
        assert "Only the first 60 s were analysed." in text
        assert "Person 3 was left out" in text


def test_an_empty_gallery_is_said(open_page: OpenPage) -> None:
    assert "The gallery is empty." in open_page(ranking_html(make_analysis(hits=0), {})).inner_text("body")
