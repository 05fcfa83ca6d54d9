"""What a page shows of a person before anything is chosen."""

import pytest

from ctl.config import TOPOLOGY_TERMS
from ctl.explain.what_if import Setting
from ctl.web.views import Choices


def offered(frames: int, clip_length: int, **changes: tuple[object, ...]) -> Choices:
    graphs = {"scales": ("s1", "s3"), "layers": (1, 2), "sources": ("s1",)} | changes
    return Choices(**graphs, frames=frames, clip_length=clip_length, full=Setting(TOPOLOGY_TERMS, True, ("s1",)))


@pytest.mark.parametrize("clip_length", [3, 4, 6])
def test_the_frame_shown_first_has_neighbours_in_its_clip_where_it_can(clip_length: int) -> None:
    for frames in range(clip_length, 40, clip_length):
        frame, scale, layer = offered(frames, clip_length).first
        assert (scale, layer) == ("s1", 2)
        assert 0 < (frame - 1) % clip_length < clip_length - 1
        assert abs(frame - (frames + 1) / 2) <= clip_length


def test_the_frame_shown_first_is_always_there() -> None:
    for frames in range(1, 40):
        assert 1 <= offered(frames, 6).first[0] <= frames


def test_a_model_without_graphs_shows_none() -> None:
    assert offered(8, 4, scales=(), layers=()).first[1:] == (None, None)
