"""A small model, and a small data set in the folder layout, on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.checkpoint import load_checkpoint, save_checkpoint
from ctl.data import load_benchmark
from ctl.data.benchmark import Benchmark
from ctl.data.heatmaps import HeatMapCache
from ctl.evaluate.report import tracklets_to_embed
from ctl.keypoints.load import load_estimator
from ctl.model import CTL
from weights.make_preview import PREVIEW

SIZE = (64, 32)
LENGTHS = {"query": (2, 7), "gallery": (6, 1)}
"""Frames of the tracklets of each part, camera by camera: one clip and two, full and padded."""


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the preview at a small image size: ImageNet's features tell colours apart."""
    preview, _ = load_checkpoint(PREVIEW)
    small = CTL(replace(preview.config, image_size=SIZE))
    small.load_state_dict(preview.state_dict())
    folder = tmp_path_factory.mktemp("evaluate") / "small"
    save_checkpoint(folder, small, trained=True)
    return folder


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three persons in plain colours with noise; query cameras a and b, gallery cameras b and c."""
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("people")
    for person, colour in enumerate(((200, 60, 60), (60, 200, 60), (60, 60, 200))):
        for part, cameras in (("query", "ab"), ("gallery", "bc")):
            for camera, frames in zip(cameras, LENGTHS[part], strict=True):
                folder = root / part / f"person{person}" / camera
                folder.mkdir(parents=True)
                for t in range(frames):
                    pixels = np.array(colour) + rng.normal(0, 25, (*SIZE, 3))
                    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{t:03d}.png")
    return root


@pytest.fixture(scope="session")
def benchmark(root: Path) -> Benchmark:
    return load_benchmark("folder", root)


@pytest.fixture(scope="session")
def heatmaps(benchmark: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> HeatMapCache:
    cache = HeatMapCache(tmp_path_factory.mktemp("heatmaps"), load_estimator(), SIZE)
    cache.fill(tracklets_to_embed(benchmark))
    return cache
