"""PRID2011, the multi-shot version: people seen once by each of two cameras above a street.

Paper: Hirzer et al., "Person Re-Identification by Descriptive and Discriminative Classification", SCIA 2011; the subset
and its ten splits: Wang et al., "Person Re-Identification by Video Ranking", ECCV 2014.
Licence: none stated on its page, which offers it for testing approaches to re-identification; take it as for research
only. Where to get it: www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/PRID11.
Counts: camera A shows 385 persons, camera B 749; persons 1 to 200 are the same in both; 178 of these are used.

Layout: ROOT/prid_2011/multi_shot/{cam_a,cam_b}/person_0001/*.png. splits_prid2011.json, ten times
{"train": [folder names], "test": [folder names]}, is not part of the download and its links die; put it in ROOT where
you have it.

Protocol: camera A is searched for in camera B; results are averaged over the splits.
Assumed: if the file is missing, the 178 persons of the 200 whose shorter tracklet is longest are taken (papers give
the subset as those above a number of frames, and agree on its size), and shuffled ten times by numpy's default
generator with seeds (2011, 0) to (2011, 9); the first half is tested. The protocol's sentence says so.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ctl.data.benchmark import Benchmark, TrackletFiles
from ctl.data.listing import pictures, require, subfolders, two_camera_split
from ctl.errors import InputError
from ctl.files import read_bytes

CAMERAS: Final = ("prid_2011/multi_shot/cam_a", "prid_2011/multi_shot/cam_b")
SPLITS: Final = "splits_prid2011.json"
SHARED: Final = 200
"""Persons up to this number are the same in both cameras; a higher number means two people, one in each."""
SUBSET: Final = 178
SEED: Final = 2011
TRIALS: Final = 10

GIVEN: Final = "mean over the {splits} splits of splits_prid2011.json; camera A is searched for in camera B"
DRAWN: Final = (
    "mean over {splits} splits drawn here with seed {seed}, for want of splits_prid2011.json, of the {persons} persons "
    "whose shorter tracklet is longest, half of them tested in each: not the splits that the literature reports on; "
    "camera A is searched for in camera B"
)

_FOLDER = re.compile(r"person_\d+")

Names = tuple[Sequence[str], Sequence[str]]  # folders of the persons to train on, and to test


def read_prid2011(root: Path) -> Benchmark:
    """Read PRID2011.

    Args:
        root: the folder that holds prid_2011 and, if you have it, splits_prid2011.json.
    Raises:
        InputError: a folder is missing, or the splits name somebody who isn't in both cameras.
    """
    require("PRID2011", root, *CAMERAS)
    cameras = [_camera(root / camera, number) for number, camera in enumerate(CAMERAS)]
    shared = {name: (cameras[0][name], cameras[1][name]) for name in cameras[0] if name in cameras[1]}
    numbers = {name: tracklets[0].person for name, tracklets in shared.items()}
    by_person = [{pair[camera].person: pair[camera] for pair in shared.values()} for camera in range(2)]
    file = root / SPLITS
    if file.exists():
        splits, protocol = _read_splits(file), GIVEN
    else:
        splits, protocol = _draw_splits(shared), DRAWN
    for person in (person for split in splits for half in split for person in half):
        if person not in numbers:
            raise InputError(f"{file} names {person}, who isn't in both {CAMERAS[0]} and {CAMERAS[1]}")
    return Benchmark(
        "prid2011",
        protocol.format(splits=len(splits), seed=SEED, persons=min(SUBSET, len(shared))),
        tuple(
            two_camera_split((numbers[n] for n in train), (numbers[n] for n in test), by_person)
            for train, test in splits
        ),
    )


def _camera(folder: Path, number: int) -> dict[str, TrackletFiles]:
    """Folder name -> tracklet, of the persons whom both cameras may have seen."""
    names = [person.name for person in subfolders(folder) if _FOLDER.fullmatch(person.name)]
    persons = {name: int(name.removeprefix("person_")) for name in names}
    return {
        name: TrackletFiles(pictures(folder / name), person, number)
        for name, person in persons.items()
        if person <= SHARED
    }


def _read_splits(path: Path) -> list[Names]:
    try:
        splits: Any = json.loads(read_bytes(path))
        return [(split["train"], split["test"]) for split in splits]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path} must be a JSON list of {{"train": [...], "test": [...]}}') from error


def _draw_splits(shared: dict[str, tuple[TrackletFiles, TrackletFiles]]) -> list[Names]:
    longest_first = sorted(shared, key=lambda name: (-min(len(tracklet) for tracklet in shared[name]), name))
    persons = sorted(longest_first[:SUBSET])
    shuffles = [np.random.default_rng((SEED, trial)).permutation(persons).tolist() for trial in range(TRIALS)]
    half = len(persons) // 2
    return [(shuffled[half:], shuffled[:half]) for shuffled in shuffles]
