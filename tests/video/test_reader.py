"""Reading clips: what comes out is what was put in, whatever the container says about time and orientation."""

import struct
from pathlib import Path

import numpy as np
import pytest

from ctl.video.reader import Limits, analysis_rate, choose, open_clip


def greys(clip) -> list[float]:
    return [float(frame.image.mean()) for frame in clip]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif"])
def test_every_container_gives_all_frames_in_order_with_their_times(write_clip, grey_ramp, suffix):
    frames = grey_ramp(12)
    with open_clip(write_clip(f"clip{suffix}", frames)) as clip:
        read = list(clip)
    assert [frame.index for frame in read] == list(range(12))
    np.testing.assert_allclose([frame.time for frame in read], np.arange(12) / 25, atol=0.006)
    np.testing.assert_allclose([f.image.mean() for f in read], [f.mean() for f in frames], atol=20)
    assert np.all(np.diff([f.image.mean() for f in read]) >= 0)
    assert (clip.info.width, clip.info.height, clip.info.frames) == (64, 48, 12)
    assert clip.info.fps == pytest.approx(25, rel=0.01)
    assert clip.info.duration == pytest.approx(12 / 25, rel=0.02)
    assert clip.info.notices == ()


def test_colours_come_out_as_they_went_in(write_clip):
    picture = np.zeros((48, 64, 3), dtype=np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = (200, 30, 30), (30, 200, 30), (30, 30, 200)
    frame = next(iter(open_clip(write_clip("colours.mp4", [picture] * 3))))
    for y, x in ((12, 16), (12, 48), (36, 16), (36, 48)):
        np.testing.assert_allclose(frame.image[y, x], picture[y, x], atol=10)


def with_display_matrix(path: Path, matrix: tuple[int, ...]) -> Path:
    """Write a display matrix into the track header of an mp4, byte by byte (ISO 14496-12, section 8.3.2)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version and flags, times, id, duration, layer, group, volume, reserved
    assert struct.unpack_from(">9i", data, at) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    a, b, c, d = matrix
    struct.pack_into(">9i", data, at, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        pytest.param((1, 0, 0, 1), lambda image: image, id="0"),
        pytest.param((0, 1, -1, 0), lambda image: np.rot90(image, -1), id="90-clockwise"),
        pytest.param((-1, 0, 0, -1), lambda image: np.rot90(image, 2), id="180"),
        pytest.param((0, -1, 1, 0), lambda image: np.rot90(image, 1), id="270-clockwise"),
        pytest.param((-1, 0, 0, 1), lambda image: image[:, ::-1], id="mirrored"),
    ],
)
def test_orientation_flag_is_applied(write_clip, matrix, upright):
    picture = np.zeros((48, 96, 3), dtype=np.uint8)
    picture[:24, :48], picture[:24, 48:], picture[24:, :48] = 250, 170, 90
    clip = open_clip(with_display_matrix(write_clip("turned.mp4", [picture] * 3), matrix))
    want = upright(picture)
    frame = next(iter(clip))
    assert (clip.info.height, clip.info.width) == want.shape[:2]
    assert frame.image.shape == want.shape
    for y in (want.shape[0] // 4, want.shape[0] * 3 // 4):
        for x in (want.shape[1] // 4, want.shape[1] * 3 // 4):
            np.testing.assert_allclose(frame.image[y, x], want[y, x], atol=12)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_uneven_time_stamps_are_kept(write_clip, grey_ramp, suffix):
    ticks = [0, 40, 80, 400, 440, 1000, 1900, 1940]
    clip = open_clip(write_clip(f"uneven{suffix}", grey_ramp(len(ticks)), ticks=ticks))
    np.testing.assert_allclose([frame.time for frame in clip], np.array(ticks) / 1000, atol=0.002)


def test_a_fast_clip_is_thinned_evenly_and_says_so(write_clip, grey_ramp):
    frames = grey_ramp(90)
    clip = open_clip(write_clip("fast.mp4", frames, fps=30), max_fps=10)
    before = clip.info
    read = list(clip)
    np.testing.assert_allclose([frame.time for frame in read], np.arange(30) / 10, atol=1e-3)
    np.testing.assert_allclose([f.image.mean() for f in read], [f.mean() for f in frames[::3]], atol=4)
    assert clip.info.notices == ("Thinned from 30 to 10 frames per second.",)
    assert (clip.info.frames, clip.info.fps) == (before.frames, pytest.approx(before.fps))


def test_a_minute_at_30_frames_per_second_is_thinned_to_900_not_cut(write_clip, grey_ramp):
    clip = open_clip(write_clip("minute.mp4", grey_ramp(1800, 16, 16), fps=30))
    times = [frame.time for frame in clip]
    assert len(times) == 900
    assert times[-1] == pytest.approx(59.93, abs=0.05)
    assert clip.info.notices == ("Thinned from 30 to 15 frames per second.",)


def test_a_clip_that_is_too_long_is_cut_and_says_so(write_clip, grey_ramp):
    clip = open_clip(write_clip("long.mp4", grey_ramp(130, 16, 16), fps=2))
    times = [frame.time for frame in clip]
    assert times[-1] == pytest.approx(59.5)
    assert clip.info.notices == ("Only the first 60 of 65.0 seconds were analysed.",)


def test_slots_are_filled_once_however_the_container_rounds():
    rounded = np.round(np.arange(60) / 30, 3)  # milliseconds, as in mkv
    chosen = [time for time, _ in choose(((time, None) for time in rounded), 15, Limits())]
    np.testing.assert_allclose(chosen, rounded[::2])


@pytest.mark.parametrize(
    ("fps", "seconds", "max_fps", "want"),
    [(25, 10, None, None), (25, 10, 10, 10), (30, 60, None, 15), (60, 60, 30, 15), (30, 45, None, 20)],
)
def test_rate_that_fits_the_limits(fps, seconds, max_fps, want):
    times = np.arange(fps * seconds) / fps
    assert analysis_rate(times, max_fps, Limits()) == want


def test_a_clip_can_be_read_twice_and_left_early(write_clip, grey_ramp):
    path = write_clip("twice.mp4", grey_ramp(10))
    with open_clip(path) as clip:
        for frame in clip:
            if frame.index == 3:
                break
        first, second = greys(clip), greys(clip)
    assert first == second
    assert len(first) == 10
    path.unlink()


def test_leaving_the_context_closes_the_file(write_clip, grey_ramp):
    path = write_clip("open.mp4", grey_ramp(10))

    def is_open() -> bool:
        return any(link.resolve() == path for link in Path("/proc/self/fd").iterdir())

    with open_clip(path) as clip:
        next(iter(clip))
        assert is_open()
    assert not is_open()
