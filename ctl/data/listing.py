"""What all readers of data sets share: files that must be there, pictures in order, two-camera splits."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ctl.data.benchmark import Split, TrackletFiles
from ctl.errors import InputError
from ctl.video.names import is_system, natural_order
from ctl.video.pictures import SUFFIXES, is_frame_name


def require(data_set: str, root: Path, *parts: str) -> None:
    """Make sure that files or folders exist below the root of a data set.

    Raises:
        InputError: one is missing; the message names the first, and what else the data set needs.
    """
    for part in parts:
        if not (root / part).exists():
            raise InputError(f"{data_set} at {root} lacks {part}: its folder must hold {', '.join(parts)}")


def entries(folder: Path) -> list[Path]:
    """What is in a folder, in the natural order of the names; what systems leave there is passed over.

    Raises InputError where it can't be looked into, or is none.
    """
    try:
        return natural_order((f for f in folder.iterdir() if not is_system(f.name)), lambda f: f.name)
    except OSError as error:
        raise InputError(f"{folder} can't be looked into: {error.strerror}") from error


def subfolders(folder: Path) -> list[Path]:
    """Folders within a folder in the natural order of their names. Raises InputError as `entries`."""
    return [entry for entry in entries(folder) if entry.is_dir()]


def pictures(folder: Path) -> tuple[Path, ...]:
    """Picture files of a folder in the natural order of their names: frame 2 before frame 10; no hidden ones.

    Raises:
        InputError: there is none, or as `entries`.
    """
    files = tuple(entry for entry in entries(folder) if is_frame_name(entry.name))
    if not files:
        raise InputError(f"{folder} holds no pictures ({', '.join(suffix[1:] for suffix in SUFFIXES)})")
    return files


def holds_pictures(folder: Path) -> bool:
    """Whether pictures lie in a folder itself."""
    return any(is_frame_name(entry.name) for entry in entries(folder))


def two_camera_split(train: Iterable[int], test: Iterable[int], cameras: Sequence[dict[int, TrackletFiles]]) -> Split:
    """A division of a data set in which each of two cameras sees each person once.

    Args:
        train, test: persons.
        cameras: tracklet of each person, for the camera that queries and for the camera that is searched.
    """
    query, gallery = cameras
    training, testing = sorted(train), sorted(test)
    return Split(
        train=tuple(camera[person] for person in training for camera in cameras),
        query=tuple(query[person] for person in testing),
        gallery=tuple(gallery[person] for person in testing),
    )
