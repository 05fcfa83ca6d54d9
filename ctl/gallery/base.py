"""What a gallery is: embedded tracklets of known people, and the questions one can ask of them.

`Gallery` is the interface. `MemoryGallery` holds all in memory and compares exactly; `QdrantGallery` asks a Qdrant
server or cluster, for galleries that outgrow one machine. mAP and CMC are never read off either: they need the whole
distance matrix (`ctl.evaluate`), and a server's index may leave out a neighbour.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ctl.errors import InputError
from ctl.jpeg import encode_jpeg, open_jpeg
from ctl.types import Ranking

REBUILD: Final = "rebuild it with `python -m ctl gallery build`"
TOP_K: Final = 20
THUMBNAIL_HEIGHT: Final = 192

_KEY = re.compile(r"[0-9a-f]{12}/[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, eq=False)
class Record:
    """All that a gallery keeps of one tracklet.

    Args:
        entry: who it is.
        embedding: (D,) float, of any length above 0; a gallery gives it back L2-normalised, float32, on the CPU.
        jpeg: thumbnail, as `to_thumbnail` makes it.
        evidence: what explains matches with it, as `ctl.explain.evidence.to_bytes` makes it; empty if none was kept.
    """

    entry: GalleryEntry
    embedding: Tensor
    jpeg: bytes
    evidence: bytes = b""

    @property
    def picture(self) -> np.ndarray:
        """The thumbnail, (H, W, 3) uint8 RGB."""
        with open_jpeg(self.jpeg) as picture:
            return np.asarray(picture.convert("RGB"))


@dataclass(frozen=True)
class Filter:
    """Which tracklets a search may find. An empty field asks for nothing.

    Benchmarks leave out the tracklets of the query's own person *and* camera, which needs the query's person. Here it
    is unknown, so the field's "same camera" becomes `without_cameras`: whoever the query's camera saw is left out.

    Args:
        cameras: only these.
        without_cameras: none of these.
        people, without_people: only these, none of these.
        without_keys: none of these tracklets, such as the query's own.
    """

    cameras: frozenset[str] = frozenset()
    without_cameras: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    without_keys: frozenset[str] = frozenset()
    without_people: frozenset[str] = frozenset()

    def admits(self, entry: GalleryEntry) -> bool:
        return (
            (not self.cameras or entry.camera in self.cameras)
            and entry.camera not in self.without_cameras
            and (not self.people or entry.person in self.people)
            and entry.person not in self.without_people
            and entry.key not in self.without_keys
        )


EVERYTHING: Final = Filter()


class Gallery(Protocol):
    """Tracklets with names, in the order in which they were added.

    `add`, `remove` and `rename` return the changed gallery, and change all that they were asked to or, on an error,
    nothing. Use what they return: a gallery in memory is a value and stays as it was, one on a server is changed.
    """

    @property
    def checkpoint_sha256(self) -> str:
        """SHA-256 of the weights that made the embeddings; those of other weights can't be compared with them."""
        ...

    @property
    def entries(self) -> Sequence[GalleryEntry]:
        """All tracklets."""
        ...

    def __len__(self) -> int: ...

    def __contains__(self, key: object) -> bool: ...

    def count(self, where: Filter) -> int:
        """How many tracklets count."""
        ...

    def records(self, keys: Sequence[str]) -> tuple[Record, ...]:
        """What is kept of some tracklets, in the order asked for. Raises InputError if there is no such key."""
        ...

    def search(self, query: Tensor, top_k: int = TOP_K, at_least: float = -1.0, where: Filter = EVERYTHING) -> Ranking:
        """The nearest tracklets by cosine similarity, best first; equal ones in the order they were added.

        Args:
            query: (D,), or (Q, D) of one person, see `direction`.
            top_k: how many at most, from 1.
            at_least: the smallest similarity that counts, -1..1.
            where: which tracklets count.
        Raises:
            InputError: the query has another width than the gallery's embeddings, or has no direction.
        """
        ...

    def similarities(self, query: Tensor, where: Filter = EVERYTHING) -> Tensor:
        """(n,) float32, -1..1, highest first: the cosine of the query and *every* tracklet that counts, as a histogram
        needs them. Exact. Arguments and errors as in `search`.
        """
        ...

    def add(self, records: Sequence[Record]) -> "Gallery":
        """Add tracklets. Raises InputError if a key is there already, or an embedding has another width."""
        ...

    def remove(self, keys: Collection[str]) -> "Gallery":
        """Remove tracklets. Raises InputError if there is no such key."""
        ...

    def rename(self, keys: Collection[str], person: str | None = None, camera: str | None = None) -> "Gallery":
        """Give some tracklets other names; None keeps the old one. Raises InputError if there is no such key."""
        ...


def keys_of(gallery: Gallery, person: str) -> tuple[str, ...]:
    """All tracklets of a person. Raises InputError if nobody has that name."""
    keys = tuple(entry.key for entry in gallery.entries if entry.person == person)
    if not keys:
        raise InputError(f"nobody in the gallery is called {person!r}")
    return keys


def rename_person(gallery: Gallery, old: str, new: str) -> Gallery:
    """Rename a person everywhere; a name that is taken makes the two one. Raises InputError if nobody is `old`."""
    return gallery.rename(keys_of(gallery, old), person=new)


def require_weights(gallery: Gallery, sha256: str) -> None:
    """Raises InputError if the embeddings were made by other weights than those of this SHA-256."""
    if gallery.checkpoint_sha256 != sha256:
        raise InputError(
            f"the gallery was embedded by weights {gallery.checkpoint_sha256[:12]}…, not by {sha256[:12]}…: "
            f"{REBUILD}, or choose the checkpoint that made it"
        )


def direction(query: Tensor) -> Tensor:
    """Combine a person's queries, (D,) or (Q, D) of any lengths above 0, into one of length 1, (D,) float32 on the CPU.

    It is the mean of the L2-normalised queries, normalised. The cosine with it is proportional to the *mean cosine*
    with the queries, so the ranking is that of the average similarity at the cost of one search, and no query counts
    more than another. It is also how a tracklet's embedding comes from its clips.

    Raises:
        InputError: the queries cancel out.
        ValueError: an embedding isn't finite, is zero, or has another shape.
    """
    rows = torch.atleast_2d(query.detach().float().cpu())  # (Q, D)
    if rows.ndim != 2 or not len(rows) or not torch.isfinite(rows).all() or not rows.any(dim=1).all():
        raise ValueError(f"an embedding must be (D,) or (Q, D), finite and not zero, got {tuple(query.shape)}")
    mean = F.normalize(rows, dim=1).mean(dim=0)
    if mean.norm() < 1e-6:
        raise InputError("these queries point in opposite directions: they can't show one person")
    return F.normalize(mean, dim=0)


def check_names(keys: Collection[str], person: str | None, camera: str | None) -> None:
    """Raises InputError if tracklets can't have these names; None stands for one that stays."""
    for key in keys:
        GalleryEntry(key, *("-" if name is None else name for name in (person, camera)))


def check_width(width: int | None, embedding_width: int) -> None:
    """Raises InputError if a gallery, of embeddings that many numbers wide if it has any, is given another width."""
    if width not in (None, embedding_width):
        raise InputError(
            f"the gallery has embeddings of {width} numbers, the checkpoint gives {embedding_width}: {REBUILD}"
        )


def check_top_k(top_k: int) -> None:
    """Raises InputError below 1."""
    if top_k < 1:
        raise InputError(f"the number of hits must be at least 1, got {top_k}")


def unknown(key: str) -> InputError:
    return InputError(f"the gallery has no tracklet {key!r}")


def taken(entry: GalleryEntry) -> InputError:
    return InputError(f"the gallery holds {entry.key} already, as {entry.person}: remove it first")


def to_thumbnail(picture: np.ndarray) -> bytes:
    """A crop (H, W, 3) uint8 RGB to recognise a tracklet by -> JPEG of at most THUMBNAIL_HEIGHT."""
    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL_HEIGHT, THUMBNAIL_HEIGHT))
    return encode_jpeg(image, 88)
