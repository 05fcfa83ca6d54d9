import numpy as np
import pytest

from ctl.explain.reading import window_frames
from ctl.skeleton import JOINTS, PARTS, part_count, part_names
from tests.explain.traces import make_trace
from tests.oracles.graph_links import links

KNEE, ANKLE = JOINTS.index("left knee"), JOINTS.index("left ankle")


@pytest.mark.parametrize("scale", ["s1", "s2", "s3"])
@pytest.mark.parametrize("window", [1, 3, 5])
def test_every_link_is_an_entry_of_the_matrix_and_none_stronger_is_left_out(scale: str, window: int) -> None:
    trace, N, frame, node = make_trace(frames=12, window=window), part_count(scale), 4, 2
    found = links(trace, 12, scale, 2, frame, node, top=1000)
    matrix = trace.adjacency[f"A_{scale}_l2"][frame]
    row = window // 2 * N + node
    for link in found:
        if link.reach == "scale":
            continue
        column = (link.offset + window // 2) * N + link.sender[1]
        assert link.value == matrix[row, column]
        assert link.physical == trace.adjacency[f"Ap_{scale}_l2"][frame, row, column]
        assert link.value == pytest.approx(link.physical + link.mask + link.context, abs=1e-6)
        assert (link.reach == "frame") == (link.offset == 0)
        assert (link.receiver, link.sender[0]) == ((scale, node), scale)
    own = [link for link in found if link.reach != "scale"]
    assert len(own) == window * N - 1, "all but itself"
    for reach in ("frame", "window", "scale"):
        values = [abs(link.value) for link in found if link.reach == reach]
        assert values == sorted(values, reverse=True)
        short = [link for link in links(trace, 12, scale, 2, frame, node, top=3) if link.reach == reach]
        assert short == [link for link in found if link.reach == reach][:3]


def test_bones_are_told_from_what_was_learned() -> None:
    found = links(make_trace(frames=3), 6, "s1", 1, 1, KNEE, top=1000)
    joined = {(link.words[1], link.offset) for link in found if link.joined_by_body}
    assert joined == {(name, k) for name in ("left hip", "left ankle") for k in (-1, 0, 1)}


def test_links_between_scales_are_the_cross_scale_weights() -> None:
    trace = make_trace(frames=2)
    received = [link for link in links(trace, 6, "s3", 1, 1, 3, top=1000) if link.reach == "scale"]
    wanted = {("s1", n): trace.cross_scale["A_s1_s3"][1, 3, n] for n in range(17)}
    wanted |= {("s2", n): trace.cross_scale["A_s2_s3"][1, 3, n] for n in range(10)}
    assert {link.sender: link.value for link in received} == {key: float(value) for key, value in wanted.items()}
    assert all(link.receiver == ("s3", 3) and not link.joined_by_body for link in received)
    sent = [link for link in links(trace, 6, "s1", None, 1, ANKLE) if link.reach == "scale"]
    assert {link.words[0] for link in sent} == set(PARTS["s3"])
    assert sent[0].value == trace.cross_scale["A_s1_s3"][1, :, ANKLE].max()
    assert part_names("s3")[int(trace.cross_scale["A_s1_s3"][1, :, ANKLE].argmax())] == sent[0].words[0]


@pytest.mark.parametrize(
    ("frames", "frame", "wanted"),
    [
        pytest.param(9, 0, (None, 0, 1), id="the clip begins"),
        pytest.param(9, 2, (1, 2, 3), id="within"),
        pytest.param(9, 5, (4, 5, None), id="the clip ends"),
        pytest.param(9, 6, (None, 6, 7), id="the next clip begins"),
        pytest.param(9, 8, (7, 8, 6), id="the last clip starts over"),
        pytest.param(1, 0, (None, 0, 0), id="one frame fills its clip"),
    ],
)
def test_the_window_holds_what_the_model_saw(frames: int, frame: int, wanted: tuple) -> None:
    assert window_frames(frames, 6, 3, frame) == wanted


def test_an_absent_frame_sends_nothing() -> None:
    trace = make_trace(frames=6)
    assert {link.offset for link in links(trace, 6, "s1", 1, 0, KNEE, top=1000) if link.reach != "scale"} == {0, 1}
    assert {link.offset for link in links(trace, 6, "s1", 1, 5, KNEE, top=1000) if link.reach != "scale"} == {-1, 0}


def test_zero_entries_are_no_links() -> None:
    trace = make_trace(frames=1, window=1, layers=1)
    trace.adjacency["A_s3_l1"] = np.zeros((1, 5, 5), np.float32)
    trace.adjacency["A_s3_l1"][0, 1, 4] = -0.5
    found = [link for link in links(trace, 6, "s3", 1, 0, 1) if link.reach != "scale"]
    assert [(link.words, link.value) for link in found] == [(("left arm", "right leg"), -0.5)]


def test_a_graph_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no A_s1_l9"):
        links(make_trace(), 6, "s1", 9, 0, 0)
