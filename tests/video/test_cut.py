"""Part of a clip as a file of its own."""

from pathlib import Path

import numpy as np
import pytest

from ctl.errors import InputError
from ctl.video.cut import write_cut
from ctl.video.reader import open_clip
from ctl.video.writer import write_video

SECONDS = 4
FPS = 10.0


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Each frame's brightness says when it was."""
    frames = [np.full((32, 32, 3), 20 + 5 * t, np.uint8) for t in range(int(SECONDS * FPS))]
    write_video(tmp_path / "clip.mp4", frames, FPS)
    return tmp_path / "clip.mp4"


def test_a_part_holds_its_seconds_and_no_others(clip: Path, tmp_path: Path) -> None:
    write_cut(clip, tmp_path / "part.mp4", 1.0, 2.5)
    with open_clip(tmp_path / "part.mp4") as part:
        shades = [float(frame.image.mean()) for frame in part]
        assert part.info.fps == pytest.approx(FPS)
    assert shades == pytest.approx([20 + 5 * t for t in range(10, 25)], abs=2)


@pytest.mark.parametrize(("start", "end"), [(1.0, 1.05), (3.95, 60.0), (9.0, 10.0)])
def test_too_little_is_told(clip: Path, tmp_path: Path, start: float, end: float) -> None:
    with pytest.raises(InputError, match="Too little is left of clip"):
        write_cut(clip, tmp_path / "part.mp4", start, end)
    assert not (tmp_path / "part.mp4").exists()
