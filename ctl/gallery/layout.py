"""The files that a gallery consists of, the same in a folder and in an export: plain JSON, tensors, JPEGs.

    gallery.json                         {"format", "checkpoint_sha256", "embeddings": file name,
                                          "entries": [{"key", "person", "camera", "evidence": hash or null}]}
    embeddings-<hash>.safetensors        {"embeddings": (G, D) float32, or float16 of more than FLOAT32_TRACKLETS};
                                         the hash is the file's own
    thumbnails/<key>.jpg                 with a dash for the key's slash
    evidence/<key>-<hash>.safetensors    where one was kept, see `Record`; nothing here looks into it

Evidence belongs to the embedding. Its hash keeps that of another checkpoint, which has the same keys, apart until the
index is replaced. Format 1 has none, and is still read.

Whatever is read may come from a stranger: nothing is unpickled, no path is taken from it, and no file is read that is
larger than its limit. A folder of one's own may list more tracklets, see `ctl.gallery.folder`.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, overload

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ctl.errors import InputError
from ctl.files import sha256_of, to_json
from ctl.gallery.base import Gallery, GalleryEntry
from ctl.gallery.entries import Entries
from ctl.gallery.memory import MemoryGallery

INDEX: Final = "gallery.json"
FORMAT: Final = 2
WITHOUT_EVIDENCE: Final = 1
"""The format before."""

MOST_TRACKLETS: Final = 100_000
FLOAT32_TRACKLETS: Final = 100_000
"""Larger galleries are kept in half precision: half the disk and memory, and similarities that differ by 1e-4."""

INDEX_BYTES: Final = 64 * 2**20
EMBEDDINGS_BYTES: Final = 2 * 2**30
JPEG_BYTES: Final = 2**20
EVIDENCE_BYTES: Final = 2**20

Read = Callable[[str, int], bytes]
"""A file's content by its name. Raises InputError if it is missing or has more than so many bytes."""

Load = Callable[[str, int], tuple[str, Callable[[], dict[str, Tensor]]]]
"""SHA-256 of a safetensors file by its name, and what gives its tensors then. Raises as `Read`."""


class ReadWhenAsked(Sequence[bytes]):
    """`count` contents that are read each time they are asked for, by their place."""

    def __init__(self, read: Callable[[int], bytes], count: int) -> None:
        self._read, self._places = read, range(count)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[bytes, ...]: ...
    def __getitem__(self, place: int | slice) -> bytes | tuple[bytes, ...]:
        places = self._places[place]
        return self._read(places) if isinstance(places, int) else tuple(map(self._read, places))


def thumbnail_name(key: str) -> str:
    return f"thumbnails/{key.replace('/', '-')}.jpg"


def evidence_name(key: str, digest: str) -> str:
    """File name of the evidence whose SHA-256 begins with these 12 digits."""
    return f"evidence/{key.replace('/', '-')}-{digest}.safetensors"


def pack(gallery: Gallery) -> dict[str, bytes]:
    """Name -> content of each file of a gallery, INDEX last."""
    records = gallery.records([entry.key for entry in gallery.entries])
    embeddings = torch.stack([record.embedding for record in records]) if records else torch.zeros(0, 0)
    name, data = pack_embeddings(embeddings)
    files, entries = {name: data}, []
    for record in records:
        entry, digest = record.entry, sha256_of(record.evidence)[:12] if record.evidence else None
        entries.append({"key": entry.key, "person": entry.person, "camera": entry.camera, "evidence": digest})
        files[thumbnail_name(entry.key)] = record.jpeg
        if digest is not None:
            files[evidence_name(entry.key, digest)] = record.evidence
    return files | {INDEX: pack_index(gallery.checkpoint_sha256, name, entries)}


def pack_embeddings(embeddings: Tensor) -> tuple[str, bytes]:
    """Name and content of the file of embeddings, (G, D)."""
    data = save({"embeddings": embeddings.half() if len(embeddings) > FLOAT32_TRACKLETS else embeddings})
    return f"embeddings-{sha256_of(data)[:12]}.safetensors", data


def pack_index(checkpoint_sha256: str, embeddings: str, entries: Sequence[dict[str, str | None]]) -> bytes:
    """Content of INDEX. Arguments as the file's own."""
    index = {"format": FORMAT, "checkpoint_sha256": checkpoint_sha256, "embeddings": embeddings, "entries": entries}
    return to_json(index)


def unpack(
    read: Read,
    load: Load | None = None,
    hold: Callable[[Sequence[bytes]], Sequence[bytes]] = tuple,
    most_tracklets: int = MOST_TRACKLETS,
) -> MemoryGallery:
    """The gallery that the files hold.

    Args:
        read, load: of the files; without `load`, tensors are read whole.
        hold: what becomes of thumbnails, and of evidence, that are read when asked for; all are read and checked
            here by default.
        most_tracklets: how many may be listed.
    Raises:
        InputError: a file is missing, damaged, too large or not ours.
    """
    index = _read_index(read(INDEX, INDEX_BYTES), most_tracklets)
    entries, digests = _read_entries(index.pop("entries"))
    if not entries.distinct:  # else one file could be read, and held, very often
        raise InputError("gallery keys must differ from each other")
    embeddings = _read_embeddings(load or _load_whole(read), index["embeddings"])
    if index["format"] == WITHOUT_EVIDENCE:
        digests = {}
    jpegs = ReadWhenAsked(lambda row: _read_jpeg(read, thumbnail_name(entries[row].key)), len(entries))
    evidence = ReadWhenAsked(lambda row: _read_evidence(read, entries[row].key, digests.get(row)), len(entries))
    return MemoryGallery(index["checkpoint_sha256"], entries, embeddings, hold(jpegs), hold(evidence))


def _load_whole(read: Read) -> Load:
    def load_whole(name: str, most: int) -> tuple[str, Callable[[], dict[str, Tensor]]]:
        data = read(name, most)
        return sha256_of(data), lambda: load(data)

    return load_whole


def _read_index(data: bytes, most_tracklets: int) -> dict[str, Any]:
    try:
        text = data.decode()
        del data  # of a million tracklets 120 MB
        index = json.loads(text, object_hook=_smaller)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{INDEX} is not valid JSON: {error}") from error
    if not isinstance(index, dict):
        raise InputError(f"{INDEX} must hold a JSON object")
    if index.get("format") not in (WITHOUT_EVIDENCE, FORMAT):
        raise InputError(f"format must be {WITHOUT_EVIDENCE} or {FORMAT}, got {index.get('format')!r}")
    for key, kind in (("checkpoint_sha256", str), ("embeddings", str), ("entries", list)):
        if not isinstance(index.get(key), kind):
            raise InputError(f"{INDEX}: {key!r} is missing or not a {kind.__name__}")
    if len(index["entries"]) > most_tracklets:
        raise InputError(f"{INDEX} lists {len(index['entries'])} tracklets, more than {most_tracklets}")
    return index


_NAMES: Final = ("key", "person", "camera")


class _Explained(NamedTuple):
    """What the index says of a tracklet with evidence."""

    entry: GalleryEntry
    evidence: object


def _smaller(values: dict[str, Any]) -> object:
    """What an object in the index becomes as soon as it is parsed: of a million, dictionaries would take 500 MB. The
    object itself where it is no tracklet."""
    key, person, camera = (values.get(name) for name in _NAMES)
    if not (isinstance(key, str) and isinstance(person, str) and isinstance(camera, str)):
        return values
    entry, evidence = GalleryEntry(key, sys.intern(person), sys.intern(camera)), values.get("evidence")  # names recur
    return entry if evidence is None else _Explained(entry, evidence)


def _read_entries(listed: list[object]) -> tuple[Entries, dict[int, object]]:
    """Tracklets, and what is said of the evidence of those that have some, by their rows."""
    entries: list[GalleryEntry] = []
    evidence: dict[int, object] = {}
    for row, values in enumerate(listed):
        if isinstance(values, _Explained):
            evidence[row], values = values.evidence, values.entry
        if not isinstance(values, GalleryEntry):
            raise InputError(f"{INDEX}, entry {row + 1}: {_amiss(values)}")
        entries.append(values)
    return Entries.of(entries), evidence


def _amiss(values: object) -> str:
    if not isinstance(values, dict):
        return "must be an object"
    name = next(name for name in _NAMES if not isinstance(values.get(name), str))
    return f"{name!r} is missing or not a string"


def _read_embeddings(load: Load, name: str) -> Tensor:
    """(G, D), checked against the hash in the file's own name."""
    named = re.fullmatch(r"embeddings-([0-9a-f]{12})\.safetensors", name)
    if named is None:
        raise InputError(f"{INDEX} names its embeddings {name!r}")
    digest, tensors_of_file = load(name, EMBEDDINGS_BYTES)
    if not digest.startswith(named[1]):
        raise InputError(f"{name} is damaged: its SHA-256 isn't the one in its name")
    try:
        tensors = tensors_of_file()
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{name} is not a safetensors file: {error}") from error
    if list(tensors) != ["embeddings"]:
        raise InputError(f"{name} must hold one tensor, 'embeddings'")
    return tensors["embeddings"]


def _read_jpeg(read: Read, name: str) -> bytes:
    data = read(name, JPEG_BYTES)
    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        raise InputError(f"{name} is not a whole JPEG")
    return data


def _read_evidence(read: Read, key: str, digest: object) -> bytes:
    """Read evidence and check it against the hash in its file's name; empty if the index has none."""
    if digest is None:
        return b""
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{12}", digest):
        raise InputError(f"{INDEX} names the evidence of {key} {digest!r}")
    name = evidence_name(key, digest)
    data = read(name, EVIDENCE_BYTES)
    if not sha256_of(data).startswith(digest):
        raise InputError(f"{name} is damaged: its SHA-256 isn't the one in its name")
    return data
