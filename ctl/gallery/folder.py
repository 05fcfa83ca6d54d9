"""A gallery in a folder, safe from crashes and from other processes.

Readers take no lock: the JSON is replaced last and in one step, so they find the gallery as it was or as it is.
Writers wait for each other at `.lock`, which the system frees when a process dies: each reads the gallery anew, makes
its change and writes it.

Embeddings are memory-mapped. Of a gallery of more than HELD tracklets, thumbnails and evidence are read, and checked,
when they are asked for: it opens in seconds, and what a writer removed since can no longer be shown.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from safetensors.torch import load, load_file
from torch import Tensor

from ctl.errors import InputError
from ctl.files import folder_for_results, read_bytes, write_atomic
from ctl.gallery.base import REBUILD, Gallery, require_weights
from ctl.gallery.keys import clip_sha256
from ctl.gallery.layout import INDEX, Load, Read, pack, unpack
from ctl.gallery.memory import MemoryGallery

PATIENCE_S: Final = 60.0
"""Seconds that a writer waits for the others."""

MOST_TRACKLETS: Final = 1_000_000
INDEX_BYTES: Final = 256 * 2**20

HELD: Final = 2000
"""Tracklets whose thumbnails and evidence are read at once, and held: about 200 MB."""

_EMBEDDINGS: Final = "embeddings-*.safetensors"
_UNFINISHED: Final = (f".{INDEX}.*", ".embeddings-*")
"""Files of a writer that was killed."""


class GalleryFolder:
    """See `GalleryStore`. A folder that isn't there yet is an empty gallery to those who say of which checkpoint.

    Args:
        path: the folder.
        checkpoint_sha256: of the weights whose embeddings it has to hold; None takes any.
    """

    def __init__(self, path: Path, checkpoint_sha256: str | None = None) -> None:
        self.path = path
        self.checkpoint_sha256 = checkpoint_sha256
        self._last: tuple[object, MemoryGallery] | None = None  # an index and what it stands for: most find no change

    def read(self) -> MemoryGallery:
        index = self.path / INDEX
        if self.checkpoint_sha256 is not None and not index.exists():
            _require_free(self.path)
            return MemoryGallery.empty(self.checkpoint_sha256)
        version = _version(index)
        if self._last is not None and version == self._last[0]:
            return self._last[1]
        gallery = read_gallery(self.path)
        if self.checkpoint_sha256 is not None:
            require_weights(gallery, self.checkpoint_sha256)
        self._last = version, gallery
        return gallery

    def update(self, change: Callable[[Gallery], Gallery]) -> Gallery:
        self.read()  # a folder of other things gets no lock file
        with _locked(self.path):
            changed = change(self.read())
            _write(self.path, changed)
        return changed

    def replace(self, gallery: Gallery) -> None:
        with _locked(self.path):
            _write(self.path, gallery)


def read_gallery(folder: Path) -> MemoryGallery:
    """Read a gallery. Raises InputError if a file is missing, damaged or of another format."""
    if not folder.is_dir():
        raise InputError(f"there is no gallery folder {folder}: make it with `python -m ctl gallery build`")
    try:
        while True:
            version = _version(folder / INDEX)
            try:
                return unpack(_reader(folder), _mapper(folder), _hold_few, MOST_TRACKLETS)
            except InputError:
                if _version(folder / INDEX) == version:  # else a writer replaced the files in the middle of the reading
                    raise
    except InputError as error:
        raise InputError(f"gallery {folder} can't be used, {REBUILD}: {error}") from error


def _version(file: Path) -> tuple[int, int, int] | None:
    """Another whenever a file is replaced or changed. None where it can't be looked at."""
    try:
        state = file.stat()
        return state.st_ino, state.st_size, state.st_mtime_ns
    except OSError:
        return None


def _reader(folder: Path) -> Read:
    return lambda name, most: _read_file(folder / name, INDEX_BYTES if name == INDEX else most)


def _mapper(folder: Path) -> Load:
    """Of files whose tensors stay on disk until they are used. Nobody writes into a file that is there."""

    def load_mapped(name: str, most: int) -> tuple[str, Callable[[], dict[str, Tensor]]]:
        path = folder / name
        _require_size(path, most)
        return clip_sha256(path), lambda: _map_file(path)

    return load_mapped


def _map_file(path: Path) -> dict[str, Tensor]:
    if os.fsencode(path) != str(path).encode(errors="replace"):
        return load(read_bytes(path))  # safetensors opens no file whose name isn't UTF-8
    try:
        return load_file(path)
    except (OSError, RuntimeError) as error:  # PyTorch opens it a second time
        raise InputError(f"{path} can't be read: {str(error).splitlines()[0]}") from error


def _hold_few(contents: Sequence[bytes]) -> Sequence[bytes]:
    return tuple(contents) if len(contents) <= HELD else contents


def _require_free(folder: Path) -> None:
    """Raises InputError if a folder holds anything but what a writer left that was killed before its index."""
    patterns = (".lock", _EMBEDDINGS, "thumbnails", "evidence", *_UNFINISHED)
    for file in folder.iterdir() if folder.is_dir() else ():
        if not any(file.match(pattern) for pattern in patterns):
            raise InputError(f"{folder} isn't a gallery and holds {file.name}: name a new folder or an empty one")


def _read_file(path: Path, most: int) -> bytes:
    _require_size(path, most)
    return read_bytes(path)


def _require_size(path: Path, most: int) -> None:
    """Raises InputError if there is no such file, or it has more bytes."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    if size > most:
        raise InputError(f"{path} has {size} bytes, more than {most}")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other writers out. Raises InputError if they don't finish, or the folder can't be written to."""
    lock = FileLock(folder / ".lock", timeout=PATIENCE_S, poll_interval=0.01)
    try:
        with folder_for_results(folder):
            lock.acquire()
            try:
                yield
            except BaseException:
                if not (folder / INDEX).exists():  # no gallery came of it
                    Path(lock.lock_file).unlink(missing_ok=True)
                raise
            finally:
                lock.release()
    except Timeout as error:
        raise InputError(f"gallery {folder} is being written by another process: try again later") from error
    except OSError as error:
        raise InputError(f"gallery {folder} can't be written: {error.strerror}") from error


def _write(folder: Path, gallery: Gallery) -> None:
    """What the folder held before is replaced in one step, that of the index. What fails before leaves no new file."""
    files, begun = pack(gallery), list[Path]()
    try:
        for name, content in files.items():
            path = folder / name
            if not _holds(path, content):
                begun += [] if path.exists() else [path]
                write_atomic(path, content)
    except BaseException:
        for path in begun:
            path.unlink(missing_ok=True)
        for place in {path.parent for path in begun} - {folder}:
            with suppress(OSError):  # there are older files in it
                place.rmdir()
        raise
    for pattern in (_EMBEDDINGS, "thumbnails/*.jpg", "evidence/*.safetensors"):
        for old in folder.glob(pattern):
            if old.relative_to(folder).as_posix() not in files:
                old.unlink()
    for pattern in (*_UNFINISHED, "thumbnails/.*", "evidence/.*"):
        for unfinished in folder.glob(pattern):
            unfinished.unlink()


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is as it should be already, which most are after a small change."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False
