"""From light on the sensor to the pixels that a surveillance camera hands out: colour, blur, noise, compression."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from ctl.walkers.settings import Hardness

JPEG_BLOCK = 16
"""Pixels of the blocks in which a camera's JPEG codes colour; what is cut out of a picture begins on this grid."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a camera does to its picture, in this order.

    Args:
        exposure: factor on all light.
        white_balance: factors on red, green and blue.
        vignette: part of the light that is lost in the corners, 0..1.
        saturation: 0 gives grey, 1 leaves colours as they are.
        gamma: exponent of the tone curve; above 1 darkens the middle.
        black: value 0..1 that black is lifted to, as by haze and stray light.
        blur_px: standard deviation of the blur, in pixels.
        sharpen: strength of the unsharp mask that cameras put on; leaves halos.
        noise: standard deviation of the noise at full light, of full scale; half of it remains in the dark.
        jpeg: quality of the compression, 1..95.
    """

    exposure: float
    white_balance: tuple[float, float, float]
    vignette: float
    saturation: float
    gamma: float
    black: float
    blur_px: float
    sharpen: float
    noise: float
    jpeg: int


def sample_sensor(rng: np.random.Generator, hardness: Hardness) -> Sensor:
    """Draw a camera's sensor; see `Hardness` for the ranges."""
    warm, green = rng.uniform(-hardness.cast, hardness.cast), rng.uniform(-hardness.cast / 3, hardness.cast / 3)
    return Sensor(
        exposure=rng.uniform(0.85, 1.3),
        white_balance=(1 + warm, 1 + green, 1 - warm),
        vignette=rng.uniform(0.0, 0.35),
        saturation=rng.uniform(0.5, 1.1),
        gamma=rng.uniform(0.8, 1.2),
        black=rng.uniform(0.0, 0.08),
        blur_px=rng.uniform(*hardness.blur_px),
        sharpen=rng.uniform(0.0, 0.8),
        noise=rng.uniform(*hardness.noise),
        jpeg=int(rng.integers(hardness.jpeg[0], hardness.jpeg[1] + 1)),
    )


def expose(
    light: np.ndarray, sensor: Sensor, off_axis: np.ndarray, gain: float | np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Run the chain up to compression.

    Args:
        light: (H, W, 3) float32, 0..1 is the range of the scene's colours.
        off_axis: (H, W) float32, squared distance from the picture's centre, 1 in its corners.
        gain: further factor on the light, or one on each of red, green and blue: weather and the camera's own exposure
            control at the time.
        rng: of the noise.
    Returns:
        (H, W, 3) uint8.
    """
    gains = np.array(sensor.white_balance, np.float32) * np.float32(sensor.exposure * np.asarray(gain))
    x = light * gains * (1 - np.float32(sensor.vignette) * off_axis[..., None])
    grey = x @ np.array([0.299, 0.587, 0.114], np.float32)
    x = grey[..., None] + np.float32(sensor.saturation) * (x - grey[..., None])
    x = np.clip(x, 0, 1) ** np.float32(sensor.gamma)
    x = np.float32(sensor.black) + np.float32(1 - sensor.black) * x
    x = gaussian_filter(x, (sensor.blur_px, sensor.blur_px, 0), mode="nearest", truncate=3)
    if sensor.sharpen > 0:
        x += np.float32(sensor.sharpen) * (x - gaussian_filter(x, (1.0, 1.0, 0), mode="nearest", truncate=2))
    level = np.float32(sensor.noise) * np.sqrt(0.25 + 0.75 * np.clip(x, 0, 1))
    x += level * rng.standard_normal(x.shape, dtype=np.float32)
    return (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)


def compress(picture: np.ndarray, quality: int) -> np.ndarray:
    """(H, W, 3) uint8 -> the same after JPEG."""
    with Image.open(io.BytesIO(jpeg_bytes(Image.fromarray(picture), quality))) as image:
        return np.asarray(image)


def jpeg_bytes(image: Image.Image, quality: int) -> bytes:
    """A picture as a JPEG file with half the colour resolution, as cameras write it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return buffer.getvalue()
