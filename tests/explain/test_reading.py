import numpy as np
import pytest

from ctl.explain.reading import centre_block, cross_scale, frame_name, graphs, matrices, node_positions, window_names
from ctl.skeleton import PARTS, part_count, part_names
from ctl.types import Keypoints
from tests.explain.traces import make_trace


@pytest.mark.parametrize("window", [1, 3, 5])
def test_the_centre_block_is_from_the_windows_own_frame_to_itself(window: int) -> None:
    trace = make_trace(window=window)
    got = centre_block(matrices(trace, "s2", 2)[3], "s2")
    for i in range(10):
        for j in range(10):
            assert got[i, j] == trace.adjacency["A_s2_l2"][3, window // 2 * 10 + i, window // 2 * 10 + j]


def test_graphs_of_a_trace_are_found_by_their_keys() -> None:
    assert graphs(make_trace(layers=2)) == (("s1", 1), ("s1", 2), ("s2", 1), ("s2", 2), ("s3", 1), ("s3", 2))


def test_a_graph_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no Ac_s1_l3, only .*Ac_s1_l2"):
        matrices(make_trace(), "s1", 3, "context")
    with pytest.raises(ValueError, match="no A_s3_s3, only A_s1_s3, A_s2_s3"):
        cross_scale(make_trace(), "s3")


def test_nodes_stand_at_the_score_weighted_mean_of_their_joints() -> None:
    rng = np.random.default_rng(1)
    joints = Keypoints(rng.uniform(0, 200, (2, 17, 2)).astype(np.float32), rng.random((2, 17), np.float32))
    for scale in ("s1", "s2", "s3"):
        xy, scores = node_positions(joints, scale)
        for t in range(2):
            for node, members in enumerate(PARTS[scale].values()):
                total = sum(joints.scores[t, j] for j in members)
                mean = sum(joints.scores[t, j] * joints.xy[t, j] for j in members) / total
                np.testing.assert_allclose(xy[t, node], mean, rtol=1e-4)
                np.testing.assert_allclose(scores[t, node], total / len(members), rtol=1e-5)


def test_nodes_without_any_score_stand_in_the_middle_of_their_joints() -> None:
    xy = np.random.default_rng(2).uniform(0, 200, (1, 17, 2)).astype(np.float32)
    got, scores = node_positions(Keypoints(xy, np.zeros((1, 17), np.float32)), "s3")
    np.testing.assert_allclose(got[0, 1], xy[0, [5, 7, 9]].mean(axis=0), rtol=1e-5)
    assert not scores.any()


def test_nodes_of_a_window_are_named_frame_by_frame() -> None:
    assert window_names("s3", 1) == part_names("s3")
    names = window_names("s3", 3)
    assert names[0] == "trunk (t−1)"
    assert names[part_count("s3") + 1] == "left arm (t)"
    assert names[-1] == "right leg (t+1)"
    assert [frame_name(k, 5) for k in range(5)] == ["t−2", "t−1", "t", "t+1", "t+2"]
