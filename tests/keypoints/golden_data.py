"""The golden pictures, and what the original graphs say of them (golden/README.md)."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

FOLDER: Final = Path(__file__).parent / "golden"
GOLDEN: Final[dict[str, dict[str, Any]]] = json.loads((FOLDER / "golden.json").read_text())
EVERY: Final = 16
"""Cells between the heat-map logits that golden.json keeps."""

PIXELS: Final = 0.5
SCORE: Final = 0.01

CROPS: Final = {"woman-upright": 64, "woman-striding": 56, "woman-back": 112, "man-standing": 64, "man-front": 64}
"""Pictures with one clear upright person, and the column where a 128 px wide crop of that person starts."""


def picture(name: str) -> Tensor:
    """(1, 3, H, W) float32 in 0..1."""
    pixels = np.array(Image.open(FOLDER / "pictures" / f"{name}.png").convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0) / 255


def crops() -> Tensor:
    """(5, 3, 256, 128): the `CROPS`."""
    return torch.cat([picture(name)[..., left : left + 128] for name, left in CROPS.items()])
