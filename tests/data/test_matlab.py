"""Matrices out of .mat files: what SciPy wrote is read, and what is damaged is refused in one line."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import savemat

from ctl.data.matlab import read_matrix
from ctl.errors import InputError
from tests.fuzzing import damage

NUMBERS = st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "i8", "f4", "f8"]).flatmap(
    lambda kind: arrays(kind, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 100))
)


@settings(max_examples=40, deadline=None)
@given(values=NUMBERS, packed=st.booleans(), name=st.sampled_from(["x", "ls_set", "track_train_info"]))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, packed: bool, name: str
) -> None:
    path = tmp_path_factory.mktemp("mat") / "some.mat"
    before = {"words": "text", "cell": np.array([1, "a"], dtype=object), "inside": {name: 3.0}, "half": [[0.5]]}
    savemat(path, before | {name: values, "after": np.eye(3)}, do_compression=packed)
    found = read_matrix(path, name)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, values)
    with pytest.raises(InputError, match="has no variable other"):
        read_matrix(path, "other")
    for no_matrix in ("words", "cell", "inside", "half"):
        with pytest.raises(InputError, match=r"some\.mat"):
            read_matrix(path, no_matrix)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), packed=st.booleans())
def test_damaged_files_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, seed: int, packed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.mat"
    savemat(path, {"ls_set": np.arange(60).reshape(10, 6)}, do_compression=packed)
    path.write_bytes(damage(path.read_bytes(), np.random.default_rng(seed)))
    with suppress(InputError):
        assert read_matrix(path, "ls_set").ndim == 2


def test_a_folder_or_nothing_in_its_place_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.mat"):
        with pytest.raises(InputError, match="can't be read"):
            read_matrix(path, "x")
