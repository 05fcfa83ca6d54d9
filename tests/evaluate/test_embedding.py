"""Embeddings of tracklets: those that the app gives, in flat memory, and the same from several processes."""

import os
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ctl.checkpoint import load_checkpoint
from ctl.data.benchmark import Benchmark, TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import HeatMapCache
from ctl.evaluate.embedding import embed, undeal
from ctl.evaluate.report import tracklets_to_embed
from ctl.inference import extract
from ctl.keypoints.base import HeatMaps
from ctl.keypoints.load import load_estimator
from ctl.people.find import find_people
from ctl.video.reader import open_clip
from tests.evaluate.conftest import SIZE


def test_embeddings_are_those_of_the_app(checkpoint: Path, benchmark: Benchmark, heatmaps: HeatMapCache) -> None:
    model, _ = load_checkpoint(checkpoint)
    tracklets = tracklets_to_embed(benchmark)
    seen: list[float] = []
    got = embed(model, tracklets, heatmaps, on_progress=seen.append)
    wanted = extract(model, load_estimator(), [read_frames(tracklet, SIZE) for tracklet in tracklets])
    np.testing.assert_allclose(got, [one.embedding for one in wanted.features], atol=2e-3)  # maps are kept in float16
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    assert np.abs(got - got[0])[1:].max(axis=1).min() > 0.02
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_the_backbone_alone_is_its_mean_over_all_cells_and_clips(
    checkpoint: Path, benchmark: Benchmark, heatmaps: HeatMapCache
) -> None:
    model, _ = load_checkpoint(checkpoint)
    tracklets = [t for t in tracklets_to_embed(benchmark) if len(t) in (6, 7)]
    got = embed(model, tracklets, heatmaps, feature="backbone")
    for tracklet, row in zip(tracklets, got, strict=True):
        crops = read_frames(tracklet, SIZE)
        with torch.inference_mode():
            maps = model.backbone(torch.from_numpy(crops)[None].permute(0, 1, 4, 2, 3) / 255)[0].numpy()
        clips = [range(6), [6] * 6][: 1 + len(tracklet) // 7]
        mean = np.mean([np.mean([maps[t].mean(axis=(1, 2)) for t in clip], axis=0) for clip in clips], axis=0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_crops_of_growing_size_embed_the_same_as_a_clip_and_as_a_data_set(checkpoint: Path, tmp_path: Path) -> None:
    """Each is stretched to the model's size by itself: neither the first one's size nor the order of sizes matters."""
    model, estimator = load_checkpoint(checkpoint)[0], load_estimator()
    rng = np.random.default_rng(3)
    for number in range(7):
        size = (20 + 11 * number, 40 + 23 * number)
        Image.fromarray(rng.integers(0, 256, (6, 4, 3), np.uint8)).resize(size).save(tmp_path / f"{number}.png")
    with open_clip(tmp_path) as clip:
        (tracklet,) = find_people(clip, None, SIZE, kind="crop").tracklets
    (as_clip,) = extract(model, estimator, [tracklet.crops]).features
    files = TrackletFiles(tuple(sorted(tmp_path.glob("*.png"))), person=1, camera=0)
    np.testing.assert_array_equal(tracklet.crops, read_frames(files, SIZE))
    cache = HeatMapCache(tmp_path / "maps", estimator, SIZE)
    cache.fill([files])
    np.testing.assert_allclose(embed(model, [files], cache)[0], as_clip.embedding, atol=2e-3)  # maps are float16


class EverywhereEstimator:
    """A key-point estimator that knows nothing: flat maps at no cost."""

    name = "everywhere"

    def __call__(self, frames: torch.Tensor) -> HeatMaps:
        B = len(frames)
        return HeatMaps(torch.zeros(B, 17, 8, 4), torch.zeros(B, 17, 2), torch.zeros(B, 17))


@pytest.mark.slow
def test_a_long_track_needs_the_memory_of_a_few_clips(checkpoint: Path, benchmark: Benchmark, tmp_path: Path) -> None:
    model, _ = load_checkpoint(checkpoint)
    frames = benchmark.splits[0].gallery[0].frames
    short, long = (TrackletFiles(frames * times, person=1, camera=0) for times in (1, 50))
    cache = HeatMapCache(tmp_path, EverywhereEstimator(), SIZE)
    cache.fill([short, long])
    tracemalloc.start()  # knows numpy's memory, which frames and maps are in before they go to the model
    (row,) = embed(model, [long], cache)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(long) == 300
    assert peak < 300 * 64 * 32 * 3 / 3, f"{peak / 1e6:.1f} MB"
    np.testing.assert_allclose(row, embed(model, [short], cache)[0], atol=1e-4)  # the same clip 50 times


@pytest.mark.parametrize(("count", "ranks"), [(7, 3), (6, 3), (2, 4), (1, 1)])
def test_dealt_rows_come_back_in_their_order(count: int, ranks: int) -> None:
    most = -(-count // ranks)
    shares = []
    for rank in range(ranks):
        mine = list(range(count))[rank::ranks]
        shares += mine + [-1] * (most - len(mine))
    got = undeal(torch.tensor(shares)[:, None], ranks)[:count, 0]
    assert got.tolist() == list(range(count))


WORKER = """
import sys
import numpy as np
import torch
from PIL import Image
from accelerate import Accelerator
from pathlib import Path
torch.set_num_threads(1)
from ctl.checkpoint import load_checkpoint
from ctl.data import load_benchmark
from ctl.data.heatmaps import HeatMapCache
from ctl.evaluate.embedding import embed
from ctl.evaluate.report import tracklets_to_embed
from ctl.keypoints.load import load_estimator
root, checkpoint, maps, out = map(Path, sys.argv[1:])
accelerator = Accelerator(cpu=True)
assert accelerator.num_processes == 2
model, _ = load_checkpoint(checkpoint)
tracklets = tracklets_to_embed(load_benchmark("folder", root))[:11]
rows = embed(model, tracklets, HeatMapCache(maps, load_estimator(), (64, 32)), accelerator=accelerator)
np.save(out / f"{accelerator.process_index}.npy", rows)
accelerator.end_training()
"""


@pytest.mark.slow
def test_two_processes_give_every_tracklet_once_and_in_order(
    checkpoint: Path, root: Path, benchmark: Benchmark, heatmaps: HeatMapCache, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    arguments = [sys.executable, "-c", WORKER, str(root), str(checkpoint), str(heatmaps.folder.parent), str(tmp_path)]
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    common |= {"ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(Path(__file__).parents[2])}
    processes = [
        subprocess.Popen(arguments, env=common | {"RANK": rank, "LOCAL_RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    try:
        for process in processes:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
    model, _ = load_checkpoint(checkpoint)
    tracklets = tracklets_to_embed(benchmark)[:11]  # an odd number: one process has one less
    want = embed(model, tracklets, heatmaps)
    assert len(want) == 11
    for rank in "01":
        np.testing.assert_allclose(np.load(tmp_path / f"{rank}.npy"), want, atol=1e-5)
