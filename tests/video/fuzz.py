"""Damaged clips by the thousand: every one has to be read, or refused in one sentence. Not a test, it takes minutes.

python -m tests.video.fuzz --count 1000 --seed 0
"""

import argparse
import shutil
import tempfile
import traceback
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from ctl.errors import InputError
from ctl.files import ROOT
from ctl.video.limits import Limits
from ctl.video.reader import open_clip

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


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, mostly near the start or the end, where headers and tables stand; or a piece cut out."""
    values = np.frombuffer(data, np.uint8).copy()
    if rng.random() < 0.3:
        start, end = sorted(rng.integers(0, len(values), 2).tolist())
        values = np.delete(values, slice(start, end))
    for _ in range(int(rng.integers(1, 12))):
        if not len(values):
            break
        reach = min(len(values), int(rng.choice([64, 512, len(values)])))
        place = int(rng.integers(reach))
        values[place if rng.random() < 0.6 else -1 - place] = rng.integers(256)
    return values.tobytes()


def odd_name(rng: np.random.Generator) -> str:
    letters = ["a", "ü", "\n", "\x1b[2J", "\udcfc", " ", "'", "<b>", "%s", ".", "0", "é" * 20]
    return "".join(rng.choice(letters, int(rng.integers(1, 6))).tolist()) + "x"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    read = refused = 0
    with tempfile.TemporaryDirectory() as place:
        whole = seeds(Path(place))
        for number in range(args.count):
            rng = np.random.default_rng((args.seed, number))
            source = whole[number % len(whole)]
            folder = Path(place) / "damaged"
            folder.mkdir()
            clip = folder / f"{odd_name(rng)}{source.suffix}"
            clip.write_bytes(damage(source.read_bytes(), rng))
            try:
                with open_clip(clip, 10.0, LIMITS) as frames:
                    for _ in frames:
                        pass
                    assert "\n" not in "".join((frames.info.source, *frames.info.notices))
                read += 1
            except InputError as error:
                refused += "\n" not in str(error)
            except Exception:
                print(f"seed {args.seed}, number {number}, {source.name}")
                traceback.print_exc()
            shutil.rmtree(folder)
    print(f"{args.count} damaged clips: {read} read, {refused} refused, {args.count - read - refused} tracebacks")


if __name__ == "__main__":
    main()
