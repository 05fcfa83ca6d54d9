"""Video files through PyAV: the track and its clock first, pictures one at a time afterwards.

Only the demuxers that the project documents are allowed, and the file is handed over as an open file, never by name. So
a playlist dressed up as an mp4 can't make FFmpeg read other files or addresses.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from ctl.errors import InputError
from ctl.video.limits import Limits, require_frames

DEMUXERS: Final = (
    "mov,matroska,avi,gif,mpegts,mpeg,mpegvideo,asf,flv,ogg,mxf,dv,dhav,rm,nut,ivf,yuv4mpegpipe,h264,hevc,m4v,obu"
)
"""FFmpeg's names of the containers that hold their pictures themselves; `mov` is also mp4, `matroska` also webm. What
opens other files or addresses, such as a playlist, is none of them."""

SUFFIXES: Final = (
    *(".mp4", ".mov", ".m4v", ".webm", ".avi", ".mkv", ".gif", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob"),
    *(".wmv", ".asf", ".flv", ".3gp", ".ogv", ".mxf", ".dv", ".dav", ".h264", ".264", ".hevc", ".h265", ".y4m", ".ivf"),
)

_NO_VIDEO: Final = (
    (b"#EXTM3U", "a playlist, which only names videos: give the video itself"),
    (b"%PDF", "a PDF document"),
    (b"ID3", "sound without pictures"),
    (b"fLaC", "sound without pictures"),
    (b"PK", "a damaged zip"),
    (b"<", "a web page or other text, perhaps what was saved in place of the video"),
)
"""How files begin that are often given by mistake, and what to say of them."""

HD: Final = 1280
"""Pixels of the longer side from which pictures without tags are in the colours of BT.709; smaller ones in BT.601's."""

_MATRICES: Final = (0, 1, 4, 5, 6, 7, 9)
"""FFmpeg's numbers of the ways to code colours that it converts: RGB, BT.709, FCC, BT.601 (two), 240M, BT.2020."""

Orientation = tuple[int, int, int, int]
"""Signs (a, b, c, d) of a display matrix: a source pixel (x, y) is shown at (ax + cy, bx + dy)."""

UPRIGHT: Final[Orientation] = (1, 0, 0, 1)

MISSING_TAIL: Final = 0.9
"""A file whose packets end before this share of the duration in its header was cut off."""

JUMP_SECONDS: Final = 10.0
"""Between two frames: a clock that goes on later was set anew, as that of a camera on a network is."""


@dataclass(frozen=True, eq=False)
class VideoFile:
    """What one pass over the packets of a video file tells, without decoding a picture.

    Args:
        path: the file.
        width, height: pixels of an upright frame with square pixels.
        orientation: as `orientation` reads it from the first frame.
        times: (n,) float64 seconds from the first frame, ascending, one per packet that is to be shown.
        frame_seconds: how long a frame lasts, on the average.
        promised_seconds: duration in the header of a file that was cut off before it; 0 for a whole file.
        track: number of the picture track among the file's tracks.
        has_clock: whether its time stamps say when frames come; without, they come one `frame_seconds` after another.
        jumps: how often its clock goes on more than `JUMP_SECONDS` later; such a gap counts as one frame.
    """

    path: Path
    width: int
    height: int
    orientation: Orientation
    times: np.ndarray
    frame_seconds: float
    promised_seconds: float
    track: int
    has_clock: bool
    jumps: int

    clocked: ClassVar[bool] = True

    @property
    def notices(self) -> tuple[str, ...]:
        """What is odd about the clock."""
        if not self.has_clock:
            rate = 1 / self.frame_seconds
            return (f"The clip doesn't say when its frames come: they are taken as {rate:.3g} per second.",)
        if self.jumps:
            many = f"{self.jumps} times" if self.jumps > 1 else "once"
            return (f"The clip's clock jumps {many}: what follows is taken to go on at once.",)
        return ()

    def shots(self) -> Generator[tuple[float, Callable[[], np.ndarray]]]:
        """Yield, for every frame that decodes, its time in seconds from the first and a function that renders it.

        Rendering gives (height, width, 3) uint8 RGB. Frames that don't decode are left out. Where a time stamp is
        missing or doesn't advance, or jumps, the frame is placed one `frame_seconds` after the one before.
        """
        last, start = -self.frame_seconds, None
        reformatter = VideoReformatter()  # one for all frames: what it sets up for HDR takes two seconds
        with _open(self.path) as (container, tracks):
            stream = next(track for track in tracks if track.index == self.track)
            stream.thread_type = "AUTO"
            for frame in _decodable(container, stream):
                time = frame.time if self.has_clock else None
                if start is None:
                    start = time or 0.0
                advance = 0.0 if time is None else time - start - last
                if abs(advance) > JUMP_SECONDS:
                    start += advance - self.frame_seconds
                last += advance if 0 < advance <= JUMP_SECONDS else self.frame_seconds
                yield last, partial(_render, frame, reformatter, self.orientation, (self.width, self.height))


def read_video_file(path: Path, limits: Limits) -> VideoFile:
    """Read the time stamps of a video file.

    Raises:
        InputError: it isn't one of the known containers, holds no picture track or too few frames, or they are too
            large.
    """
    with _open(path) as (container, tracks):
        shown: dict[int, list[float | None]] = {track.index: [] for track in tracks}
        for packet in _packets(container, *tracks):
            if packet.size and not packet.is_discard:  # an edit list may hide what stands in the file
                shown[packet.stream_index].append(_stamp(packet))
        stream = max(tracks, key=lambda track: len(shown[track.index]))  # another one may be a thumbnail
        stamps = shown[stream.index]
        require_frames(path.name, len(stamps))
        limits.check_size(path.name, stream.width, stream.height)
        declared = (container.duration or 0) / av.time_base
        if stream.duration and stream.time_base:  # other tracks may be longer
            declared = float(stream.duration * stream.time_base)
        nominal = float(1 / stream.average_rate) if stream.average_rate else 0.04
        track = stream.index
    seconds = np.array(sorted(stamp for stamp in stamps if stamp is not None))
    has_clock = len(seconds) == len(stamps) and seconds[-1] > seconds[0]
    steps = np.diff(seconds) if has_clock else np.full(len(stamps) - 1, nominal)
    is_jump = steps > JUMP_SECONDS
    typical = float(np.median(steps[~is_jump])) if (~is_jump).any() else nominal
    times = np.concatenate([[0.0], np.where(is_jump, typical or nominal, steps).cumsum()])
    frame_seconds = float(times[-1] / (len(times) - 1)) or nominal
    end = times[-1] + frame_seconds
    end_by_header = end + max(
        0.0, float(seconds[0]) if has_clock else 0.0
    )  # some count from 0, not from the first frame
    turned, (width, height) = _first_look(path, track)
    limits.check_size(path.name, width, height)
    return VideoFile(
        path=path,
        width=width,
        height=height,
        orientation=turned,
        times=times,
        frame_seconds=frame_seconds,
        promised_seconds=declared if end_by_header < MISSING_TAIL * declared and not is_jump.any() else 0.0,
        track=track,
        has_clock=has_clock,
        jumps=int(is_jump.sum()),
    )


@contextmanager
def _open(path: Path) -> Iterator[tuple[InputContainer, list[VideoStream]]]:
    """The file and its picture tracks, at least one."""
    with path.open("rb") as file:
        try:
            container = av.open(file, "r", options={"format_whitelist": DEMUXERS})
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"{path.name} can't be read as a video: {_what_it_is(path)}.") from error
        with container:
            tracks = [track for track in container.streams.video if not _is_cover(track) and track.codec_context]
            if not tracks:  # or in a coding that FFmpeg doesn't know
                raise InputError(
                    f"{path.name} holds no picture track that can be read: give a clip that shows a person."
                )
            yield container, tracks


def _what_it_is(path: Path) -> str:
    """Of a file that no demuxer takes, in words."""
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    kind = next((words for begin, words in _NO_VIDEO if start.startswith(begin)), None)
    return f"it is {kind}" if kind else "it is damaged, cut off, or of another kind, such as sound or a document"


def _is_cover(track: VideoStream) -> bool:
    return bool(track.disposition & track.disposition.__class__.attached_pic)


def _packets(container: InputContainer, *tracks: VideoStream) -> Iterator[av.Packet]:
    """The tracks' packets, ending quietly where a damaged file stops being readable."""
    try:
        yield from container.demux(*tracks)
    except av.error.FFmpegError:
        return


def _decodable(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames that decode; damaged ones are skipped."""
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame):
                yield frame


def _stamp(packet: av.Packet) -> float | None:
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None or packet.time_base is None else float(ticks * packet.time_base)


def _first_look(path: Path, track: int) -> tuple[Orientation, tuple[int, int]]:
    """The first frame's orientation, and its width and height once that is applied and its pixels are square."""
    with _open(path) as (container, tracks):
        stream = next(stream for stream in tracks if stream.index == track)
        frame = next(_decodable(container, stream), None)
        if frame is None:
            return UPRIGHT, (stream.width, stream.height)
        width = round(frame.width * float(stream.sample_aspect_ratio or 1))
        turned = orientation(frame)
        return turned, (frame.height, width) if _quarter_turned(turned) else (width, frame.height)


def orientation(frame: VideoFrame) -> Orientation:
    """Read a frame's display matrix.

    Flags that aren't quarter turns (with or without mirroring) are ignored, as browsers do. To be asked of one frame of
    a file only: PyAV ties a frame to its side data in a circle, so its memory isn't freed at once.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    a, b, c, d = np.sign(np.frombuffer(matrix, dtype=np.int32)[[0, 1, 3, 4]]).tolist()
    return (a, b, c, d) if abs(a * d - b * c) == 1 and a * b == 0 and c * d == 0 else UPRIGHT


def _colours(frame: VideoFrame) -> dict[str, Any]:
    """How a frame's numbers become SDR colours: by its tags, and without them as players guess, by its size.

    HDR (PQ and HLG) is mapped to what a common screen shows; its numbers taken as they are would look washed out.
    """
    options: dict[str, Any] = {}
    if frame.colorspace not in _MATRICES:
        options["src_colorspace"] = Colorspace.ITU709 if max(frame.width, frame.height) >= HD else Colorspace.ITU601
    if frame.color_trc in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67):
        options |= {"dst_color_trc": ColorTrc.IEC61966_2_1, "dst_color_primaries": ColorPrimaries.BT709}
        options |= {"dst_color_range": ColorRange.JPEG}
    return options


def _quarter_turned(turned: Orientation) -> bool:
    return turned[0] == 0


def _render(frame: VideoFrame, reformatter: VideoReformatter, turned: Orientation, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint8 RGB, upright, with square pixels; size is the upright width and height."""
    a, b, c, d = turned
    width, height = size[::-1] if _quarter_turned(turned) else size
    image = reformatter.reformat(frame, width, height, "rgb24", **_colours(frame)).to_ndarray()
    if _quarter_turned(turned):
        return np.ascontiguousarray(image.transpose(1, 0, 2)[::b, ::c])
    return np.ascontiguousarray(image[::d, ::a])
