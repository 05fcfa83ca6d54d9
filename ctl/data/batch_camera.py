"""What `ctl.data.camera` does to one clip, done to n clips at once: tensors (n, T, 3, H, W) float32 RGB in 0..255.

Out-of-focus blur and low resolution act on rows and columns alike, so each is a matrix for the rows and one for the
columns, of every clip its own: two batched products whatever the sizes are. Borders are within the matrices.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.data.camera import LUMINANCE


def recolour(clips: Tensor, matrices: Tensor, contrasts: Tensor, gammas: Tensor) -> Tensor:
    """Gamma, then matrices (n, 3, 3) and contrasts (n,) about each clip's own mean."""
    n, T, _, H, W = clips.shape
    curved = (clips / 255).pow_(gammas.view(n, 1, 1, 1, 1)).mul_(255)
    mean = matrices @ curved.mean(dim=(1, 3, 4)).unsqueeze(-1)  # (n, 3, 1)
    contrast = contrasts.view(n, 1, 1)
    mixed = (contrast * matrices).unsqueeze(1) @ curved.flatten(3)  # (n, T, 3, HW)
    return mixed.add_(((1 - contrast) * mean).unsqueeze(1)).clamp_(0, 255).view(n, T, 3, H, W)


def to_grey(clips: Tensor) -> Tensor:
    """Luminance in all three channels."""
    red, green, blue = clips.unbind(2)
    grey = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
    return grey.unsqueeze(2).expand_as(clips)


def defocus(clips: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur of deviations (n,) in pixels."""
    rows, columns = (gaussian_matrix(size, sigmas) for size in clips.shape[-2:])
    return _both_ways(clips, rows, columns)


def gaussian_matrix(size: int, sigmas: Tensor) -> Tensor:
    """(n, size, size) Gaussian blur along an axis as a matrix; as in OpenCV, three deviations wide, and the picture is
    mirrored about its border pixels."""
    place = torch.arange(size, device=sigmas.device)
    apart = (place[:, None] - place).abs()
    mirrored = torch.stack((apart, place[:, None] + place, 2 * (size - 1) - place[:, None] - place))  # before, behind
    sigma = sigmas.view(-1, 1, 1, 1)
    reach = (6 * sigma + 1).round().to(torch.int64).bitwise_or_(1) // 2
    weight = torch.exp(-0.5 * (mirrored / sigma).square()) * (mirrored <= reach)  # (n, 3, size, size)
    weight[:, 1, :, 0] = 0  # a border pixel is its own mirror image
    weight[:, 2, :, -1] = 0
    total = weight.sum(dim=(1, 3), keepdim=True)
    return (weight / total).sum(dim=1)


def smear(clips: Tensor, kernels: Tensor) -> Tensor:
    """Motion blur by kernels (n, k, k), k odd; border pixels are repeated."""
    n, T, channels, H, W = clips.shape
    reach = kernels.shape[-1] // 2
    padded = F.pad(clips.flatten(1, 2), (reach,) * 4, mode="replicate").transpose(0, 1)  # (3T, n, H+, W+)
    blurred = F.conv2d(padded, kernels.unsqueeze(1), groups=n)
    return blurred.transpose(0, 1).reshape(n, T, channels, H, W)


def lower_resolution(clips: Tensor, small_sizes: Tensor) -> Tensor:
    """Down to heights and widths (n, 2) by area, and up again linearly."""
    H, W = clips.shape[-2:]
    rows, columns = there_and_back(H, small_sizes[:, 0]), there_and_back(W, small_sizes[:, 1])
    return _both_ways(clips, rows, columns)


def there_and_back(size: int, small: Tensor) -> Tensor:
    """(n, size, size): an axis down to `small` (n,) pixels, each the mean of its part, and up again linearly."""
    place = torch.arange(size, device=small.device, dtype=torch.float32)
    few = small.view(-1, 1, 1).float()
    step = size / few
    start = place.view(-1, 1) * step  # (n, size, 1) of small pixels; those from `small` on are never looked at
    overlap = torch.minimum(start + step, place + 1) - torch.maximum(start, place)
    down = overlap.clamp_min_(0) / step
    wanted = ((place.view(-1, 1) + 0.5) / step - 0.5).clamp_min(0).minimum(few - 1)  # (n, size, 1)
    up = (1 - (wanted - place).abs()).clamp_min_(0)  # (n, size, small pixels)
    return up @ down


def _both_ways(clips: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Clips (n, T, 3, H, W) under matrices (n, H, H) and (n, W, W)."""
    return rows[:, None, None] @ (clips @ columns[:, None, None].mT)


def add_noise(clips: Tensor, amplitudes: Tensor, generator: torch.Generator) -> Tensor:
    """The sum of two uniform bytes times an amplitude (n,), another in every frame, pixel and channel."""
    shape = (2, *clips.shape)
    bytes_ = torch.randint(0, 256, shape, dtype=torch.uint8, device=clips.device, generator=generator)
    deviate = bytes_[0].float().add_(bytes_[1]).sub_(255)
    return deviate.mul_(amplitudes.view(-1, 1, 1, 1, 1)).add_(clips).round_().clamp_(0, 255)
