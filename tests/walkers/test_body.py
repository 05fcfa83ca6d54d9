"""Bodies: anny's own joints, joints inside their limbs, and skinning against slow loops."""

import json
from pathlib import Path

import numpy as np
import pytest

from ctl.skeleton import JOINTS
from ctl.walkers.anatomy import measure
from ctl.walkers.body import (
    BONES,
    COUNT,
    Body,
    blend_matrix,
    bone,
    joint_matrix,
    make_body,
    move,
    read_template,
    stack_transforms,
)  # fmt: skip
from ctl.walkers.look import sample_look

REFERENCE = json.loads(Path(__file__).with_name("anny_joints.json").read_text(encoding="utf-8"))
"""Four adults of anny 0.6.2: phenotypes, stature and what `KeypointsRegressor.coco` says of its own full mesh at rest,
with anny's axes turned to ours."""

LIMB_OF = {
    "shoulder": ("clavicle", "upperarm"),
    "elbow": ("upperarm", "forearm"),
    "wrist": ("forearm", "hand"),
    "hip": ("thigh", "pelvis"),
    "knee": ("thigh", "shank"),
    "ankle": ("shank", "foot"),
}


def a_body(seed: int) -> Body:
    look = sample_look(np.random.default_rng(seed))
    return make_body(np.array(look.phenotypes), look.stature)


@pytest.mark.parametrize("adult", [pytest.param(adult, id=f"{adult['height']:.2f} m") for adult in REFERENCE])
def test_joints_are_those_of_annys_own_regressor_on_its_full_mesh(adult):
    body = make_body(np.array(adult["phenotypes"]), adult["height"])
    np.testing.assert_allclose(body.joint_points.sum(axis=1), adult["joints"], atol=0.0015)


def test_stature_is_what_was_asked():
    phenotypes = np.array(REFERENCE[0]["phenotypes"])
    for stature in (1.5, 1.9):
        assert np.ptp(make_body(phenotypes, stature).points[:, 2]) == pytest.approx(stature, abs=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_joints_lie_within_the_part_of_the_body_they_belong_to(seed):
    body, weights = a_body(seed), read_template().weights
    joints = body.joint_points.sum(axis=1)
    for index, name in enumerate(JOINTS):
        side, _, kind = name.rpartition(" ")
        parts = LIMB_OF.get(kind, ("head",))
        columns = [bone(part) if part in BONES else bone(f"{part}.{side[0].upper()}") for part in parts]
        on = body.points[weights[:, columns].sum(axis=1) > 0.5]
        assert (joints[index] > on.min(axis=0) - 0.01).all(), name
        assert (joints[index] < on.max(axis=0) + 0.01).all(), name
        assert np.sign(joints[index][1]) == {"left": 1, "right": -1}.get(side, np.sign(joints[index][1]))


def test_skinning_equals_a_loop_over_vertices_and_bones():
    body, weights = a_body(1), read_template().weights
    rng = np.random.default_rng(0)
    transforms = rng.normal(size=(2, COUNT, 3, 4))
    rows = rng.choice(len(weights), 40, replace=False)
    got = move(blend_matrix(body.points[rows], weights[rows]), stack_transforms(transforms))
    for frame in range(2):
        for place, row in enumerate(rows):
            want = np.zeros(3)
            for index in range(COUNT):
                turn, shift = transforms[frame, index, :, :3], transforms[frame, index, :, 3]
                want += weights[row, index] * (turn @ body.points[row] + shift)
            np.testing.assert_allclose(got[frame, place], want, atol=1e-5)


def test_posed_joints_ride_on_the_mesh():
    """A whole body that is turned and moved takes its joints along."""
    body = a_body(2)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    transforms = np.broadcast_to(np.column_stack((turn, [1.0, 2, 3])), (1, COUNT, 3, 4))
    joints = move(joint_matrix(body), stack_transforms(transforms))[0]
    np.testing.assert_allclose(joints, body.joint_points.sum(axis=1) @ turn.T + [1, 2, 3], atol=1e-4)


def test_both_halves_of_the_mesh_are_alike():
    body = make_body(np.full(11, 0.5), 1.7)
    mirrored = body.points * (1, -1, 1)
    nearest = np.linalg.norm(body.points[:, None] - mirrored[None, ::40], axis=2).min(axis=0)
    assert nearest.max() < 0.003


def test_measures_are_in_the_order_of_a_body():
    for seed in range(5):
        anatomy = measure(a_body(seed))
        heights = [anatomy.sole, anatomy.crotch, anatomy.hip, anatomy.waist, anatomy.armpit, anatomy.neck]
        assert heights == sorted(heights)
