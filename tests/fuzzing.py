"""What the fuzzers share. They aren't tests, as they take minutes: `python -m tests.video.fuzz --count 1000 --seed 0`,
and so `tests.data.fuzz` and `tests.gallery.fuzz`. Every damaged input has to be read, or refused in one line.
"""

import argparse
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ctl.errors import InputError

Attempt = Callable[[Path, np.random.Generator, int], None]
"""Damage something in an empty folder, as a generator says, and read it; the last is the number of the attempt."""


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, mostly near the start or the end, where headers and tables stand; or a piece cut out."""
    values = np.frombuffer(data, np.uint8).copy()
    if rng.random() < 0.3:
        start, end = sorted(rng.integers(0, len(values) + 1, 2).tolist())
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


def fuzz(description: str, prepare: Callable[[Path], Attempt]) -> None:
    """Parse the options, make whole inputs in a folder, and attempt as often as asked for; prints what came of it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    read = refused = 0
    with tempfile.TemporaryDirectory() as place:
        attempt = prepare(Path(place))
        for number in range(args.count):
            folder = Path(place) / "damaged"
            folder.mkdir()
            try:
                attempt(folder, np.random.default_rng((args.seed, number)), number)
                read += 1
            except InputError as error:
                refused += "\n" not in str(error)
            except Exception:
                print(f"seed {args.seed}, number {number}")
                traceback.print_exc()
            shutil.rmtree(folder)
    print(f"{args.count} inputs: {read} read, {refused} refused, {args.count - read - refused} tracebacks")
