"""A gallery in memory, compared exactly. A value: whatever changes it returns a new one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ctl.errors import InputError
from ctl.gallery.base import (
    EVERYTHING,
    TOP_K,
    Filter,
    Record,
    check_names,
    check_top_k,
    check_width,
    direction,
    taken,
    unknown,
)
from ctl.gallery.entries import Entries
from ctl.types import Hit, Ranking

BLOCK: Final = 2**19
"""Numbers compared at once: 2 MB as float32, which stay in a core's cache."""

UNIT_ROUNDOFF: Final = 2.0**-24
"""Of float32. A sum of D products of two vectors of length 1 is wrong by D times this at most, in whatever order."""


@dataclass(frozen=True, eq=False)
class MemoryGallery:
    """See `Gallery`. Make one with `empty`, `read_gallery` or `read_bundle`.

    >>> from ctl.gallery import GalleryEntry
    >>> people = (("0123456789ab/1", "Anna", [1.0, 0.0]), ("0123456789ab/2", "Ben", [0.6, 0.8]))
    >>> gallery = MemoryGallery.empty("sha256 of the weights").add(
    ...     [Record(GalleryEntry(key, name, "hall"), torch.tensor(row), b"") for key, name, row in people]
    ... )
    >>> [(hit.person, round(hit.similarity, 2)) for hit in gallery.search(torch.tensor([0.0, 1.0]))]
    [('Ben', 0.8), ('Anna', 0.0)]

    Args:
        checkpoint_sha256: of the weights that made the embeddings.
        entries: G tracklets, given in whatever sequence.
        embeddings: (G, D) float32 or float16 on the CPU, L2-normalised; may be memory-mapped. Those of float16 are
            compared in float32, so a similarity differs by their own rounding only, 2**-11 at most.
        jpegs: G thumbnails as JPEG files; may be read each time they are asked for.
        evidence: G, what explains matches with them, see `Record`; as `jpegs`.
    """

    checkpoint_sha256: str
    entries: Entries
    embeddings: Tensor
    jpegs: Sequence[bytes]
    evidence: Sequence[bytes]

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", Entries.of(self.entries))
        G, kind = len(self.entries), self.embeddings.dtype
        if self.embeddings.ndim != 2 or len(self.embeddings) != G or kind not in (torch.float32, torch.float16):
            shape_and_type = f"{tuple(self.embeddings.shape)} {kind}"
            raise InputError(f"gallery embeddings must be ({G}, D) float32 or float16, got {shape_and_type}")
        lengths = torch.empty(
            G
        )  # filled in place: small results between blocks would keep freed ones from being reused
        for block, of_block in zip(self._blocks(self.embeddings), self._blocks(lengths), strict=True):
            torch.linalg.vector_norm(block, dim=1, dtype=torch.float32, out=of_block)
        if not torch.allclose(lengths, torch.ones(G), atol=1e-3):
            raise InputError("gallery embeddings must be L2-normalised")
        if not self.entries.distinct:
            raise InputError("gallery keys must differ from each other")

    @classmethod
    def empty(cls, checkpoint_sha256: str) -> "MemoryGallery":
        """A gallery without tracklets, for embeddings of one checkpoint."""
        return cls(checkpoint_sha256, Entries.of(()), torch.zeros(0, 0), (), ())

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.entries.find(key) is not None

    def count(self, where: Filter) -> int:
        return len(self._admitted(where))

    def records(self, keys: Sequence[str]) -> tuple[Record, ...]:
        rows = [self._row(key) for key in keys]
        return tuple(
            Record(self.entries[row], self.embeddings[row].float(), self.jpegs[row], self.evidence[row]) for row in rows
        )

    def search(self, query: Tensor, top_k: int = TOP_K, at_least: float = -1.0, where: Filter = EVERYTHING) -> Ranking:
        check_top_k(top_k)
        query_direction = direction(query)
        rows, roughly = self._compare(query_direction, where)
        if not len(rows):
            return ()
        if top_k < len(rows):  # whatever could be among the best, were it not for rounding
            near = roughly >= roughly.topk(top_k).values[-1] - 4 * len(query_direction) * UNIT_ROUNDOFF
            rows = rows[near]
        similarity = self._cosines(query_direction, rows)
        order = similarity.argsort(descending=True, stable=True)[:top_k]
        best = [
            (self.entries[row], float(similarity[place]))
            for row, place in zip(rows[order].tolist(), order, strict=True)
        ]
        return tuple(
            Hit(rank, entry.key, entry.person, entry.camera, value)
            for rank, (entry, value) in enumerate(best, start=1)
            if value >= at_least
        )

    def similarities(self, query: Tensor, where: Filter = EVERYTHING) -> Tensor:
        query_direction = direction(query)
        check_width(self._width, len(query_direction))
        rows = self._admitted(where)
        return self._cosines(query_direction, rows).sort(descending=True).values if len(rows) else torch.zeros(0)

    def add(self, records: Sequence[Record]) -> "MemoryGallery":
        for record in records:
            if record.entry.key in self:
                raise taken(self.entries[self._row(record.entry.key)])
        width = self._width
        new = []
        for record in records:
            new.append(direction(record.embedding))
            check_width(width, len(new[-1]))
            width = len(new[-1])
        if not new:
            return self
        return replace(
            self,
            entries=self.entries.joined(record.entry for record in records),
            embeddings=torch.cat(
                [self.embeddings.reshape(len(self), len(new[0])), torch.stack(new).to(self.embeddings.dtype)]
            ),
            jpegs=(*self.jpegs, *(record.jpeg for record in records)),
            evidence=(*self.evidence, *(record.evidence for record in records)),
        )

    def remove(self, keys: Collection[str]) -> "MemoryGallery":
        removed = {self._row(key) for key in keys}
        kept = [row for row in range(len(self)) if row not in removed]
        return replace(
            self,
            entries=self.entries.take(np.array(kept, int)),
            embeddings=self.embeddings[kept],
            jpegs=tuple(self.jpegs[row] for row in kept),
            evidence=tuple(self.evidence[row] for row in kept),
        )

    def rename(self, keys: Collection[str], person: str | None = None, camera: str | None = None) -> "MemoryGallery":
        rows = [self._row(key) for key in keys]
        check_names(keys, person, camera)
        return replace(self, entries=self.entries.renamed(rows, person, camera))

    @cached_property
    def nbytes(self) -> int:
        """Bytes of embeddings, thumbnails and evidence together."""
        return self.embeddings.nbytes + sum(map(len, self.jpegs)) + sum(map(len, self.evidence))

    @property
    def _width(self) -> int | None:
        return self.embeddings.shape[1] if len(self) else None

    def _row(self, key: str) -> int:
        row = self.entries.find(key)
        if row is None:
            raise unknown(key)
        return row

    def _admitted(self, where: Filter) -> Tensor:
        """Rows that count, (n,) int in order."""
        by_names = replace(where, without_keys=frozenset())
        admitted = np.ones(len(self), bool) if by_names == EVERYTHING else self.entries.admitted(by_names)
        admitted[[row for key in where.without_keys if (row := self.entries.find(key)) is not None]] = False
        return torch.from_numpy(admitted.nonzero()[0])

    def _compare(self, query_direction: Tensor, where: Filter) -> tuple[Tensor, Tensor]:
        """Rows that count, n of them in order, and their cosines (n,), of which equal ones may round differently.

        All are compared, whatever counts; those in half precision block by block, in float32.
        """
        check_width(self._width, len(query_direction))
        if not len(self):
            return torch.zeros(0, dtype=torch.int64), torch.zeros(0)
        if self.embeddings.dtype == torch.float32:
            similarity = self.embeddings @ query_direction
        else:
            similarity, blocks = torch.empty(len(self)), self._blocks(self.embeddings)
            piece = torch.empty_like(blocks[0], dtype=torch.float32)  # used again: memory that is new costs more
            for block, cosines in zip(blocks, self._blocks(similarity), strict=True):
                torch.mv(piece[: len(block)].copy_(block), query_direction, out=cosines)
        rows = self._admitted(where)
        return rows, similarity[rows]

    def _cosines(self, query_direction: Tensor, rows: Tensor) -> Tensor:
        """Of some rows, (n,). Equal embeddings get equal ones, which a matrix product doesn't promise."""
        return torch.cat([(self.embeddings[some] * query_direction).sum(dim=1) for some in self._blocks(rows)]).clamp(
            -1, 1
        )

    def _blocks(self, values: Tensor) -> tuple[Tensor, ...]:
        """Values of all or some rows, split so that the embeddings of a part stay in a core's cache."""
        return values.split(max(1, BLOCK // max(1, self.embeddings.shape[1])))
