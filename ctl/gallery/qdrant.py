"""A gallery in a Qdrant collection (https://qdrant.tech, Apache-2.0). Needs the `qdrant` extra; import it late.

Embedded, `QdrantClient(":memory:")`, it is exact and needs no server. The client's own files on disk are pickles, so
they aren't offered: `GalleryFolder` is for that. A server or cluster searches a large gallery by an approximate index
(HNSW), which may miss a neighbour; among equal ones any may be cut off by `top_k`.

A point is a tracklet. Its vector is the embedding, of length 1 and compared by dot product, so that it comes back bit
for bit; its payload is key, person, camera, JPEG, evidence and when it was added. The collection's metadata name the
checkpoint.
"""

import base64
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import torch
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse
from torch import Tensor

from ctl.errors import InputError
from ctl.gallery.base import (
    EVERYTHING,
    TOP_K,
    Filter,
    GalleryEntry,
    Record,
    check_names,
    check_top_k,
    check_width,
    direction,
    taken,
    unknown,
)
from ctl.types import Hit, Ranking

T = TypeVar("T")

PAGE: Final = 1000
"""Tracklets of a listing per request."""

BATCH: Final = 8
"""Tracklets with all that is kept of them per request: about 1.5 MB, and at most 24 MB, if thumbnails and evidence
have the size that `layout` admits. A server takes 32 MB."""

NAMES: Final = ["key", "person", "camera", "added"]


@dataclass(frozen=True, eq=False)
class QdrantGallery:
    """See `Gallery`. Changes are made in the collection itself, for all who use it. Make one with `open`.

    A change of more than BATCH tracklets takes several requests, and a server that goes away between them keeps the
    first ones. Of two that add the same key at once the first wins,
    and the other isn't told.

    Args:
        client: embedded, or connected to a server.
        collection: made at the first `add`.
        checkpoint_sha256: of the weights that made the embeddings.
    """

    client: QdrantClient
    collection: str
    checkpoint_sha256: str

    @classmethod
    def open(cls, client: QdrantClient, collection: str, checkpoint_sha256: str | None = None) -> "QdrantGallery":
        """A collection as a gallery.

        Args:
            checkpoint_sha256: for a collection that isn't there yet; one that is there knows its own.
        Raises:
            InputError: the server can't be reached, or the collection isn't a gallery, or isn't there.
        """
        with _requests(collection):
            if client.collection_exists(collection):
                metadata = client.get_collection(collection).config.metadata or {}
                embedded_by = metadata.get("checkpoint_sha256")
                if not isinstance(embedded_by, str):
                    raise InputError(f"Qdrant collection {collection!r} is not a gallery: choose another name")
                return cls(client, collection, embedded_by)
        if checkpoint_sha256 is None:
            raise InputError(
                f"there is no Qdrant collection {collection!r}: make it with `python -m ctl gallery build`"
            )
        return cls(client, collection, checkpoint_sha256)

    def emptied(self, checkpoint_sha256: str) -> "QdrantGallery":
        """Delete all tracklets; what is added later are embeddings of this checkpoint."""
        with _requests(self.collection):
            self.client.delete_collection(self.collection)
        return QdrantGallery(self.client, self.collection, checkpoint_sha256)

    @property
    def entries(self) -> tuple[GalleryEntry, ...]:
        return tuple(_entry(payload) for payload in sorted(self._payloads(), key=lambda payload: payload["added"]))

    def __len__(self) -> int:
        return self.count(EVERYTHING)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self._held([key]))

    def count(self, where: Filter) -> int:
        with _requests(self.collection):
            if self._width() is None:
                return 0
            return self.client.count(self.collection, count_filter=_to_qdrant(where)).count

    def records(self, keys: Sequence[str]) -> tuple[Record, ...]:
        by_key: dict[str, Record] = {}
        with _requests(self.collection):
            for some in _batches(keys, BATCH if self._width() is not None else 0):
                points = self.client.retrieve(
                    self.collection, [_point_id(key) for key in some], with_payload=True, with_vectors=True
                )
                by_key |= {record.entry.key: record for record in map(_record, points)}
        return tuple(_lookup(by_key, key) for key in keys)

    def search(self, query: Tensor, top_k: int = TOP_K, at_least: float = -1.0, where: Filter = EVERYTHING) -> Ranking:
        check_top_k(top_k)
        points = self._nearest(query, where, top_k, NAMES, exact=False)
        points.sort(key=lambda point: (-point.score, _payload(point)["added"]))
        best = [(_entry(_payload(point)), min(max(point.score, -1.0), 1.0)) for point in points]
        return tuple(
            Hit(rank, entry.key, entry.person, entry.camera, value)
            for rank, (entry, value) in enumerate(best, start=1)
            if value >= at_least
        )

    def similarities(self, query: Tensor, where: Filter = EVERYTHING) -> Tensor:
        points = self._nearest(query, where, max(len(self), 1), False, exact=True)
        return torch.tensor([point.score for point in points]).clamp(-1, 1).sort(descending=True).values

    def add(self, records: Sequence[Record]) -> "QdrantGallery":
        keys = [record.entry.key for record in records]
        if present := self._held(keys):
            raise taken(present[0])
        if len(set(keys)) != len(keys):
            raise InputError("gallery keys must differ from each other")
        vectors = [direction(record.embedding) for record in records]
        with _requests(self.collection):
            width = self._width()
            for vector in vectors:
                check_width(width, len(vector))
                width = len(vector)
            if width is not None:
                self._create(width)
            now = time.time_ns()
            points = [
                _point(record, vector, now + place)
                for place, (record, vector) in enumerate(zip(records, vectors, strict=True))
            ]
            for some in _batches(points, BATCH):
                self.client.upsert(self.collection, list(some), update_mode=models.UpdateMode.INSERT_ONLY)
        return self

    def remove(self, keys: Collection[str]) -> "QdrantGallery":
        ids = self._require(keys)
        with _requests(self.collection):
            for some in _batches(ids, PAGE):
                self.client.delete(self.collection, models.PointIdsList(points=list(some)))
        return self

    def rename(self, keys: Collection[str], person: str | None = None, camera: str | None = None) -> "QdrantGallery":
        check_names(keys, person, camera)
        changed = {name: value for name, value in (("person", person), ("camera", camera)) if value is not None}
        ids = self._require(keys)
        with _requests(self.collection):
            for some in _batches(ids, PAGE if changed else 0):
                self.client.set_payload(self.collection, changed, points=list(some))
        return self

    @property
    def _on_server(self) -> bool:
        """The embedded engine is exact, has no indexes, and warns of either wish."""
        return self.client.init_options["location"] != ":memory:"

    def _width(self) -> int | None:
        """D; None before the first tracklet."""
        if not self.client.collection_exists(self.collection):
            return None
        vectors = self.client.get_collection(self.collection).config.params.vectors
        assert isinstance(vectors, models.VectorParams), "a gallery has one unnamed vector"
        return vectors.size

    def _create(self, width: int) -> None:
        if self.client.collection_exists(self.collection):
            return
        self.client.create_collection(
            self.collection,
            vectors_config=models.VectorParams(size=width, distance=models.Distance.DOT),
            metadata={"checkpoint_sha256": self.checkpoint_sha256},
        )
        if self._on_server:
            for name in ("person", "camera"):  # to filter by them without reading every payload
                self.client.create_payload_index(self.collection, name, models.PayloadSchemaType.KEYWORD)

    def _payloads(self) -> Iterator[Mapping[str, Any]]:
        with _requests(self.collection):
            if self._width() is None:
                return
            offset = None
            while True:
                points, offset = self.client.scroll(self.collection, limit=PAGE, offset=offset, with_payload=NAMES)
                yield from map(_payload, points)
                if offset is None:
                    return

    def _held(self, keys: Collection[str]) -> list[GalleryEntry]:
        """Entries of the keys that the collection has."""
        entries: list[GalleryEntry] = []
        with _requests(self.collection):
            for some in _batches(list(keys), PAGE if self._width() is not None else 0):
                points = self.client.retrieve(self.collection, [_point_id(key) for key in some], with_payload=NAMES)
                entries += [_entry(_payload(point)) for point in points]
        return entries

    def _require(self, keys: Collection[str]) -> list[str]:
        """Ids of the points. Raises InputError if there is no such key."""
        ids = {entry.key: _point_id(entry.key) for entry in self._held(keys)}
        return [_lookup(ids, key) for key in keys]

    def _nearest(
        self, query: Tensor, where: Filter, most: int, payload: list[str] | bool, *, exact: bool
    ) -> list[models.ScoredPoint]:
        query_direction = direction(query)
        with _requests(self.collection):
            width = self._width()
            check_width(width, len(query_direction))
            if width is None:
                return []
            return self.client.query_points(
                self.collection,
                query=query_direction.tolist(),
                query_filter=_to_qdrant(where),
                search_params=models.SearchParams(exact=True) if exact and self._on_server else None,
                limit=most,
                with_payload=payload,
            ).points


def _to_qdrant(where: Filter) -> models.Filter | None:
    if where == EVERYTHING:  # a server knows how many there are, and looks at each where a filter stands
        return None

    def among(field: str, values: frozenset[str]) -> models.FieldCondition:
        return models.FieldCondition(key=field, match=models.MatchAny(any=sorted(values)))

    only, none = (
        [among(field, values) for field, values in (("camera", cameras), ("person", people)) if values]
        for cameras, people in ((where.cameras, where.people), (where.without_cameras, where.without_people))
    )
    ids = models.HasIdCondition(has_id=[_point_id(key) for key in sorted(where.without_keys)])
    return models.Filter(must=[*only], must_not=[*none, ids])


def _point_id(key: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, key))


def _point(record: Record, vector: Tensor, added: int) -> models.PointStruct:
    names = {"key": record.entry.key, "person": record.entry.person, "camera": record.entry.camera, "added": added}
    files = {"jpeg": record.jpeg, "evidence": record.evidence}
    payload = names | {name: base64.b64encode(data).decode() for name, data in files.items()}
    return models.PointStruct(id=_point_id(record.entry.key), vector=vector.tolist(), payload=payload)


def _payload(point: models.Record | models.ScoredPoint) -> Mapping[str, Any]:
    assert point.payload is not None, "asked for"
    return point.payload


def _entry(payload: Mapping[str, Any]) -> GalleryEntry:
    return GalleryEntry(payload["key"], payload["person"], payload["camera"])


def _record(point: models.Record) -> Record:
    payload = _payload(point)
    jpeg, evidence = (base64.b64decode(data) for data in (payload["jpeg"], payload.get("evidence", "")))  # once without
    return Record(_entry(payload), torch.tensor(point.vector), jpeg, evidence)


def _lookup(values: Mapping[str, T], key: str) -> T:
    if key not in values:
        raise unknown(key)
    return values[key]


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Runs of `size`; of size 0, none at all."""
    return (items[start : start + size] for start in range(0, len(items) if size else 0, size or 1))


@contextmanager
def _requests(collection: str) -> Iterator[None]:
    """Raises InputError if the server can't be reached, or refuses."""
    try:
        yield
    except ResponseHandlingException as error:
        raise InputError(f"Qdrant can't be reached for collection {collection!r}: {error.source}") from error
    except UnexpectedResponse as error:
        message = error.content.decode(errors="replace")[:200].replace("\n", " ")
        raise InputError(
            f"Qdrant refused collection {collection!r} with status {error.status_code}: {message}"
        ) from error
    except (ApiException, QdrantException) as error:
        raise InputError(f"Qdrant failed at collection {collection!r}: {error}") from error
