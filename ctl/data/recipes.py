"""What is done to a whole batch of training clips: every draw but the pixels' noise, as a few small arrays.

A recipe is drawn on the CPU, by worker processes ahead of the step, by the very functions and in the order in which
`Clips` and `Augment` draw: the same key picks the same frames, donor and parameters on both paths, up to the first
noise or erased pixel, which only `Augment` takes from the same generator. It reaches a GPU in one copy.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from ctl.data import camera
from ctl.data.benchmark import TrackletFiles
from ctl.data.clips import draw_clip
from ctl.data.sampling import ClipKey, person_labels
from ctl.data.transforms import Augment, draw_erased, draw_occluder, draw_window, window_shares

_ALIGNMENT: Final = 16
"""Bytes: where an array may begin in a packed recipe."""


class Recipe(NamedTuple):
    """How a batch of B clips of T frames is made. A field that names clips lists the n chosen ones; the next fields
    say with what, in the same order. `windows` and its shares are of all clips, or of none.
    """

    rows: Tensor  # (B, T) int64, frames of the resident set
    labels: Tensor  # (B,) int64, classes of the persons
    tracklets: Tensor  # (B,) int64, indices among the training tracklets
    windows: Tensor  # (B or 0, 3) float32: top, left, size, as shares of the picture's
    row_shares: Tensor  # (B or 0, h, h) float32, of `window_shares`
    column_shares: Tensor  # (B or 0, w, w) float32
    flipped: Tensor  # (n,) int64 clips
    occluded: Tensor  # (n,) int64 clips
    donors: Tensor  # (n,) int64, rows of the set
    pieces: Tensor  # (n, 4) int64: top, left, height, width in the donor
    corners: Tensor  # (n, T, 2) int64: y, x
    recoloured: Tensor  # (n,) int64 clips
    matrices: Tensor  # (n, 3, 3) float32
    contrasts: Tensor  # (n,) float32
    gammas: Tensor  # (n,) float32
    grey: Tensor  # (n,) int64 clips
    defocused: Tensor  # (n,) int64 clips
    sigmas: Tensor  # (n,) float32, pixels
    smeared: Tensor  # (n,) int64 clips
    kernels: Tensor  # (n, k, k) float32
    lowered: Tensor  # (n,) int64 clips
    small_sizes: Tensor  # (n, 2) int64: height, width
    noisy: Tensor  # (n,) int64 clips
    amplitudes: Tensor  # (n,) float32
    compressed: Tensor  # (n,) int64 clips
    qualities: Tensor  # (n,) float32
    erased: Tensor  # (n,) int64, frames, 0..B·T-1
    rectangles: Tensor  # (n, 4) int64: top, left, height, width
    seed: int  # of the pixels' noise


@dataclass(frozen=True, eq=False)
class PackedRecipe:
    """A recipe in one piece of memory.

    Args:
        content: (bytes,) uint8.
        layout: type and shape of each field of `Recipe` but the last.
        seed: that last one, which stays on the CPU.
    """

    content: Tensor
    layout: tuple[tuple[torch.dtype, tuple[int, ...]], ...]
    seed: int

    def pin_memory(self) -> Self:
        """In memory that a GPU copies from while the CPU goes on; a DataLoader calls this."""
        return replace(self, content=self.content.pin_memory())

    def to(self, device: torch.device) -> Recipe:
        """Copy it whole, then cut it into its fields."""
        content, fields, start = self.content.to(device, non_blocking=True), [], 0
        for dtype, shape in self.layout:
            stop = start + dtype.itemsize * int(np.prod(shape))
            fields.append(content[start:stop].view(dtype).view(shape))
            start = _aligned(stop)
        return Recipe._make([*fields, self.seed])


def pack(recipe: Recipe) -> PackedRecipe:
    """The recipe as one array."""
    fields = recipe[:-1]
    layout = tuple((field.dtype, tuple(field.shape)) for field in fields)
    content = np.zeros(sum(_aligned(field.nbytes) for field in fields), np.uint8)
    start = 0
    for field in fields:
        content[start : start + field.nbytes] = np.frombuffer(field.numpy().tobytes(), np.uint8)
        start = _aligned(start + field.nbytes)
    return PackedRecipe(torch.from_numpy(content), layout, recipe.seed)


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT


class Recipes:
    """Draws recipes: the same keys give the same one, whenever and wherever they are asked for.

    Args:
        tracklets: to train on.
        augment: what is done to a clip.
        clip_length: T.
        image_size: H and W.
        grid: h and w of the heat maps.
    """

    def __init__(
        self,
        tracklets: Sequence[TrackletFiles],
        augment: Augment,
        clip_length: int,
        image_size: tuple[int, int],
        grid: tuple[int, int],
    ) -> None:
        self.tracklets, self.augment, self.clip_length = tracklets, augment, clip_length
        self.image_size, self.grid = image_size, grid
        self.first = first_rows(tracklets)
        labels = person_labels(tracklets)
        self.labels = [labels[tracklet.person] for tracklet in tracklets]
        reach = camera.longest_motion(image_size[0]) // 2
        self.empty: dict[str, tuple[int, ...]] = {
            "windows": (0, 3),
            "row_shares": (0, grid[0], grid[0]),
            "column_shares": (0, grid[1], grid[1]),
            "pieces": (0, 4),
            "corners": (0, clip_length, 2),
            "matrices": (0, 3, 3),
            "kernels": (0, 2 * reach + 1, 2 * reach + 1),
            "small_sizes": (0, 2),
            "rectangles": (0, 4),
        }

    def draw(self, keys: Sequence[ClipKey]) -> Recipe:
        """The recipe of one batch."""
        drawn: dict[str, list[Any]] = defaultdict(list)
        for clip, key in enumerate(keys):
            self._draw_clip(clip, key, drawn)
        # Its own stream of numbers, and never negative.
        seed = np.random.SeedSequence(keys[0].seed).generate_state(1, np.uint64)[0] >> np.uint64(1)
        fields = [self._field(name, drawn[name]) for name in Recipe._fields[:-1]]
        return Recipe._make([*fields, int(seed)])

    def _field(self, name: str, values: list[Any]) -> Tensor:
        dtype = torch.float32 if name in _REAL else torch.int64
        if not values:
            return torch.zeros(self.empty.get(name, (0,)), dtype=dtype)
        return torch.from_numpy(np.stack([np.asarray(value) for value in values])).to(dtype)

    def _draw_clip(self, clip: int, key: ClipKey, drawn: dict[str, list[Any]]) -> None:
        """Everything in the order of `Augment.__call__`."""
        augment, (H, W), T = self.augment, self.image_size, self.clip_length
        rng, indices, donor = draw_clip(self.tracklets, key, T, donor=bool(augment.occlude))

        def put(**values: Any) -> None:
            for name, value in values.items():
                drawn[name].append(value)

        put(rows=self.first[key.tracklet] + indices, labels=self.labels[key.tracklet], tracklets=key.tracklet)
        if augment.shift or augment.zoom:
            window = draw_window(augment.shift, augment.zoom, rng)
            rows, columns = window_shares(window, *self.grid)
            put(windows=(window.top, window.left, window.size), row_shares=rows, column_shares=columns)
        if rng.random() < augment.flip:
            put(flipped=clip)
        if donor and rng.random() < augment.occlude:
            piece, corners = draw_occluder(T, H, W, rng)
            put(occluded=clip, donors=self.first[donor.tracklet] + donor.frame, pieces=piece, corners=corners)
        if rng.random() < augment.colour:
            colours = camera.draw_colours(rng)
            put(recoloured=clip, matrices=colours.matrix, contrasts=colours.contrast, gammas=colours.gamma)
        if rng.random() < augment.grey:
            put(grey=clip)
        if rng.random() < augment.blur:
            blur = camera.draw_blur(H, rng)
            if isinstance(blur, float):
                put(defocused=clip, sigmas=blur)
            else:
                put(smeared=clip, kernels=self._widened(blur))
        if rng.random() < augment.resolution:
            put(lowered=clip, small_sizes=camera.draw_small_size(H, W, rng))
        if rng.random() < augment.noise:
            put(noisy=clip, amplitudes=camera.draw_amplitude(rng))
        if rng.random() < augment.compress:
            put(compressed=clip, qualities=camera.draw_quality(rng))
        for frame in range(T):
            if rng.random() < augment.erase:
                put(erased=clip * T + frame, rectangles=draw_erased(H, W, rng))

    def _widened(self, kernel: np.ndarray) -> np.ndarray:
        """Zeros around, to the size of the longest motion's kernel."""
        return np.pad(kernel, (self.empty["kernels"][1] - len(kernel)) // 2)


_REAL: Final = frozenset(
    {
        *("windows", "row_shares", "column_shares", "matrices", "contrasts", "gammas"),
        *("sigmas", "kernels", "amplitudes", "qualities"),
    }
)


def first_rows(tracklets: Sequence[TrackletFiles]) -> np.ndarray:
    """(N + 1,) int64: row of each tracklet's first frame where all frames stand in one list; last, their number."""
    return np.concatenate(([0], np.cumsum([len(tracklet) for tracklet in tracklets]))).astype(np.int64)
