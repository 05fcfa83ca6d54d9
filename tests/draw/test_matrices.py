import numpy as np

from ctl.draw.matrices import strongest_cross_scale, strongest_links
from ctl.skeleton import JOINTS, PARTS
from tests.explain.traces import make_trace


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
