"""Numbers out of .mat files: of versions 5 to 7 here, of version 7.3 (which is HDF5) through the optional h5py.

(SciPy's reader ends the whole process at some damaged files.)
"""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ctl.errors import InputError
from ctl.files import read_bytes

_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HDF5_STARTS: Final = (0, 512)
"""Bytes at which a version 7.3 file may begin to be HDF5: MATLAB puts 512 bytes of its own before it."""

_HEADER_BYTES: Final = 128
_ORDERS: Final = {b"IM": "<", b"MI": ">"}
_NUMBERS: Final = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC_CLASSES: Final = range(6, 16)
"""Of arrays: double to unsigned 64 bits; text, structures and cells come before."""

_MATRIX: Final = 14
_COMPRESSED: Final = 15
_UNPACKED_BYTES: Final = 2**28
"""Of one variable: MARS' largest list has 400 KB."""


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
    data = read_bytes(path)
    is_hdf5 = any(data[start:].startswith(_HDF5) for start in _HDF5_STARTS)
    values = _read_hdf5(path, data, name) if is_hdf5 else _read_level_5(path, data, name)
    with np.errstate(invalid="ignore"):
        whole = np.asarray(values, dtype=np.int64) if values.dtype.kind in "iuf" else None
    if whole is None or values.ndim != 2 or not np.array_equal(values, whole):
        raise InputError(f"{path}: {name} must be a matrix of whole numbers")
    return whole


def _read_level_5(path: Path, data: bytes, name: str) -> np.ndarray:
    """Source: MathWorks, "MAT-File Format", chapter 1, "Level 5 MAT-File Format"."""
    try:
        order = _ORDERS[data[_HEADER_BYTES - 2 : _HEADER_BYTES]]
        for kind, content in _elements(data[_HEADER_BYTES:], order):
            if kind == _COMPRESSED:
                kind, content = next(_elements(zlib.decompressobj().decompress(content, _UNPACKED_BYTES), order))
            if kind == _MATRIX:
                (_, flags), (_, sizes), (_, label), *parts = _elements(content, order)
                if label == name.encode():
                    if struct.unpack_from(f"{order}I", flags)[0] & 0xFF not in _NUMERIC_CLASSES:
                        return np.array([])
                    numbers, values = parts[0]
                    shape = np.frombuffer(sizes, f"{order}i4")
                    return np.frombuffer(values, order + _NUMBERS[numbers]).reshape(shape, order="F")
    except (ValueError, LookupError, StopIteration, struct.error, zlib.error) as error:
        raise InputError(f"{path} is not a .mat file that can be read: fetch it again") from error
    raise InputError(f"{path} has no variable {name}")


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element; small ones have both in 8 bytes, all but compressed ones fill up 8s."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:
            yield kind & 0xFFFF, data[at + 4 : at + 4 + (kind >> 16)]
            at += 8
        else:
            yield kind, data[at + 8 : at + 8 + size]
            at += 8 + size + (0 if kind == _COMPRESSED else -size % 8)


def _read_hdf5(path: Path, data: bytes, name: str) -> np.ndarray:
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path} is a version 7.3 file, which needs another package: pip install h5py") from error
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return np.asarray(file[name]).T  # MATLAB counts along columns first
    except Exception as error:  # h5py raises whatever its parser stumbles over
        raise InputError(f"{path} can't be read, or has no variable {name}: {error}") from error
