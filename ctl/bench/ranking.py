"""What ranking a test of the size of MARS costs, from embeddings to CMC and mAP: 1,980 queries, 11,310 tracklets.

`python -m ctl.bench.ranking ranking|reranking` is the process that is measured.
"""

import json
import subprocess
import sys
from time import perf_counter
from typing import Final

import numpy as np

from ctl.bench.memory import peak_mb
from ctl.evaluate.ranking import cmc_map
from ctl.evaluate.rerank import cosine_distance, rerank
from ctl.files import ROOT

QUERIES: Final = 1980
GALLERY: Final = 11310
PERSONS: Final = 626
CAMERAS: Final = 6
WIDTH: Final = 512


def ranking_costs() -> dict[str, float]:
    """Seconds, and peak resident memory in MB (10⁶ bytes) of a whole process, without and with re-ranking."""
    costs: dict[str, float] = {}
    for name in ("ranking", "reranking"):
        command = [sys.executable, "-m", "ctl.bench.ranking", name]
        run = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
        costs |= json.loads(run.stdout)
    return costs


def main(name: str) -> None:
    """Rank made-up tracklets, a few hundred persons' embeddings with noise, and print what it cost."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((PERSONS, WIDTH), np.float32)
    persons, cameras = rng.integers(0, PERSONS, QUERIES + GALLERY), rng.integers(0, CAMERAS, QUERIES + GALLERY)
    embeddings = centres[persons] + 2 * rng.standard_normal((QUERIES + GALLERY, WIDTH), np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    sides = slice(0, QUERIES), slice(QUERIES, None)
    query, gallery = (embeddings[side] for side in sides)
    start = perf_counter()
    distance = (rerank if name == "reranking" else cosine_distance)(query, gallery)
    labels = (values[side] for values in (persons, cameras) for side in sides)  # persons, then cameras, of each side
    cmc_map(distance, *labels)
    took = perf_counter() - start
    print(json.dumps({f"{name}_at_size_of_mars_s": round(took, 2), f"{name}_peak_memory_mb": peak_mb()}))


if __name__ == "__main__":
    main(sys.argv[1])
