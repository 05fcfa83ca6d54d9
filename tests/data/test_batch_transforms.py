"""Whole batches are augmented as single clips are: the same with the same draws, alike in distribution without."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from ctl.data import batch_camera, camera
from ctl.data.batch_jpeg import compress
from ctl.data.batch_transforms import augment_batch, move, move_mass
from ctl.data.benchmark import TrackletFiles
from ctl.data.clips import draw_clip
from ctl.data.recipes import Recipe, Recipes, pack
from ctl.data.sampling import ClipKey
from ctl.data.transforms import Augment, draw_window, window_shares
from ctl.data.transforms import move as move_one
from ctl.skeleton import FLIP
from tests.data.test_transforms import CELL, LEFT, RIGHT, centre, mass_of, smooth_clip, spot

H, W, T = 64, 32, 3
GRID = (H // CELL, W // CELL)
TRACKLETS = [TrackletFiles((Path("a.png"),) * 6, person, camera) for person in range(1, 5) for camera in (0, 1)]
CPU = torch.device("cpu")


def clip_of(number: int, height: int = H, width: int = W, frames: int = T) -> np.ndarray:
    """(T, H, W, 3) uint8 with structure of some five pixels: a crop's worth of detail, and no ringing grid."""
    noise = np.random.default_rng(number).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in noise]).astype(float)
    return (128 + (soft - soft.mean()) * 4).clip(0, 255).astype(np.uint8)


STORED = np.concatenate([clip_of(number, frames=6) for number in range(len(TRACKLETS))])
MAPS = np.random.default_rng(1).normal(scale=2, size=(len(STORED), 17, *GRID)).astype(np.float16)


def to_batch(*clips: np.ndarray) -> Tensor:
    """Clips (T, H, W, 3) uint8 -> (n, T, 3, H, W) float32 in 0..255."""
    return torch.from_numpy(np.stack(clips)).permute(0, 1, 4, 2, 3).float()


def to_clip(clip: Tensor) -> np.ndarray:
    """(T, 3, H, W) -> (T, H, W, 3) float64."""
    return clip.permute(0, 2, 3, 1).double().numpy()


def recipes(augment: Augment) -> Recipes:
    return Recipes(TRACKLETS, augment, T, (H, W), GRID)


def on_batch(augment: Augment, keys: list[ClipKey]) -> tuple[Tensor, Tensor, Recipe]:
    """Frames (B, T, 3, H, W) in 0..1, logits, and the recipe, on the path of a GPU."""
    recipe = pack(recipes(augment).draw(keys)).to(CPU)
    frames, maps = torch.from_numpy(STORED), torch.from_numpy(MAPS)
    pictures = frames[recipe.rows], maps[recipe.rows], frames[recipe.donors]
    return *augment_batch(*pictures, recipe, torch.Generator().manual_seed(recipe.seed)), recipe


def on_clips(augment: Augment, keys: list[ClipKey]) -> tuple[Tensor, Tensor]:
    """The same clips on the path of a CPU, one after another."""
    made = []
    for key in keys:
        rng, indices, donor = draw_clip(TRACKLETS, key, T, donor=bool(augment.occlude))
        rows = 6 * key.tracklet + indices
        shown = STORED[6 * donor.tracklet + donor.frame] if donor else None
        made.append(augment(STORED[rows], MAPS[rows].astype(np.float32), rng, shown))
    return torch.stack([frames for frames, _ in made]), torch.stack([logits for _, logits in made])


def keys_of(count: int, seed: int = 0) -> list[ClipKey]:
    return [ClipKey(number % len(TRACKLETS), (seed, number, 0, 1)) for number in range(count)]


# Where nothing but a recipe's draws are used, both paths make the same picture of the same key.
SAME_DRAWS = [
    pytest.param(Augment(), 0.01, 0, id="nothing"),
    pytest.param(Augment(flip=0.5), 0.01, 0, id="flip"),
    pytest.param(Augment(shift=0.1, zoom=0.2), 0.4, 3, id="move"),
    pytest.param(Augment(occlude=0.8), 0.01, 0, id="occlude"),
    pytest.param(Augment(colour=0.8), 0.8, 4, id="colour"),
    pytest.param(Augment(grey=0.5), 0.5, 1.01, id="grey"),
    pytest.param(Augment(blur=0.8), 0.4, 3, id="blur"),
    pytest.param(Augment(resolution=0.8), 0.6, 3, id="resolution"),
    pytest.param(Augment(compress=0.8), 0.6, 60, id="compress"),
    pytest.param(Augment(0.5, 0, 0.06, 0.1, 0.25, 0.8, 0.05, 0.3, 0.3, 0, 0.4), 1.2, 60, id="all"),
]


@pytest.mark.parametrize(("augment", "mean", "most"), SAME_DRAWS)
def test_the_same_key_gives_the_same_clip_on_both_paths(augment: Augment, mean: float, most: float) -> None:
    """In levels of 0..255, on average over a clip and at most; a pixel near a step of JPEG may take the next one."""
    keys = keys_of(48)
    frames, logits, _ = on_batch(augment, keys)
    want, want_logits = on_clips(augment, keys)
    apart = (frames - want).abs() * 255
    assert apart.flatten(1).mean(dim=1).max() <= mean
    assert apart.max() <= most + 0.01
    torch.testing.assert_close(logits.softmax(-1), want_logits.softmax(-1), atol=2e-5, rtol=0)
    assert 0 <= frames.min() <= frames.max() <= 1
