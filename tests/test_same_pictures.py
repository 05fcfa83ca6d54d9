"""The same pictures are the same person: in whatever files they come, their embedding is the same.

Metamorphic tests with the bundled model; `CTL_EXAMPLES=50` draws more than the few that every run of the tests tries.
"""

import io
import os
import random
import zipfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from ctl.files import ROOT
from ctl.pipeline import Engine
from ctl.video.reader import open_clip
from ctl.video.resize import stretch

pytestmark = pytest.mark.slow

CLIP: Final = ROOT / "assets" / "samples" / "man-lab1.mp4"
FRAMES: Final = 8
SAME: Final = 1e-5
"""Largest difference of a number of two embeddings of length 1 that are the same: of sums in another order."""

few = settings(
    max_examples=int(os.environ.get("CTL_EXAMPLES", "4")),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink an example would embed clips for minutes
)

LOSSLESS: Final = {
    "ffv1.mkv": ("ffv1", "bgr0", {}),
    "ffv1.avi": ("ffv1", "bgr0", {}),
    "png.mov": ("png", "rgb24", {}),
    "png.mp4": ("png", "rgb24", {}),
    "x264.mp4": ("libx264rgb", "rgb24", {"crf": "0", "bf": "3"}),  # frames stand in another order than they are shown
    "x264.mov": ("libx264rgb", "rgb24", {"crf": "0", "bf": "3"}),
    "x264.mkv": ("libx264rgb", "rgb24", {"crf": "0", "bf": "3"}),
    "vp9.webm": ("libvpx-vp9", "gbrp", {"lossless": "1", "deadline": "realtime", "cpu-used": "8"}),
}
"""Name -> codec, layout of pixels and options that keep every one of them."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(device="cpu")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """(H, W, 3) each, a man who walks."""
    with open_clip(CLIP) as clip:
        return [frame.image for frame in clip][:FRAMES]


@pytest.fixture(scope="module")
def embedding(engine: Engine, pictures: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """(D,) of the pictures, in a folder of plain PNG files."""
    folder = tmp_path_factory.mktemp("plain")
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return embed(engine, folder)


def embed(engine: Engine, clip: Path) -> np.ndarray:
    return engine.analyze(clip, "crop").people[0].embedding


def film(
    path: Path, pictures: Sequence[np.ndarray], rate: Fraction, base: Fraction, start: int, hidden: int = 0
) -> None:
    """Write a video without loss.

    Args:
        rate: frames per second.
        base: seconds of a tick.
        start: tick of the first frame that is shown.
        hidden: frames before tick 0, which an edit list leaves out.
    """
    codec, layout, options = LOSSLESS[path.name]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width, _ = pictures[0].shape
        stream.pix_fmt = layout
        stream.codec_context.time_base = base
        for number, picture in enumerate([pictures[-1]] * hidden + list(pictures), start=-hidden):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=layout)
            frame.time_base, frame.pts = base, start + round(number / rate / base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_the_ways_of_storing_tell_pictures_apart(
    engine: Engine, pictures: list[np.ndarray], embedding: np.ndarray, tmp_path: Path
) -> None:
    """What the tests below allow is far less than what one picture in eight changes."""
    film(tmp_path / "png.mov", [*pictures[:-1], pictures[0]], Fraction(25), Fraction(1, 1000), 0)
    assert np.abs(embed(engine, tmp_path / "png.mov") - embedding).max() > 100 * SAME


@few
@given(
    name=st.sampled_from(sorted(LOSSLESS)),
    rate=st.sampled_from([Fraction(5), Fraction(10), Fraction(25), Fraction(30000, 1001), Fraction(60)]),
    base=st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 15_360)]),
    start=st.sampled_from([0, 1, 3_600_000]),
    hidden=st.sampled_from([0, 1, 5]),
)
@example("ffv1.mkv", Fraction(25), Fraction(1, 1000), 3_600_000, 0)  # a clock that begins after an hour
@example("x264.mp4", Fraction(25), Fraction(1, 15_360), 0, 5)  # an edit list, and frames that stand in another order
def test_in_any_container_and_time_base(
    engine: Engine,
    pictures: list[np.ndarray],
    embedding: np.ndarray,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    rate: Fraction,
    base: Fraction,
    start: int,
    hidden: int,
) -> None:
    hides = name.endswith((".mp4", ".mov"))
    path = tmp_path_factory.mktemp("film") / name
    film(path, pictures, rate, base, 0 if hides else start, hidden if hides else 0)
    np.testing.assert_allclose(embed(engine, path), embedding, atol=SAME)
    with open_clip(path) as clip:
        assert clip.info.frames == FRAMES
        if not (start and name.endswith(".avi")):  # which has frames from time 0 on
            assert clip.info.notices == ()


def deep(picture: np.ndarray, suffix: str) -> bytes:
    """16 bits a channel, as OpenCV writes them."""
    order = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[picture.shape[2] if picture.ndim == 3 else 2]
    values = picture.astype(np.uint16) * 257
    found, data = cv2.imencode(suffix, values if order is None else cv2.cvtColor(values, order))
    assert found
    return data.tobytes()


def shallow(format: str, **options: object) -> Callable[[np.ndarray], bytes]:
    """8 bits a channel, as Pillow writes them."""

    def write(picture: np.ndarray) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, format, **options)
        return file.getvalue()

    return write


STILLS: Final[dict[str, Callable[[np.ndarray], bytes]]] = {
    "png": shallow("PNG"),
    "16.png": lambda picture: deep(picture, ".png"),
    "tif": shallow("TIFF"),
    "lzw.tif": shallow("TIFF", compression="tiff_lzw"),
    "16.tif": lambda picture: deep(picture, ".tif"),
    "webp": shallow("WEBP", lossless=True, exact=True),
    "bmp": shallow("BMP"),
}
"""End of a name -> what writes (H, W, 3) or (H, W, 4) with an alpha of 255, or grey as (H, W)."""


@few
@given(
    kinds=st.lists(st.sampled_from(sorted(STILLS)), min_size=FRAMES, max_size=FRAMES),
    alpha=st.lists(st.booleans(), min_size=FRAMES, max_size=FRAMES),
    seed=st.integers(0, 2**16),
    packed=st.booleans(),
    first=st.sampled_from([0, 3, 95, 998]),
)
def test_in_any_picture_files_written_in_any_order(
    engine: Engine,
    pictures: list[np.ndarray],
    embedding: np.ndarray,
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[str],
    alpha: list[bool],
    seed: int,
    packed: bool,
    first: int,
) -> None:
    files = {}
    for number, (picture, kind, opaque) in enumerate(zip(pictures, kinds, alpha, strict=True)):
        layers = [picture, np.full_like(picture[..., :1], 255)] if opaque and kind != "bmp" else [picture]
        files[f"frame {first + number}.{kind}"] = STILLS[kind](np.concatenate(layers, axis=-1))
    written = list(files.items())
    random.Random(seed).shuffle(written)
    np.testing.assert_allclose(embed(engine, stored(tmp_path_factory, written, packed)), embedding, atol=SAME)


def stored(places: pytest.TempPathFactory, files: list[tuple[str, bytes]], packed: bool) -> Path:
    """A folder, or a zip, of files that are written in this order."""
    folder = places.mktemp("stills")
    if not packed:
        for name, data in files:
            (folder / name).write_bytes(data)
        return folder
    with zipfile.ZipFile(folder / "stills.zip", "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return folder / "stills.zip"


@few
@given(kinds=st.lists(st.sampled_from(sorted(STILLS)), min_size=FRAMES, max_size=FRAMES))
def test_in_grey_of_any_depth(
    engine: Engine, pictures: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    grey = [np.asarray(Image.fromarray(picture).convert("L")) for picture in pictures]
    plain = [(f"{number}.png", shallow("PNG")(np.repeat(one[..., None], 3, -1))) for number, one in enumerate(grey)]
    other = [
        (f"{number}.{kind}", STILLS[kind](one)) for number, (one, kind) in enumerate(zip(grey, kinds, strict=True))
    ]
    wanted, found = (embed(engine, stored(tmp_path_factory, files, False)) for files in (plain, other))
    np.testing.assert_allclose(found, wanted, atol=SAME)


@few
@given(widths=st.lists(st.integers(8, 150), min_size=FRAMES, max_size=FRAMES))
def test_in_crops_of_any_sizes(
    engine: Engine,
    pictures: list[np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
    widths: list[int],
) -> None:
    """Each crop is brought to the model's size by itself: it may as well be stored in that size."""
    small = [stretch(picture, (2 * width, width)) for picture, width in zip(pictures, widths, strict=True)]
    ready = [stretch(picture, engine.model.config.image_size) for picture in small]
    found, wanted = (
        embed(
            engine, stored(tmp_path_factory, [(f"{n}.png", shallow("PNG")(one)) for n, one in enumerate(crops)], False)
        )
        for crops in (small, ready)
    )
    np.testing.assert_allclose(found, wanted, atol=SAME)
