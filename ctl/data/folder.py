"""Anybody's own pictures: ROOT/{query,gallery[,train]}/<person>/<camera>/<frame>.jpg. Also the layout of Walkers.

Persons and cameras may be any words; they are numbered in the natural order of their names over all parts of the set,
persons from 1, cameras from 0. The pictures of a folder are one tracklet, in the natural order of their names, unless
their names begin with the number of a tracklet: t0_00012.jpg is a frame of tracklet 0, t1_00003.jpg of tracklet 1.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ctl.data.benchmark import Benchmark, Split, TrackletFiles
from ctl.data.listing import holds_pictures, pictures, require, subfolders
from ctl.errors import InputError
from ctl.video.names import natural_order

TRAIN: Final = "train"
TEST: Final = ("query", "gallery")

PROTOCOL: Final = (
    "queries and gallery as the folders give them; tracklets of the query's person and camera are removed from its "
    "ranking"
)
_TRACKLET = re.compile(r"t(\d+)_")


def read_folder(root: Path) -> Benchmark:
    """Read a data set in the folder layout.

    Raises:
        InputError: query/ or gallery/ is missing, or holds no pictures; the message names what.
    """
    require("folder", root, *TEST)
    return Benchmark("folder", PROTOCOL, (read_split(root),))


def read_split(root: Path) -> Split:
    """The one split of the folder layout; its train part is empty if there is no train/. Raises InputError."""
    parts = {name: _part(root / name) for name in (TRAIN, *TEST) if name != TRAIN or (root / TRAIN).is_dir()}
    persons_and_cameras = [person_and_camera for part in parts.values() for person_and_camera in part]
    persons, cameras = (_numbers(names) for names in zip(*persons_and_cameras, strict=True))
    tracklets = {
        name: tuple(
            TrackletFiles(frames, persons[person] + 1, cameras[camera])
            for (person, camera), several in part.items()
            for frames in several
        )
        for name, part in parts.items()
    }
    return Split(tracklets.get(TRAIN, ()), *(tracklets[name] for name in TEST))


def _numbers(names: Iterable[str]) -> dict[str, int]:
    """Name -> its number, from 0, in the natural order of the names."""
    return {name: number for number, name in enumerate(natural_order(set(names)))}


def _part(folder: Path) -> dict[tuple[str, str], list[tuple[Path, ...]]]:
    """(person, camera) -> frames of each tracklet."""
    cameras = {person: subfolders(person) for person in subfolders(folder)}
    for path, inside in {folder: cameras, **cameras}.items():
        if not inside:
            state = "holds pictures and no folders" if holds_pictures(path) else "is empty"
            raise InputError(f"{path} {state}: pictures go into {folder.name}/<person>/<camera>/")
    return {
        (person.name, camera.name): _tracklets(pictures(camera))
        for person, several in cameras.items()
        for camera in several
    }


def _tracklets(frames: tuple[Path, ...]) -> list[tuple[Path, ...]]:
    """Frames of one person and camera -> frames of each tracklet, in the order of their numbers."""
    by_number: dict[int, list[Path]] = defaultdict(list)
    for frame in frames:
        number = _TRACKLET.match(frame.name)
        by_number[int(number[1]) if number else -1].append(frame)
    return [tuple(by_number[number]) for number in sorted(by_number)]
