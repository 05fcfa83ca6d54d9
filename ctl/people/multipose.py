"""MoveNet MultiPose: boxes and joints of up to six people in each picture.

Weights and decoding are Google's (Apache-2.0), as published in the graph movenet/multipose/lightning/1; the network is
`centernet.CenterNet`. Its heads are those of `movenet` and two more: "box_offset", from a person's cell to the middle
of the box, and "box_scale", the box's height and width.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctl.keypoints import cells
from ctl.keypoints.centernet import STRIDE, checked, load_bundled
from ctl.runtime import each

PEOPLE: Final = 6
SPREAD: Final = 0.3
"""2σ² of the search around a guessed joint, in cells² per cell of the map's shorter side."""

COUNTED_JOINT: Final = 0.127
"""A joint must score more than this to count in its person's score."""


@dataclass(frozen=True, eq=False)
class PosedPeople:
    """Up to six people in each of B pictures, the surest centre first; places beyond the people found score about 0.

    Args:
        boxes: (B, 6, 4) float, x, y, width, height in pixels of the input picture, clipped to it.
        scores: (B, 6) float in 0..1, that the box holds a person.
        keypoints: (B, 6, 17, 3) float, x and y in pixels and a score in 0..1 that the joint is there.
    """

    boxes: Tensor
    scores: Tensor
    keypoints: Tensor


def find_centres(heat: Tensor) -> tuple[Tensor, Tensor]:
    """The six best local maxima (5×5) of (B, 1, h, w) scores: their scores (B, 6) and cell numbers (B, 6)."""
    is_peak = heat == F.max_pool2d(heat, 5, stride=1, padding=2)
    return (heat * is_peak).flatten(1).topk(PEOPLE)


def read_boxes(maps: Mapping[str, Tensor], people: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes of the people at (B, P) cells, clipped to the picture: top left and bottom right (B, P, 2), y and x."""
    h, w = maps["center"].shape[-2:]
    middle = cells.places(people, w) + cells.read(maps["box_offset"], people)
    half = cells.read(maps["box_scale"], people).relu() / 2
    edge = torch.tensor((h, w), device=middle.device)
    return (middle - half).clamp(min=0).minimum(edge), (middle + half).clamp(min=0).minimum(edge)


def fit(guesses: Tensor, top_left: Tensor, bottom_right: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """How well a joint of each person fits each cell: the nearer to its guess the better, and only inside the box.

    Args:
        guesses: (B, J, P, 2) first guess of each joint, y and x in cells.
        top_left, bottom_right: (B, P, 2) boxes, y and x in cells.
        size: h and w of the map.
    Returns:
        of rows (B, J, P, h) and of columns (B, J, P, w), in 0..1; a cell's fit is their product.
    """
    rows, columns = cells.axes(size, guesses.device)
    inside_rows = (rows >= top_left[..., :1]) & (rows < bottom_right[..., :1])  # (B, P, h)
    inside_columns = (columns >= top_left[..., 1:]) & (columns < bottom_right[..., 1:])  # (B, P, w)
    near_rows, near_columns = (
        torch.exp(-squares / (SPREAD * min(size))) for squares in cells.squared_steps(guesses, size)
    )
    return near_rows * inside_rows.unsqueeze(1), near_columns * inside_columns.unsqueeze(1)


def best_cells(heat: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(B, J, P) numbers of the cells where heat (B, J, h, w) times fit is highest, one person's box at a time."""
    w = heat.shape[-1]
    joints = torch.zeros(rows.shape[:-1], dtype=torch.long, device=heat.device)
    inside_rows, inside_columns = (fits.amax(dim=1) > 0 for fits in (rows, columns))  # (B, P, h), (B, P, w)
    for picture, person in np.ndindex(rows.shape[0], rows.shape[2]):
        down, across = inside_rows[picture, person].nonzero(), inside_columns[picture, person].nonzero()
        if not (len(down) and len(across)):
            continue
        top, bottom, left, right = int(down[0]), int(down[-1]) + 1, int(across[0]), int(across[-1]) + 1
        fits = rows[picture, :, person, top:bottom].unsqueeze(-1) * columns[picture, :, person, left:right].unsqueeze(
            -2
        )
        best = (heat[picture, :, top:bottom, left:right] * fits).flatten(1).argmax(dim=1)  # (J,)
        joints[picture, :, person] = (top + best // (right - left)) * w + left + best % (right - left)
    return joints


def decode(maps: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """People as the graph decodes them, in cells.

    Args:
        maps: head -> (B, channels, h, w), from `CenterNet`.
    Returns:
        boxes (B, P, 4), scores (B, P), keypoints (B, P, 17, 3) as in `PosedPeople`, but in cells.
    """
    J, h, w = maps["heatmap"].shape[1:]
    centre_scores, people = find_centres(maps["center"].sigmoid())  # (B, P)
    top_left, bottom_right = read_boxes(maps, people)  # (B, P, 2)

    steps = cells.read(maps["regress"].unflatten(1, (J, 2)), people.unsqueeze(1))  # (B, J, P, 2)
    guesses = cells.places(people, w).unsqueeze(1) + steps
    heat = maps["heatmap"].sigmoid()  # (B, J, h, w)
    rows, columns = fit(guesses, top_left, bottom_right, (h, w))  # (B, J, P, h), (B, J, P, w)

    joints = best_cells(heat, rows, columns)  # (B, J, P)
    yx = cells.places(joints, w) + cells.read(maps["offset"].unflatten(1, (J, 2)), joints)  # (B, J, P, 2)
    # As in the graph, a cell scores by the person it fits best, even where it is read for another.
    fits = rows.gather(-1, (joints // w).unsqueeze(2).expand(-1, -1, PEOPLE, -1))
    fits = fits * columns.gather(
        -1, (joints % w).unsqueeze(2).expand(-1, -1, PEOPLE, -1)
    )  # (B, J, P, P): of whom, where
    joint_scores = cells.read(heat.unsqueeze(2), joints) * fits.amax(dim=2).unsqueeze(-1)  # (B, J, P, 1)
    keypoints = torch.cat((yx.flip(-1), joint_scores), dim=-1).transpose(1, 2)  # (B, P, J, 3)

    counted = F.threshold(keypoints[..., 2], COUNTED_JOINT, 0)  # (B, P, J)
    scores = centre_scores * counted.sum(dim=2) / counted.count_nonzero(dim=2).clamp(min=1)
    boxes = torch.cat((top_left.flip(-1), (bottom_right - top_left).flip(-1)), dim=-1)
    return boxes, scores, keypoints


class MultiPose:
    """The bundled detector of people and their joints."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    @torch.no_grad()
    def each(self, batches: Iterable[Tensor]) -> Iterator[PosedPeople]:
        """Look at one batch of pictures after the other.

        Args:
            batches: (B, 3, H, W) float RGB in 0..1 each; H and W are multiples of 32.
        Raises:
            ValueError: pictures have another shape.
        """
        for maps in each(self.net, map(checked, batches)):
            boxes, scores, keypoints = decode(maps)
            pixels = keypoints.new_tensor((STRIDE, STRIDE, 1))
            yield PosedPeople(boxes * STRIDE, scores, keypoints * pixels)


def load_multipose(device: str | torch.device = "cpu", *, onnx: bool = False) -> MultiPose:
    """The bundled MoveNet MultiPose, ready for inference. Raises InputError where its weights are missing."""
    return MultiPose(load_bundled("movenet-multipose", device, onnx=onnx))
