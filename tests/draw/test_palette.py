import matplotlib
import numpy as np
import pytest

from ctl.draw.palette import (
    CASING,
    GRAPH,
    MAGMA,
    NEGATIVE,
    POSITIVE,
    SIDES,
    THEMES,
    VIRIDIS,
    ColourScale,
    colours,
    rgb,
    side_of,
)
from ctl.skeleton import JOINTS


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [c / 255 for c in rgb(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2, 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_surface(theme: str) -> None:
    look = THEMES[theme]
    for text in (look.text, look.muted, look.accent, look.second, look.same, look.other):
        for ground in (look.background, look.surface):
            assert contrast(text, ground) >= 4.5
    assert contrast(look.notice_text, look.notice) >= 4.5
    assert contrast(look.line, look.background) >= 3


def test_marks_stand_out_from_their_dark_rim() -> None:
    for colour in (*SIDES.values(), *GRAPH, POSITIVE, NEGATIVE):
        assert contrast(colour, CASING) >= 3


@pytest.mark.parametrize(("name", "scale"), [("viridis", VIRIDIS), ("magma", MAGMA)])
def test_scales_follow_the_maps_that_they_are_named_after(name: str, scale: ColourScale) -> None:
    values = np.linspace(0, 1, 50)
    wanted = matplotlib.colormaps[name](values)[:, :3] * 255
    difference = np.abs(colours(values, scale) - wanted)
    assert difference.mean() < 4
    assert difference.max() < 20


def test_diverging_scales_are_balanced_around_a_neutral_middle() -> None:
    for look in THEMES.values():
        lightness = [luminance(colour) for colour in look.diverging]
        middle = len(lightness) // 2
        assert luminance(look.diverging[middle]) in (min(lightness), max(lightness))
        red, _, blue = rgb(look.diverging[-3])
        assert red > blue, "positive is red"


def test_values_outside_the_scale_take_its_ends() -> None:
    got = colours(np.array([-3.0, 0.0, 1.0, 7.0]), MAGMA)
    assert [tuple(colour) for colour in got] == [rgb(MAGMA[0])] * 2 + [rgb(MAGMA[-1])] * 2


def test_sides_are_those_of_the_name() -> None:
    assert [side_of(name) for name in JOINTS[:3]] == ["middle", "left", "right"]
    assert [side_of(name) for name in ("torso", "left upper arm", "right leg")] == ["middle", "left", "right"]
