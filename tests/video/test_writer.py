"""Written videos: right colours and sizes, complete or absent, and playing in a real browser."""

from pathlib import Path

import av
import numpy as np
import pytest

from ctl.video.reader import open_clip
from ctl.video.writer import write_video


def moving_square(count: int, height: int, width: int) -> list[np.ndarray]:
    frames = np.full((count, height, width, 3), (30, 60, 90), dtype=np.uint8)
    for number, frame in enumerate(frames):
        frame[10:30, 2 * number : 2 * number + 20] = (220, 40, 40)
    return list(frames)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63)])
def test_written_frames_are_read_back(tmp_path, height, width):
    frames = moving_square(20, height, width)
    write_video(tmp_path / "out.mp4", frames, fps=12.5)
    read = list(open_clip(tmp_path / "out.mp4"))
    assert read[0].image.shape == (48, 64, 3)
    np.testing.assert_allclose([frame.time for frame in read], np.arange(20) / 12.5, atol=1e-3)
    for frame, want in zip(read, frames, strict=True):
        assert np.abs(frame.image[:height, :width].astype(int) - want).mean() < 5


def test_the_stream_is_what_browsers_expect(tmp_path):
    path = tmp_path / "out.mp4"
    write_video(path, moving_square(5, 48, 64), fps=25)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.colorspace) == ("h264", "yuv420p", 1)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_nothing_is_left_where_the_frames_end_in_an_error(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"the older video")

    def broken():
        yield from moving_square(30, 48, 64)
        raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        write_video(path, broken(), fps=25)
    assert path.read_bytes() == b"the older video"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        pytest.param([], "at least one frame", id="none"),
        pytest.param([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 6, 3), np.uint8)], r"\(8, 8, 3\)", id="two-sizes"),
    ],
)
def test_impossible_videos_are_refused(tmp_path, frames, message):
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "out.mp4", frames, fps=25)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_taken_one_at_a_time(tmp_path):
    alive, most = 0, 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def frames():
        nonlocal alive, most
        for frame in moving_square(60, 48, 64):
            alive, most = alive + 1, max(most, alive + 1)
            yield frame.copy().view(Counted)

    write_video(tmp_path / "out.mp4", (np.asarray(frame) for frame in frames()), fps=25)
    assert most <= 5


def test_chromium_plays_it(tmp_path, browser):
    write_video(tmp_path / "out.mp4", moving_square(50, 96, 128), fps=25)
    page_file = tmp_path / "page.html"
    page_file.write_text('<video src="out.mp4" muted autoplay playsinline></video>')
    page = browser.new_page()
    page.goto(page_file.as_uri())
    page.wait_for_function("document.querySelector('video').currentTime > 0.5", timeout=20_000)
    size = page.evaluate("(v => [v.videoWidth, v.videoHeight, v.error])(document.querySelector('video'))")
    page.close()
    assert size == [128, 96, None]


def test_a_bare_name_is_written_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(Path("out.mp4"), moving_square(3, 48, 64), fps=25)
    assert (tmp_path / "out.mp4").stat().st_mode & 0o044
