from pathlib import Path

import av
import numpy as np
import pytest

from ctl.draw.overlay import draw_graph, edge_strength, learned_links, overlay_video_frames, strength_range
from ctl.draw.palette import GRAPH, NEGATIVE, POSITIVE, SIDES, colours, rgb, side_of
from ctl.draw.picture import DISPLAY_HEIGHT
from ctl.explain.reading import centre_block, matrices
from ctl.skeleton import JOINTS, physical_adjacency
from ctl.types import Keypoints
from ctl.video.writer import write_video
from tests.explain.traces import HEIGHT, STANDING, WIDTH, make_trace

BODY = physical_adjacency("s1")
JOINT_SIDES = [side_of(name) for name in JOINTS]
FACTOR = DISPLAY_HEIGHT / HEIGHT
WEIGHTS = centre_block(matrices(make_trace(), "s1", 1), "s1")
"""(frames, 17, 17), as in a trace."""


def grey(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def draw(
    weights: np.ndarray, scores: np.ndarray | None = None, xy: np.ndarray = STANDING, links: int = 0
) -> np.ndarray:
    return draw_graph(
        grey(),
        xy,
        np.ones(17) if scores is None else scores,
        weights,
        BODY,
        sides=JOINT_SIDES,
        strengths=strength_range(weights[None], BODY),
        links=links,
    )


def pixel(picture: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """The colour that stands at a place of the crop."""
    x, y = np.rint(xy * FACTOR).astype(int)
    return picture[y, x].astype(int)


def bones(strengths: dict[tuple[str, str], float]) -> np.ndarray:
    """Weights of 1 on every bone but those given."""
    weights = BODY.copy()
    for (a, b), value in strengths.items():
        i, j = JOINTS.index(a), JOINTS.index(b)
        weights[i, j] = weights[j, i] = value
    return weights


def between(a: str, b: str) -> np.ndarray:
    return (STANDING[JOINTS.index(a)] + STANDING[JOINTS.index(b)]) / 2


def test_bones_take_the_colour_of_their_strength() -> None:
    picture = draw(bones({("left hip", "left knee"): 3.0, ("right hip", "right knee"): -1.0}))
    for side, place in (("left", 1.0), ("right", 0.0)):
        wanted = colours(np.array(place), GRAPH)
        np.testing.assert_allclose(pixel(picture, between(f"{side} hip", f"{side} knee")), wanted, atol=2)
    np.testing.assert_allclose(
        pixel(picture, between("left knee", "left ankle")), colours(np.array(0.5), GRAPH), atol=2
    )


def test_strong_bones_are_wider() -> None:
    picture = draw(bones({("left hip", "left knee"): 3.0, ("right hip", "right knee"): -1.0}))
    y = round(between("left hip", "left knee")[1] * FACTOR)
    row = (picture[y] != 128).any(axis=-1)
    middle = len(row) // 2
    assert row[middle:].sum() > row[:middle].sum() + 2, "the person's left is on the picture's right"


def test_nodes_take_the_colour_of_their_side() -> None:
    picture = draw(bones({}))
    for joint, side in (("nose", "middle"), ("left wrist", "left"), ("right ankle", "right")):
        np.testing.assert_array_equal(pixel(picture, STANDING[JOINTS.index(joint)]), rgb(SIDES[side]))


def test_a_joint_with_a_low_score_is_faint_but_there() -> None:
    wrist = JOINTS.index("left wrist")
    at = []
    for score in (0.0, 0.25, 1.0):
        scores = np.ones(17)
        scores[wrist] = score
        at.append(np.abs(pixel(draw(bones({}), scores), STANDING[wrist]) - 128).sum())
    assert 20 < at[0] < at[1] < at[2]


def test_learned_links_are_dashed_and_coloured_by_sign() -> None:
    weights = bones({})
    weights[JOINTS.index("left ankle"), JOINTS.index("left wrist")] = 0.5
    weights[JOINTS.index("right ankle"), JOINTS.index("right wrist")] = -0.5
    picture = draw(weights, links=2)
    for side, colour in (("left", POSITIVE), ("right", NEGATIVE)):
        start, end = (STANDING[JOINTS.index(f"{side} {joint}")] for joint in ("wrist", "ankle"))
        along = [pixel(picture, start + share * (end - start)) for share in np.linspace(0.1, 0.9, 200)]
        distance = np.array([np.abs(found - rgb(colour)).max() for found in along])
        assert (distance < 12).mean() > 0.25
        assert (distance > 60).mean() > 0.25, "there are gaps"


def test_the_arrow_is_at_the_receiver() -> None:
    def marked(receiver: str, sender: str, near: str) -> int:
        weights = bones({})
        weights[JOINTS.index(receiver), JOINTS.index(sender)] = 0.5
        y = round(STANDING[JOINTS.index(near)][1] * FACTOR)
        close = slice(y - 25, y + 25)
        return int((draw(weights, links=1)[close] != draw(weights)[close]).any(axis=-1).sum())

    for near, far in (("left ankle", "left wrist"), ("left wrist", "left ankle")):
        assert marked(receiver=near, sender=far, near=near) > 1.15 * marked(receiver=far, sender=near, near=near)


def test_a_link_too_short_for_an_arrow_is_still_drawn() -> None:
    weights = bones({})
    weights[JOINTS.index("left ear"), JOINTS.index("right ear")] = 0.5
    xy = STANDING.copy()
    xy[JOINTS.index("left ear")] = xy[JOINTS.index("right ear")] + (0, 12)
    middle = xy[JOINTS.index("right ear")] + (0, 6)
    np.testing.assert_allclose(pixel(draw(weights, xy=xy, links=1), middle), rgb(POSITIVE), atol=12)


def test_learned_links_are_neither_bones_nor_self_loops() -> None:
    weights = WEIGHTS[0] + 5 * np.eye(17)
    slow = sorted(
        ((abs(weights[i, j]), i, j) for i in range(17) for j in range(17) if i != j and not BODY[i, j]), reverse=True
    )
    assert learned_links(weights, BODY, 6) == [(i, j) for _, i, j in slow[:6]]
    assert learned_links(BODY, BODY, 6) == [], "a graph of bones alone has no learned link"


def test_the_range_covers_all_frames() -> None:
    weights = WEIGHTS
    got = strength_range(weights, BODY)
    pairs = [(t, i, j) for t in range(4) for i in range(17) for j in range(17) if i != j]
    on = [(weights[t, i, j] + weights[t, j, i]) / 2 for t, i, j in pairs if BODY[i, j]]
    off = [abs(weights[t, i, j]) for t, i, j in pairs if not BODY[i, j]]
    np.testing.assert_allclose((got.low, got.high, got.link), (min(on), max(on), max(off)), rtol=1e-6)
    assert got.position(edge_strength(weights))[:, BODY > 0].min() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("place", [(-500, 40), (5000, 5000), (0, HEIGHT)])
def test_a_joint_outside_the_picture_is_no_error(place: tuple[int, int]) -> None:
    xy = STANDING.copy()
    xy[9] = place
    assert (draw(WEIGHTS[0], xy=xy, links=8) != 128).any()


@pytest.mark.parametrize(
    ("shape", "enlarged"),
    [pytest.param((256, 128), (720, 360), id="crop"), pytest.param((720, 1281), (720, 1280), id="scene")],
)
def test_small_pictures_are_enlarged_and_sides_are_even(shape: tuple[int, int], enlarged: tuple[int, int]) -> None:
    image = grey(*shape)
    weights = bones({})
    got = draw_graph(
        image, STANDING, np.ones(17), weights, BODY, sides=JOINT_SIDES, strengths=strength_range(weights[None], BODY)
    )
    assert got.shape[:2] == enlarged
    assert (image == 128).all(), "the picture that was given is left as it was"


def test_marks_shrink_with_the_person() -> None:
    xy, weights = STANDING * 0.4 + 200, bones({})
    covered = []
    for body_height in (None, 100.0):
        got = draw_graph(
            grey(810, 810),
            xy,
            np.ones(17),
            weights,
            BODY,
            sides=JOINT_SIDES,
            strengths=strength_range(weights[None], BODY),
            body_height=body_height,
        )
        covered.append((got != 128).any(axis=-1).sum())
    assert covered[1] < 0.6 * covered[0]


@pytest.mark.parametrize("scale", ["s1", "s2", "s3"])
def test_frames_make_a_video_that_decodes(tmp_path: Path, scale: str) -> None:
    trace = make_trace(frames=3)
    frames = list(overlay_video_frames(trace, [grey()] * 3, scale, 2, times=[0.0, 0.1, 0.2]))
    assert len({frame.shape for frame in frames}) == 1
    write_video(tmp_path / "graph.mp4", frames, fps=10)
    with av.open(str(tmp_path / "graph.mp4")) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == 3
    assert decoded[0].shape == frames[0].shape
    assert np.abs(decoded[2].astype(int) - frames[2]).mean() < 6


def test_joints_of_the_source_frames_can_be_given() -> None:
    trace = make_trace(frames=1)
    moved = Keypoints(trace.keypoints.xy + np.float32(300), trace.keypoints.scores)
    (frame,) = overlay_video_frames(trace, [grey(720, 720)], "s1", 1, times=[0.0], keypoints=moved)
    changed = np.argwhere((frame[60:700] != 128).any(axis=-1))
    assert changed[:, 1].min() > 300
