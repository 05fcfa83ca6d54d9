"""Who walkers are: drawn widely and independently, the same for the same seed; look-alikes share clothes only."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from ctl.walkers.figure import Figure
from ctl.walkers.look import Look, sample_look, similar_look

TRAITS = {
    "african": lambda look: look.phenotypes[0],
    "age": lambda look: look.phenotypes[4],
    "muscle": lambda look: look.phenotypes[5],
    "weight": lambda look: look.phenotypes[6],
    "skin": lambda look: sum(look.skin),
    "hair colour": lambda look: sum(look.hair_colour),
    "cadence": lambda look: look.gait.cycles_per_s,
    "stride": lambda look: look.gait.stride,
    "arm swing": lambda look: look.gait.arm_swing,
    "stoop": lambda look: look.gait.stoop,
    "sleeve": lambda look: look.clothes.top.sleeve,
    "top": lambda look: sum(look.clothes.top.cloth.colours[0]),
    "shoes": lambda look: sum(look.shoes.upper),
}


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    return [sample_look(np.random.default_rng([1, seed])) for seed in range(1500)]


def test_body_age_skin_gait_and_colours_are_drawn_independently(looks: list[Look]) -> None:
    """1,500 people: the standard error of a correlation is 0.026; 0.11 is beyond four of them."""
    table = np.array([[trait(look) for trait in TRAITS.values()] for look in looks], float)
    correlation = np.corrcoef(table.T) - np.eye(len(TRAITS))
    worst = np.unravel_index(np.abs(correlation).argmax(), correlation.shape)
    assert np.abs(correlation).max() < 0.11, [list(TRAITS)[i] for i in worst]


def test_people_differ_widely(looks: list[Look]) -> None:
    statures = [look.stature for look in looks]
    assert np.ptp(statures) > 0.4
    assert len({look.hair for look in looks}) >= 14
    assert {extra.kind for look in looks for extra in look.extras} >= {"backpack", "hand bag", "cap", "brim", "scarf"}
    kinds = {"dress" if look.clothes.bottom is None else look.clothes.bottom.kind for look in looks}
    assert kinds == {"dress", "skirt", "trousers"}
    skins = np.array([look.skin for look in looks]).mean(axis=1)
    assert skins.min() < 70
    assert skins.max() > 200


def test_a_look_fits_in_a_json_file(looks: list[Look]) -> None:
    assert json.loads(json.dumps(asdict(looks[0])))["gait"]["stride"] == looks[0].gait.stride


def same_arrays(first: Figure, second: Figure) -> bool:
    phases = np.linspace(0, 1, 5)
    pairs = zip(first.poses(phases).points, second.poses(phases).points, strict=True)
    textures = zip(first.pieces, second.pieces, strict=True)
    return all((a == b).all() for a, b in pairs) and all((a.texture == b.texture).all() for a, b in textures)


def test_the_same_look_gives_the_same_arrays():
    look = sample_look(np.random.default_rng(8))
    again = sample_look(np.random.default_rng(8))
    assert look == again
    assert same_arrays(Figure(look), Figure(again))


def test_poses_do_not_depend_on_what_was_posed_with_them():
    figure = Figure(sample_look(np.random.default_rng(5)))
    together, alone = figure.poses(np.array([0.1, 0.4, 0.8])), figure.poses(np.array([0.4]))
    for many, one in zip(together.points, alone.points, strict=True):
        np.testing.assert_allclose(many[1], one[0], atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_look_alike_wears_the_same_and_is_somebody_else(seed):
    look = sample_look(np.random.default_rng(seed))
    other = similar_look(look, np.random.default_rng(100 + seed))
    assert isinstance(other, Look)
    assert other.clothes == look.clothes
    assert other.shoes != look.shoes
    assert other.phenotypes != look.phenotypes
    assert other.gait != look.gait
    assert abs(other.stature - look.stature) > 1e-3


@pytest.mark.parametrize("seed", range(20, 32))
def test_pieces_are_sound(seed):
    """Indices within the vertices, textures looked up where they are, everything finite and about a person's size."""
    figure = Figure(sample_look(np.random.default_rng(seed)))
    poses = figure.poses(np.linspace(0, 1, 6, endpoint=False))
    assert poses.joints.shape == (6, 17, 3)
    for piece, points in zip(figure.pieces, poses.points, strict=True):
        assert points.shape == (6, len(piece.uv), 3)
        assert points.dtype == np.float32
        used = points[:, np.unique(piece.faces)]
        assert np.isfinite(points).all()
        assert used[..., 2].min() > -0.01
        assert used[..., 2].max() < 2.3
        assert np.abs(used[..., :2]).max() < 1.3
        assert piece.faces.max() < len(piece.uv)
        if piece.name != "hair":  # whose texture repeats
            assert piece.uv.min() >= 0, piece.name
            assert piece.uv.max() <= 1, piece.name
        assert piece.texture.dtype == np.uint8
