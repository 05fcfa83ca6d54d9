"""Reading clips: what comes out is what was put in, whatever the container says about time and orientation."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from ctl.video import container
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


def test_a_thumbnail_before_the_film_is_not_taken_for_it(write_clip, grey_ramp):
    frames = grey_ramp(8)
    clip = open_clip(write_clip("thumbnail.mp4", frames, still=np.zeros((96, 128, 3), np.uint8)))
    assert (clip.info.width, clip.info.height, clip.info.frames) == (64, 48, 8)
    np.testing.assert_allclose(greys(clip), [frame.mean() for frame in frames], atol=8)
    assert clip.info.notices == ()


@pytest.mark.parametrize("hours", [2, 30])
def test_a_clock_that_is_set_anew_is_bridged_and_it_says_so(write_clip, grey_ramp, hours):
    late = hours * 3_600_000
    ticks = [0, *(late + 40 * number for number in range(9))]
    clip = open_clip(write_clip("camera.mkv", grey_ramp(10), ticks=ticks), max_fps=100)
    np.testing.assert_allclose([frame.time for frame in clip], np.arange(10) * 0.04, atol=0.002)
    assert clip.info.notices == ("The clip's clock jumps once: what follows is taken to go on at once.",)
    assert clip.info.duration == pytest.approx(0.4, abs=0.01)


def test_a_long_pause_is_kept(write_clip, grey_ramp):
    ticks = [0, 40, 80, 9000, 9040]
    clip = open_clip(write_clip("pause.mkv", grey_ramp(5), ticks=ticks))
    np.testing.assert_allclose([frame.time for frame in clip], np.array(ticks) / 1000, atol=0.002)
    assert clip.info.notices == ()


def test_what_an_edit_list_hides_is_neither_counted_nor_missed(write_clip, grey_ramp):
    """Frames before time 0 stand in the file, and its edit list leaves them out (ISO 14496-12, section 8.6.6)."""
    frames = grey_ramp(20)
    clip = open_clip(write_clip("trimmed.mp4", frames, ticks=[40 * number - 400 for number in range(20)]))
    assert clip.info.frames == 10
    np.testing.assert_allclose(greys(clip), [frame.mean() for frame in frames[10:]], atol=8)
    assert clip.info.notices == ()


def test_a_clip_without_a_clock_gets_one_and_it_says_so(write_clip, grey_ramp, monkeypatch):
    monkeypatch.setattr(container, "_stamp", lambda packet: 0.0)  # no muxer writes such a file
    clip = open_clip(write_clip("equal.mp4", grey_ramp(100)), max_fps=5)
    assert len(list(clip)) == 20
    first, second = clip.info.notices
    assert first == "The clip doesn't say when its frames come: they are taken as 25 per second."
    assert second == "Thinned from 25 to 5 frames per second."


@pytest.mark.parametrize(("frames", "kept"), [(2, 2), (3, 3), (12, 12), (14, 12), (30, 12), (90, 30)])
def test_thinning_leaves_what_the_model_needs(write_clip, grey_ramp, frames, kept):
    clip = open_clip(write_clip("short.mp4", grey_ramp(frames), fps=30), max_fps=10)
    assert len(list(clip)) == pytest.approx(kept, abs=1 if frames > 12 else 0)


def encoded(path: Path, planes: np.ndarray, **tags: int) -> Path:
    """A clip of one YCbCr picture (3, H, W) 10 bit, which stands in the file as it is, with colour tags."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = planes.shape[1:]
        stream.pix_fmt = "yuv444p10le"
        context = stream.codec_context
        context.colorspace, context.color_range = tags.get("colorspace", 2), tags.get("color_range", 0)
        context.color_trc, context.color_primaries = tags.get("color_trc", 2), tags.get("color_primaries", 2)
        for number in range(2):
            frame = av.VideoFrame(stream.width, stream.height, "yuv444p10le")
            for plane, values in zip(frame.planes, planes, strict=True):
                padded = np.zeros((plane.height, plane.line_size // 2), "<u2")
                padded[:, : plane.width] = values
                plane.update(padded.tobytes())
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def ycbcr(rgb: np.ndarray, red: float, blue: float) -> np.ndarray:
    """(H, W, 3) R'G'B' 0..1 -> (3, H, W) limited-range YCbCr of 10 bits, by the luma weights of red and blue."""
    luma = red * rgb[..., 0] + (1 - red - blue) * rgb[..., 1] + blue * rgb[..., 2]
    cb, cr = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    return np.stack([64 + 876 * luma, 512 + 896 * cb, 512 + 896 * cr]).round().astype(np.uint16)


PATCHES = np.repeat(
    np.repeat(np.array([[[200, 30, 30], [30, 200, 30]], [[30, 30, 200], [128, 128, 128]]]), 32, 0), 32, 1
)
BT601, BT709, BT2020 = (0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)


@pytest.mark.parametrize(
    ("weights", "tags", "size"),
    [
        pytest.param(BT601, {}, 1, id="small-untagged"),
        pytest.param(BT709, {}, 20, id="large-untagged"),
        pytest.param(BT709, {"colorspace": 1}, 1, id="small-709"),
        pytest.param(BT601, {"colorspace": 6}, 20, id="large-601"),
    ],
)
def test_colours_follow_the_tags_and_else_the_size(tmp_path, weights, tags, size):
    picture = np.repeat(np.repeat(PATCHES, size, 0), size, 1)
    clip = open_clip(encoded(tmp_path / "colours.mkv", ycbcr(picture / 255, *weights), **tags))
    np.testing.assert_allclose(next(iter(clip)).image, picture, atol=3)


@pytest.mark.slow
@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_is_shown_as_sdr(tmp_path, transfer):
    """Colours as of an SDR screen of 203 nits (ITU-R BT.2408), coded for HDR (BT.2100), come back much as they were."""
    share = PATCHES / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    wide = linear @ to_2020.T
    if transfer == "pq":
        power = (wide * 203 / 10_000) ** 0.1593017578125
        coded = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        luma = (wide @ [0.2627, 0.6780, 0.0593])[..., None] * 203 / 1000
        scene = wide * 203 / 1000 * luma ** (1 / 1.2 - 1)
        curve = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        coded = np.where(scene <= 1 / 12, np.sqrt(3 * scene), curve)
    tags = {"colorspace": 9, "color_primaries": 9, "color_range": 1, "color_trc": 16 if transfer == "pq" else 18}
    clip = open_clip(encoded(tmp_path / "phone.mkv", ycbcr(coded, *BT2020), **tags))
    found = next(iter(clip)).image.astype(int)
    assert np.abs(found - PATCHES).mean() < 12
    assert np.abs(found - PATCHES).max() < 40


CONTAINERS = (  # as recorders, cameras and old phones write them: name, FFmpeg's format, codec
    ("camera.ts", "mpegts", "libx264"),
    ("recorder.m2ts", "mpegts", "mpeg2video"),
    ("tape.mpg", "mpeg", "mpeg2video"),
    ("disc.vob", "vob", "mpeg2video"),
    ("raw.mpg", "mpeg1video", "mpeg1video"),
    ("windows.wmv", "asf", "wmv2"),
    ("flash.flv", "flv", "flv1"),
    ("studio.mxf", "mxf", "mpeg2video"),
    ("raw.h264", "h264", "libx264"),
    ("raw.hevc", "hevc", "libx265"),
    ("raw.m4v", "m4v", "mpeg4"),
    ("raw.y4m", "yuv4mpegpipe", "rawvideo"),
    ("web.ivf", "ivf", "libvpx"),
    ("free.ogv", "ogv", "libvpx"),
)


@pytest.mark.parametrize(("name", "container", "codec"), CONTAINERS, ids=[name for name, *_ in CONTAINERS])
@pytest.mark.parametrize("suffix", ["own", ".mp4"])
def test_every_container_is_known_by_its_content(tmp_path, grey_ramp, name, container, codec, suffix):
    path = tmp_path / (name if suffix == "own" else f"renamed{suffix}")
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=25, width=64, height=128, pix_fmt="yuv420p")
        ramp = grey_ramp(24, 128, 64)
        for image in ramp:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode())
    with open_clip(path) as clip:
        read = greys(clip)
    assert (clip.info.width, clip.info.height) == (64, 128)
    assert clip.info.fps == pytest.approx(25, rel=0.05)
    np.testing.assert_allclose(read, [image.mean() for image in ramp], atol=4)
