"""The gallery: embedded tracklets of known people, and the exact search for the nearest.

A folder holds `gallery.json` (who, and which embeddings), `embeddings-<hash>.safetensors` and `thumbnails/*.jpg`. The
JSON is replaced last and in one step, so a save that is cut off leaves the gallery as it was.

A `Gallery` is a value: `add` and `remove` return a new one.
"""

import hashlib
import io
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ctl.errors import InputError
from ctl.files import read_bytes, read_json, sha256_of, to_json, write_atomic
from ctl.types import CheckpointInfo, Hit, Ranking

INDEX: Final = "gallery.json"
FORMAT: Final = 1
THUMBNAIL_HEIGHT: Final = 192
REBUILD: Final = "rebuild it with `python -m ctl gallery build`"

_KEY = re.compile(r"[0-9a-f]{12}/[0-9]{1,9}")


@dataclass(frozen=True)
class GalleryEntry:
    """One tracklet of a known person.

    Args:
        key: `tracklet_key` of the clip that it was cut from.
        person, camera: names that the user gave.
    """

    key: str
    person: str
    camera: str

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InputError(f"gallery key {self.key!r} must be 12 hexadecimal digits, a slash and a number")
        for name, value in (("person", self.person), ("camera", self.camera)):
            if not 0 < len(value) <= 100 or not value.isprintable():
                raise InputError(f"gallery entry {self.key}: {name} must be 1 to 100 printable characters")

    @property
    def thumbnail(self) -> str:
        """File name in the gallery's folder."""
        return f"thumbnails/{self.key.replace('/', '-')}.jpg"


@dataclass(frozen=True, eq=False)
class Gallery:
    """Tracklets in the order in which they were added. Make one with `empty` or `load`.

    Args:
        checkpoint_sha256: of the weights that made the embeddings; others aren't comparable.
        entries: G tracklets.
        embeddings: (G, D) float32 on the CPU, L2-normalised.
        jpegs: G thumbnails as JPEG files.
    """

    checkpoint_sha256: str
    entries: tuple[GalleryEntry, ...]
    embeddings: Tensor
    jpegs: tuple[bytes, ...]

    def __post_init__(self) -> None:
        G = len(self.entries)
        if self.embeddings.ndim != 2 or len(self.embeddings) != G or self.embeddings.dtype != torch.float32:
            found = f"{tuple(self.embeddings.shape)} {self.embeddings.dtype}"
            raise InputError(f"gallery embeddings must be ({G}, D) float32, got {found}")
        lengths = self.embeddings.norm(dim=1)
        if not torch.allclose(lengths, torch.ones(G), atol=1e-3):
            raise InputError("gallery embeddings must be L2-normalised")
        if len(self._rows) != G:
            raise InputError("gallery keys must differ from each other")

    @classmethod
    def empty(cls, checkpoint_sha256: str) -> "Gallery":
        """A gallery without tracklets, for embeddings of one checkpoint."""
        return cls(checkpoint_sha256, (), torch.zeros(0, 0), ())

    @classmethod
    def load(cls, folder: Path) -> "Gallery":
        """Read a gallery. Raises InputError where a file is missing, damaged or of another format."""
        if not folder.is_dir():
            raise InputError(f"there is no gallery folder {folder}: make it with `python -m ctl gallery build`")
        try:
            return _read(folder)
        except (InputError, SafetensorError, KeyError, TypeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise InputError(f"gallery {folder} can't be used, {REBUILD}: {reason}") from error

    def save(self, folder: Path) -> None:
        """Write the gallery; what the folder held before is replaced in one step. One writer at a time."""
        data = save({"embeddings": self.embeddings.contiguous()})
        embeddings = f"embeddings-{sha256_of(data)[:12]}.safetensors"
        files = {embeddings: data} | {e.thumbnail: jpeg for e, jpeg in zip(self.entries, self.jpegs, strict=True)}
        for name, content in files.items():
            write_atomic(folder / name, content)
        index = {
            "format": FORMAT,
            "checkpoint_sha256": self.checkpoint_sha256,
            "embeddings": embeddings,
            "entries": [{"key": e.key, "person": e.person, "camera": e.camera} for e in self.entries],
        }
        write_atomic(folder / INDEX, to_json(index))
        for old in (*folder.glob("embeddings-*.safetensors"), *folder.glob("thumbnails/*.jpg")):
            if old.relative_to(folder).as_posix() not in files:
                old.unlink()

    def require(self, checkpoint: CheckpointInfo) -> None:
        """Raises InputError where the embeddings were made by other weights than these."""
        if self.checkpoint_sha256 != checkpoint.sha256:
            raise InputError(
                f"the gallery was embedded by weights {self.checkpoint_sha256[:12]}…, but {checkpoint.id} has "
                f"{checkpoint.sha256[:12]}…: {REBUILD}, or choose the checkpoint that made it"
            )

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def entry(self, key: str) -> GalleryEntry:
        """Raises InputError where the gallery has no such key; so do `embedding` and `thumbnail`."""
        return self.entries[self._row(key)]

    def embedding(self, key: str) -> Tensor:
        """(D,) float32, L2-normalised."""
        return self.embeddings[self._row(key)]

    def thumbnail(self, key: str) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        with Image.open(io.BytesIO(self.jpegs[self._row(key)])) as picture:
            return np.asarray(picture.convert("RGB"))

    def search(self, embedding: Tensor, top_k: int = 20, exclude: Collection[str] = ()) -> Ranking:
        """The nearest tracklets by cosine similarity, best first; equal ones in the order they were added.

        Args:
            embedding: (D,) of the query, of any length above 0.
            top_k: how many at most.
            exclude: keys left out, such as the query's own.
        Raises:
            InputError: the embedding has another width than the gallery's.
        """
        if not len(self):
            return ()
        query = self._normalise(embedding)
        similarity = (self.embeddings * query).sum(dim=1)  # (G,); a matrix product would round equal rows differently
        order = similarity.argsort(descending=True, stable=True).tolist()
        best = [row for row in order if self.entries[row].key not in exclude][:top_k]
        return tuple(
            Hit(rank, entry.key, entry.person, entry.camera, float(similarity[row].clamp(-1, 1)))
            for rank, row in enumerate(best, start=1)
            for entry in [self.entries[row]]
        )

    def add(self, entry: GalleryEntry, embedding: Tensor, picture: np.ndarray) -> "Gallery":
        """This gallery with one tracklet more.

        Args:
            entry: who it is.
            embedding: (D,) float, of any length above 0, made by the gallery's checkpoint.
            picture: (H, W, 3) uint8 RGB, a crop to recognise the tracklet by.
        Raises:
            InputError: the key is there already, or the embedding has another width than the gallery's.
        """
        if entry.key in self:
            raise InputError(
                f"the gallery holds {entry.key} already, as {self.entry(entry.key).person}: remove it first"
            )
        row = self._normalise(embedding).unsqueeze(0)
        embeddings = torch.cat([self.embeddings, row]) if len(self) else row
        return replace(
            self, entries=(*self.entries, entry), embeddings=embeddings, jpegs=(*self.jpegs, _encode_jpeg(picture))
        )

    def remove(self, keys: Collection[str]) -> "Gallery":
        """This gallery without some tracklets. Raises InputError where it has no such key."""
        gone = {self._row(key) for key in keys}
        kept = [row for row in range(len(self)) if row not in gone]
        return replace(
            self,
            entries=tuple(self.entries[row] for row in kept),
            embeddings=self.embeddings[kept],
            jpegs=tuple(self.jpegs[row] for row in kept),
        )

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {entry.key: row for row, entry in enumerate(self.entries)}

    def _row(self, key: str) -> int:
        if key not in self._rows:
            raise InputError(f"the gallery has no tracklet {key!r}")
        return self._rows[key]

    def _normalise(self, embedding: Tensor) -> Tensor:
        """(D,) -> (D,) float32 on the CPU, of length 1."""
        values = embedding.detach().float().cpu()
        if values.ndim != 1 or not torch.isfinite(values).all() or not values.any():
            raise ValueError(f"an embedding must be (D,), finite and not zero, got {tuple(values.shape)}")
        if len(self) and len(values) != self.embeddings.shape[1]:
            widths = f"embeddings of {self.embeddings.shape[1]} numbers, the checkpoint gives {len(values)}"
            raise InputError(f"the gallery has {widths}: {REBUILD}")
        return F.normalize(values, dim=0)


def tracklet_key(clip_digest: str, tracklet_id: int) -> str:
    """Name of a tracklet, the same wherever the clip lies: 12 digits of `clip_sha256`, a slash, its number."""
    return f"{clip_digest[:12]}/{tracklet_id}"


def clip_sha256(clip: Path) -> str:
    """Of a file's content; of a folder's file names and contents, in the order of the names.

    Raises InputError where the clip can't be read.
    """
    try:
        if not clip.is_dir():
            return _file_sha256(clip)
        files = sorted(path.relative_to(clip).as_posix() for path in clip.rglob("*") if path.is_file())
        return sha256_of("".join(f"{name}\n{_file_sha256(clip / name)}\n" for name in files).encode())
    except OSError as error:
        raise InputError(f"{clip} can't be read: {error.strerror}") from error


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _encode_jpeg(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB -> JPEG of at most THUMBNAIL_HEIGHT."""
    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL_HEIGHT, THUMBNAIL_HEIGHT))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _read(folder: Path) -> Gallery:
    index = read_json(folder / INDEX)
    if index.get("format") != FORMAT:
        raise InputError(f"format must be {FORMAT}, got {index.get('format')!r}")
    entries = tuple(_read_entry(values) for values in index["entries"])
    jpegs = tuple(_read_jpeg(folder / entry.thumbnail) for entry in entries)
    return Gallery(str(index["checkpoint_sha256"]), entries, _read_embeddings(folder, str(index["embeddings"])), jpegs)


def _read_entry(values: dict[str, Any]) -> GalleryEntry:
    return GalleryEntry(key=str(values["key"]), person=str(values["person"]), camera=str(values["camera"]))


def _read_embeddings(folder: Path, name: str) -> Tensor:
    """(G, D), checked against the hash in the file's own name."""
    named = re.fullmatch(r"embeddings-([0-9a-f]{12})\.safetensors", name)
    if named is None:
        raise InputError(f"{INDEX} names its embeddings {name!r}")
    data = read_bytes(folder / name)
    if not sha256_of(data).startswith(named[1]):
        raise InputError(f"{name} is damaged: its SHA-256 isn't the one in its name")
    return load(data)["embeddings"]


def _read_jpeg(path: Path) -> bytes:
    data = read_bytes(path)
    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        raise InputError(f"{path.name} is not a whole JPEG")
    return data
