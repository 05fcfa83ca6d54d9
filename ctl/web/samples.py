"""The sample clips that the page offers."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from ctl.draw.moving import moving_picture
from ctl.files import ROOT, read_bytes
from ctl.video.reader import open_clip

SAMPLES: Final = ROOT / "assets" / "samples"
OPENING: Final = "woman-lab4"
"""What the page opens on, and offers first."""

FPS: Final = 8.0
FRAMES: Final = 16
HEIGHT: Final = 84


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip to try.

    Args:
        title: under its picture.
        note: one sentence about it.
        clip: the file.
        shows: who is in it, by the gallery's names, in the order in which the people are found.
        picture: HTML of its first seconds, moving.
    """

    title: str
    note: str
    clip: Path
    shows: tuple[str, ...]
    picture: str

    @property
    def name(self) -> str:
        """In addresses: the file's, without its suffix."""
        return self.clip.stem


def read_samples(folder: Path = SAMPLES) -> tuple[Sample, ...]:
    """What samples.json says is to be shown: `OPENING`, then its order.

    Raises InputError where it or a clip can't be read.
    """
    entries = json.loads(read_bytes(folder / "samples.json"))
    shown = [(entry, folder / entry["file"]) for entry in entries if entry["shown"]]
    shown.sort(key=lambda entry_and_clip: entry_and_clip[1].stem != OPENING)
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(_picture, [clip for _, clip in shown]))
    return tuple(
        Sample(entry["title"], entry["note"], clip, tuple(entry["shows"]), picture)
        for (entry, clip), picture in zip(shown, pictures, strict=True)
    )


def _picture(clip: Path) -> str:
    with open_clip(clip, FPS) as frames:
        images = [frame.image for frame in islice(frames, FRAMES)]
    return moving_picture(images, FPS, HEIGHT, "")
