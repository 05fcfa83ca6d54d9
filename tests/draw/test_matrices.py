import numpy as np
import pytest

from ctl.draw.matrices import adjacency_figure, cross_scale_figure, strongest_cross_scale, strongest_links
from ctl.draw.palette import THEMES, VIRIDIS
from ctl.skeleton import JOINTS, PARTS
from tests.explain.traces import make_trace


@pytest.mark.parametrize(("term", "key"), [("sum", "A"), ("physical", "Ap"), ("mask", "Am"), ("context", "Ac")])
def test_cells_and_their_names_are_those_of_the_trace(term: str, key: str) -> None:
    trace = make_trace()
    heat_map = adjacency_figure(trace, "s1", 2, term, frame=1).data[0]
    for i, j in ((0, 0), (3, 40), (33, 17), (50, 2)):
        assert heat_map.z[i][j] == trace.adjacency[f"{key}_s1_l2"][1, i, j]
        frames = ("t−1", "t", "t+1")
        assert heat_map.y[i] == f"{JOINTS[i % 17]} ({frames[i // 17]})", "rows receive"
        assert heat_map.x[j] == f"{JOINTS[j % 17]} ({frames[j // 17]})", "columns send"


def test_colours_run_around_zero_where_a_value_may_be_negative() -> None:
    trace = make_trace()
    for frame in range(4):
        signed = adjacency_figure(trace, "s2", 1, "context", frame, theme="dark").data[0]
        assert signed.zmax == -signed.zmin == np.abs(trace.adjacency["Ac_s2_l1"]).max(), "the same in every frame"
        assert [colour for _, colour in signed.colorscale] == list(THEMES["dark"].diverging)
    physical = adjacency_figure(trace, "s2", 1, "physical", 0).data[0]
    assert (physical.zmin, physical.zmax) == (0, 1)
    assert [colour for _, colour in physical.colorscale] == list(VIRIDIS)


def test_a_mask_that_is_still_zero_has_a_scale() -> None:
    trace = make_trace()
    trace.adjacency["Am_s1_l1"] = np.zeros_like(trace.adjacency["Am_s1_l1"])
    heat_map = adjacency_figure(trace, "s1", 1, "mask", 0).data[0]
    assert (heat_map.zmin, heat_map.zmax) == (0, 1)


def test_the_first_row_is_on_top_and_frames_are_set_apart() -> None:
    figure = adjacency_figure(make_trace(), "s3", 1, "sum", 0)
    assert figure.layout.yaxis.autorange == "reversed"
    assert sorted(line.x0 for line in figure.layout.shapes if line.x0 == line.x1) == [4.5, 9.5]
    assert sorted(line.y0 for line in figure.layout.shapes if line.y0 == line.y1) == [4.5, 9.5]
    assert [note.text for note in figure.layout.annotations] == ["t−1", "t−1", "t", "t", "t+1", "t+1"]


def test_one_frame_has_no_blocks() -> None:
    figure = adjacency_figure(make_trace(window=1), "s1", 1, "sum", 0)
    assert not figure.layout.shapes
    assert not figure.layout.annotations
    assert figure.data[0].x == JOINTS


def test_cross_scale_rows_are_the_five_parts() -> None:
    trace = make_trace()
    heat_map = cross_scale_figure(trace, "s2", frame=3).data[0]
    np.testing.assert_array_equal(heat_map.z, trace.cross_scale["A_s2_s3"][3])
    assert heat_map.y == tuple(PARTS["s3"])
    assert heat_map.x == tuple(PARTS["s2"])


def test_strongest_links_are_the_largest_entries_in_words() -> None:
    trace = make_trace()
    names = [f"{part} ({frame})" for frame in ("t−1", "t", "t+1") for part in PARTS["s3"]]
    matrix = trace.adjacency["Ac_s3_l1"][2]
    slow = sorted(((abs(matrix[i, j]), i, j) for i in range(15) for j in range(15)), reverse=True)[:7]
    got = strongest_links(trace, "s3", 1, "context", frame=2, count=7)
    assert got == [(names[i], names[j], float(matrix[i, j])) for _, i, j in slow]
    assert any(link.value < 0 for link in got)


def test_zeros_are_no_links() -> None:
    assert len(strongest_links(make_trace(window=1), "s3", 1, "physical", frame=0, count=99)) == 8


def test_strongest_cross_scale_weights_name_both_scales() -> None:
    trace = make_trace()
    best = strongest_cross_scale(trace, "s1", frame=0)[0]
    i, j = np.unravel_index(trace.cross_scale["A_s1_s3"][0].argmax(), (5, 17))
    assert (best.receiver, best.sender) == (list(PARTS["s3"])[i], JOINTS[j])
