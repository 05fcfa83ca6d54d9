"""Frames decoded in other processes: the same bytes in the same order, the same errors, and nobody left behind."""

import hashlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ctl.data.benchmark import TrackletFiles
from ctl.data.decoding import decode_ahead
from ctl.data.frames import LEAVE_OUT, read_frame, read_frames
from ctl.data.heatmaps import LEAST_MASS, HeatMapCache
from ctl.errors import InputError
from ctl.inference import to_tensor
from ctl.keypoints.base import KeypointEstimator
from ctl.keypoints.load import load_estimator
from ctl.model.nodes import spatial_mass
from tests.data.trees import save

SIZE = (64, 32)
LENGTHS = (5, 14, 1, 3, 30, 2)


@pytest.fixture(scope="module")
def estimator() -> KeypointEstimator:
    return load_estimator()


@pytest.fixture
def tracklets(tmp_path: Path) -> list[TrackletFiles]:
    """Pictures of noise that no two frames share."""
    rng, made = np.random.default_rng(0), []
    for number, length in enumerate(LENGTHS):
        noise = [cv2.resize(rng.integers(0, 256, (9, 5, 3), dtype=np.uint8), (40, 90)) for _ in range(length)]
        files = [save(tmp_path / "set" / str(number) / f"{t}.jpg", picture) for t, picture in enumerate(noise)]
        made.append(TrackletFiles(tuple(files), number, 1))
    return made


def one_after_the_other(tracklets: list[TrackletFiles], estimator: KeypointEstimator) -> list[bytes]:
    """What the files hold, by a loop: whole tracklets until 12 frames are together, then 12 frames at a time."""
    stored: list[bytes] = []
    group: list[TrackletFiles] = []
    for tracklet in tracklets:
        group.append(tracklet)
        frames = np.concatenate([read_frames(member, SIZE) for member in group])
        if len(frames) < 12 and tracklet is not tracklets[-1]:
            continue
        rows: list[np.ndarray] = []
        for start in range(0, len(frames), 12):
            logits = estimator(to_tensor(frames[start : start + 12], torch.device("cpu"))).logits
            rows += list(spatial_mass(logits.float(), 8, 4).clamp_min(LEAST_MASS).log().half().numpy())
        for member in group:
            stored.append(b"".join(rows.pop(0).tobytes() for _ in member.frames))
        group = []
    return stored


def stored_by(cache: HeatMapCache, tracklets: list[TrackletFiles]) -> list[bytes]:
    return [cache.read(tracklet).astype(np.float16).tobytes() for tracklet in tracklets]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [0, 1, 2, None])
def test_any_number_of_processes_stores_the_bytes_of_a_plain_loop(
    processes: int | None, tracklets: list[TrackletFiles], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    cache, shares = HeatMapCache(tmp_path / "maps", estimator, SIZE), []
    cache.fill(tracklets, shares.append, processes)
    want = one_after_the_other(tracklets, estimator)
    assert len({hashlib.sha256(maps).digest() for maps in want}) == len(LENGTHS)
    assert stored_by(cache, tracklets) == want
    assert shares == [19 / 55, 53 / 55, 1]
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("damage", ["gone", "cut short"])
def test_a_bad_frame_is_told_in_the_same_line_whoever_decodes_it(
    damage: str, tracklets: list[TrackletFiles], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    bad = tracklets[4].frames[20]
    cut, lines = bad.read_bytes()[:300], []
    for processes in (0, 2):
        cache = HeatMapCache(tmp_path / f"maps{processes}", estimator, SIZE)
        bad.write_bytes(cut)
        cache.missing(tracklets)  # their files have been looked at
        if damage == "gone":
            bad.unlink()
        with pytest.raises(InputError) as raised:
            cache.fill(tracklets, processes=processes)
        lines.append(str(raised.value))
        assert not multiprocessing.active_children()
        assert cache.missing(tracklets) == tracklets[2:]
        assert stored_by(cache, tracklets[:2]) == one_after_the_other(tracklets[:2], estimator)
        assert not list(tmp_path.rglob(".*"))
    trouble = {
        "gone": "is missing: fetch the data set again, or ",
        "cut short": "is a damaged picture: fetch it again, or ",
    }
    assert lines == [f"{bad} {trouble[damage]}{LEAVE_OUT}"] * 2


def test_stopping_ends_the_processes_and_leaves_whole_files(
    tracklets: list[TrackletFiles], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    cache, seen = HeatMapCache(tmp_path / "maps", estimator, SIZE), []

    def stop(share: float) -> None:
        seen.extend(multiprocessing.active_children())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.fill(tracklets, stop, 2)
    assert len(seen) == 2
    assert not any(process.is_alive() for process in seen)
    assert cache.missing(tracklets) == tracklets[2:]
    assert not list(tmp_path.rglob(".*"))


def test_a_process_that_is_killed_is_told_in_one_line(
    tracklets: list[TrackletFiles], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    def kill(share: float) -> None:
        for process in multiprocessing.active_children():
            os.kill(process.pid or 0, signal.SIGKILL)

    many = [TrackletFiles(tracklet.frames * 3, 1, 1) for tracklet in tracklets]
    with pytest.raises(InputError, match="was ended from outside, or shared memory is full: run the command again"):
        HeatMapCache(tmp_path / "maps", estimator, SIZE).fill(many, kill, 1)


def test_a_folder_that_cannot_be_written_to_is_told(
    tracklets: list[TrackletFiles], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    (tmp_path / "maps").write_text("a file")
    with pytest.raises(InputError, match="can't be written"):
        HeatMapCache(tmp_path / "maps", estimator, SIZE).fill(tracklets)


def appear(files: list[Path], content: bytes) -> None:
    for file in files:
        file.write_bytes(content)


@pytest.mark.parametrize(("processes", "ahead"), [(1, 2), (2, 4)])
def test_at_most_two_batches_per_process_are_decoded_ahead(
    processes: int, ahead: int, tracklets: list[TrackletFiles], tmp_path: Path
) -> None:
    """Those that come later aren't there yet, and nobody misses them."""
    picture = tracklets[0].frames[0].read_bytes()
    files = [tmp_path / f"late{number}.jpg" for number in range(12)]
    appear(files[: ahead + 1], picture)
    batches = decode_ahead([[file] for file in files], SIZE, processes, pin=False)
    first = next(batches)
    time.sleep(0.5)
    appear(files[ahead + 1 :], picture)
    rest = list(batches)
    assert len(rest) == 11
    for frames in (first, *rest):
        np.testing.assert_array_equal(frames.numpy(), read_frame(files[0], SIZE)[None])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_stores_what_a_cpu_stores(
    tracklets: list[TrackletFiles], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    caches = []
    for device, made in (("cpu", estimator), ("cuda", load_estimator(device="cuda"))):
        caches.append(HeatMapCache(tmp_path / device, made, SIZE))
        caches[-1].fill(tracklets)
    for tracklet in tracklets:
        here, there = (torch.from_numpy(cache.read(tracklet)).exp() for cache in caches)
        torch.testing.assert_close(here, there, atol=2e-3, rtol=0)
