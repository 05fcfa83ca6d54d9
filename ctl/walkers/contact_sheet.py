"""Look at a set: a sheet with one row per person and one column per tracklet's frame.

No command calls it: `assets/walkers/make_contact_sheet.py` draws the README's sheet with it.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ctl.errors import InputError
from ctl.files import read_json

CELL = (64, 128)
"""Width and height of one crop on the sheet."""


def contact_sheet(root: Path, out: Path, persons: int = 12, frames: int = 3, joints: bool = False) -> None:
    """Draw a sheet of a set's first persons as a picture file.

    Args:
        root: folder of a set.
        out: picture to write.
        persons: rows.
        frames: crops per tracklet, spread over it.
        joints: whether to draw the joints, green where seen and red where hidden.
    Raises:
        InputError: root holds no persons.
    """
    by_person: dict[str, dict[str, list[Path]]] = {}
    for frame in sorted(root.glob("*/*/*/t*_*.jpg")):
        person, tracklet = frame.parts[-3], f"{frame.parts[-2]} {frame.name.split('_')[0]}"
        by_person.setdefault(person, {}).setdefault(tracklet, []).append(frame)
    if not by_person:
        raise InputError(f"{root} holds no set of walkers")
    rows = [by_person[person] for person in sorted(by_person)[:persons]]
    columns = sorted({tracklet for row in rows for tracklet in row})
    points = read_json(root / "keypoints.json") if joints else {}
    width, height = CELL
    sheet = Image.new("RGB", (len(columns) * (frames * width + 4), len(rows) * (height + 2)), "white")
    for y, row in enumerate(rows):
        for x, tracklet in enumerate(columns):
            files = row.get(tracklet, [])
            chosen = np.linspace(0, len(files) - 1, min(frames, len(files))).round().astype(int)
            for k, index in enumerate(chosen):
                with Image.open(files[index]) as image:
                    crop = image.convert("RGB")
                _draw_joints(crop, points.get(files[index].relative_to(root).as_posix(), []))
                sheet.paste(crop.resize(CELL), (x * (frames * width + 4) + k * width, y * (height + 2)))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out)


def _draw_joints(crop: Image.Image, joints: list[tuple[float, float, int]]) -> None:
    draw = ImageDraw.Draw(crop)
    for x, y, seen in joints:
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(0, 220, 0) if seen else (230, 0, 0))
