"""Stored heat maps pool as the estimator's own do, are computed once, and never outlive what they were made from."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ctl.data import heatmaps
from ctl.data.benchmark import TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import HeatMapCache
from ctl.errors import InputError
from ctl.files import ROOT
from ctl.inference import to_tensor
from ctl.keypoints.base import HeatMaps, KeypointEstimator
from ctl.keypoints.load import load_estimator
from ctl.model.nodes import spatial_mass
from ctl.people.find import find_people
from ctl.video.reader import open_clip
from tests.data.trees import save


@pytest.fixture(scope="module")
def estimator() -> KeypointEstimator:
    return load_estimator()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrackletFiles, TrackletFiles]:
    """Two real people's crops, 5 and 9 of them, as JPEG files of odd sizes."""
    folder = tmp_path_factory.mktemp("people")
    tracklets = []
    for person, (name, count) in enumerate((("man-lab1", 5), ("woman-lab2", 9)), start=1):
        with open_clip(ROOT / "assets" / "samples" / f"{name}.mp4", max_fps=5) as clip:
            pictures = [frame.image for frame in clip][:count]
        files = [save(folder / name / f"{n:04d}.jpg", p[: p.shape[0] - n]) for n, p in enumerate(pictures)]
        assert len(files) == count
        tracklets.append(TrackletFiles(tuple(files), person, 1))
    return tracklets[0], tracklets[1]


def pooled(logits: np.ndarray | torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return spatial_mass(torch.as_tensor(logits), size[0] // 16, size[1] // 16)


@pytest.mark.parametrize("size", [(256, 128), (192, 96), (128, 64)])
def test_stored_maps_pool_as_those_of_inference(
    size: tuple[int, int], people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    cache = HeatMapCache(tmp_path, estimator, size)
    cache.fill(people)
    for tracklet in people:
        direct = estimator(to_tensor(read_frames(tracklet, size), torch.device("cpu"))).logits
        stored = cache.read(tracklet)
        assert stored.shape == (len(tracklet), 17, size[0] // 8, size[1] // 8)
        assert stored.dtype == np.float32
        torch.testing.assert_close(pooled(stored, size), pooled(direct, size), atol=1e-3, rtol=0)
        assert pooled(direct, size).amax(dim=(2, 3)).mean() > 0.5  # the maps are sharp, so this compares something


def test_frames_are_read_as_inference_cuts_them(people: tuple[TrackletFiles, ...]) -> None:
    for number, frame in enumerate(people[1].frames):
        folder = frame.parents[1] / f"twice {number}"
        folder.mkdir()
        for name in ("0.jpg", "1.jpg"):
            (folder / name).write_bytes(frame.read_bytes())
        with open_clip(folder) as clip:
            (found,) = find_people(clip, None, (192, 96), min_frames=1, kind="crop").tracklets
        np.testing.assert_array_equal(read_frames(people[1], (192, 96), [number, number]), found.crops)


def test_some_frames_are_those_rows_of_all(
    people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    cache = HeatMapCache(tmp_path, estimator, (64, 32))
    cache.fill(people)
    whole = cache.read(people[1])
    np.testing.assert_array_equal(cache.read(people[1], [8, 0, 3, 3]), whole[[8, 0, 3, 3]])
    assert not np.array_equal(whole[0], whole[8])


class Counted:
    """An estimator that counts the frames it saw and can be interrupted. Its weights are those of the real one."""

    def __init__(self, estimator: KeypointEstimator) -> None:
        self.name = estimator.name
        self.net = estimator.net  # type: ignore[attr-defined]
        self.inner = estimator
        self.frames = 0

    def __call__(self, frames: torch.Tensor) -> HeatMaps:
        self.frames += len(frames)
        return self.inner(frames)


def test_a_stopped_run_goes_on_where_it_was(
    people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heatmaps, "frames_at_once", lambda device: 4)
    counted, shares = Counted(estimator), []

    def stop_at_once(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HeatMapCache(tmp_path, counted, (64, 32)).fill(people, stop_at_once)
    again = HeatMapCache(tmp_path, counted, (64, 32))
    assert again.missing(people) == [people[1]]
    again.fill([*people, *people], shares.append)
    assert counted.frames == 5 + 9
    assert shares == [1.0]
    again.fill(people)
    assert counted.frames == 5 + 9
    assert not list(tmp_path.rglob(".*"))


def test_reading_what_was_never_computed_says_so(
    people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"no heat maps of .*0000.jpg: fill the cache first"):
        HeatMapCache(tmp_path, estimator, (64, 32)).read(people[0])


def test_another_process_is_sent_what_is_stored_and_no_estimator(
    people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    cache = HeatMapCache(tmp_path, estimator, (64, 32))
    cache.fill(people)
    sent = pickle.dumps(cache)
    assert len(sent) < 1000
    stored = pickle.loads(sent)
    assert stored.image_size == (64, 32)
    for tracklet in people:
        np.testing.assert_array_equal(stored.read(tracklet), cache.read(tracklet))


def test_maps_do_not_outlive_a_frame_a_size_or_weights(
    people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    files = [tmp_path / "set" / frame.name for frame in people[0].frames]
    for copy, original in zip(files, people[0].frames, strict=True):
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(original.read_bytes())
    tracklet = TrackletFiles(tuple(files), 1, 1)
    store = tmp_path / "cache"
    HeatMapCache(store, estimator, (64, 32)).fill([tracklet])
    assert not HeatMapCache(store, estimator, (64, 32)).missing([tracklet])
    assert HeatMapCache(store, estimator, (96, 32)).missing([tracklet])
    assert HeatMapCache(store, estimator, (64, 32)).missing([replace(tracklet, frames=tracklet.frames[:-1])])

    other = load_estimator()
    next(other.net.parameters()).data[0] += 1e-3  # type: ignore[attr-defined]
    assert HeatMapCache(store, other, (64, 32)).missing([tracklet])

    os.utime(files[2], ns=(0, 0))
    assert HeatMapCache(store, estimator, (64, 32)).missing([tracklet])


def test_maps_are_the_same_whatever_runs_the_estimator(
    people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    fast, size = load_estimator(onnx=True), (128, 64)
    computed = [HeatMapCache(tmp_path / name, of, size) for name, of in (("slow", estimator), ("fast", fast))]
    for cache in computed:
        cache.fill(people)
    assert not HeatMapCache(tmp_path / "slow", fast, size).missing(people)
    for tracklet in people:
        slow, quick = (pooled(cache.read(tracklet), size) for cache in computed)
        torch.testing.assert_close(quick, slow, atol=1e-3, rtol=0)


@pytest.mark.parametrize("damage", ["gone", "cut short", "text"])
def test_a_bad_frame_is_named_and_nothing_is_stored(
    damage: str, people: tuple[TrackletFiles, ...], estimator: KeypointEstimator, tmp_path: Path
) -> None:
    file = tmp_path / "set" / "1.jpg"
    file.parent.mkdir()
    content = {"gone": b"", "cut short": people[0].frames[0].read_bytes()[:2000], "text": b"hello"}[damage]
    file.write_bytes(content)
    tracklet = TrackletFiles((file,), 1, 1)
    cache = HeatMapCache(tmp_path / "cache", estimator, (64, 32))
    assert cache.missing([tracklet]) == [tracklet]
    if damage == "gone":
        file.unlink()
    with pytest.raises(InputError, match=r"set.1\.jpg is (missing|a damaged picture)"):
        cache.fill([tracklet])
    assert not (tmp_path / "cache").exists()
