"""What is searched: everybody's gallery, and beside it what one visitor enrolled.

A visitor's own gallery is found by an id that nobody guesses, and by nothing else: programs that share a connection, as
MCP clients do, don't see each other's.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ctl.errors import InputError
from ctl.gallery import Gallery, GalleryStore, MemoryGallery, Record, SessionGallery

MAX_AGE_S: Final = 3600.0
MAX_TRACKLETS: Final = 200
MAX_GALLERIES: Final = 200
MAX_BYTES: Final = 512 * 2**20
"""Of all visitors' own galleries together. The ones not used for the longest go first, the newest always stays."""


@dataclass(frozen=True, eq=False)
class _Own:
    """A visitor's gallery, and `time.monotonic()` of its last use."""

    gallery: MemoryGallery
    used: float


class Galleries:
    """One per process.

    Args:
        base: everybody's gallery, as it was loaded.
        store: where everybody's gallery is kept if what visitors enrol is to stay there; None: it goes with them.
        max_age_s: seconds without use after which a visitor's gallery is forgotten.
    """

    def __init__(self, base: Gallery, store: GalleryStore | None = None, max_age_s: float = MAX_AGE_S) -> None:
        self.store, self.max_age_s = store, max_age_s
        self._base = base
        self._own: OrderedDict[str, _Own] = OrderedDict()  # the last used at the end
        self._lock = threading.Lock()

    def read(self, own: str = "") -> Gallery:
        """Everybody's gallery, with a visitor's own over it where its id is given.

        Raises InputError where no gallery of that id is held, or the kept one can't be read.
        """
        base = self._base if self.store is None else self.store.read()
        if not own:
            return base
        with self._lock:
            return SessionGallery(base, self._use(own))

    @property
    def kept(self) -> bool:
        """Whether what visitors enrol stays on disk, for everybody."""
        return self.store is not None

    def holds(self, own: str) -> bool:
        """Whether a visitor's gallery of that id is still there; "" asks for none."""
        with self._lock:
            return not own or (own in self._own and time.monotonic() - self._own[own].used <= self.max_age_s)

    def shelf(self, own: str = "") -> Gallery:
        """What a visitor may change: everybody's gallery where it is kept on disk, else their own. Errors as `read`."""
        if self.store is not None:
            return self.store.read()
        with self._lock:
            return self._use(own) if own else self._empty

    def add(self, records: Sequence[Record], own: str = "") -> str:
        """Enrol tracklets. Arguments and errors as in `update`; InputError also where one is there already."""
        return self.update(lambda gallery: gallery.add(records), own)

    def update(self, change: Callable[[Gallery], Gallery], own: str = "") -> str:
        """Change a visitor's gallery.

        Args:
            change: what is made of it, such as `lambda gallery: gallery.remove(keys)`.
            own: id of the visitor's gallery; "" starts one.
        Returns:
            The id; "" where the tracklets are kept with everybody's.
        Raises:
            InputError: the gallery is full, as `change` does, or as `read`.
        """
        if self.store is not None:
            self.store.update(change)
            return ""
        with self._lock:
            mine = self._use(own) if own else self._empty
            changed = change(SessionGallery(self._base, mine))
            assert isinstance(changed, SessionGallery), "a changed gallery is of the same kind"
            if len(changed.own) > MAX_TRACKLETS:
                raise InputError(f"Your gallery is full: it holds {MAX_TRACKLETS} tracklets at most.")
            own = own or secrets.token_urlsafe(16)
            self._own[own] = _Own(changed.own, time.monotonic())
            while len(self._own) > 1 and (len(self._own) > MAX_GALLERIES or self._held_bytes() > MAX_BYTES):
                self._own.popitem(last=False)
        return own

    @property
    def _empty(self) -> MemoryGallery:
        return MemoryGallery.empty(self._base.checkpoint_sha256)

    def _held_bytes(self) -> int:
        return sum(mine.gallery.nbytes for mine in self._own.values())

    def _use(self, own: str) -> MemoryGallery:
        """The gallery of an id, now the last used. The caller holds the lock."""
        now = time.monotonic()
        for key in [key for key, held in self._own.items() if now - held.used > self.max_age_s]:
            del self._own[key]
        if own not in self._own:
            raise InputError("This gallery is no longer kept: enrol its clips again.")
        gallery = self._own.pop(own).gallery
        self._own[own] = _Own(gallery, now)
        return gallery
