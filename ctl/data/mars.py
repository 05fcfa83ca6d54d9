"""MARS, tracklets that a detector and a tracker cut out of six cameras.

Paper: Zheng et al., "MARS: A Video Benchmark for Large-Scale Person Re-identification", ECCV 2016.
Licence: none stated; take it as for research only. Where to ask: www.liangzheng.com.cn/Project/project_mars.html;
the .mat files of info/ are in github.com/liangzheng06/MARS-evaluation.
Counts: 1,261 persons; 8,298 tracklets of 625 persons to train on; 12,180 test tracklets, 1,980 of them queries, with
3,248 distractors (person 0) and 870 of junk (person -1); six cameras; 1,191,003 frames.

Layout: ROOT/bbox_train/0001/0001C1T0001F001.jpg and so on; bbox_test/0000 holds distractors, bbox_test/00-1 junk.
ROOT/info/{train,test}_name.txt list the file names, and the rows of tracks_{train,test}_info.mat are first and last
line of that list (from 1), person, camera; query_IDX.mat says which rows of the test part (from 1) are queries.

Protocol: the authors' evaluation ranks all 12,180 test tracklets, queries included. A query never finds itself, since
its own person and camera are removed, but it finds the person's other queries; without these 140 queries have no hit.
"""

import os
from pathlib import Path
from typing import Final

import numpy as np

from ctl.data.benchmark import DISTRACTOR, JUNK, Benchmark, Split, TrackletFiles
from ctl.data.listing import require
from ctl.data.matlab import read_matrix
from ctl.errors import InputError
from ctl.files import read_bytes

NEEDS: Final = (
    "info/train_name.txt",
    "info/test_name.txt",
    "info/tracks_train_info.mat",
    "info/tracks_test_info.mat",
    "info/query_IDX.mat",
    "bbox_train",
    "bbox_test",
)
REMOVED: Final = "junk and tracklets of the query's person and camera are removed from its ranking, distractors stay"
KEPT: Final = f"the authors' evaluation: the gallery is the whole test part, queries included; {REMOVED}"
DROPPED: Final = f"stricter than the authors' evaluation: queries are taken out of the gallery; {REMOVED}"


def read_mars(root: Path, *, drop_queries: bool = False) -> Benchmark:
    """Read MARS.

    Args:
        root: the folder that holds bbox_train, bbox_test and info.
        drop_queries: take the queries out of the gallery.
    Raises:
        InputError: a file is missing, or the lists in info/ contradict each other.
    """
    require("MARS", root, *NEEDS)
    train, test = (_tracklets(root, part) for part in ("train", "test"))
    rows = (read_matrix(root / "info/query_IDX.mat", "query_IDX").ravel() - 1).tolist()
    if not rows or min(rows) < 0 or max(rows) >= len(test):
        raise InputError(f"{root / 'info/query_IDX.mat'} names tracklets that tracks_test_info.mat doesn't have")
    searched = set(rows)
    gallery = [t for row, t in enumerate(test) if not (drop_queries and row in searched)]
    split = Split(
        train=tuple(t for t in train if t.person not in (JUNK, DISTRACTOR)),
        query=tuple(test[row] for row in rows),
        gallery=tuple(gallery),
    )
    return Benchmark("mars", DROPPED if drop_queries else KEPT, (split,))


def _tracklets(root: Path, part: str) -> list[TrackletFiles]:
    """All tracklets of "train" or "test", in the order of the authors' rows."""
    table = root / f"info/tracks_{part}_info.mat"
    names = os.fsdecode(read_bytes(root / f"info/{part}_name.txt")).split()
    rows = read_matrix(table, f"track_{part}_info")
    if rows.shape[1] != 4:
        raise InputError(f"{table} must have 4 columns, has {rows.shape[1]}")
    return [_tracklet(root / f"bbox_{part}", names, row, table) for row in rows]


def _tracklet(folder: Path, names: list[str], row: np.ndarray, table: Path) -> TrackletFiles:
    first, last, person, camera = row.tolist()
    frames = sorted(names[first - 1 : last])
    prefix = f"{'00-1' if person == JUNK else f'{person:04d}'}C{camera}"
    if not 1 <= first <= last <= len(names) or not all(name.startswith(prefix) for name in frames):
        raise InputError(f"{table}: the row {row.tolist()} doesn't fit the list of file names beside it")
    home = folder / frames[0][:4]
    return TrackletFiles(tuple(home / name for name in frames), person, camera)
