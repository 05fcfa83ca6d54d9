"""MoveNet MultiPose against the original graph."""

import numpy as np
import pytest
import torch

from ctl.people.multipose import MultiPose, find_centres, load_multipose
from tests.keypoints.golden_data import EVERY, GOLDEN, PIXELS, SCORE, picture

MULTIPOSE = GOLDEN["movenet-multipose"]
PEOPLE = {
    "head-and-shoulders": 1, "man-bending": 2, "man-front": 3, "man-leg-raised": 2, "man-standing": 1, "nobody": 0,
    "small-letterboxed": 2, "three-people": 3, "two-small": 2, "wide": 2, "woman-back": 2, "woman-striding": 1,
    "woman-upright": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def multipose() -> MultiPose:
    return load_multipose()


@pytest.mark.parametrize("name", MULTIPOSE)
def test_people_are_the_original_graphs(multipose: MultiPose, name: str) -> None:
    frame = picture(name)
    height, width = frame.shape[2:]
    rows = np.array(MULTIPOSE[name]["output"])  # (6, 56): 17 × (y, x, score), then top, left, bottom, right, score
    y, x, joint_scores = np.moveaxis(rows[:, :51].reshape(6, 17, 3), 2, 0)
    top, left, bottom, right = (rows[:, 51:55] * (height, width, height, width)).T

    (found,) = multipose.each([frame])
    np.testing.assert_allclose(found.keypoints[0, ..., 0], x * width, atol=PIXELS)
    np.testing.assert_allclose(found.keypoints[0, ..., 1], y * height, atol=PIXELS)
    np.testing.assert_allclose(found.keypoints[0, ..., 2], joint_scores, atol=SCORE)
    np.testing.assert_allclose(found.boxes[0], np.stack((left, top, right - left, bottom - top), axis=1), atol=PIXELS)
    np.testing.assert_allclose(found.scores[0], rows[:, 55], atol=SCORE)


@pytest.mark.parametrize("name", MULTIPOSE)
def test_heat_maps_before_the_sigmoid_are_the_original_graphs(multipose: MultiPose, name: str) -> None:
    logits = multipose.net(picture(name))["heatmap"][0, :, ::EVERY, ::EVERY]
    np.testing.assert_allclose(logits.permute(1, 2, 0), MULTIPOSE[name]["logits"], atol=0.05)


@pytest.mark.parametrize(("name", "people"), PEOPLE.items())
def test_as_many_people_as_a_look_at_the_picture_finds(multipose: MultiPose, name: str, people: int) -> None:
    (found,) = multipose.each([picture(name)])
    assert (found.scores > 0.15).sum() == people


def test_a_picture_is_the_same_alone_and_in_a_batch(multipose: MultiPose) -> None:
    frames = torch.cat([picture(name) for name in ("three-people", "nobody", "two-small")])
    together, alone = multipose.each([frames, frames[2:]])
    people = alone.scores[0] > 0.1
    torch.testing.assert_close(together.keypoints[2][people], alone.keypoints[0][people], atol=1e-2, rtol=0)
    torch.testing.assert_close(together.boxes[2][people], alone.boxes[0][people], atol=1e-2, rtol=0)


def test_centres_are_local_maxima_in_order() -> None:
    heat = torch.zeros(1, 1, 16, 24)
    for row, column, score in ((3, 4, 0.9), (3, 6, 0.8), (10, 20, 0.7), (15, 0, 0.2)):  # the second is too close
        heat[0, 0, row, column] = score
    scores, numbers = find_centres(heat)
    assert scores[0, :4].tolist() == pytest.approx([0.9, 0.7, 0.2, 0])
    assert numbers[0, :3].tolist() == [3 * 24 + 4, 10 * 24 + 20, 15 * 24]
