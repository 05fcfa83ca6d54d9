"""Numbers out of .mat files: up to version 7 through scipy, version 7.3 (which is HDF5) through the optional h5py."""

from pathlib import Path
from typing import Final

import numpy as np

from ctl.errors import InputError

_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HDF5_STARTS: Final = (0, 512)
"""Bytes at which a version 7.3 file may begin to be HDF5: MATLAB puts 512 bytes of its own before it."""


def read_matrix(path: Path, name: str) -> np.ndarray:
    """One matrix of whole numbers.

    Args:
        path: the .mat file.
        name: of the variable.
    Returns:
        (rows, columns) int64, as MATLAB shows it.
    Raises:
        InputError: the file is damaged, has no such variable, or is of version 7.3 and h5py isn't installed.
    """
    values = _read_hdf5(path, name) if _is_hdf5(path) else _read_mat5(path, name)
    if values.ndim != 2 or not np.array_equal(values, np.asarray(values, dtype=np.int64)):
        raise InputError(f"{path}: {name} must be a matrix of whole numbers")
    return np.asarray(values, dtype=np.int64)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HDF5_STARTS[-1] + len(_HDF5))
    return any(head[start:].startswith(_HDF5) for start in _HDF5_STARTS)


def _read_mat5(path: Path, name: str) -> np.ndarray:
    from scipy.io import loadmat

    try:
        return loadmat(path, variable_names=[name])[name]
    except KeyError as error:
        raise InputError(f"{path} has no variable {name}") from error
    except Exception as error:  # scipy raises whatever its parser stumbles over
        raise InputError(f"{path} is not a .mat file that can be read: {error}") from error


def _read_hdf5(path: Path, name: str) -> np.ndarray:
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path} is a version 7.3 file, which needs another package: pip install h5py") from error
    try:
        with h5py.File(path, "r") as file:
            return np.asarray(file[name]).T  # MATLAB counts along columns first
    except (KeyError, OSError) as error:
        raise InputError(f"{path} can't be read, or has no variable {name}: {error}") from error
