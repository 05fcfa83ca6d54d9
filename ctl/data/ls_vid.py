"""LS-VID, tracklets from fifteen cameras on a campus, indoors and outdoors.

Paper: Li et al., "Global-Local Temporal Representations for Video Person Re-Identification", ICCV 2019.
Licence: a release agreement to be signed. Where to ask for it: the authors send the agreement by e-mail; their address
is in github.com/rika1024/GLTR, issue 2.
Counts: 3,772 persons, 14,943 tracklets, fifteen cameras: 842 persons to train on (2,831 tracklets), 200 to validate on
(779), 2,730 to test (11,333, of them 3,504 queries).

Layout: each line of ROOT/list_sequence/list_seq_{train,test}.txt is the beginning of a tracklet's file names below ROOT
and its person, e.g. "tracklet_train/0000/0000_0001_01 0"; the third word of a file's name is its camera.
ROOT/test/data/info_test.mat (version 7.3) holds `query`: which lines of the test list (from 1) are queries.

Protocol: as MARS, the gallery is the whole test part, queries included.
Assumed: persons count one more here than in the lists, which begin at 0, since 0 is a distractor elsewhere; the
validation part is not used.
"""

import os
from collections import defaultdict
from pathlib import Path
from typing import Final

from ctl.data.benchmark import Benchmark, Split, TrackletFiles
from ctl.data.listing import entries, require
from ctl.data.matlab import read_matrix
from ctl.errors import InputError
from ctl.files import read_bytes
from ctl.video.pictures import is_frame_name

LISTS: Final = {part: f"list_sequence/list_seq_{part}.txt" for part in ("train", "test")}
QUERIES: Final = "test/data/info_test.mat"
PROTOCOL: Final = (
    "the gallery is the whole test part, queries included; tracklets of the query's person and camera are removed from "
    "its ranking"
)


def read_ls_vid(root: Path) -> Benchmark:
    """Read LS-VID.

    Args:
        root: the folder that holds list_sequence, tracklet_train, tracklet_test and test.
    Raises:
        InputError: a file is missing or damaged, or a tracklet of the lists has no pictures.
    """
    require("LS-VID", root, *LISTS.values(), QUERIES)
    train, test = (_tracklets(root, root / path) for path in LISTS.values())
    rows = (read_matrix(root / QUERIES, "query").ravel() - 1).tolist()
    if not rows or min(rows) < 0 or max(rows) >= len(test):
        raise InputError(f"{root / QUERIES} names tracklets that {LISTS['test']} doesn't have")
    return Benchmark("ls-vid", PROTOCOL, (Split(train, tuple(test[row] for row in rows), test),))


def _tracklets(root: Path, path: Path) -> tuple[TrackletFiles, ...]:
    folders: dict[Path, dict[str, list[Path]]] = {}
    tracklets = []
    for number, line in enumerate(os.fsdecode(read_bytes(path)).splitlines(), start=1):
        start, _, person = line.strip().rpartition(" ")
        if not start or not person.isdigit():
            raise InputError(f'{path}, line {number} must be "<beginning of file names> <person>", is {line[:80]!r}')
        folder, prefix = (root / start).parent, (root / start).name.rstrip("_")
        if folder not in folders:
            folders[folder] = _by_prefix(folder)
        frames = folders[folder].get(prefix, [])
        if not frames:
            raise InputError(f"{path}, line {number}: there are no pictures {folder / prefix}_*")
        tracklets.append(TrackletFiles(tuple(frames), int(person) + 1, _camera(frames[0])))
    return tuple(tracklets)


def _by_prefix(folder: Path) -> dict[str, list[Path]]:
    """Pictures of a folder in the order of their names, by all but the last word of the name. One look per folder."""
    frames: dict[str, list[Path]] = defaultdict(list)
    if folder.is_dir():
        for file in entries(folder):
            if is_frame_name(file.name):
                frames[file.stem.rpartition("_")[0]].append(file)
    return frames


def _camera(frame: Path) -> int:
    words = frame.stem.split("_")
    if len(words) < 4 or not words[2].isdigit():
        raise InputError(f"{frame}: the third word of a file's name must be its camera, as in 0000_0001_01_0001.jpg")
    return int(words[2])
