"""The one way in which a still picture becomes pixels: upright, 8 bit, sRGB, with nothing hidden under transparency."""

import io
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageCms, ImageOps

NEUTRAL: Final = (128, 128, 128)
"""What shows through transparent pixels: editors leave any colour at all in them."""

Transform = ImageCms.ImageCmsTransform


def to_rgb(picture: Image.Image) -> np.ndarray:
    """The pixels that a viewer would show.

    | what the file has | what becomes of it |
    | --- | --- |
    | an orientation flag | is applied |
    | 16 bits a channel | the whole range is scaled to 8 bits |
    | grey, a palette, CMYK | RGB |
    | another colour space, by an embedded profile | sRGB; a damaged profile is passed over |
    | transparency | laid over one neutral grey |

    Args:
        picture: as Pillow opens it; its first frame where it has several.
    Returns:
        (H, W, 3) uint8.
    Raises:
        OSError, ValueError, SyntaxError: the picture is damaged, or of a kind that can't be shown.
    """
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I") or upright.mode == "F":
        upright = _in_8_bits(upright)
    alpha = None
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        alpha = upright.getchannel("A")
    pixels = _in_srgb(upright, picture.info.get("icc_profile"))
    if alpha is not None:
        pixels = Image.composite(pixels, Image.new("RGB", pixels.size, NEUTRAL), alpha)
    return np.asarray(pixels)


def _in_8_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits, 0..65,535, or of floating point, 0..1, as 8 bits."""
    values = np.asarray(picture)
    shares = values if picture.mode == "F" else values / np.float32(65_535)
    return Image.fromarray((np.clip(np.nan_to_num(shares), 0, 1) * 255 + 0.5).astype(np.uint8))


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB; of a picture with a profile the colours that it means."""
    if profile and picture.mode in ("L", "RGB", "RGBA", "CMYK"):
        mode = "RGB" if picture.mode == "RGBA" else picture.mode
        transform = _transform(bytes(profile), mode)
        if transform is not None:
            return transform.apply(picture.convert(mode))
    return picture.convert("RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> Transform | None:
    """From a profile to sRGB; None where it is sRGB already, is damaged, or is for another kind of picture."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
