"""Small picture files for miniature data sets."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def touch(folder: Path, names: Iterable[str]) -> None:
    """Files that only have a name: readers of data sets open no pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def save(path: Path, pixels: np.ndarray) -> Path:
    """(H, W, 3) uint8 to a picture file; JPEG in its best quality."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95)
    return path
