"""What is searched: everybody's gallery, and beside it what one visitor enrolled.

A visitor's own gallery is found by an id that nobody guesses, and by nothing else: programs that share a connection, as
MCP clients do, don't see each other's.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ctl.errors import InputError
from ctl.gallery import Gallery, GalleryStore, MemoryGallery, Record, SessionGallery

MAX_AGE_S: Final = 3600.0
MAX_TRACKLETS: Final = 200
MAX_GALLERIES: Final = 200


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

    def add(self, records: Sequence[Record], own: str = "") -> str:
        """Enrol tracklets.

        Args:
            own: id of the visitor's gallery; "" starts one.
        Returns:
            The id; "" where the tracklets are kept with everybody's.
        Raises:
            InputError: one is there already, the gallery is full, or as `read`.
        """
        if self.store is not None:
            self.store.update(lambda gallery: gallery.add(records))
            return ""
        with self._lock:
            held = self._use(own) if own else MemoryGallery.empty(self._base.checkpoint_sha256)
            changed = SessionGallery(self._base, held).add(records).own
            if len(changed) > MAX_TRACKLETS:
                raise InputError(f"Your gallery is full: it holds {MAX_TRACKLETS} tracklets at most.")
            own = own or secrets.token_urlsafe(16)
            self._own[own] = _Own(changed, time.monotonic())
            while len(self._own) > MAX_GALLERIES:
                self._own.popitem(last=False)
        return own

    def _use(self, own: str) -> MemoryGallery:
        """The gallery of an id, now the last used. The caller holds the lock."""
        now = time.monotonic()
        for known in [known for known, held in self._own.items() if now - held.used > self.max_age_s]:
            del self._own[known]
        if own not in self._own:
            raise InputError("This gallery is no longer kept: enrol its clips again.")
        gallery = self._own.pop(own).gallery
        self._own[own] = _Own(gallery, now)
        return gallery
