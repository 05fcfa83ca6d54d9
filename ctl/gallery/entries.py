"""The tracklets of a gallery as columns: of a million, objects would take 130 MB more."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from operator import eq
from typing import Final, overload

import numpy as np

from ctl.gallery.base import Filter, GalleryEntry

_KEY_TYPE: Final = np.dtype("S24")
"""Room for every key, in whole words."""


class Entries(Sequence[GalleryEntry]):
    """Tracklets in order. A value; make one with `of`.

    Args:
        keys: (G,) of `_KEY_TYPE`.
        people, cameras: (G,) int32, whose name it is in `names`.
        names: of people and cameras, each once.
    """

    def __init__(self, keys: np.ndarray, people: np.ndarray, cameras: np.ndarray, names: tuple[str, ...]) -> None:
        self._keys, self._people, self._cameras, self._names = keys, people, cameras, names

    @classmethod
    def of(cls, entries: Iterable[GalleryEntry]) -> "Entries":
        if isinstance(entries, Entries):
            return entries
        listed, number = tuple(entries), dict[str, int]()
        keys = np.fromiter((entry.key.encode() for entry in listed), _KEY_TYPE, len(listed))
        people, cameras = (
            np.fromiter((number.setdefault(name, len(number)) for name in names), np.int32, len(listed))
            for names in ((entry.person for entry in listed), (entry.camera for entry in listed))
        )
        return cls(keys, people, cameras, tuple(number))

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, row: int) -> GalleryEntry: ...
    @overload
    def __getitem__(self, row: slice) -> "Entries": ...
    def __getitem__(self, row: int | slice) -> "GalleryEntry | Entries":
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        names = self._names
        return GalleryEntry(self._keys[row].decode(), names[self._people[row]], names[self._cameras[row]])

    def __iter__(self) -> Iterator[GalleryEntry]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(other) == len(self) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def take(self, rows: np.ndarray) -> "Entries":
        """Some of them."""
        return Entries(self._keys[rows], self._people[rows], self._cameras[rows], self._names)

    def joined(self, entries: Iterable[GalleryEntry]) -> "Entries":
        """With others after them."""
        others = Entries.of(entries)
        number = {name: place for place, name in enumerate(self._names)}
        numbers = np.array([number.setdefault(name, len(number)) for name in others._names], np.int32)
        return Entries(
            np.concatenate([self._keys, others._keys]),
            np.concatenate([self._people, numbers[others._people]]),
            np.concatenate([self._cameras, numbers[others._cameras]]),
            tuple(number),
        )

    def renamed(self, rows: Collection[int], person: str | None, camera: str | None) -> "Entries":
        """With other names in some rows; None keeps the old one."""
        names = tuple(dict.fromkeys((*self._names, *(name for name in (person, camera) if name is not None))))
        people, cameras = self._people.copy(), self._cameras.copy()
        for name, column in ((person, people), (camera, cameras)):
            if name is not None:
                column[list(rows)] = names.index(name)
        return Entries(self._keys, people, cameras, names)

    def find(self, key: str) -> int | None:
        """The row of a key; None if it isn't there."""
        wanted = key.encode(errors="replace")
        rows, hashes = self._by_hash
        first, end = (int(np.searchsorted(hashes, _hashes([wanted])[0], side)) for side in ("left", "right"))
        return next((row for row in rows[first:end].tolist() if self._keys[row].item() == wanted), None)

    @property
    def distinct(self) -> bool:
        """Whether no key is there twice. Different ones may have the same hash."""
        rows, hashes = self._by_hash
        same = np.flatnonzero(hashes[1:] == hashes[:-1])
        alike = rows[np.union1d(same, same + 1)]
        return len(set(self._keys[alike].tolist())) == len(alike)

    def admitted(self, where: Filter) -> np.ndarray:
        """(G,) bool: which count. Asks once for each person at each camera, and not for keys."""
        if not len(self):
            return np.ones(0, bool)
        examples, kinds = self._kinds
        return np.array([where.admits(self[row]) for row in examples.tolist()])[kinds]

    @cached_property
    def _kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """A row of each person at each camera, and (G,) which of these pairs a tracklet is."""
        pairs = self._people.astype(np.int64) * len(self._names) + self._cameras
        _, examples, kinds = np.unique(pairs, return_index=True, return_inverse=True)
        return examples, kinds.astype(np.int32)

    @cached_property
    def _by_hash(self) -> tuple[np.ndarray, np.ndarray]:
        """(G,) rows by the hashes of their keys, and these, ascending: 12 bytes each, where a dictionary takes 116."""
        hashes = _hashes(self._keys)
        rows = hashes.argsort().astype(np.int32)
        return rows, hashes[rows]


def _hashes(keys: np.ndarray | list[bytes]) -> np.ndarray:
    """(n,) uint64 of n keys."""
    words = np.asarray(keys, _KEY_TYPE).view(np.uint64).reshape(-1, 3)
    factors = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    return (words * factors).sum(axis=1, dtype=np.uint64)
