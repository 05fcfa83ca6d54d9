"""The body as facts written by hand: who is joined to whom, and what is left and right."""

import numpy as np
import pytest

from ctl.skeleton import FLIP, JOINTS, PARTS, SCALES, Scale, part_count, part_names, physical_adjacency, pooling_matrix

JOINED: dict[Scale, tuple[str, ...]] = {
    "s1": (
        "nose - left eye",
        "nose - right eye",
        "left eye - right eye",
        "left eye - left ear",
        "right eye - right ear",
        "left ear - left shoulder",
        "right ear - right shoulder",
        "left shoulder - right shoulder",
        "left shoulder - left elbow",
        "left elbow - left wrist",
        "right shoulder - right elbow",
        "right elbow - right wrist",
        "left shoulder - left hip",
        "right shoulder - right hip",
        "left hip - right hip",
        "left hip - left knee",
        "left knee - left ankle",
        "right hip - right knee",
        "right knee - right ankle",
    ),
    "s2": (
        "head - torso",
        "torso - left upper arm",
        "torso - right upper arm",
        "torso - left thigh",
        "torso - right thigh",
        "left upper arm - left forearm",
        "right upper arm - right forearm",
        "left thigh - left shank",
        "right thigh - right shank",
    ),
    "s3": ("trunk - left arm", "trunk - right arm", "trunk - left leg", "trunk - right leg"),
}


def test_joints_are_those_of_coco_in_its_order() -> None:
    wanted = (
        *("nose", "left eye", "right eye", "left ear", "right ear"),
        *("left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist"),
        *("left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle"),
    )
    assert wanted == JOINTS


@pytest.mark.parametrize("scale", SCALES)
def test_parts_that_touch_on_the_body_are_joined(scale: Scale) -> None:
    matrix, names = physical_adjacency(scale), part_names(scale)
    assert {frozenset((names[i], names[j])) for i, j in np.argwhere(matrix)} == {
        frozenset(pair.split(" - ")) for pair in JOINED[scale]
    }


@pytest.mark.parametrize("scale", SCALES)
def test_physical_adjacency_is_symmetric_zero_or_one_and_without_self_loops(scale: Scale) -> None:
    matrix = physical_adjacency(scale)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert set(np.unique(matrix)) == {0.0, 1.0}
    assert not matrix.diagonal().any()
    assert matrix.dtype == np.float32


@pytest.mark.parametrize("scale", SCALES)
def test_every_part_is_reached_from_every_other(scale: Scale) -> None:
    steps = np.linalg.matrix_power(physical_adjacency(scale) + np.eye(part_count(scale)), part_count(scale))
    assert (steps > 0).all()


def test_scales_have_17_10_and_5_parts() -> None:
    assert [part_count(scale) for scale in ("s1", "s2", "s3")] == [17, 10, 5]


@pytest.mark.parametrize(
    ("scale", "part", "joints"),
    [
        ("s1", "left wrist", {9}),
        ("s2", "head", {0, 1, 2, 3, 4}),
        ("s2", "torso", {5, 6, 11, 12}),
        ("s2", "left upper arm", {5, 7}),
        ("s2", "right upper arm", {6, 8}),
        ("s2", "left forearm", {7, 9}),
        ("s2", "right forearm", {8, 10}),
        ("s2", "left thigh", {11, 13}),
        ("s2", "right thigh", {12, 14}),
        ("s2", "left shank", {13, 15}),
        ("s2", "right shank", {14, 16}),
        ("s3", "trunk", {0, 1, 2, 3, 4, 5, 6, 11, 12}),
        ("s3", "left arm", {5, 7, 9}),
        ("s3", "right arm", {6, 8, 10}),
        ("s3", "left leg", {11, 13, 15}),
        ("s3", "right leg", {12, 14, 16}),
    ],
)
def test_part_groups_these_joints(scale: Scale, part: str, joints: set[int]) -> None:
    assert set(PARTS[scale][part]) == joints


@pytest.mark.parametrize("scale", SCALES)
def test_every_joint_belongs_to_a_part_of_every_scale(scale: Scale) -> None:
    assert {joint for joints in PARTS[scale].values() for joint in joints} == set(range(17))


def test_pooling_takes_the_mean_of_a_parts_joints() -> None:
    values = np.arange(17, dtype=np.float32) ** 2
    np.testing.assert_array_equal(pooling_matrix("s1") @ values, values)
    pooled = dict(zip(part_names("s3"), pooling_matrix("s3") @ values, strict=True))
    assert pooled["left arm"] == pytest.approx((25 + 49 + 81) / 3)
    assert pooled["right leg"] == pytest.approx((144 + 196 + 256) / 3)
    np.testing.assert_allclose(pooling_matrix("s2").sum(axis=1), 1, rtol=1e-6)


def test_flip_swaps_left_and_right_and_keeps_the_nose() -> None:
    assert FLIP == (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
    assert [JOINTS[FLIP[joint]] for joint in (0, 5, 16)] == ["nose", "right shoulder", "left ankle"]


def test_the_body_is_the_same_in_a_mirror() -> None:
    matrix = physical_adjacency("s1")
    np.testing.assert_array_equal(matrix[np.ix_(FLIP, FLIP)], matrix)
