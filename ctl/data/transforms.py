"""What is done to a training clip. Pictures and heat maps move together.

The paper resizes, flips and erases at random; resizing has already happened here (`ctl.data.frames`), and pixels are
scaled within the model. The stronger options are for clips of cameras that no training set has seen.

Source: Zhong et al. 2020 (Random Erasing). Assumed: flipping is per clip, since a person does not turn over from frame
to frame; erasing is per frame ("image-level"), with random pixels, as Zhong et al. fill it.
"""

from dataclasses import dataclass, fields
from typing import Final, NamedTuple, Self

import cv2
import numpy as np
import torch
from torch import Tensor

from ctl.data import camera
from ctl.errors import InputError
from ctl.skeleton import FLIP

ERASED_AREA: Final = (0.02, 0.4)
ERASED_ASPECT: Final = (0.3, 1 / 0.3)
"""Area as a share of the picture, and height over width; ranges of Zhong et al."""

LEAST_MASS: Final = 1e-9
"""Added to moved heat maps, whose mass may have left the picture, before their logarithm."""


@dataclass(frozen=True)
class Augment:
    """Options of the augmentation, all off by default. Each probability is that of one clip; erasing's, of one frame.

    Args:
        flip: probability of mirroring, with left and right joints swapped.
        erase: probability of erasing a rectangle.
        shift: largest shift of the crop, as a share of its height and width; border pixels are repeated.
        zoom: the crop's size varies by up to this share, both ways.
        occlude: probability that a piece of somebody else's picture stands or passes before the person.
        colour: probability of other colours: exposure, white balance, gamma, contrast, saturation, hue.
        grey: probability of losing all colour.
        blur: probability of being out of focus, or blurred by motion.
        resolution: probability of a lower resolution.
        noise: probability of noise.
        compress: probability of visible JPEG compression.
    Raises:
        InputError: a probability isn't in 0..1, or shift or zoom not in 0..0.5.
    """

    flip: float = 0.0
    erase: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    occlude: float = 0.0
    colour: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    resolution: float = 0.0
    noise: float = 0.0
    compress: float = 0.0

    def __post_init__(self) -> None:
        for option in fields(self):
            value, most = getattr(self, option.name), 0.5 if option.name in ("shift", "zoom") else 1.0
            if not 0 <= value <= most:
                raise InputError(f"augment: {option.name} must be a number in 0..{most}, got {value!r}")

    @classmethod
    def paper(cls) -> Self:
        """Flip and random erasing, as the paper does."""
        return cls(flip=0.5, erase=0.5)

    @classmethod
    def strong(cls) -> Self:
        """Augmentation for pictures of cameras unlike those of the training set."""
        return cls(
            flip=0.5,
            erase=0.4,
            shift=0.06,
            zoom=0.1,
            occlude=0.25,
            colour=0.8,
            grey=0.05,
            blur=0.3,
            resolution=0.3,
            noise=0.3,
            compress=0.4,
        )

    def __call__(
        self, frames: np.ndarray, logits: np.ndarray, rng: np.random.Generator, donor: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        """Augment one clip.

        Args:
            frames: (T, H, W, 3) uint8.
            logits: (T, 17, h, w) float32.
            rng: every draw comes from it.
            donor: (H, W, 3) uint8, a picture of somebody else to occlude with; None occludes nothing.
        Returns:
            frames (T, 3, H, W) float32 in 0..1, and logits (T, 17, h, w) float32.
        """
        if self.shift or self.zoom:
            frames, logits = move(frames, logits, draw_window(self.shift, self.zoom, rng))
        if rng.random() < self.flip:
            frames, logits = flip(frames, logits)
        if donor is not None and rng.random() < self.occlude:
            frames = occlude(frames, donor, rng)
        frames = self._as_a_camera_would(frames, rng)
        frames = np.stack([erase(frame, rng) if rng.random() < self.erase else frame for frame in frames])
        return to_float(frames), torch.from_numpy(np.ascontiguousarray(logits))

    def _as_a_camera_would(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Light, lens, sensor and coding, in the order in which they happen."""
        if rng.random() < self.colour:
            frames = camera.change_colours(frames, rng)
        if rng.random() < self.grey:
            frames = camera.to_grey(frames)
        if rng.random() < self.blur:
            frames = camera.blur(frames, rng)
        if rng.random() < self.resolution:
            frames = camera.lower_resolution(frames, rng)
        if rng.random() < self.noise:
            frames = camera.add_noise(frames, rng)
        if rng.random() < self.compress:
            frames = camera.compress(frames, rng)
        return frames


def flip(frames: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror a clip: (T, H, W, 3) and (T, 17, h, w); what was the left elbow becomes the right one."""
    return np.stack([cv2.flip(frame, 1) for frame in frames]), logits[:, FLIP, :, ::-1]


@dataclass(frozen=True)
class Window:
    """The part of a picture that becomes the whole picture: corner and size as shares of the picture's, the same for
    height and width in size; may reach outside."""

    top: float
    left: float
    size: float


def draw_window(shift: float, zoom: float, rng: np.random.Generator) -> Window:
    """A window whose middle lies up to `shift` off the picture's, and whose size differs by up to `zoom`."""
    size = 1 + zoom * rng.uniform(-1, 1)
    top, left = (1 - size) / 2 + shift * rng.uniform(-1, 1, 2)
    return Window(top, left, size)


def move(frames: np.ndarray, logits: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Look at a clip through a window.

    Args:
        frames: (T, H, W, 3) uint8; outside, border pixels are repeated.
        logits: (T, 17, h, w); the mass that falls outside is lost, what is left keeps its proportions.
    """
    H, W = frames.shape[1:3]
    # Pixel i's centre is at i + 0.5, on the source as on the result.
    source = np.array(
        (
            (window.size, 0, window.left * W + (window.size - 1) / 2),
            (0, window.size, window.top * H + (window.size - 1) / 2),
        )
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = [cv2.warpAffine(f, source, (W, H), flags=flags, borderMode=cv2.BORDER_REPLICATE) for f in frames]
    mass = np.exp(logits - logits.max(axis=(-2, -1), keepdims=True))
    mass /= mass.sum(axis=(-2, -1), keepdims=True)
    rows, columns = window_shares(window, *logits.shape[-2:])
    return np.stack(moved), np.log(rows @ mass @ columns.T + LEAST_MASS)


def window_shares(window: Window, h: int, w: int) -> tuple[np.ndarray, np.ndarray]:
    """(h, h) and (w, w) float32: what each row and column of a moved heat map takes from those of the old one."""
    return _shares(h, window.top, window.size), _shares(w, window.left, window.size)


def _shares(cells: int, start: float, size: float) -> np.ndarray:
    """(cells, cells) float32: share of each source cell's length that falls in each cell of a window along one axis."""
    edges = (start + size * np.arange(cells + 1) / cells) * cells  # of the window's cells, in source cells
    source = np.arange(cells)
    overlap = np.minimum(edges[1:, None], source + 1) - np.maximum(edges[:-1, None], source)
    return overlap.clip(0).astype(np.float32)


class Rectangle(NamedTuple):
    """Part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int


def draw_occluder(T: int, H: int, W: int, rng: np.random.Generator) -> tuple[Rectangle, np.ndarray]:
    """A piece of a picture, and where its corner is in each frame: it stands still or moves on steadily.

    Returns:
        the piece, and (T, 2) int64 places (y, x) of its upper left corner; x may lie outside the picture.
    """
    height, width = round(H * rng.uniform(0.2, 0.7)), round(W * rng.uniform(0.2, 0.5))
    top, left = rng.integers(0, (H - height + 1, W - width + 1)).tolist()
    corner = rng.uniform((0.0, -width / 2), (H - height, W - width / 2))
    speed = np.array((0, rng.choice((0, rng.uniform(-1, 1) * W / T))))  # pixels per frame
    return Rectangle(top, left, height, width), np.round(corner + np.arange(T)[:, None] * speed).astype(int)


def occlude(frames: np.ndarray, donor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put a rectangle of somebody else's picture before the person; it stands still or moves on steadily.

    Args:
        frames: (T, H, W, 3) uint8.
        donor: (H, W, 3) uint8.
    """
    T, H, W = frames.shape[:3]
    (top, left, height, width), corners = draw_occluder(T, H, W, rng)
    piece = donor[top : top + height, left : left + width]
    hidden = frames.copy()
    for frame, (y, x) in zip(hidden, corners.tolist(), strict=True):
        first, last = max(0, -x), min(width, W - x)  # columns of the piece within the picture
        if first < last:
            frame[y : y + height, x + first : x + last] = piece[:, first:last]
    return hidden


def draw_erased(H: int, W: int, rng: np.random.Generator) -> Rectangle:
    """A rectangle to erase, within the ranges of Zhong et al."""
    while True:
        area = H * W * rng.uniform(*ERASED_AREA)
        aspect = rng.uniform(*ERASED_ASPECT)
        height, width = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < height < H and 0 < width < W:
            break
    top, left = rng.integers(0, (H - height + 1, W - width + 1)).tolist()
    return Rectangle(top, left, height, width)


def erase(frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Overwrite one rectangle of a picture (H, W, 3) uint8 with random pixels."""
    H, W = frame.shape[:2]
    top, left, height, width = draw_erased(H, W, rng)
    erased = frame.copy()
    erased[top : top + height, left : left + width] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return erased


def to_float(frames: np.ndarray) -> Tensor:
    """(T, H, W, 3) uint8 -> (T, 3, H, W) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))).float().div_(255)
