"""Where a gallery is kept: a folder, or a collection of a Qdrant server."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from ctl.errors import InputError
from ctl.files import ROOT
from ctl.gallery.base import Gallery, require_weights
from ctl.gallery.folder import GalleryFolder
from ctl.gallery.memory import MemoryGallery
from ctl.types import CheckpointInfo

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from ctl.gallery.qdrant import QdrantGallery

DEMO_GALLERY: Final = ROOT / "assets" / "gallery"


class GalleryStore(Protocol):
    """A kept gallery. All three raise InputError where it can't be used, or holds another checkpoint's embeddings."""

    def read(self) -> Gallery:
        """The gallery as it is now."""
        ...

    def update(self, change: Callable[[Gallery], Gallery]) -> Gallery:
        """Replace the gallery by what `change` makes of it, such as `lambda gallery: gallery.remove(keys)`.

        `change` is given the gallery as it is then, with what others did to it in the meantime; an error that it raises
        leaves all as it was.
        """
        ...

    def replace(self, gallery: Gallery) -> None:
        """Put this gallery in its place, whatever it was."""
        ...


def open_store(place: str | Path, checkpoint_sha256: str | None = None) -> GalleryStore:
    """The gallery at a place, which is touched only when it is read or changed.

    Args:
        place: a folder, or http(s)://HOST[:PORT]/COLLECTION of a Qdrant server; $QDRANT_API_KEY opens it.
        checkpoint_sha256: of the weights whose embeddings it has to hold; it may be new then. None takes any gallery
            that is there.
    Raises:
        InputError: the URL names no collection, or the `qdrant` extra is missing.
    """
    if not str(place).startswith(("http://", "https://")):
        return GalleryFolder(Path(place), checkpoint_sha256)
    parts = urlsplit(str(place))
    collection = parts.path.strip("/")
    if not parts.hostname or not collection or "/" in collection:
        raise InputError(f"{place} must be http(s)://HOST[:PORT]/COLLECTION of a Qdrant server")
    return QdrantStore(f"{parts.scheme}://{parts.netloc}", collection, checkpoint_sha256)


def open_for(checkpoint: CheckpointInfo, place: str | Path | None, may_be_new: bool) -> tuple[Gallery, tuple[str, ...]]:
    """The gallery to rank a checkpoint's embeddings against, and sentences for the user about it.

    Args:
        place: as for `open_store`. None is the demo gallery, which is left out, with a notice, where other weights
            embedded it.
        may_be_new: whether a gallery that isn't there is an empty one, and not an error.
    Raises:
        InputError: the gallery asked for can't be opened, or other weights embedded it.
    """
    if place is not None:
        gallery = open_store(place, checkpoint.sha256 if may_be_new else None).read()
        require_weights(gallery, checkpoint.sha256)
        return gallery, ()
    if DEMO_GALLERY.is_dir() and (demo := open_store(DEMO_GALLERY).read()).checkpoint_sha256 == checkpoint.sha256:
        return demo, ()
    notice = f"The demo gallery wasn't embedded by {checkpoint.id}: build one with `python -m ctl gallery build`."
    return MemoryGallery.empty(checkpoint.sha256), (notice,)


@dataclass(frozen=True)
class QdrantStore:
    """See `GalleryStore`. The server keeps changes apart, so there is no lock; see `QdrantGallery` for its promises.

    Args:
        url: http(s)://HOST[:PORT]; without a port, 6333.
        collection: its name there.
        checkpoint_sha256: as in `open_store`.
    """

    url: str
    collection: str
    checkpoint_sha256: str | None = None

    def read(self) -> "QdrantGallery":
        gallery = self._open(self.checkpoint_sha256)
        if self.checkpoint_sha256 is not None:
            require_weights(gallery, self.checkpoint_sha256)
        return gallery

    def update(self, change: Callable[[Gallery], Gallery]) -> Gallery:
        return change(self.read())

    def replace(self, gallery: Gallery) -> None:
        """Replace the gallery, but not in one step: a search in the middle finds only some of the tracklets."""
        records = gallery.records([entry.key for entry in gallery.entries])
        self._open(gallery.checkpoint_sha256).emptied(gallery.checkpoint_sha256).add(records)

    def _open(self, checkpoint_sha256: str | None) -> "QdrantGallery":
        client = self._client
        from ctl.gallery.qdrant import QdrantGallery  # loads once the extra is known to be there

        return QdrantGallery.open(client, self.collection, checkpoint_sha256)

    @cached_property
    def _client(self) -> "QdrantClient":
        try:
            from qdrant_client import QdrantClient
        except ModuleNotFoundError as error:
            raise InputError("a gallery on a Qdrant server needs `pip install ctl-video-reid[qdrant]`") from error
        return QdrantClient(url=self.url, api_key=os.environ.get("QDRANT_API_KEY"), check_compatibility=False)
