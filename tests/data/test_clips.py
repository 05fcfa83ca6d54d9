"""Training clips are a pure function of their key, in whichever process and order they are asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from ctl.data.benchmark import TrackletFiles
from ctl.data.clips import Clip, Clips
from ctl.data.frames import FrameStore, read_frames
from ctl.data.heatmaps import HeatMapCache
from ctl.data.sampling import ClipKey, IdentityBatches, draw_frames
from ctl.data.transforms import Augment
from ctl.keypoints.load import load_estimator
from tests.data.trees import save

SIZE = (64, 32)


@pytest.fixture(scope="module")
def tracklets(tmp_path_factory: pytest.TempPathFactory) -> list[TrackletFiles]:
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    return [
        TrackletFiles(
            tuple(
                save(folder / f"{person}-{camera}-{n}.png", rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
                for n in range(3 + 5 * camera)
            ),
            person,
            camera,
        )
        for person in (5, 9, 30)
        for camera in (0, 1)
    ]


@pytest.fixture(scope="module")
def maps(tracklets: list[TrackletFiles], tmp_path_factory: pytest.TempPathFactory) -> HeatMapCache:
    cache = HeatMapCache(tmp_path_factory.mktemp("maps"), load_estimator(), SIZE)
    cache.fill(tracklets)
    return cache


def test_a_clip_is_the_frames_and_maps_that_its_seed_draws(tracklets: list[TrackletFiles], maps: HeatMapCache) -> None:
    clips = Clips(tracklets, FrameStore(SIZE), maps, Augment())
    clip = clips[ClipKey(3, (1, 2, 3))]
    indices = draw_frames(8, 6, np.random.default_rng((1, 2, 3)))
    want = torch.from_numpy(read_frames(tracklets[3], SIZE, indices)).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(clip.frames, want)
    np.testing.assert_array_equal(clip.logits, maps.read(tracklets[3], indices))
    assert (clip.label, clip.tracklet) == (1, 3)  # person 9 is the second of 5, 9, 30


def test_a_short_tracklet_gives_a_full_clip(tracklets: list[TrackletFiles], maps: HeatMapCache) -> None:
    clip = Clips(tracklets, FrameStore(SIZE), maps, Augment())[ClipKey(0, (0,))]
    assert clip.frames.shape == (6, 3, *SIZE)
    torch.testing.assert_close(clip.frames[:3], clip.frames[3:])


def test_worker_processes_give_the_very_clips_of_the_main_one(
    tracklets: list[TrackletFiles], maps: HeatMapCache
) -> None:
    clips = Clips(tracklets, FrameStore(SIZE), maps, Augment.strong())
    batches = IdentityBatches(tracklets, persons=3, clips=2, seed=7)
    alone = list(DataLoader(clips, batch_sampler=batches.steps(0, 3)))
    helped = list(DataLoader(clips, batch_sampler=batches.steps(0, 3), num_workers=2))
    for first, second in zip(alone, helped, strict=True):
        for values, others in zip(first, second, strict=True):
            assert torch.equal(values, others)
    again = Clip(*(values[4] for values in alone[2]))
    direct = clips[batches.batch(2)[4]]
    assert torch.equal(direct.frames, again.frames)
    assert torch.equal(direct.logits, again.logits)


def test_occluders_show_somebody_else(tracklets: list[TrackletFiles], maps: HeatMapCache) -> None:
    plain = Clips(tracklets, FrameStore(SIZE), maps, Augment())
    occluded = Clips(tracklets, FrameStore(SIZE), maps, Augment(occlude=1.0))
    own = {px.tobytes() for t in tracklets if t.person == 5 for px in read_frames(t, SIZE).reshape(-1, 3)}
    changes = 0
    for seed in range(30):
        key = ClipKey(1, (seed,))
        before, after = plain[key].frames, occluded[key].frames
        where = (before != after).any(dim=1)
        pixels = (after.permute(0, 2, 3, 1)[where] * 255).round().byte().numpy()
        changes += len(pixels) > 0
        assert sum(px.tobytes() in own for px in pixels) <= 0.01 * len(pixels)
    assert changes > 10


def test_a_store_reads_each_file_once_while_its_budget_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctl.data.frames.BLOCK", 2)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (6, *SIZE, 3), dtype=np.uint8)
    files = [save(tmp_path / f"{n}.png", picture) for n, picture in enumerate(pictures)]
    tracklet = TrackletFiles(tuple(files), 1, 1)
    store = FrameStore(SIZE, memory_bytes=5 * SIZE[0] * SIZE[1] * 3 + 5)
    np.testing.assert_array_equal(store.read(tracklet), pictures)
    for file in files[:5]:
        file.unlink()
    np.testing.assert_array_equal(store.read(tracklet), pictures)
    np.testing.assert_array_equal(store.read(tracklet, [4, 1, 1]), pictures[[4, 1, 1]])
    files[5].unlink()
    with pytest.raises(Exception, match=r"5\.png is missing"):
        store.read(tracklet)
