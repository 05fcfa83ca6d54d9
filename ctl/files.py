"""Where the project's own files are. Its formats are written whole or not at all, and read with clear errors."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ctl.errors import InputError

_BUNDLED: Final = Path(__file__).resolve().parent / "_bundled"

ROOT: Final = _BUNDLED if _BUNDLED.is_dir() else _BUNDLED.parent.parent
"""The folder that holds `weights` and `assets`: of a clone, which holds `ctl` too, or of an installed package."""


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or whoever comes after a crash, sees the old content or the new, never a part.

    The folder is created if it is missing. Raises InputError if it can't be written to.
    """
    try:
        with folder_for_results(path.parent):
            _write_beside(path, data)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from error


@contextmanager
def folder_for_results(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; if what is done in it fails, those that were made go again if empty."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        _remove_empty(missing)
        raise


def require_writable(folder: Path) -> None:
    """Find out before long work whether its results can be written to a folder. It is left as it was: one that is
    missing is made and goes again.

    Raises InputError where it can't be written to.
    """
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"some bytes")
        finally:
            _remove_empty(missing)
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror}. Choose another folder.") from error


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # something else is in it by now
            folder.rmdir()


def _write_beside(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def to_json(values: dict[str, Any], indent: int = 2) -> bytes:
    """The one way that the project's JSON files are laid out. Names of files that aren't text are escaped."""
    return (json.dumps(values, indent=indent, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object. Raises InputError if it is missing, damaged or holds something else."""
    try:
        values = json.loads(read_bytes(path))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} must hold a JSON object")
    return values


def read_bytes(path: Path) -> bytes:
    """Content of a file. Raises InputError if it is missing or can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error


def sha256_of(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()
