"""Joints that the bundled estimator finds, against joints set by hand, in crops of every shape."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ctl.files import ROOT
from ctl.inference import to_tensor
from ctl.keypoints.load import load_estimator
from ctl.keypoints.undistorted import look, true_width
from ctl.people.crop import cut
from ctl.video.reader import open_clip
from ctl.video.resize import stretch

pytestmark = pytest.mark.slow

PEOPLE = Path(__file__).parent / "people"
ASPECTS = (0.3, 0.4, 0.5, 0.62, 0.75, 0.87, 1.0, 1.2)
NEAR = 0.2
"""Of the torso's length: the usual bar for a joint in its place."""

MARGINS = np.array((-0.07, -0.13, 0.07, 0.07))
"""From the outermost joints to the edges of a person, in heights of the box around the joints: left, top, ..."""


@dataclass(frozen=True, eq=False)
class Person:
    """Joints set by hand: numbers (J,), places (J, 2) in pixels of the picture, and the torso's length."""

    picture: np.ndarray
    numbers: np.ndarray
    places: np.ndarray
    torso: float

    def crop(self, aspect: float) -> np.ndarray | None:
        """A box (4,) on the person of that width over height, or None where it would show half of them, or more than
        the picture."""
        corners = np.concatenate((self.places.min(axis=0), self.places.max(axis=0)))
        left, top, right, bottom = corners + MARGINS * (corners[3] - corners[1])
        height, middle = bottom - top, (left + right) / 2
        width, most = aspect * height, self.picture.shape[1]
        if not 0.6 * (right - left) <= width <= most:
            return None
        return np.array((np.clip(middle - width / 2, 0, most - width), top, width, height))

    def near(self, xy: np.ndarray, box: np.ndarray) -> list[bool]:
        """Of joints found, (17, 2), which of those set by hand inside a box (4,) are in their places."""
        inside = ((self.places > box[:2]) & (self.places < box[:2] + box[2:])).all(axis=1)
        near = np.linalg.norm(xy[self.numbers] - self.places, axis=1) < NEAR * self.torso
        return near[inside].tolist()


@cache
def pictures(name: str) -> list[np.ndarray]:
    if name.endswith(".jpg"):
        return [np.asarray(Image.open(PEOPLE / name).convert("RGB"))]
    with open_clip(ROOT / "assets" / "samples" / name) as clip:
        return [frame.image.copy() for frame in clip]


def torso(joints: dict[int, list[float]]) -> float:
    shoulders, hips = ([joints[joint] for joint in pair if joint in joints] for pair in ((5, 6), (11, 12)))
    return float(np.linalg.norm(np.mean(shoulders, axis=0) - np.mean(hips, axis=0)))


def people() -> list[Person]:
    found = []
    for line in json.loads((PEOPLE / "people.json").read_text(encoding="utf-8")):
        joints = {int(joint): place for joint, place in line["joints"].items()}
        picture = pictures(line["source"])[line.get("frame", 0)]
        length = line.get("torso") or torso(joints)
        found.append(Person(picture, np.array(list(joints)), np.array(list(joints.values()), float), length))
    return found


@pytest.fixture(scope="module")
def shares() -> dict[float, tuple[float, float]]:
    """Width over height of a crop -> share of joints in their places, seen stretched and seen as wide as it is."""
    estimator = load_estimator(onnx=True)
    counted: dict[float, tuple[list[bool], list[bool]]] = {aspect: ([], []) for aspect in ASPECTS}
    with torch.inference_mode():
        for person in people():
            for aspect, (stretched, true) in counted.items():
                if (box := person.crop(aspect)) is None:
                    continue
                crop = cut(person.picture, box, (round(box[3]), round(box[2])))  # what somebody brings
                frames = to_tensor(stretch(crop, (256, 128)).copy()[None], torch.device("cpu"))
                for width, near in ((128, stretched), (true_width(256, aspect), true)):
                    xy = look(estimator, frames, width).xy[0].numpy()
                    near += person.near(xy / (128, 256) * box[2:] + box[:2], box)
    return {aspect: (float(np.mean(stretched)), float(np.mean(true))) for aspect, (stretched, true) in counted.items()}


def test_joints_set_by_hand_are_found_in_crops_of_every_shape(shares) -> None:
    assert min(true for _, true in shares.values()) > 0.88
    assert np.mean([true for _, true in shares.values()]) > 0.94


def test_wide_crops_gain_and_those_of_the_usual_shape_lose_nothing(shares) -> None:
    stretched, true = shares[1.0]
    assert true > stretched + 0.2
    assert shares[0.5][0] == shares[0.5][1]
