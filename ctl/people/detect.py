"""People in single frames: MoveNet MultiPose, which looks closely only where it pays, or D-FINE from the Hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ctl.errors import InputError
from ctl.people.boxes import Detections, covered, suppress
from ctl.people.multipose import MultiPose, PosedPeople, load_multipose

MULTIPOSE: Final = "movenet-multipose"
"""Name of the bundled detector; any other name is a local folder, a Hub id or id@revision."""

WIDE_LINES: Final = 252
CLOSE_LINES: Final = 720
"""Pixels of the frame's shorter side in a wide and in a close look. The net needs some 60 px of a person's height: a
wide look finds people from a quarter of the frame, a close look those of 80 px in 720p (53 of 58; 47 at 608 lines)."""

CLOSE_EVERY: Final = 3
"""Frames from one close look to the next, where it pays: far people move slowly; a close look costs ten wide ones."""

LIKELY: Final = 0.2
"""Score from which a look counts as having seen somebody."""

TILE: Final = 512
TILE_OVERLAP: Final = 128
"""Length of a tile of the close look along the frame's longer side, and how much of it the next tile repeats."""

LEAST_SCORE: Final = 0.1
MOST_IOU: Final = 0.5
MOST_COVERED: Final = 0.8


class Detector(Protocol):
    """Finds people in frames.

    Attributes:
        name: "movenet-multipose", or the folder or Hub id that was asked for.
    """

    name: str

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """Look at a few consecutive frames of one clip.

        Args:
            frames: (H, W, 3) uint8 RGB each, all of the same size.
        """
        ...


def load_detector(name: str = MULTIPOSE, device: str | torch.device = "cpu", *, onnx: bool = False) -> Detector:
    """Load a detector, ready for inference.

    Args:
        name: "movenet-multipose" is bundled; anything else is a D-FINE model (or another that transformers loads for
            object detection): a local folder, a Hub id or id@revision.
        device: where it runs.
        onnx: the bundled one runs in ONNX Runtime, on a CPU; another always runs in PyTorch.
    Raises:
        InputError: no such model, or the package that runs it isn't installed.
    """
    if name == MULTIPOSE:
        return MultiPoseDetector(load_multipose(device, onnx=onnx), device)
    return HubDetector(name, device)


@dataclass(frozen=True)
class Tile:
    """Part of a frame, in pixels of the frame: `length` from `start` along the longer side, whole across it."""

    start: int
    length: int


@dataclass(frozen=True)
class Look:
    """How a frame is looked at: all of it from far away, or a tile of it closely.

    Args:
        size: height and width of the frame.
        tile: what is looked at closely.
    """

    size: tuple[int, int]
    tile: Tile | None = None

    @property
    def scale(self) -> float:
        """Pixels of the look per pixel of the frame, at most 1."""
        return min(1.0, (WIDE_LINES if self.tile is None else CLOSE_LINES) / min(self.size))

    @property
    def region(self) -> tuple[int, int, int, int]:
        """What it sees: x, y, width and height in the frame."""
        height, width = self.size
        if self.tile is None:
            return 0, 0, width, height
        if width >= height:
            return self.tile.start, 0, self.tile.length, height
        return 0, self.tile.start, width, self.tile.length

    def picture(self, frame: np.ndarray, device: str | torch.device) -> Tensor:
        """What the network gets, (1, 3, h, w) float in 0..1, of an (H, W, 3) uint8 frame."""
        x, y, width, height = self.region
        pixels = torch.from_numpy(np.array(shrink(frame[y : y + height, x : x + width], self.scale))).to(device)
        return pad_to_32(pixels.permute(2, 0, 1).unsqueeze(0).float() / 255)

    def detections(self, people: PosedPeople) -> Detections:
        """Those of the one picture that are good enough, in pixels of the frame."""
        boxes, scores = people.boxes[0].cpu().numpy() / self.scale, people.scores[0].cpu().numpy()
        good = (scores >= LEAST_SCORE) & (boxes[:, 2:].min(axis=1) > 0)
        if self.tile is not None:
            good &= ~cut_by_tile(boxes, self.tile, self.size)
        boxes[:, :2] += self.region[:2]
        return Detections(boxes[good].astype(np.float32), scores[good])


class MultiPoseDetector:
    """MoveNet MultiPose at two distances.

    Every frame gets a wide look. The middle frame of a batch also gets a close look, tile by tile. The tiles in which
    it shows people whom the wide look missed are then looked at closely in every third frame of the batch.

    Args:
        net: the bundled network.
        device: where it runs.
    """

    name = MULTIPOSE

    def __init__(self, net: MultiPose, device: str | torch.device) -> None:
        self._net, self._device = net, device

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """See `Detector`."""
        size, middle = frames[0].shape[:2], len(frames) // 2
        wide, close_looks = Look(size), [Look(size, tile) for tile in tiles(*size)]
        seen = self._see([(frame, wide) for frame in frames] + [(frames[middle], look) for look in close_looks])
        parts = [[detections] for detections in seen[: len(frames)]]
        close = seen[len(frames) :]
        worth = [look for look, found in zip(close_looks, close, strict=True) if shows_more(found, seen[middle])]
        parts[middle] += close
        others = [n for n in range(middle % CLOSE_EVERY, len(frames), CLOSE_EVERY) if n != middle]
        again = iter(self._see([(frames[number], look) for number in others for look in worth]))
        for number in others:
            parts[number] += islice(again, len(worth))
        return [suppress(join(of_frame), MOST_IOU, MOST_COVERED) for of_frame in parts]

    def _see(self, looks: Sequence[tuple[np.ndarray, Look]]) -> list[Detections]:
        """What is seen in each frame at each distance, in pixels of the frame."""
        pictures = (look.picture(frame, self._device) for frame, look in looks)
        return [look.detections(people) for (_, look), people in zip(looks, self._net.each(pictures), strict=True)]


class HubDetector:
    """D-FINE or a relative, through transformers.

    Args:
        name: a local folder, a Hub id or id@revision.
        device: where it runs.
    Raises:
        InputError: transformers isn't installed, or there is no such model.
    """

    def __init__(self, name: str, device: str | torch.device) -> None:
        try:
            from transformers import AutoImageProcessor, AutoModelForObjectDetection
        except ImportError as error:
            raise InputError(
                f'the detector {name} needs transformers: pip install "ctl-video-reid[hub]", or use {MULTIPOSE}.'
            ) from error
        model_id, _, revision = name.partition("@") if not Path(name).exists() else (name, "", "")
        try:
            self._processor: Any = AutoImageProcessor.from_pretrained(model_id, revision=revision or "main")
            model = AutoModelForObjectDetection.from_pretrained(
                model_id, revision=revision or "main", use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise InputError(f"no detector {name}: give a D-FINE model's folder or Hub id, or {MULTIPOSE}.") from error
        labels = {label.lower(): number for number, label in model.config.id2label.items()}
        if "person" not in labels:
            raise InputError(f"the detector {name} doesn't know people: none of its classes is called person.")
        self.name, self._device, self._person = name, device, labels["person"]
        self._model: Any = model.to(device).eval()

    @torch.inference_mode()
    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """See `Detector`."""
        of_frames = []
        for frame in frames:
            inputs = self._processor(images=frame, return_tensors="pt").to(self._device)
            (result,) = self._processor.post_process_object_detection(
                self._model(**inputs), threshold=LEAST_SCORE, target_sizes=[frame.shape[:2]]
            )
            people = result["labels"] == self._person
            corners = result["boxes"][people].cpu().numpy().astype(np.float32)
            boxes = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)
            scores = result["scores"][people].cpu().numpy().astype(np.float32)
            of_frames.append(suppress(Detections(boxes, scores), MOST_IOU, MOST_COVERED))
        return of_frames


def shows_more(close: Detections, wide: Detections) -> bool:
    """Whether a close look shows somebody who isn't, at least half, in a box of the wide look."""
    close, wide = close[close.scores > LIKELY], wide[wide.scores > LIKELY]
    return not (covered(close.boxes, wide.boxes) > 0.5).any(axis=1).all()


def tiles(height: int, width: int) -> list[Tile]:
    """Equal tiles along the longer side of a frame, overlapping by at least `TILE_OVERLAP` close-look pixels.

    >>> [(tile.start, tile.length) for tile in tiles(720, 1280)]
    [(0, 512), (384, 512), (768, 512)]
    """
    longer, shorter = max(height, width), min(height, width)
    scale = max(1.0, shorter / CLOSE_LINES)  # frame pixels per close-look pixel
    length = min(longer, round(TILE * scale))
    step = length - round(TILE_OVERLAP * scale)
    count = 1 if length == longer else 1 + -(-(longer - length) // step)
    return [Tile(round(index * (longer - length) / max(1, count - 1)), length) for index in range(count)]


def cut_by_tile(boxes: np.ndarray, tile: Tile, frame_size: tuple[int, int]) -> np.ndarray:
    """(n,) bool: whether a box, relative to its tile, touches an edge of the tile that is inside the frame.

    Such a person is seen whole by the next tile or by the wide look.
    """
    height, width = frame_size
    axis = 0 if width >= height else 1
    near = 0.02 * tile.length
    at_start = (tile.start > 0) & (boxes[:, axis] < near)
    at_end = (tile.start + tile.length < max(frame_size)) & (boxes[:, axis] + boxes[:, axis + 2] > tile.length - near)
    return at_start | at_end


def join(parts: Sequence[Detections]) -> Detections:
    """All detections of several looks at one frame."""
    return Detections(np.concatenate([p.boxes for p in parts]), np.concatenate([p.scores for p in parts]))


def shrink(frame: np.ndarray, scale: float) -> np.ndarray:
    """An (H, W, 3) uint8 frame made smaller by a scale ≤ 1, antialiased; the frame itself where the scale is 1."""
    if scale == 1:
        return frame
    height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))


def pad_to_32(picture: Tensor) -> Tensor:
    """(B, 3, H, W) with zeros to the right and below, so that both sides are multiples of 32."""
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, -width % 32, 0, -height % 32))
