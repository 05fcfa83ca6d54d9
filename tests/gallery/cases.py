"""Small galleries, and what a search must find in them, written as slow loops."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ctl.gallery import Gallery, GalleryEntry, Record, to_thumbnail

SHA256 = "ab" * 32
OTHER_SHA256 = "cd" * 32


def key(number: int) -> str:
    return f"{number:012x}/1"


def entry(number: int) -> GalleryEntry:
    """Four people, three cameras: tracklet 1 is person 1 at c1, 4 is person 0 at c1."""
    return GalleryEntry(key(number), f"person {number % 4}", f"c{number % 3}")


def picture(number: int) -> np.ndarray:
    """(256, 128, 3) uint8, one grey."""
    return np.full((256, 128, 3), number * 10 % 256, dtype=np.uint8)


@cache
def thumbnail(number: int) -> bytes:
    return to_thumbnail(picture(number))


def evidence(number: int) -> bytes:
    """Bytes of no format; every fifth tracklet has none."""
    return b"\xff\x00%d" % number if number % 5 else b""


def record(number: int, embedding: Tensor) -> Record:
    return Record(entry(number), embedding, thumbnail(number), evidence(number))


def records(embeddings: Tensor) -> list[Record]:
    return [record(number, embedding) for number, embedding in enumerate(embeddings, start=1)]


def some_embeddings(G: int = 12, D: int = 7, seed: int = 0) -> Tensor:
    return torch.randn(G, D, generator=torch.Generator().manual_seed(seed))


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5)


def ranked_by_loops(queries: Tensor, rows: Tensor) -> list[tuple[str, float]]:
    """(key, mean cosine with the queries), best first. Shares nothing with the gallery."""
    found = []
    for number, row in enumerate(rows.tolist(), start=1):
        each = [cosine(query, row) for query in queries.tolist()]
        found.append((key(number), sum(each) / len(each)))
    return sorted(found, key=lambda pair: -pair[1])


def people(gallery: Gallery) -> list[tuple[str, str, str]]:
    return [(entry.key, entry.person, entry.camera) for entry in gallery.entries]
