"""What cameras do to pictures: colour, blur, low resolution, noise, compression. Drawn once per clip: it is one camera.

Each function takes a clip (T, H, W, 3) uint8 RGB and a generator, and gives a new clip of the same shape. Ranges are
those between clean crops and the worst that surveillance footage and old phones show; people stay recognisable.
"""

import cv2
import numpy as np

_LUMINANCE = np.array((0.299, 0.587, 0.114))
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
    saturate = saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), _LUMINANCE)
    return np.diag(gains) @ turn @ saturate


def change_colours(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another exposure, white balance, gamma, contrast, saturation and a little hue."""
    gains = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.08, 3))
    matrix = colour_matrix(gains, saturation=rng.uniform(0.4, 1.5), hue=rng.normal(0, 0.06))
    return _recolour(frames, matrix, contrast=rng.uniform(0.65, 1.35), gamma=float(np.exp(rng.normal(0, 0.2))))


def to_grey(frames: np.ndarray) -> np.ndarray:
    """Luminance in all three channels."""
    return _recolour(frames, colour_matrix(np.ones(3), saturation=0, hue=0), contrast=1, gamma=1)


def _recolour(frames: np.ndarray, matrix: np.ndarray, contrast: float, gamma: float) -> np.ndarray:
    """Gamma by a table, then one affine map; contrast turns about the clip's own mean."""
    curve = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)
    flat = cv2.LUT(np.ascontiguousarray(frames).reshape(-1, frames.shape[2], 3), curve)
    mean = matrix @ np.array(cv2.mean(flat)[:3])
    affine = np.column_stack((contrast * matrix, (1 - contrast) * mean))
    return cv2.transform(flat, affine).reshape(frames.shape)


def blur(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus, or moved while the shutter was open."""
    scale = frames.shape[1] / 256
    if rng.random() < 0.5:
        sigma = scale * rng.uniform(0.5, 2.5)
        return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])
    kernel = motion_kernel(length=max(1.5, scale * rng.uniform(3, 9)), angle=rng.uniform(0, np.pi))
    return np.stack([cv2.filter2D(frame, -1, kernel, borderType=cv2.BORDER_REPLICATE) for frame in frames])


def motion_kernel(length: float, angle: float) -> np.ndarray:
    """(k, k) float32, sums to 1: a line of a length in pixels at an angle in radians, through the middle."""
    reach = int(np.ceil(length / 2))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = (1 - np.abs(across)).clip(0) * (length / 2 + 0.5 - np.abs(along)).clip(0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def lower_resolution(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Seen from further away: down to between a quarter and three quarters of the size, and up again."""
    height, width = frames.shape[1:3]
    share = rng.uniform(0.25, 0.75)
    small = (max(4, round(width * share)), max(8, round(height * share)))
    seen = (cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in frames)
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in seen])


def add_noise(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of a deviation of 2 to 14 levels, another in every frame, pixel and channel.

    The sum of two uniform bytes stands for a normal deviate: it is several times faster to draw.
    """
    amplitude = rng.uniform(2, 14) / (255 / 6**0.5)  # a sum of two bytes has the deviation 255 / √6
    first, second = (rng.integers(0, 256, frames.shape, dtype=np.uint8) for _ in range(2))
    noise = (first.astype(np.int16) + second - 255) * np.float32(amplitude)
    return cv2.add(frames.reshape(-1), noise.reshape(-1), dtype=cv2.CV_8U).reshape(frames.shape)


def compress(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """JPEG of a quality of 10 to 70, there and back."""
    quality = (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(10, 71)))
    return np.stack([_through_jpeg(frame, quality) for frame in frames])


def _through_jpeg(frame: np.ndarray, quality: tuple[int, int]) -> np.ndarray:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
