"""Animated pictures are clips."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.errors import InputError
from ctl.video.reader import open_clip


@pytest.mark.parametrize("suffix", [".webp", ".png", ".gif"])
def test_frames_and_their_times(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (32, 64), (20 * number + 20,) * 3) for number in range(8)]
    path = tmp_path / f"walk{suffix}"
    options = {"lossless": True} if suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[40, 60] * 4, **options)
    with open_clip(path) as clip:
        read = list(clip)
    np.testing.assert_allclose([frame.image.mean() for frame in read], [20 * n + 20 for n in range(8)], atol=3)
    np.testing.assert_allclose([frame.time for frame in read], [0, 0.04, 0.1, 0.14, 0.2, 0.24, 0.3, 0.34], atol=0.011)
    assert (clip.info.width, clip.info.height, clip.info.notices) == (32, 64, ())


def test_an_animation_that_breaks_off_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (64, 32, 3), np.uint8)) for _ in range(6)]
    path = tmp_path / "walk.png"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"walk\.png is a damaged animation"):
        list(open_clip(path))


def test_a_still_picture_is_still_refused(tmp_path: Path) -> None:
    Image.new("RGB", (32, 64)).save(tmp_path / "still.webp")
    with pytest.raises(InputError, match="is a still picture"):
        open_clip(tmp_path / "still.webp")
