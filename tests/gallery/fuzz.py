"""Damaged exports of galleries by the thousand. python -m tests.gallery.fuzz --count 1000 --seed 0"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from ctl.gallery import GalleryFolder, MemoryGallery, merge, read_bundle
from ctl.gallery.bundle import to_bundle
from tests.fuzzing import Attempt, damage, fuzz, odd_name
from tests.gallery.cases import SHA256, records, some_embeddings


def prepare(place: Path) -> Attempt:
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings(G=4)))
    whole = to_bundle(gallery)

    def attempt(folder: Path, rng: np.random.Generator, number: int) -> None:
        path = folder / f"{odd_name(rng)}.zip"
        path.write_bytes(damage(whole, rng) if number % 2 else with_one_file_changed(whole, rng))
        found = read_bundle(path)
        GalleryFolder(folder / odd_name(rng), SHA256).replace(merge(MemoryGallery.empty(SHA256), found))

    return attempt


def with_one_file_changed(bundle: bytes, rng: np.random.Generator) -> bytes:
    """A valid archive, in which one file is damaged, renamed, missing or, of the index, says something else."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive, zipfile.ZipFile(changed, "w") as other:
        names = archive.namelist()
        chosen = names[int(rng.integers(len(names)))] if rng.random() < 0.6 else "gallery.json"
        for name in names:
            data = archive.read(name)
            way = int(rng.integers(4)) if name == chosen else -1
            if way == 0 and name == "gallery.json":
                data = json.dumps(with_one_value_changed(json.loads(data), rng)).encode()
            elif way in (0, 1):
                data = damage(data, rng)
            if way != 2:
                name = odd_name(rng).encode(errors="replace").decode() if way == 3 else name
                other.writestr(zipfile.ZipInfo(name), data)
    return changed.getvalue()


def with_one_value_changed(values: dict[str, object], rng: np.random.Generator) -> dict[str, object]:
    odd: list[object] = [None, 0, -1, 1e308, True, "", odd_name(rng), [], {}, [[]], "../../etc/passwd", "a" * 200]
    place: dict[str, object] = values
    entries = values["entries"]
    if rng.random() < 0.6 and isinstance(entries, list):
        place = entries[int(rng.integers(len(entries)))]
    place[sorted(place)[int(rng.integers(len(place)))]] = odd[int(rng.integers(len(odd)))]
    return values


if __name__ == "__main__":
    fuzz(str(__doc__), prepare)
