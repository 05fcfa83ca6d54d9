"""Damaged clips by the thousand. python -m tests.video.fuzz --count 1000 --seed 0"""

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from ctl.files import ROOT
from ctl.video.limits import Limits
from ctl.video.reader import open_clip
from tests.fuzzing import Attempt, damage, fuzz, odd_name

SAMPLES = ROOT / "assets" / "samples"
LIMITS = Limits(seconds=2.0, frames=20)


def seeds(folder: Path) -> list[Path]:
    """Whole clips of every kind, small."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 32, 3), np.uint8)
    frames = [Image.fromarray(frame) for frame in pixels]
    made = [folder / "walk.webp", folder / "walk.png", folder / "walk.gif", folder / "walk.zip"]
    for path in made[:3]:
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
    with zipfile.ZipFile(made[3], "w") as archive:
        for number, (frame, suffix) in enumerate(zip(frames, ("png", "jpg", "webp", "bmp", "tif", "png"), strict=True)):
            frame.save(folder / f"one.{suffix}")
            archive.write(folder / f"one.{suffix}", f"a/{number}.{suffix}")
    return [*made, SAMPLES / "man-lab1.mp4", SAMPLES / "walker-0002.mp4"]


def prepare(place: Path) -> Attempt:
    whole = seeds(place)

    def attempt(folder: Path, rng: np.random.Generator, number: int) -> None:
        source = whole[number % len(whole)]
        clip = folder / f"{odd_name(rng)}{source.suffix}"
        clip.write_bytes(damage(source.read_bytes(), rng))
        with open_clip(clip, 10.0, LIMITS) as frames:
            for _ in frames:
                pass
            assert "\n" not in "".join((frames.info.source, *frames.info.notices))

    return attempt


if __name__ == "__main__":
    fuzz(str(__doc__), prepare)
