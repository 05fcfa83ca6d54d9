"""Damaged data sets by the thousand, of every layout. python -m tests.data.fuzz --count 1000 --seed 0"""

import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat

from ctl.data import READERS, load_benchmark
from ctl.data.damaged import leave_out_damaged
from tests.fuzzing import Attempt, damage, fuzz, odd_name

LEFT_BY_SYSTEMS = ("__MACOSX", "@eaDir", ".DS_Store", "Thumbs.db", "._0001.jpg", "desktop.ini")
MATLAB = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created by: a test HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM"


def write_pictures(root: Path, names: list[str], seed: int = 0) -> None:
    """Small pictures of the kinds that their names end with."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng((seed, number)).integers(0, 256, (16, 8, 3), np.uint8)
        Image.fromarray(pixels).save(path)


def write_folder(root: Path) -> None:
    parts = [(part, person, camera) for part in ("query", "gallery") for person in ("ann", "ben") for camera in "ab"]
    write_pictures(root, [f"{part}/{person}/{camera}/t1_{n}.png" for part, person, camera in parts for n in range(2)])


def write_walkers(root: Path) -> None:
    write_folder(root)
    (root / "meta.json").write_text("{}")


def write_mars(root: Path) -> None:
    for part in ("train", "test"):
        names = [f"000{person}C{camera}T0001F00{n}.jpg" for person in (1, 2) for camera in (1, 2) for n in (1, 2)]
        write_pictures(root, [f"bbox_{part}/{name[:4]}/{name}" for name in names])
        (root / "info").mkdir(exist_ok=True)
        (root / f"info/{part}_name.txt").write_text("\n".join(names))
        rows = [(1, 2, 1, 1), (3, 4, 1, 2), (5, 6, 2, 1), (7, 8, 2, 2)]
        savemat(root / f"info/tracks_{part}_info.mat", {f"track_{part}_info": np.array(rows)})
    savemat(root / "info/query_IDX.mat", {"query_IDX": np.array([[1, 3]])})


def write_ls_vid(root: Path) -> None:
    (root / "list_sequence").mkdir(parents=True)
    for part in ("train", "test"):
        starts = [f"tracklet_{part}/000{person}/000{person}_0001_0{camera}" for person in (0, 1) for camera in (1, 2)]
        write_pictures(root, [f"{start}_000{n}.jpg" for start in starts for n in (1, 2)])
        lines = [f"{start} {start[-9]}" for start in starts]
        (root / f"list_sequence/list_seq_{part}.txt").write_text("\n".join(lines))
    path = root / "test/data/info_test.mat"
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["query"] = np.array([[1.0], [3.0]])
    with path.open("r+b") as raw:
        raw.write(MATLAB)


def write_ilids(root: Path) -> None:
    persons = ("person001", "person003", "person004", "person009")
    folders = [f"i-LIDS-VID/sequences/{camera}/{person}" for camera in ("cam1", "cam2") for person in persons]
    write_pictures(root, [f"{folder}/{n}.png" for folder in folders for n in range(2)])
    (root / "train-test people splits").mkdir()
    path = root / "train-test people splits/train_test_splits_ilidsvid.mat"
    savemat(path, {"ls_set": np.array([(1, 2, 3, 4), (4, 2, 1, 3)])})


def write_prid(root: Path) -> None:
    persons = [f"person_000{number}" for number in (1, 2, 3, 4)]
    folders = [f"prid_2011/multi_shot/{camera}/{person}" for camera in ("cam_a", "cam_b") for person in persons]
    write_pictures(root, [f"{folder}/{n}.png" for folder in folders for n in range(2)])
    (root / "splits_prid2011.json").write_text(json.dumps([{"train": persons[:2], "test": persons[2:]}]))


WRITERS = {
    "folder": write_folder,
    "walkers": write_walkers,
    "mars": write_mars,
    "ls-vid": write_ls_vid,
    "ilids-vid": write_ilids,
    "prid2011": write_prid,
}


def prepare(place: Path) -> Attempt:
    assert set(WRITERS) == set(READERS)
    for name, write in WRITERS.items():
        write(place / name)
        load_benchmark(name, place / name)

    def attempt(folder: Path, rng: np.random.Generator, number: int) -> None:
        name = sorted(WRITERS)[number % len(WRITERS)]
        root = folder / odd_name(rng)
        shutil.copytree(place / name, root)
        for _ in range(int(rng.integers(1, 4))):
            spoil(root, rng)
        benchmark, left_out = leave_out_damaged(load_benchmark(name, root))
        assert "\n" not in left_out.notice
        assert all(frame.is_file() for split in benchmark.splits for t in split.gallery for frame in t.frames)

    return attempt


def spoil(root: Path, rng: np.random.Generator) -> None:
    """Do something to one entry: mostly to a file that lists others."""
    entries = sorted(root.rglob("*"), key=os.fsencode)
    lists = [entry for entry in entries if entry.suffix in (".txt", ".mat", ".json") and entry.is_file()]
    offered = lists if lists and rng.random() < 0.5 else entries
    if not offered:
        return
    entry = offered[int(rng.integers(len(offered)))]
    way, is_folder = int(rng.integers(7)), entry.is_dir() and not entry.is_symlink()
    if way in (0, 1) and entry.is_file():
        entry.write_bytes(damage(entry.read_bytes(), rng))
    elif way == 2:
        entry.rename(entry.with_name(odd_name(rng) + entry.suffix))
    elif way == 3:
        shutil.rmtree(entry) if is_folder else entry.unlink()
    elif way == 4:  # a file where a folder was, or the other way round
        if is_folder:
            shutil.rmtree(entry)
            entry.write_bytes(b"")
        else:
            entry.unlink()
            entry.mkdir()
    elif way == 5:
        left = (entry if entry.is_dir() else entry.parent) / str(rng.choice(LEFT_BY_SYSTEMS))
        if not left.exists():
            left.mkdir() if rng.random() < 0.5 else left.write_bytes(rng.bytes(40))
    elif entry.is_file():
        entry.unlink()
        entry.symlink_to(str(rng.choice([entry.name, "..", "/nowhere"])))


if __name__ == "__main__":
    fuzz(str(__doc__), prepare)
