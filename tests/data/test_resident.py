"""A set in memory holds what the files hold, is read once, and goes where it fits."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ctl.data.benchmark import TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import HeatMapCache
from ctl.data.recipes import Recipes, first_rows
from ctl.data.resident import (
    PIECE,
    Order,
    Orders,
    ResidentSet,
    bytes_of,
    choose_place,
    load_orders,
    make_pictures,
    read_resident,
    reserve_for,
)
from ctl.data.sampling import IdentityBatches
from ctl.data.transforms import Augment
from ctl.errors import InputError
from ctl.keypoints.load import load_estimator
from tests.data.trees import save

ROOT = Path(__file__).resolve().parents[2]
SIZE, CPU, GB = (64, 32), torch.device("cpu"), 10**9


@pytest.fixture(scope="module")
def tracklets(tmp_path_factory: pytest.TempPathFactory) -> list[TrackletFiles]:
    """The third one is longer than a piece."""
    folder, rng = tmp_path_factory.mktemp("frames"), np.random.default_rng(0)
    files = [save(folder / f"{n}.png", rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)) for n in range(PIECE + 7)]
    lengths = (3, PIECE, PIECE + 7, 1, 5, 8)
    return [TrackletFiles(tuple(files[:length]), 1 + n // 2, n % 2) for n, length in enumerate(lengths)]


@pytest.fixture(scope="module")
def maps(tracklets: list[TrackletFiles], tmp_path_factory: pytest.TempPathFactory) -> HeatMapCache:
    cache = HeatMapCache(tmp_path_factory.mktemp("maps"), load_estimator(), SIZE)
    cache.fill(tracklets)
    return cache


@pytest.fixture(scope="module")
def stored(tracklets: list[TrackletFiles], maps: HeatMapCache) -> ResidentSet:
    return read_resident(tracklets, maps, CPU, workers=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_row_is_a_frame_and_its_heat_maps(
    workers: int, tracklets: list[TrackletFiles], maps: HeatMapCache
) -> None:
    shares: list[float] = []
    stored = read_resident(tracklets, maps, CPU, workers, shares.append)
    assert (shares == sorted(shares), shares[-1]) == (True, 1.0)
    assert stored.frames.nbytes + stored.log_mass.nbytes == bytes_of(len(stored.frames), SIZE, maps.grid)
    for tracklet, start, stop in zip(tracklets, *(first_rows(tracklets)[i:][:6] for i in (0, 1)), strict=True):
        np.testing.assert_array_equal(stored.frames[start:stop], read_frames(tracklet, SIZE))
        np.testing.assert_array_equal(stored.log_mass[start:stop].float(), maps.read(tracklet))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_picture_is_named_in_one_line(workers: int, tmp_path: Path) -> None:
    files = [save(tmp_path / f"{n}.png", np.zeros((*SIZE, 3), np.uint8)) for n in range(3)]
    tracklet = TrackletFiles(tuple(files), 1, 0)
    cache = HeatMapCache(tmp_path / "maps", load_estimator(), SIZE)
    with pytest.raises(InputError, match="fill the cache first") as raised:
        read_resident([tracklet], cache, CPU, workers)
    assert "\n" not in str(raised.value)
    files[1].write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"1\.png is a damaged picture") as raised:
        read_resident([tracklet], cache, CPU, workers)
    assert "\n" not in str(raised.value)


def test_orders_are_the_same_from_workers_and_carry_pictures_where_the_device_has_none(
    tracklets: list[TrackletFiles], maps: HeatMapCache, stored: ResidentSet
) -> None:
    batches = IdentityBatches(tracklets, persons=3, clips=2, seed=5)
    recipes = Recipes(tracklets, Augment(flip=0.5, occlude=0.9), 4, SIZE, maps.grid)
    alone: list[Order] = list(load_orders(Orders(recipes, None), batches.steps(0, 4), workers=0, pin=False))
    carried: list[Order] = list(load_orders(Orders(recipes, stored), batches.steps(0, 4), workers=2, pin=False))
    for bare, full in zip(alone, carried, strict=True):
        assert bare.pictures is None
        assert torch.equal(bare.recipe.content, full.recipe.content)
        pictures, recipe = make_pictures(bare, stored, CPU)
        assert len(recipe.donors) == len(pictures.donors)
        for one, other in zip(pictures, make_pictures(full, stored, CPU)[0], strict=True):
            assert torch.equal(one, other)


MARS = bytes_of(509_914, (256, 128), (32, 16))
PAPER = reserve_for(32, 6, (256, 128))


def test_mars_takes_59_gigabytes_and_the_paper_needs_23_to_train() -> None:
    assert pytest.approx(59 * GB, rel=0.01) == MARS
    assert pytest.approx(23 * GB, rel=0.01) == PAPER


@pytest.mark.parametrize(
    ("needed", "free", "host", "want"),
    [
        pytest.param(MARS, 140 * GB, 64 * GB, "device", id="mars-on-a-large-gpu"),
        pytest.param(MARS, MARS + PAPER, 8 * GB, "device", id="just-fits"),
        pytest.param(MARS, MARS + PAPER - 1, 128 * GB, "host", id="one-byte-short"),
        pytest.param(MARS, 24 * GB, 128 * GB, "host", id="small-gpu"),
        pytest.param(MARS, 24 * GB, 64 * GB, None, id="nowhere"),
        pytest.param(2 * GB, 8 * GB, 16 * GB, "host", id="training-alone-fills-the-gpu"),
    ],
)
def test_the_set_goes_where_it_and_training_fit(needed: int, free: int, host: int, want: str | None) -> None:
    assert choose_place(needed, PAPER, free, host) == want


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np, torch
from ctl.data.benchmark import TrackletFiles
from ctl.data.resident import bytes_of, read_resident
from tests.data.trees import save

torch.set_num_threads(1)

class Maps:
    image_size, grid = (64, 32), (8, 4)
    def read(self, tracklet, indices):
        return np.zeros((len(indices), 17, 8, 4), np.float32)

folder, count, length = Path(sys.argv[1]), int(sys.argv[2]), 60
pictures = np.random.default_rng(0).integers(0, 256, (length, 64, 32, 3), dtype=np.uint8)
files = tuple(save(folder / f"{n}.jpg", picture) for n, picture in enumerate(pictures))
tracklets = [TrackletFiles(files, n, 0) for n in range(count // length)]
read_resident(tracklets[:5], Maps(), torch.device("cpu"), 2)
peak = lambda whose: resource.getrusage(whose).ru_maxrss * 1024
before = peak(resource.RUSAGE_SELF)
stored = read_resident(tracklets, Maps(), torch.device("cpu"), 2)
print(bytes_of(count, Maps.image_size, Maps.grid), peak(resource.RUSAGE_SELF) - before, before,
      peak(resource.RUSAGE_CHILDREN))
"""
"""Prints the bytes of a set, by how much the peak of memory grew, that before, and the workers' largest peak."""


@pytest.mark.slow
def test_reading_needs_the_memory_of_the_set_and_no_more(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path, "9000"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    needed, grew, before, workers = map(int, run.stdout.split())
    assert needed > 60e6
    assert grew < needed + 20e6
    assert workers < before + 60e6
