"""What cameras do to pictures: colour, blur, low resolution, noise, compression. Drawn once per clip: it is one camera.

Each effect takes a clip (T, H, W, 3) uint8 RGB and a generator, and gives a new clip of the same shape. What it draws
has a function of its own, `draw_...`, so that `ctl.data.batch_camera` draws the very same. Ranges are those between
clean crops and the worst that surveillance footage and old phones show; people stay recognisable.
"""

from typing import NamedTuple

import cv2
import numpy as np

LUMINANCE = np.array((0.299, 0.587, 0.114))
_GREY_AXIS = np.full(3, 3**-0.5)


def colour_matrix(gains: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """(3, 3) that changes saturation, turns the hue, then scales each channel.

    Args:
        gains: (3,) factors of red, green and blue: brightness and white balance.
        saturation: 0 gives greys of the same luminance, 1 changes nothing.
        hue: radians around the axis of greys, which stay grey.
    """
    x, y, z = _GREY_AXIS
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    turn = np.eye(3) + np.sin(hue) * cross + (1 - np.cos(hue)) * cross @ cross  # Rodrigues
    saturate = saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), LUMINANCE)
    return np.diag(gains) @ turn @ saturate


class Colours(NamedTuple):
    """A change of colours: gamma, then a matrix (3, 3), then contrast about the clip's own mean."""

    matrix: np.ndarray
    contrast: float
    gamma: float


def draw_colours(rng: np.random.Generator) -> Colours:
    """Another exposure, white balance, gamma, contrast, saturation and a little hue."""
    gains = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.08, 3))
    matrix = colour_matrix(gains, saturation=rng.uniform(0.4, 1.5), hue=rng.normal(0, 0.06))
    return Colours(matrix, contrast=rng.uniform(0.65, 1.35), gamma=float(np.exp(rng.normal(0, 0.2))))


def change_colours(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another exposure, white balance, gamma, contrast, saturation and a little hue."""
    return recolour(frames, draw_colours(rng))


def to_grey(frames: np.ndarray) -> np.ndarray:
    """Luminance in all three channels."""
    return recolour(frames, Colours(colour_matrix(np.ones(3), saturation=0, hue=0), contrast=1, gamma=1))


def recolour(frames: np.ndarray, colours: Colours) -> np.ndarray:
    """Gamma by a table, then one affine map; contrast turns about the clip's own mean."""
    matrix, contrast, gamma = colours
    curve = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)
    flat = cv2.LUT(np.ascontiguousarray(frames).reshape(-1, frames.shape[2], 3), curve)
    mean = matrix @ np.array(cv2.mean(flat)[:3])
    affine = np.column_stack((contrast * matrix, (1 - contrast) * mean))
    return cv2.transform(flat, affine).reshape(frames.shape)


def longest_motion(height: int) -> int:
    """Size k of the largest `motion_kernel` (k, k) that `draw_blur` gives for a picture of a height in pixels."""
    return 2 * int(np.ceil(max(1.5, height / 256 * 9) / 2)) + 1


def draw_blur(height: int, rng: np.random.Generator) -> float | np.ndarray:
    """Out of focus: the deviation of a Gaussian, in pixels. Or moved while the shutter was open: a motion's kernel.

    Args:
        height: of the picture in pixels; blur grows with it.
    """
    scale = height / 256
    if rng.random() < 0.5:
        return scale * rng.uniform(0.5, 2.5)
    return motion_kernel(length=max(1.5, scale * rng.uniform(3, 9)), angle=rng.uniform(0, np.pi))


def blur(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus, or moved while the shutter was open."""
    drawn = draw_blur(frames.shape[1], rng)
    if isinstance(drawn, float):
        return np.stack([cv2.GaussianBlur(frame, (0, 0), drawn) for frame in frames])
    return np.stack([cv2.filter2D(frame, -1, drawn, borderType=cv2.BORDER_REPLICATE) for frame in frames])


def motion_kernel(length: float, angle: float) -> np.ndarray:
    """(k, k) float32, sums to 1: a line of a length in pixels at an angle in radians, through the middle."""
    reach = int(np.ceil(length / 2))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = (1 - np.abs(across)).clip(0) * (length / 2 + 0.5 - np.abs(along)).clip(0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def draw_small_size(height: int, width: int, rng: np.random.Generator) -> tuple[int, int]:
    """Height and width, between a quarter and three quarters of those given."""
    share = rng.uniform(0.25, 0.75)
    return max(8, round(height * share)), max(4, round(width * share))


def lower_resolution(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Seen from further away: down to between a quarter and three quarters of the size, and up again."""
    height, width = frames.shape[1:3]
    small = draw_small_size(height, width, rng)[::-1]
    seen = (cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in frames)
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in seen])


def draw_amplitude(rng: np.random.Generator) -> float:
    """Factor for the sum of two uniform bytes, which has the deviation 255 / √6: 2 to 14 levels remain."""
    return rng.uniform(2, 14) / (255 / 6**0.5)


def add_noise(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of a deviation of 2 to 14 levels, another in every frame, pixel and channel.

    The sum of two uniform bytes stands for a normal deviate: it is several times faster to draw.
    """
    amplitude = draw_amplitude(rng)
    first, second = (rng.integers(0, 256, frames.shape, dtype=np.uint8) for _ in range(2))
    noise = (first.astype(np.int16) + second - 255) * np.float32(amplitude)
    return cv2.add(frames.reshape(-1), noise.reshape(-1), dtype=cv2.CV_8U).reshape(frames.shape)


def draw_quality(rng: np.random.Generator) -> int:
    """A JPEG quality of 10 to 70."""
    return int(rng.integers(10, 71))


def compress(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """JPEG of a quality of 10 to 70, there and back."""
    quality = draw_quality(rng)
    return np.stack([through_jpeg(frame, quality) for frame in frames])


def through_jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    """A picture (H, W, 3) after compression."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality))
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
