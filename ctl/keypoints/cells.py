"""Reading maps at cells. A cell's number counts along rows; its place is (row, column), so y comes before x."""

import torch
from torch import Tensor


def places(numbers: Tensor, columns: int) -> Tensor:
    """(...) cell numbers of a map with so many columns -> (..., 2) float, y and x in cells."""
    return torch.stack((numbers // columns, numbers % columns), dim=-1).float()


def read(maps: Tensor, numbers: Tensor) -> Tensor:
    """What maps say at some cells: (..., C, h, w) and (..., K) cell numbers -> (..., K, C). Leading axes broadcast."""
    where = numbers.unsqueeze(-2).expand(*maps.shape[:-2], -1)
    return maps.flatten(-2).gather(-1, where).mT


def axes(size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """(h,) row numbers and (w,) column numbers of a map."""
    return torch.arange(size[0], device=device), torch.arange(size[1], device=device)


def squared_steps(points: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Squared distances along each axis: points (..., 2), y and x in cells -> to rows (..., h), to columns (..., w)."""
    rows, columns = axes(size, points.device)
    return (rows - points[..., :1]).square(), (columns - points[..., 1:]).square()


def distance(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Euclidean distance in cells from points (..., 2), y and x, to every cell of a map: (..., h, w)."""
    down, across = squared_steps(points, size)
    return (down.unsqueeze(-1) + across.unsqueeze(-2)).sqrt()
