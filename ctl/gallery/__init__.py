"""Galleries of embedded tracklets: one interface, in memory or on a Qdrant server, kept, handed on and overlaid."""

from ctl.gallery.base import (
    TOP_K,
    Filter,
    Gallery,
    GalleryEntry,
    Record,
    direction,
    keys_of,
    rename_person,
    require_weights,
    to_thumbnail,
)
from ctl.gallery.bundle import OnClash, merge, read_bundle, to_bundle, write_bundle
from ctl.gallery.folder import GalleryFolder, read_gallery
from ctl.gallery.keys import clip_sha256, tracklet_key
from ctl.gallery.memory import MemoryGallery
from ctl.gallery.session import SessionGallery
from ctl.gallery.store import DEMO_GALLERY, GalleryStore, open_for, open_store

__all__ = [
    "DEMO_GALLERY",
    "TOP_K",
    "Filter",
    "Gallery",
    "GalleryEntry",
    "GalleryFolder",
    "GalleryStore",
    "MemoryGallery",
    "OnClash",
    "Record",
    "SessionGallery",
    "clip_sha256",
    "direction",
    "keys_of",
    "merge",
    "open_for",
    "open_store",
    "read_bundle",
    "read_gallery",
    "rename_person",
    "require_weights",
    "to_bundle",
    "to_thumbnail",
    "tracklet_key",
    "write_bundle",
]
