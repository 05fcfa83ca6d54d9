"""A gallery as one file to hand on: a ZIP of the files of `layout`, not compressed, so that reading can't swell it."""

import io
import zipfile
from pathlib import Path
from typing import Final, Literal, get_args

import torch
from PIL import Image

from ctl.errors import InputError, Remedy
from ctl.files import read_bytes, write_atomic
from ctl.gallery.base import Gallery, Record, check_width
from ctl.gallery.folder import read_gallery
from ctl.gallery.layout import EMBEDDINGS_BYTES, INDEX_BYTES, pack, unpack
from ctl.gallery.memory import MemoryGallery
from ctl.jpeg import open_jpeg

BUNDLE_BYTES: Final = EMBEDDINGS_BYTES + INDEX_BYTES
MOST_PIXELS: Final = 512
"""Side of an imported thumbnail at most; our own have 192."""

OnClash = Literal["refuse", "keep", "replace"]
"""What becomes of an import's tracklet whose key the gallery holds with other names or another embedding: the whole
import is refused, the gallery's own is kept, or the import's takes its place."""


def to_bundle(gallery: Gallery) -> bytes:
    """The same gallery gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in pack(gallery).items():
            archive.writestr(zipfile.ZipInfo(name), content)  # ZipInfo's date is fixed
    return buffer.getvalue()


def write_bundle(gallery: Gallery, path: Path) -> None:
    """Write `to_bundle`, whole or not at all. Raises InputError if the file can't be written."""
    write_atomic(path, to_bundle(gallery))


def read_bundle(path: Path) -> MemoryGallery:
    """Read what `write_bundle` wrote, or a gallery folder, and check all of it: it may come from a stranger.

    Raises:
        InputError: it is no such file, or too large, damaged, compressed or encrypted.
    """
    gallery = read_gallery(path) if path.is_dir() else _read_zip(path)
    for record in gallery.records([entry.key for entry in gallery.entries]):
        _check_picture(record)
    return gallery


def merge(gallery: Gallery, incoming: Gallery, on_clash: OnClash = "refuse") -> Gallery:
    """A gallery with the tracklets of another, which keep their order. The very same tracklet twice is no clash.

    Raises:
        InputError: other weights made the other's embeddings, or a key clashes and `on_clash` refuses that.
    """
    if on_clash not in get_args(OnClash):
        raise InputError(f"on_clash must be one of {', '.join(get_args(OnClash))}, got {on_clash!r}")
    if incoming.checkpoint_sha256 != gallery.checkpoint_sha256:
        raise InputError(
            f"the import was embedded by weights {incoming.checkpoint_sha256[:12]}…, the gallery by "
            f"{gallery.checkpoint_sha256[:12]}…: their embeddings can't be compared, so enrol the clips themselves"
        )
    incoming_records = incoming.records([entry.key for entry in incoming.entries])
    entries = {entry.key: entry for entry in gallery.entries}
    if entries and incoming_records:
        (first,) = gallery.records([next(iter(entries))])
        check_width(len(first.embedding), len(incoming_records[0].embedding))  # before anything is removed
    shared = [record for record in incoming_records if record.entry.key in entries]
    present = gallery.records([record.entry.key for record in shared])
    clashing = [new.entry.key for new, old in zip(shared, present, strict=True) if not _same(new, old)]
    if clashing and on_clash == "refuse":
        raise InputError(
            f"{len(clashing)} tracklets are in the gallery already with other names, such as {clashing[0]}",
            Remedy.SETTLE_CLASH,
        )
    replaced = set(clashing) if on_clash == "replace" else set()
    rest = gallery.remove(replaced) if replaced else gallery
    return rest.add(
        [record for record in incoming_records if record.entry.key not in entries or record.entry.key in replaced]
    )


def _same(a: Record, b: Record) -> bool:
    return a.entry == b.entry and torch.allclose(a.embedding, b.embedding, atol=1e-6)


def _read_zip(path: Path) -> MemoryGallery:
    try:
        if path.stat().st_size > BUNDLE_BYTES:
            raise InputError(f"{path.name} has more than {BUNDLE_BYTES} bytes")
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            members = _members(archive, path.stat().st_size)

            def read(name: str, most: int) -> bytes:
                if name not in members:
                    raise InputError(f"{name} is missing")
                if members[name].file_size > most:
                    raise InputError(f"{name} has {members[name].file_size} bytes, more than {most}")
                return archive.read(members[name])

            return unpack(read)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except (InputError, zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise InputError(f"{path.name} is not an exported gallery: {error}") from error


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Files of the archive by their names.

    Raises InputError if reading them all gives anything but parts of the archive's own bytes, once.
    """
    listed = archive.infolist()
    for member in listed:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise InputError(f"{member.filename!r} is compressed or encrypted: unpack it, and import the folder")
    members = {member.filename: member for member in listed}
    if len(members) != len(listed):
        raise InputError("it holds two files of one name")
    if sum(member.file_size for member in listed) > size:
        raise InputError("its files overlap: they have more bytes than the archive")
    return members


def _check_picture(record: Record) -> None:
    """Raises InputError if a thumbnail isn't a small JPEG that can be shown."""
    try:
        with open_jpeg(record.jpeg) as picture:
            if max(picture.size) > MOST_PIXELS:
                raise InputError(f"the thumbnail of {record.entry.key} is larger than {MOST_PIXELS} pixels")
            picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"the thumbnail of {record.entry.key} is not a JPEG that can be shown: {error}") from error
