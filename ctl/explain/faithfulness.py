"""Is an explanation true? Take away what a map marks, and see whether the similarity follows.

- Deletion and insertion curves: Petsiuk et al. 2018. Cells are taken away, or brought back into a blurred picture, the
  most important first; the sooner the similarity falls, or rises, the truer the map.
- ROAD: Rong et al. 2022. What is taken away is filled in from what is around it, so that holes don't give themselves
  away. The score is half the difference between taking the least and the most important first; above 0 is better.

A number alone says little, so every one stands beside those of random maps.

Assumed: the key-points stay those of the whole picture, because the estimator isn't what the map explains.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csc_array
from scipy.sparse.linalg import spsolve
from torch import Tensor

from ctl.inference import clip_indices
from ctl.model import CTL
from ctl.progress import Progress

SHARES: Final = tuple(step / 10 for step in range(11))
"""Shares of the cells after which the similarity is looked at."""

ROAD_SHARES: Final = (0.2, 0.4, 0.6, 0.8)
RANDOM_MAPS: Final = 3

AT_ONCE: Final = 9
"""Altered clips that the model sees together: its weights are read once for all of them."""

_NEIGHBOURS: Final = {
    (down, right): 1 / 12 if down and right else 1 / 6 for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right
}
_KNOWN, _OUTSIDE = -1, -2

_ROAD_SHRINK: Final = 4  # infill is smooth, and a sixteenth of the pixels takes a twentieth of the time


@dataclass(frozen=True, eq=False)
class Curves:
    """Similarity as more and more cells are taken away or brought back.

    Args:
        shown: (S,) float64, for the map that is shown, at `SHARES`.
        random: (R, S) float64, for random maps.
    """

    shown: np.ndarray
    random: np.ndarray

    @property
    def shown_area(self) -> float:
        """Area under the curve, over shares 0..1."""
        return float(np.trapezoid(self.shown, SHARES))

    @property
    def random_areas(self) -> np.ndarray:
        """(R,), the same for each random map."""
        return np.trapezoid(self.random, SHARES, axis=1)


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How true one map is.

    Args:
        deletion: the lower, the truer.
        insertion: the higher, the truer.
        road: of the map shown; the higher, the truer.
        random_roads: (R,) of random maps; about 0.
        frames: (F,) indices of the tracklet's frames that were looked at: the clip on which the map is strongest.
    """

    deletion: Curves
    insertion: Curves
    road: float
    random_roads: np.ndarray
    frames: np.ndarray


def faithfulness(
    model: CTL,
    frames: Tensor,
    heatmap_logits: Tensor,
    cam: np.ndarray,
    reference: np.ndarray,
    *,
    random_maps: int = RANDOM_MAPS,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Faithfulness:
    """Try a map on the clip of the tracklet that it marks the most.

    The model sees that clip about 110 times with three random maps, `AT_ONCE` together, however long the tracklet is.

    Args:
        model: in evaluation mode.
        frames: (T, 3, H, W) float RGB, 0..1, on the model's device, as are the logits.
        heatmap_logits: (T, 17, h, w) float.
        cam: (T, h', w') float ≥ 0, the map shown; H and W are multiples of h' and w'.
        reference: (D,), the embedding that the map explains the similarity to.
        random_maps: R.
        seed: of the random maps.
        on_progress: called with the share done, 0..1; may raise to cancel.
    """
    rng = np.random.default_rng(seed)
    clips = clip_indices(len(frames), model.config.clip_length)
    clip = clips[np.argmax([cam[np.unique(indices)].sum() / len(np.unique(indices)) for indices in clips])]
    chosen = np.unique(clip)
    trial = _Trial(model, frames[chosen], heatmap_logits[chosen], np.searchsorted(chosen, clip), reference)
    maps = [cam[chosen], *(smooth_noise(rng, cam[chosen].shape) for _ in range(random_maps))]
    trial.expect(len(maps) * (2 * (len(SHARES) - 2) + 2 * len(ROAD_SHARES)) + 3, on_progress)

    pictures, blank, blurred = trial.frames, _blank(trial.frames), _blurred(trial.frames, cam.shape[1])
    whole, nothing, blur = trial.similarities((pictures, blank, blurred))
    deletion, insertion, roads = [], [], []
    for values in maps:
        order = ranks(values, rng)
        taken = [_mask(order < share * order.size, pictures) for share in SHARES[1:-1]]
        deletion.append([whole, *trial.similarities(torch.where(gone, blank, pictures) for gone in taken), nothing])
        insertion.append([blur, *trial.similarities(torch.where(back, pictures, blurred) for back in taken), whole])
        roads.append(_road(trial, values, rng))
    return Faithfulness(
        deletion=Curves(np.array(deletion[0]), np.array(deletion[1:]).reshape(-1, len(SHARES))),
        insertion=Curves(np.array(insertion[0]), np.array(insertion[1:]).reshape(-1, len(SHARES))),
        road=roads[0],
        random_roads=np.array(roads[1:]),
        frames=chosen,
    )


def check_json(check: Faithfulness) -> dict[str, Any]:
    """Plain numbers, from which `check_from_json` makes the same again, to six digits."""
    return {
        "deletion": _curves_json(check.deletion),
        "insertion": _curves_json(check.insertion),
        "road": round(check.road, 6),
        "random_roads": check.random_roads.round(6).tolist(),
        "frames": check.frames.tolist(),
    }


def check_from_json(values: Mapping[str, Any]) -> Faithfulness:
    """Inverse of `check_json`. Raises KeyError, TypeError or ValueError where something is amiss."""
    return Faithfulness(
        deletion=_curves(values["deletion"]),
        insertion=_curves(values["insertion"]),
        road=float(values["road"]),
        random_roads=np.array(values["random_roads"], np.float64),
        frames=np.array(values["frames"], np.intp),
    )


def _curves_json(curves: Curves) -> dict[str, Any]:
    return {"shown": curves.shown.round(6).tolist(), "random": curves.random.round(6).tolist()}


def _curves(values: Mapping[str, Any]) -> Curves:
    shown, random = (np.array(values[name], np.float64) for name in ("shown", "random"))
    if shown.shape != (len(SHARES),) or random.ndim != 2 or random.shape[1] != len(SHARES):
        raise ValueError(f"curves have shapes {shown.shape} and {random.shape}")
    return Curves(shown, random)


def ranks(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Place of each entry when sorted from the highest, in the shape of `values`; equal ones in random order."""
    order = np.lexsort((rng.random(values.size), -values.ravel()))
    places = np.empty(values.size, np.intp)
    places[order] = np.arange(values.size)
    return places.reshape(values.shape)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """(F, h, w) float64: a random map whose spots are as large as those of Grad-CAM, not salt and pepper."""
    return np.stack([cv2.GaussianBlur(rng.normal(size=shape[1:]), (0, 0), sigmaX=1) for _ in range(shape[0])])


class _Trial:
    """One clip, seen by the model with other pixels again and again."""

    def __init__(self, model: CTL, frames: Tensor, logits: Tensor, places: np.ndarray, reference: np.ndarray) -> None:
        self.model, self.frames, self.places = model, frames, torch.from_numpy(places)
        self.logits = logits[self.places][None]
        self.reference = F.normalize(torch.from_numpy(reference).to(frames), dim=0)
        self.runs, self.done = 1, 0
        self.on_progress: Progress | None = None

    def expect(self, runs: int, on_progress: Progress | None) -> None:
        self.runs, self.on_progress = runs, on_progress

    def similarities(self, altered: Iterable[Tensor]) -> list[float]:
        """Pictures (F, 3, H, W) of each -> cosine of their embedding and the reference."""
        cosines: list[float] = []
        pending = iter(altered)
        while few := list(islice(pending, AT_ONCE)):
            if self.on_progress:
                self.on_progress(self.done / self.runs)
            self.done += len(few)
            clips = torch.stack(few)[:, self.places]  # (B, T, 3, H, W)
            with torch.inference_mode():
                embeddings = self.model(clips, self.logits.expand(len(few), *self.logits.shape[1:])).embedding.float()
                cosines += (F.normalize(embeddings, dim=1) @ self.reference).tolist()
        return cosines


def _road(trial: _Trial, values: np.ndarray, rng: np.random.Generator) -> float:
    """Half of what taking the least important away leaves over taking the most important, mean over shares."""
    per_frame = np.stack([ranks(frame, rng) for frame in values])  # as many cells gone in every frame
    cells = per_frame[0].size
    counts = [round(share * cells) for share in ROAD_SHARES]
    least, most = (
        trial.similarities(_filled(trial.frames, gone(count)) for count in counts)
        for gone in (lambda count: per_frame >= cells - count, lambda count: per_frame < count)
    )
    return float(np.mean(np.subtract(least, most)) / 2)


def _filled(frames: Tensor, gone: np.ndarray) -> Tensor:
    """(F, 3, H, W) with the cells (F, h, w) that are gone filled in from around them."""
    small = F.interpolate(frames, scale_factor=1 / _ROAD_SHRINK, mode="area").cpu()
    of_pixels = _mask(gone, small)[:, 0].numpy()
    generator = torch.Generator().manual_seed(0)
    filled = torch.stack([infill(*frame, generator) for frame in zip(small, of_pixels, strict=True)])
    large = F.interpolate(filled, size=frames.shape[2:], mode="bilinear").to(frames)
    return torch.where(_mask(gone, frames), large.clamp(0, 1), frames)


def infill(picture: Tensor, gone: np.ndarray, generator: torch.Generator | None = None, noise: float = 0.01) -> Tensor:
    """ROAD's noisy linear imputation: a pixel that is gone is the weighted mean of its neighbours inside the picture,
    whether or not they are gone too, and noise.

    Args:
        picture: (C, H, W) float on the CPU.
        gone: (H, W) bool, not everywhere.
        noise: standard deviation.
    """
    number = np.where(gone, gone.cumsum().reshape(gone.shape) - 1, _KNOWN)
    number = np.pad(number, 1, constant_values=_OUTSIDE)
    values = np.pad(picture.numpy(), ((0, 0), (1, 1), (1, 1)))
    rows, columns = (places + 1 for places in gone.nonzero())
    count = len(rows)
    own_weight, right_side = np.zeros(count), np.zeros((count, len(picture)))
    system = [(own_weight, np.arange(count), np.arange(count))]  # weight, equation, unknown
    for (down, right), weight in _NEIGHBOURS.items():
        there = number[rows + down, columns + right]
        own_weight += np.where(there == _OUTSIDE, 0, weight)
        here = there == _KNOWN
        right_side[here] += weight * values[:, rows[here] + down, columns[here] + right].T
        unknown = there >= 0
        system.append((np.full(unknown.sum(), -weight), np.flatnonzero(unknown), there[unknown]))
    weights, equations, unknowns = map(np.concatenate, zip(*system, strict=True))
    solved = spsolve(csc_array((weights, (equations, unknowns))), right_side).reshape(right_side.shape)
    means, filled = torch.from_numpy(solved).float().T, picture.clone()  # (C, n)
    filled[:, torch.from_numpy(gone)] = means + noise * torch.empty_like(means).normal_(generator=generator)
    return filled


def _mask(cells: np.ndarray, frames: Tensor) -> Tensor:
    """(F, h, w) bool per cell -> (F, 1, H, W) bool per pixel."""
    height, width = frames.shape[2:]
    pixels = cells.repeat(height // cells.shape[1], axis=1).repeat(width // cells.shape[2], axis=2)
    return torch.from_numpy(pixels).to(frames.device).unsqueeze(1)


def _blank(frames: Tensor) -> Tensor:
    """Each frame's mean colour, everywhere."""
    return frames.mean(dim=(2, 3), keepdim=True).expand_as(frames)


def _blurred(frames: Tensor, rows: int) -> Tensor:
    """Blurred by one cell of a map of so many rows: nothing is left that a cell could point at."""
    sigma = frames.shape[2] / rows
    pictures = frames.movedim(1, -1).cpu().numpy()
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma) for picture in pictures])
    return torch.from_numpy(blurred).movedim(-1, 1).to(frames)
