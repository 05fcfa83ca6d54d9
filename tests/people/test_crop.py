"""Cut-outs: the right pixels, the right shape, and the frame's border repeated outside it."""

import numpy as np
import pytest

from ctl.people.crop import MARGIN, cut, frame_person, person_region, source_views
from ctl.types import Tracklet


def test_the_region_has_the_models_aspect_and_holds_the_person_with_a_margin():
    boxes = np.array([[100, 50, 40, 200], [10, 10, 150, 100], [-20, -5, 30, 60]], dtype=float)
    regions = person_region(boxes, (256, 128))
    np.testing.assert_allclose(regions[:, 3] / regions[:, 2], 2)
    np.testing.assert_allclose(regions[:, :2] + regions[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2, rtol=1e-6)
    margins = MARGIN * boxes[:, 3]
    assert np.all(regions[:, 2] >= boxes[:, 2] + 2 * margins - 1e-3)
    assert np.all(regions[:, 3] >= boxes[:, 3] + 2 * margins - 1e-3)
    assert regions[0, 3] == pytest.approx(220)


@pytest.mark.parametrize("box", [(8, 4, 16, 32), (-6, -10, 16, 32), (30, 25, 16, 32), (-40, -50, 16, 32)])
def test_a_whole_pixel_cut_equals_reading_pixel_by_pixel(box):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    x, y, width, height = box
    want = np.zeros((height, width, 3), dtype=np.uint8)
    for row in range(height):
        for column in range(width):
            want[row, column] = image[min(max(y + row, 0), 39), min(max(x + column, 0), 49)]
    np.testing.assert_array_equal(cut(image, np.array(box), (height, width)), want)


def test_shrinking_averages_instead_of_picking():
    """A one-pixel chequerboard must become grey; picking pixels would leave black or white."""
    image = np.indices((128, 64)).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * 255
    small = cut(image.astype(np.uint8), np.array((0, 0, 64, 128)), (32, 16))
    assert np.abs(small.astype(int) - 127).max() < 12


def test_a_box_between_pixels_is_cut_between_pixels():
    image = np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (100, 1, 3))
    got = cut(image, np.array((20.5, 10, 40, 80)), (80, 40))
    np.testing.assert_allclose(got[40, 1:-1, 0], 21 + np.arange(1, 39), atol=1)


@pytest.mark.parametrize("longest_side", [640, 60])
def test_views_follow_the_person_and_know_where_they_are(write_clip, longest_side):
    """A white dot walks; the affine must lead from its place in the source to its place in the view."""
    places = [(20 + 8 * i, 40 + i) for i in range(10)]
    frames = np.zeros((10, 96, 128, 3), dtype=np.uint8)
    for frame, (x, y) in zip(frames, places, strict=True):
        frame[y - 3 : y + 4, x - 3 : x + 4] = 255
    path = write_clip("dot.mp4", list(frames))
    kept = np.array([0, 2, 3, 7, 9])
    boxes = np.array([(x - 20, y - 40, 40, 80) for x, y in np.array(places)[kept]], dtype=np.float32)
    tracklet = Tracklet(1, np.zeros((5, 8, 4, 3), np.uint8), boxes, kept, kept / 25, np.ones(5))
    framing = frame_person(tracklet, (96, 128), longest_side=longest_side)
    views = list(source_views(path, tracklet, framing))
    assert [view.shape[:2] for view in views] == [framing.size] * 5
    assert max(framing.size) <= longest_side
    assert framing.size[0] % 2 == framing.size[1] % 2 == 0
    expected = framing.place(np.array(places)[kept][:, None] + 0.5)[:, 0]
    for view, place in zip(views, expected, strict=True):
        bright = np.argwhere(view[..., 0] > 128).mean(axis=0)[::-1] + 0.5
        np.testing.assert_allclose(bright, place, atol=0.7)


def test_a_person_who_walks_away_stays_large():
    heights = np.linspace(160, 60, 40)
    boxes = np.stack([200 - heights / 4, 150 - heights / 2, heights / 2, heights], axis=1).astype(np.float32)
    tracklet = Tracklet(1, np.zeros((40, 8, 4, 3), np.uint8), boxes, np.arange(40), np.arange(40) / 10, np.ones(40))
    framing = frame_person(tracklet, (300, 400), margin=0.05)
    ends = framing.place(np.stack((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1))
    tall = (ends[:, 1, 1] - ends[:, 0, 1]) / framing.size[0]
    assert tall.min() > 0.8
    assert tall.max() <= 1
    assert (ends > -0.5).all()
    assert (ends[:, 1] < np.array(framing.size[::-1]) + 0.5).all()
