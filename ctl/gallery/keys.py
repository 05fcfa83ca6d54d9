"""What a tracklet is called: by the content of its clip, so that the name is the same wherever the clip lies."""

import hashlib
from pathlib import Path

from ctl.errors import InputError
from ctl.files import sha256_of


def tracklet_key(clip_digest: str, tracklet_id: int) -> str:
    """12 digits of `clip_sha256`, a slash, the tracklet's number."""
    return f"{clip_digest[:12]}/{tracklet_id}"


def clip_sha256(clip: Path) -> str:
    """Of a file's content; of a folder's file names and contents, in the order of the names.

    Raises InputError if the clip can't be read.
    """
    try:
        if not clip.is_dir():
            return _file_sha256(clip)
        files = sorted(path.relative_to(clip).as_posix() for path in clip.rglob("*") if path.is_file())
        return sha256_of(
            "".join(f"{name}\n{_file_sha256(clip / name)}\n" for name in files).encode(errors="surrogateescape")
        )
    except OSError as error:
        raise InputError(f"{clip} can't be read: {error.strerror}") from error


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
