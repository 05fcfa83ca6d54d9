import re

import numpy as np
import pytest

from ctl.draw.bars import bars_html

ENDS = ("left", "middle", "<right>")


def rects(html: str) -> list[tuple[float, float, float, float]]:
    pattern = r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)">'
    return [tuple(map(float, numbers)) for numbers in re.findall(pattern, html)]


def test_bars_stand_on_zero_and_hang_from_it() -> None:
    found = rects(bars_html(np.array([1.0, -3.0, 0.0, 0.5]), "Four", ENDS))
    assert found == [(0, 0, 25, 25), (25, 25, 25, 75), (50, 25, 25, 0), (75, 12.5, 25, 12.5)]


def test_the_highest_count_fills_the_height_and_the_mark_stands_at_its_share() -> None:
    html = bars_html(np.array([0, 4, 2]), "a < b", ENDS, ["none", "four", "<two>"], 0.75)
    assert [height for *_, height in rects(html)] == [0, 100, 50]
    assert '<path d="M75.00 0V100"/>' in html
    assert "<title>&lt;two&gt;</title>" in html
    assert html.count("a &lt; b") == 2
    assert "&lt;right&gt;" in html


@pytest.mark.parametrize("heights", [np.zeros(0), np.zeros(3, int)])
def test_nothing_to_show_is_shown_as_nothing(heights: np.ndarray) -> None:
    html = bars_html(heights, "None", ENDS)
    assert "nan" not in html
    assert all(height == 0 for *_, height in rects(html))
