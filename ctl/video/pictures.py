"""Clips that come as pictures: a folder, or a zip read in memory. Names are only compared, never used as paths."""

import struct
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, ClassVar, Final

import numpy as np
from PIL import Image, ImageOps

from ctl.errors import InputError
from ctl.video.limits import Limits
from ctl.video.names import is_system, natural_order
from ctl.video.rgb import to_rgb

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")

DISPLAY_FPS: Final = 25.0
"""Assumed where pictures have no clock; MARS was filmed at 25 frames per second."""

PICTURE_BYTES: Final = 32 * 10**6
"""Of one unpacked picture: a 4K bitmap has 25 MB."""

UNPACKED_BYTES: Final = 10**9
"""Of all unpacked pictures of a zip."""

DIRECTORY_BYTES: Final = 4 * 10**6
"""Of a zip's table of contents: room for some 40,000 names, read before any of them is looked at."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """A clip of numbered pictures, in the natural order of their names. Each is given at its own size.

    Args:
        path: the folder or zip.
        names: as the folder or zip spells them.
        width, height: pixels of the largest picture, upright: what is drawn on the clip has that size.
        alike: whether all pictures have one size.
    """

    path: Path
    names: tuple[str, ...]
    width: int
    height: int
    alike: bool
    limits: Limits

    clocked: ClassVar[bool] = False
    promised_seconds: ClassVar[float] = 0.0

    @property
    def notices(self) -> tuple[str, ...]:
        """That places in the clip are those of the largest picture, where the others have other pixels."""
        if self.alike:
            return ()
        size = f"{self.width}x{self.height}"
        return (f"The pictures differ in size: boxes and key-points are in pixels of the largest, {size}.",)

    @property
    def times(self) -> np.ndarray:
        """(n,) float64 seconds at `DISPLAY_FPS`."""
        return np.arange(len(self.names)) / DISPLAY_FPS

    def shots(self) -> Generator[tuple[float, Callable[[], np.ndarray]]]:
        """Yield each picture's time and a function that reads it as (H, W, 3) uint8 RGB.

        The function raises InputError where the picture is broken, too large or protected by a password.
        """
        with _opener(self.path) as open_picture:
            for index, name in enumerate(self.names):
                yield index / DISPLAY_FPS, partial(self._read, open_picture, name)

    def _read(self, open_picture: Callable[[str], IO[bytes]], name: str) -> np.ndarray:
        with _picture(open_picture, name, self.limits) as image:
            return to_rgb(image)


def read_pictures(path: Path, limits: Limits) -> Pictures:
    """List the pictures of a folder or zip and look at the sizes of those that will be analysed.

    Raises:
        InputError: there is no picture, or they lie in several folders; the zip is broken or unpacks to too much; or
            a picture can't be read.
    """
    names = _zip_names(path) if path.is_file() else _folder_names(path)
    if not names:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise InputError(f"{path.name} holds no pictures ({kinds}).")
    folders = natural_order({str(PurePosixPath(name.replace("\\", "/")).parent) for name in names})
    if len(folders) > 1:
        shown = ", ".join(folders[:3]) + (", …" if len(folders) > 3 else "")
        raise InputError(
            f"{path.name} holds pictures in {len(folders)} folders ({shown}), which may be several people: give one of "
            "them."
        )
    sizes: dict[str, tuple[int, int]] = {}
    with _opener(path) as open_picture:
        for name in names[: limits.frames]:
            with _picture(open_picture, name, limits) as image:
                sizes[name] = image.size
        largest = max(sizes, key=lambda name: sizes[name][0] * sizes[name][1])
        with _picture(open_picture, largest, limits) as image:
            width, height = ImageOps.exif_transpose(image).size
    return Pictures(path, names, width, height, len(set(sizes.values())) == 1, limits)


def is_picture(path: Path) -> bool:
    """Whether a file is one still picture of a known kind."""
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except (OSError, ValueError, Image.DecompressionBombError):
        return False


def is_frame_name(name: str) -> bool:
    """Whether a path names a picture that is a frame: of a known kind, and nothing that a system left there."""
    return name.lower().endswith(SUFFIXES) and not is_system(name)


def _folder_names(path: Path) -> tuple[str, ...]:
    files = (file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return tuple(natural_order(name for name in files if is_frame_name(name)))


def _zip_names(path: Path) -> tuple[str, ...]:
    _check_directory_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if is_frame_name(entry.filename)]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:  # the last: of a later format
        raise InputError(f"{path.name} is a broken zip: please pack it again.") from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise InputError(f"{path.name} is protected by a password: pack it without one.")
    largest, total = max((e.file_size for e in entries), default=0), sum(e.file_size for e in entries)
    if largest > PICTURE_BYTES or total > UNPACKED_BYTES:
        raise InputError(
            f"{path.name} unpacks to {total / 1e6:,.0f} MB: at most {UNPACKED_BYTES // 10**6:,} MB in all and "
            f"{PICTURE_BYTES // 10**6} MB a picture are read."
        )
    return tuple(natural_order({entry.filename for entry in entries}))


def _check_directory_size(path: Path) -> None:
    """Refuse a zip with a giant table of contents, which `zipfile` would load whole, from the record at its end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))  # the record and its longest comment
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise InputError(f"{path.name} is a broken zip: please pack it again.")
    (directory_bytes,) = struct.unpack_from("<I", tail, at + 12)
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):  # zip64: the size stands in a record of its own
        large = tail.rfind(b"PK\x06\x06", 0, at)
        if large < 0 or at < large + 56:
            raise InputError(f"{path.name} is a broken zip: please pack it again.")
        (directory_bytes,) = struct.unpack_from("<Q", tail, large + 40)
    if directory_bytes > DIRECTORY_BYTES:
        raise InputError(f"{path.name} lists too many files: pack only the frames of one clip.")


@contextmanager
def _opener(path: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """A function that opens a picture of the folder or zip by name."""
    if path.is_dir():
        yield lambda name: (path / name).open("rb")
    else:
        with zipfile.ZipFile(path) as archive:
            yield lambda name: archive.open(name)


@contextmanager
def _picture(open_picture: Callable[[str], IO[bytes]], name: str, limits: Limits) -> Iterator[Image.Image]:
    """An opened picture whose size is within the limits: its pixels aren't decoded before that is known."""
    short = PurePosixPath(name).name
    try:
        with open_picture(name) as file, Image.open(file, formats=FORMATS) as image:
            limits.check_size(short, *image.size)
            yield image
    except (OSError, ValueError, SyntaxError, NotImplementedError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{short} is a damaged picture: leave it out or export it again.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{short} has too many pixels: scale it down first.") from error
