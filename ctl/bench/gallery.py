"""What a search of many known people costs, in a folder and in Qdrant: time, memory, and what is missed.

Every measurement is a process of its own, `python -m ctl.bench.gallery NAME FOLDER ...`, so that its memory is its own
too. The people are made up, in a folder as `GalleryFolder` reads it, but without thumbnails and evidence, which a large
gallery reads only for the tracklets that are shown.
"""

import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.bench.memory import peak_mb
from ctl.bench.timing import seconds, spread
from ctl.files import ROOT, write_atomic
from ctl.gallery import Gallery, GalleryFolder, Record, read_gallery
from ctl.gallery.layout import FLOAT32_TRACKLETS, INDEX, pack_embeddings, pack_index

SIZES: Final = (10_000, 100_000, 1_000_000)
EMBEDDED_SIZES: Final = (10_000, 100_000)
"""Of the embedded Qdrant, which takes too long to fill with more."""

WIDTH: Final = 512
TRACKLETS_OF_A_PERSON: Final = 10
QUERIES: Final = 10
NEAREST: Final = 10
SEARCHES: Final = 20
FILLED_AT_ONCE: Final = 1000
CHECKPOINT: Final = "0" * 64


def gallery_costs(server: str | None = None) -> dict[str, Any]:
    """By number of tracklets and back end: seconds to open or fill, and to search; MB (10⁶ bytes) that this takes at
    most beside the imports, and the share of the true 10 nearest that is found.

    Args:
        server: http(s)://HOST[:PORT] of a Qdrant server to measure too; $QDRANT_API_KEY opens it.
    """
    costs: dict[str, Any] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            _in_process("make", folder, str(size))
            costs[str(size)] = {"folder": _in_process("folder", folder)}
            if size in EMBEDDED_SIZES:
                costs[str(size)]["qdrant_embedded"] = _in_process("qdrant", folder)
            if server is not None:
                costs[str(size)]["qdrant_server"] = _in_process("qdrant", folder, server)
    return {"threads": torch.get_num_threads(), "gallery": costs}


def _in_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "ctl.bench.gallery", *arguments]
    run = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    costs: dict[str, Any] = json.loads(run.stdout)
    return costs


def make(folder: Path, size: int) -> dict[str, Any]:
    """Write a gallery of `size` tracklets, ten of each person, with queries and their true nearest beside it."""
    generator = torch.Generator().manual_seed(0)

    def seen(centres: Tensor) -> Tensor:
        noise = torch.randn(centres.shape, generator=generator)
        return F.normalize(centres + 2 * noise, dim=1)

    centres = torch.randn(size // TRACKLETS_OF_A_PERSON, WIDTH, generator=generator)
    queries = seen(centres[:QUERIES])
    embeddings = torch.empty(size, WIDTH, dtype=torch.float16 if size > FLOAT32_TRACKLETS else torch.float32)
    similarities = []
    for place in range(TRACKLETS_OF_A_PERSON):
        rows = seen(centres)
        embeddings[place * len(centres) : (place + 1) * len(centres)] = rows
        similarities.append(queries @ rows.mT)
    nearest = torch.cat(similarities, dim=1).topk(NEAREST).indices  # (Q, 10), before any rounding
    name, data = pack_embeddings(embeddings)
    entries: list[dict[str, str | None]] = [
        {"key": key_of(row), "person": f"person {row % len(centres)}", "camera": f"c{row % 6}", "evidence": None}
        for row in range(size)
    ]
    write_atomic(folder / name, data)
    write_atomic(folder / INDEX, pack_index(CHECKPOINT, name, entries))
    torch.save((queries, nearest), folder / "queries.pt")
    return {}


def key_of(row: int) -> str:
    return f"{row:012x}/1"


def measure_folder(folder: Path) -> dict[str, Any]:
    before = peak_mb()
    store = GalleryFolder(folder, CHECKPOINT)
    start = seconds(store.read)
    return {"start_s": round(start, 2), **_searches(store.read(), folder), "memory_mb": peak_mb() - before}


def measure_qdrant(folder: Path, server: str | None = None) -> dict[str, Any]:
    """Filled from a folder: embedded in this process, or in a collection of its own on a server."""
    from qdrant_client import QdrantClient

    from ctl.gallery.qdrant import QdrantGallery

    made_up = read_gallery(folder)
    records = [Record(entry, row.float(), b"") for entry, row in zip(made_up.entries, made_up.embeddings, strict=True)]
    client = QdrantClient(":memory:") if server is None else QdrantClient(url=server, timeout=600)
    gallery = QdrantGallery.open(client, f"bench-{uuid.uuid4().hex}", CHECKPOINT)

    def fill() -> None:
        for first in range(0, len(records), FILLED_AT_ONCE):
            gallery.add(records[first : first + FILLED_AT_ONCE])

    before = peak_mb()
    try:
        costs = {"fill_s": round(seconds(fill), 1), **_searches(gallery, folder)}
        return costs if server is not None else costs | {"memory_mb": peak_mb() - before}
    finally:
        gallery.emptied(CHECKPOINT)


def _searches(gallery: Gallery, folder: Path) -> dict[str, Any]:
    queries, nearest = torch.load(folder / "queries.pt")
    nearest_found = [{hit.key for hit in gallery.search(query, NEAREST)} for query in queries]
    truly_nearest = [{key_of(row) for row in rows} for rows in nearest.tolist()]
    shares = [len(keys & true) / NEAREST for keys, true in zip(nearest_found, truly_nearest, strict=True)]
    return {
        "search_s": spread([seconds(_search(gallery, query)) for query in islice(cycle(queries), SEARCHES)]),
        "recall_at_10": round(sum(shares) / QUERIES, 3),
    }


def _search(gallery: Gallery, query: Tensor) -> Callable[[], object]:
    return lambda: gallery.search(query, NEAREST)


def main(name: str, folder: Path, *more: str) -> None:
    if name == "make":
        print(json.dumps(make(folder, int(more[0]))))
    else:
        print(json.dumps(measure_folder(folder) if name == "folder" else measure_qdrant(folder, *more)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
