"""A data set in the layout of Walkers that a tiny model can learn in seconds, and a config for it."""

import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

UNDECAYED = re.compile(r"norm\.(weight|bias)$|^necks\.|bias$|topology\.mask$|carry\.s\d\.weight\.weight$")
"""Names of the head's parameters that weight decay spares."""

PERSONS, HELD_OUT, CAMERAS, FRAMES = 8, 2, 2, 3

SETTINGS = """
[model]
preset = "mobile"
channels = 16
relation_width = 4
image_size = [32, 32]
clip_length = 2

[data]
name = "walkers"
root = "{root}"
heatmaps = "{heatmaps}"
held_out = 2

[batch]
persons = 3
clips = 2

[augment]
flip = 0.5
erase = 0.5

[optimiser]
lr = 1e-3
backbone_rate = 0.5
frozen_blocks = 3
clip_norm = 5.0

[schedule]
epochs = 3
steps_per_epoch = 2
warmup_steps = 2
decay = "cosine"

[run]
validate_every = 3
save_every = 1
workers = 0
"""


def write_persons(folder: Path, numbers: range, cameras: range) -> None:
    """Each person is a block of two colours of their own; each camera sees them before another grey."""
    for number in numbers:
        colours = np.random.default_rng(number).integers(0, 256, (2, 3), dtype=np.uint8)
        for camera in cameras:
            place = folder / f"{number:04}" / f"c{camera}"
            place.mkdir(parents=True)
            for frame in range(FRAMES):
                pixels = np.full((48, 24, 3), 60 * camera, np.uint8)
                pixels[4:24, 6 + frame : 18 + frame] = colours[0]
                pixels[24:44, 6 + frame : 18 + frame] = colours[1]
                Image.fromarray(pixels).save(place / f"t0_{frame:03}.jpg", quality=95)


def write_world(root: Path) -> None:
    """`PERSONS` to train on and two others to test on."""
    write_persons(root / "train", range(PERSONS), range(CAMERAS))
    write_persons(root / "query", range(PERSONS, PERSONS + 2), range(1))
    write_persons(root / "gallery", range(PERSONS, PERSONS + 2), range(1, 2))
    (root / "meta.json").write_text(json.dumps({"version": "test"}))
