"""iLIDS-VID, 300 people seen once by each of two cameras in an airport.

Paper: Wang et al., "Person Re-Identification by Video Ranking", ECCV 2014.
Licence: none stated with the pictures, which come from the i-LIDS recordings of the UK Home Office; take it as for
research only. Where to ask for it: www.eecs.qmul.ac.uk/~xiatian/downloads_qmul_iLIDS-VID_ReID_dataset.html, or the
authors by e-mail if that page is down.
Counts: 300 persons, 600 tracklets of 23 to 192 frames, two cameras.

Layout: ROOT/i-LIDS-VID/sequences/{cam1,cam2}/person001/*.png and
ROOT/train-test people splits/train_test_splits_ilidsvid.mat, whose matrix ls_set (10, 300) holds one split a row:
places of persons (from 1) in the sorted list of their folders.

Protocol: the first half of a row is tested and the second half learned from, as the authors and those after them do;
camera 1 is searched for in camera 2; results are averaged over the ten splits.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ctl.data.benchmark import Benchmark, Split, TrackletFiles
from ctl.data.listing import pictures, require, subfolders, two_camera_split
from ctl.data.matlab import read_matrix
from ctl.errors import InputError

CAMERAS: Final = ("i-LIDS-VID/sequences/cam1", "i-LIDS-VID/sequences/cam2")
SPLITS: Final = "train-test people splits/train_test_splits_ilidsvid.mat"
PROTOCOL: Final = (
    "mean over the authors' {splits} splits, half of the persons tested in each; camera 1 is searched for in camera 2"
)


def read_ilids_vid(root: Path) -> Benchmark:
    """Read iLIDS-VID.

    Args:
        root: the folder that holds "i-LIDS-VID" and "train-test people splits".
    Raises:
        InputError: a file is missing, the cameras show different persons, or the splits don't fit the persons.
    """
    require("iLIDS-VID", root, *CAMERAS, SPLITS)
    folders = [subfolders(root / camera) for camera in CAMERAS]
    first_names, second_names = ([folder.name for folder in camera] for camera in folders)
    if first_names != second_names:
        odd = sorted(set(first_names) ^ set(second_names))[0]
        raise InputError(f"iLIDS-VID at {root}: {odd} is in one of {CAMERAS[0]} and {CAMERAS[1]} only")
    cameras = [
        {person: TrackletFiles(pictures(folder), person, number) for person, folder in enumerate(camera, start=1)}
        for number, camera in enumerate(folders, start=1)
    ]
    rows = read_matrix(root / SPLITS, "ls_set")
    splits = tuple(_split(row, cameras, root / SPLITS) for row in rows)
    return Benchmark("ilids-vid", PROTOCOL.format(splits=len(splits)), splits)


def _split(row: np.ndarray, cameras: list[dict[int, TrackletFiles]], path: Path) -> Split:
    persons = row.tolist()
    if sorted(persons) != sorted(cameras[0]):
        raise InputError(f"{path}: a split must name each of the {len(cameras[0])} persons once")
    half = len(persons) // 2
    return two_camera_split(persons[half:], persons[:half], cameras)
