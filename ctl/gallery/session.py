"""What one visitor sees: the gallery that all share, which they can't change, and their own beside it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ctl.errors import InputError
from ctl.gallery.base import EVERYTHING, TOP_K, Filter, Gallery, GalleryEntry, Record, check_top_k, direction
from ctl.gallery.memory import MemoryGallery
from ctl.types import Ranking


@dataclass(frozen=True, eq=False)
class SessionGallery:
    """See `Gallery`. A value; keep `own` between calls, and put it over `base` anew.

    Args:
        base: everybody's. Its tracklets can't be removed or renamed here.
        own: this visitor's, made by the same checkpoint, without keys of `base`.
    """

    base: Gallery
    own: MemoryGallery

    def __post_init__(self) -> None:
        if self.own.checkpoint_sha256 != self.base.checkpoint_sha256:
            raise InputError("your gallery was embedded by another checkpoint than the page's: enrol the clips again")

    @property
    def checkpoint_sha256(self) -> str:
        return self.base.checkpoint_sha256

    @property
    def entries(self) -> tuple[GalleryEntry, ...]:
        return (*self.base.entries, *self.own.entries)

    def __len__(self) -> int:
        return len(self.base) + len(self.own)

    def __contains__(self, key: object) -> bool:
        return key in self.own or key in self.base

    def count(self, where: Filter) -> int:
        return self.base.count(where) + self.own.count(where)

    def records(self, keys: Sequence[str]) -> tuple[Record, ...]:
        own = {key for key in keys if key in self.own}
        shared = iter(self.base.records([key for key in keys if key not in own]))
        return tuple(self.own.records([key])[0] if key in own else next(shared) for key in keys)

    def search(self, query: Tensor, top_k: int = TOP_K, at_least: float = -1.0, where: Filter = EVERYTHING) -> Ranking:
        check_top_k(top_k)
        query = direction(query)
        hits = [hit for part in (self.base, self.own) for hit in part.search(query, top_k, at_least, where)]
        best = sorted(hits, key=lambda hit: -hit.similarity)[:top_k]
        return tuple(replace(hit, rank=rank) for rank, hit in enumerate(best, start=1))

    def similarities(self, query: Tensor, where: Filter = EVERYTHING) -> Tensor:
        both = torch.cat([part.similarities(query, where) for part in (self.base, self.own)])
        return both.sort(descending=True).values

    def add(self, records: Sequence[Record]) -> "SessionGallery":
        for record in records:
            if record.entry.key in self.base:
                (shared,) = self.base.records([record.entry.key])
                raise InputError(f"{record.entry.key} is in everybody's gallery already, as {shared.entry.person}")
        return replace(self, own=self.own.add(records))

    def remove(self, keys: Collection[str]) -> "SessionGallery":
        self._check_own(keys)
        return replace(self, own=self.own.remove(keys))

    def rename(self, keys: Collection[str], person: str | None = None, camera: str | None = None) -> "SessionGallery":
        self._check_own(keys)
        return replace(self, own=self.own.rename(keys, person, camera))

    def _check_own(self, keys: Collection[str]) -> None:
        for key in keys:
            if key not in self.own and key in self.base:
                raise InputError(f"{key} is in everybody's gallery, which can't be changed from here")
