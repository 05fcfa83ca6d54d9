"""One picture, however it is stored, is one picture: metamorphic tests, and the kinds that once were read wrong."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from ctl.data.frames import read_frame
from ctl.video.reader import open_clip
from ctl.video.resize import stretch
from ctl.video.rgb import NEUTRAL, to_rgb

PICTURES = arrays(np.uint8, st.tuples(st.integers(3, 40), st.integers(2, 30), st.just(3)))


def stored(picture: Image.Image, format: str, **options: object) -> np.ndarray:
    """The pixels after a file in between."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    with Image.open(file) as again:
        return to_rgb(again)


@settings(max_examples=40, deadline=None)
@given(PICTURES, st.sampled_from(["PNG", "BMP", "TIFF", "WEBP"]), st.booleans())
def test_a_picture_is_the_same_in_every_lossless_file_and_with_alpha_255(
    pixels: np.ndarray, format: str, alpha: bool
) -> None:
    picture = Image.fromarray(pixels)
    if alpha and format != "BMP":
        picture.putalpha(255)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    np.testing.assert_array_equal(stored(picture, format, **options), pixels)


@settings(max_examples=25, deadline=None)
@given(PICTURES, st.integers(1, 8))
def test_every_orientation_flag_gives_the_upright_picture(pixels: np.ndarray, flag: int) -> None:
    undo = {1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1]}
    undo |= {5: lambda p: p.transpose(1, 0, 2), 6: lambda p: np.rot90(p, 1)}
    undo |= {7: lambda p: p[::-1, ::-1].transpose(1, 0, 2), 8: lambda p: np.rot90(p, -1)}
    exif = Image.Exif()
    exif[0x0112] = flag
    lying = Image.fromarray(np.ascontiguousarray(undo[flag](pixels)))
    np.testing.assert_array_equal(stored(lying, "PNG", exif=exif), pixels)


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(2, 30), st.integers(2, 30))), st.sampled_from(["PNG", "TIFF"]))
def test_grey_of_16_bits_is_that_of_8(grey: np.ndarray, format: str) -> None:
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    want = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(stored(deep, format), want)
    np.testing.assert_array_equal(stored(Image.fromarray(grey), format), want)


@settings(max_examples=25, deadline=None)
@given(PICTURES, PICTURES, st.integers(0, 2**32 - 1))
def test_what_is_hidden_decides_nothing(pixels: np.ndarray, others: np.ndarray, seed: int) -> None:
    hidden = np.random.default_rng(seed).random(pixels.shape[:2]) < 0.5
    painted = np.resize(others, pixels.shape)
    alpha = np.where(hidden, 0, 255).astype(np.uint8)
    one, two = (np.dstack([np.where(hidden[..., None], paint, pixels), alpha]) for paint in (pixels, painted))
    for picture in (one, two):
        found = stored(Image.fromarray(picture.astype(np.uint8)), "PNG")
        np.testing.assert_array_equal(found[~hidden], pixels[~hidden])
        assert (found[hidden] == NEUTRAL).all()


def test_a_transparent_colour_of_a_palette_and_half_transparent_pixels_are_laid_over_grey() -> None:
    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([255, 0, 0, 0, 0, 200])
    palette.paste(0, (0, 0, 2, 2))
    found = stored(palette, "PNG", transparency=0)
    assert found[0, 0].tolist() == list(NEUTRAL)
    assert found[0, 3].tolist() == [0, 0, 200]
    half = stored(Image.new("RGBA", (2, 2), (228, 28, 128, 128)), "PNG")
    np.testing.assert_allclose(half[0, 0], [178, 78, 128], atol=1)


def swapped_profile() -> bytes:
    """sRGB with the colours of red and blue exchanged, tag by tag (ICC.1, section 7.3), under another name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132]), 12)}
    red, blue = (entries[name] + 4 for name in (b"rXYZ", b"bXYZ"))
    data[red : red + 8], data[blue : blue + 8] = data[blue : blue + 8], data[red : red + 8]
    return bytes(data).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_a_profile_is_followed_and_a_damaged_one_passed_over() -> None:
    picture = Image.new("RGB", (4, 4), (200, 60, 30))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"no profile at all"):
        assert stored(picture, "PNG", icc_profile=profile)[0, 0].tolist() == [200, 60, 30]
    np.testing.assert_allclose(stored(picture, "PNG", icc_profile=swapped_profile())[0, 0], [30, 60, 200], atol=2)
    picture.putalpha(0)
    assert stored(picture, "PNG", icc_profile=swapped_profile())[0, 0].tolist() == list(NEUTRAL)


def test_cmyk_and_black_and_white() -> None:
    red = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    np.testing.assert_allclose(stored(red, "TIFF")[0, 0], [255, 0, 0], atol=2)
    bits = Image.new("1", (4, 4), 1)
    assert stored(bits, "PNG")[0, 0].tolist() == [255, 255, 255]


@settings(max_examples=10, deadline=None)
@given(st.lists(PICTURES, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_crops_of_any_sizes_are_stretched_alone_in_a_clip_as_in_a_data_set(
    tmp_path_factory: pytest.TempPathFactory, crops: list[np.ndarray], random: object
) -> None:
    folder: Path = tmp_path_factory.mktemp("crops")
    order = list(range(len(crops)))
    random.shuffle(order)  # type: ignore[attr-defined]
    for number in order:  # the order of writing says nothing
        Image.fromarray(crops[number]).save(folder / f"f{number + 8}.png")
    with open_clip(folder) as clip:
        found = [stretch(frame.image, (64, 32)) for frame in clip]
    for number, one in enumerate(found):
        np.testing.assert_array_equal(one, read_frame(folder / f"f{number + 8}.png", (64, 32)))
        np.testing.assert_array_equal(one, stretch(crops[number], (64, 32)))
