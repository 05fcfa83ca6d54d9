"""Key-point heat maps of a data set, computed once and read often.

A map is stored as the logarithm of its softmax mass on a grid of one cell per 8×8 pixels, in float16: 17 KB for a frame
of 256×128. The cells of a backbone's feature map are made of whole grid cells, so pooling by stored maps equals pooling
by the estimator's own (Eq. 1).
"""

import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from ctl.data.benchmark import TrackletFiles
from ctl.data.decoding import decode_ahead, decoding_processes, lost_processes_named
from ctl.data.frames import aspect_of
from ctl.errors import InputError
from ctl.files import write_atomic
from ctl.inference import Arriving, frames_at_once, to_tensor
from ctl.keypoints.base import KeypointEstimator
from ctl.keypoints.undistorted import look, true_width
from ctl.model.nodes import spatial_mass
from ctl.progress import Progress
from ctl.runtime import weights_digest
from ctl.skeleton import JOINTS

FORMAT: Final = 2
"""To be raised whenever an estimator's decoding changes, so that maps stored before are not read."""

STRIDE: Final = 8
"""Pixels of the picture per grid cell."""

GPU_BATCH: Final = 128
"""Frames: 13 MB of 256×128, of which two per decoding process wait in shared memory."""

BATCHES_PER_GROUP: Final = 8
"""On a GPU: the last batch of a group is a small one."""

WRITERS: Final = 4
"""Threads. Each file is waited for until it is on the disk, which takes milliseconds."""

LEAST_MASS: Final = 1e-12
"""Mass below this counts as this: its logarithm stays finite, and its share of a picture is nothing."""


class StoredHeatMaps:
    """Heat maps on disk, to be read: one file per tracklet, named by path, size and time of change of every frame.

    Args:
        folder: with the maps of one estimator and size of its input.
        image_size: height and width of that input.
    """

    def __init__(self, folder: Path, image_size: tuple[int, int]) -> None:
        self.folder = folder
        self.image_size = image_size
        self.grid = (image_size[0] // STRIDE, image_size[1] // STRIDE)
        self._files: dict[TrackletFiles, Path] = {}

    def read(self, tracklet: TrackletFiles, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Logits of a tracklet's frames, all or those at some indices.

        Returns:
            (T, 17, H/8, W/8) float32; their softmax over space is the estimator's, summed onto the grid.
        Raises:
            InputError: the maps haven't been computed.
        """
        shape = (len(tracklet), len(JOINTS), *self.grid)
        try:
            maps = np.memmap(self._file(tracklet), np.float16, mode="r", shape=shape)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.folder} has no heat maps of {tracklet.frames[0]}: fill the cache first") from error
        return np.asarray(maps if indices is None else maps[np.asarray(indices)], dtype=np.float32)

    def _file(self, tracklet: TrackletFiles) -> Path:
        if tracklet not in self._files:
            digest = _digest(tracklet)
            self._files[tracklet] = self.folder / digest[:2] / f"{digest}.f16"
        return self._files[tracklet]


class HeatMapCache(StoredHeatMaps):
    """Heat maps on disk, and the estimator that computes those that are missing.

    Folders are keyed by the estimator's name and weights and by the size of its input, files by their frames: whatever
    changes, maps are computed anew. Each is written whole or not at all, so computing them can be stopped at any time
    and goes on where it was. A process that a cache is sent to gets what is stored, without the estimator.

    Args:
        folder: of the cache; may serve any number of data sets, sizes and estimators.
        estimator: computes what is missing, on its own device.
        image_size: height and width of the model's input, which is what an estimator sees in inference too.
    """

    def __init__(self, folder: Path, estimator: KeypointEstimator, image_size: tuple[int, int]) -> None:
        modules = [part for part in vars(estimator).values() if isinstance(part, nn.Module)]
        name = re.sub(r"[^A-Za-z0-9.]+", "-", estimator.name).strip("-")
        key = f"{name}-{_fingerprint(modules)[:12]}-{image_size[0]}x{image_size[1]}"
        super().__init__(folder / key, image_size)
        self.estimator = estimator
        self._device = next((p.device for module in modules for p in module.parameters()), torch.device("cpu"))

    def __reduce__(self) -> tuple[type[StoredHeatMaps], tuple[Path, tuple[int, int]]]:
        return StoredHeatMaps, (self.folder, self.image_size)

    def missing(self, tracklets: Iterable[TrackletFiles]) -> list[TrackletFiles]:
        """Tracklets whose maps aren't there yet, each once, in the order given."""
        return [tracklet for tracklet in dict.fromkeys(tracklets) if not self._file(tracklet).exists()]

    def fill(
        self,
        tracklets: Iterable[TrackletFiles],
        on_progress: Progress | None = None,
        processes: int | None = None,
    ) -> None:
        """Compute and store what is missing. Frames are decoded ahead of the estimator, files written behind it.

        Args:
            tracklets: any number; those already there cost a look at their files.
            on_progress: called with the share computed of what was missing, 0..1; may raise to stop.
            processes: that decode; 0 does it in this one, None takes as many as pay here.
        Raises:
            InputError: a frame is missing or damaged, or the folder can't be written to.
        """
        todo = self.missing(tracklets)
        if not todo:
            return
        total, done = sum(len(tracklet) for tracklet in todo), 0
        on_cpu = self._device.type == "cpu"
        at_once = frames_at_once(self._device) if on_cpu else GPU_BATCH
        widths = {tracklet: self._width(tracklet) for tracklet in todo}
        most = at_once if on_cpu else BATCHES_PER_GROUP * at_once
        groups = [group for _, alike in groupby(todo, key=widths.__getitem__) for group in _groups(alike, most)]
        batches = [_batches(group, at_once) for group in groups]
        processes = decoding_processes(self._device) if processes is None else processes
        pictures = decode_ahead([b for several in batches for b in several], self.image_size, processes, not on_cpu)
        with lost_processes_named(), closing(pictures), _Writer() as writer:
            for group, several in zip(groups, batches, strict=True):
                maps = [self._log_mass(next(pictures), widths[group[0]]) for _ in several]
                files = [(self._file(tracklet), len(tracklet)) for tracklet in group]
                writer.submit(partial(_store, maps, files))
                done += sum(len(tracklet) for tracklet in group)
                if on_progress:
                    on_progress(done / total)

    def _width(self, tracklet: TrackletFiles) -> int:
        """Pixels at which the estimator sees its frames. Of a damaged one nothing is said before it is its turn."""
        try:
            return true_width(self.image_size[0], aspect_of(tracklet))
        except InputError:
            return self.image_size[1]

    @torch.inference_mode()
    def _log_mass(self, frames: Tensor, width: int) -> Arriving:
        """(B, H, W, 3) uint8, truly so wide -> (B, 17, *grid) float16. On a GPU they may still be under way."""
        logits = look(self.estimator, to_tensor(frames, self._device), width).logits
        return Arriving(spatial_mass(logits.float(), *self.grid).clamp_min(LEAST_MASS).log().half())


def _fingerprint(modules: Iterable[nn.Module]) -> str:
    """Of weights, and of the way maps are stored."""
    return hashlib.sha256(f"{FORMAT} {STRIDE} {[*map(weights_digest, modules)]}".encode()).hexdigest()


def _digest(tracklet: TrackletFiles) -> str:
    """Names a tracklet's files: paths, sizes and times of change. Raises InputError if one can't be read."""
    digest = hashlib.sha256()
    for frame in tracklet.frames:
        try:
            state = frame.stat()
        except OSError as error:
            raise InputError(f"{frame} can't be read: {error.strerror}") from error
        digest.update(f"{frame.absolute()}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _groups(tracklets: Iterable[TrackletFiles], frames: int) -> Iterator[list[TrackletFiles]]:
    """Consecutive tracklets that together have at least so many frames, so that short ones fill a batch."""
    group: list[TrackletFiles] = []
    for tracklet in tracklets:
        group.append(tracklet)
        if sum(len(member) for member in group) >= frames:
            yield group
            group = []
    if group:
        yield group


def _batches(group: Iterable[TrackletFiles], at_once: int) -> list[list[Path]]:
    """A group's frames, tracklet after tracklet, cut into batches."""
    frames = [frame for tracklet in group for frame in tracklet.frames]
    return [frames[start : start + at_once] for start in range(0, len(frames), at_once)]


def _store(batches: Sequence[Arriving], files: Sequence[tuple[Path, int]]) -> None:
    """Write the batches of a group as the files of its tracklets, (file, length) each."""
    maps = np.concatenate([batch.tensor().numpy() for batch in batches])
    for (file, _), part in zip(files, _split(maps, [length for _, length in files]), strict=True):
        write_atomic(file, part.tobytes())


class _Writer:
    """Threads that write: a disk that is waited for holds nothing up. On leaving, all that was submitted is written."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WRITERS)
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> "_Writer":
        return self

    def submit(self, write: Callable[[], None]) -> None:
        """Raises what an earlier write has raised. Waits if the disk lags behind."""
        self._pending.append(self._pool.submit(write))
        while len(self._pending) > 2 * WRITERS or (self._pending and self._pending[0].done()):
            self._pending.popleft().result()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(wait=True)
        if kind is None:
            for write in self._pending:
                write.result()


def _split(array: np.ndarray, lengths: Sequence[int]) -> list[np.ndarray]:
    return np.split(array, np.cumsum(lengths)[:-1])
