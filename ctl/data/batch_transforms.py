"""What `Augment` does to one clip, done to a batch at once on the device that holds it, with the draws of a recipe.

Only the chosen clips are computed. Pictures are float32 in 0..255 until the end, and whole levels then.

Differs: levels aren't rounded between the steps (but where the step is a coder or a sensor: JPEG, noise). A moved
picture is read at exact places, where OpenCV has steps of 1/32 of a pixel, and a blur's weights are exact, where OpenCV
rounds them to 1/256. Each effect stays within one level on average of what `Augment` makes with the same draws.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.data import batch_camera
from ctl.data.batch_jpeg import compress, constant
from ctl.data.recipes import Recipe
from ctl.data.transforms import LEAST_MASS
from ctl.skeleton import FLIP


@torch.no_grad()
def augment_batch(
    frames: Tensor, log_mass: Tensor, donors: Tensor, recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Augment B clips.

    Args:
        frames: (B, T, H, W, 3) uint8.
        log_mass: (B, T, 17, h, w) float16.
        donors: (n, H, W, 3) uint8, pictures of somebody else, one per occluded clip.
        recipe: on the same device, with the draws of `Recipes.draw`.
        generator: of the pixels' noise, on the same device, seeded with the recipe's seed.
    Returns:
        frames (B, T, 3, H, W) float32 in 0..1, and logits (B, T, 17, h, w) float32.
    """
    clips, logits = frames.permute(0, 1, 4, 2, 3).contiguous().float(), log_mass.float()
    if len(recipe.windows):
        clips = move(clips, recipe.windows)
        logits = move_mass(logits, recipe.row_shares, recipe.column_shares)
    if len(recipe.flipped):
        clips.index_copy_(0, recipe.flipped, clips[recipe.flipped].flip(-1))
        logits.index_copy_(0, recipe.flipped, logits[recipe.flipped].flip(-1)[:, :, constant(FLIP, logits.device)])
    if len(recipe.occluded):
        hidden = occlude(clips[recipe.occluded], donors, recipe.pieces, recipe.corners)
        clips.index_copy_(0, recipe.occluded, hidden)
    _as_a_camera_would(clips, recipe, generator)
    if len(recipe.erased):
        pictures = clips.flatten(0, 1)
        pictures.index_copy_(0, recipe.erased, erase(pictures[recipe.erased], recipe.rectangles, generator))
    return clips.round_().div_(255), logits


def _as_a_camera_would(clips: Tensor, recipe: Recipe, generator: torch.Generator) -> None:
    """Light, lens, sensor and coding, in the order in which they happen, in place."""
    r = recipe
    if len(r.recoloured):
        changed = batch_camera.recolour(clips[r.recoloured], r.matrices, r.contrasts, r.gammas)
        clips.index_copy_(0, r.recoloured, changed)
    if len(r.grey):
        clips.index_copy_(0, r.grey, batch_camera.to_grey(clips[r.grey]))
    if len(r.defocused):
        clips.index_copy_(0, r.defocused, batch_camera.defocus(clips[r.defocused], r.sigmas))
    if len(r.smeared):
        clips.index_copy_(0, r.smeared, batch_camera.smear(clips[r.smeared], r.kernels))
    if len(r.lowered):
        clips.index_copy_(0, r.lowered, batch_camera.lower_resolution(clips[r.lowered], r.small_sizes))
    if len(r.noisy):
        clips.index_copy_(0, r.noisy, batch_camera.add_noise(clips[r.noisy], r.amplitudes, generator))
    if len(r.compressed):
        clips.index_copy_(0, r.compressed, compress(clips[r.compressed], r.qualities))


def move(clips: Tensor, windows: Tensor) -> Tensor:
    """Look at clips (n, T, 3, H, W) through windows (n, 3) of top, left, size; outside, border pixels are repeated."""
    top, left, size = windows.unbind(1)
    zero = torch.zeros_like(size)
    # In grid_sample's places the picture reaches from -1 to 1.
    theta = torch.stack((size, zero, 2 * left + size - 1, zero, size, 2 * top + size - 1), dim=1).view(-1, 2, 3)
    stacked = clips.flatten(1, 2)  # (n, 3T, H, W)
    grid = F.affine_grid(theta, list(stacked.shape), align_corners=False)
    return F.grid_sample(stacked, grid, padding_mode="border", align_corners=False).view_as(clips)


def move_mass(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Heat maps (n, T, 17, h, w) moved by shares (n, h, h) and (n, w, w) of `window_shares`."""
    mass = logits.flatten(-2).softmax(dim=-1).view_as(logits)
    moved = rows[:, None, None] @ mass @ columns[:, None, None].mT
    return (moved + LEAST_MASS).log()


def occlude(clips: Tensor, donors: Tensor, pieces: Tensor, corners: Tensor) -> Tensor:
    """Put a piece of a donor before each clip.

    Args:
        clips: (n, T, 3, H, W).
        donors: (n, H, W, 3).
        pieces: (n, 4) top, left, height and width in the donor.
        corners: (n, T, 2) y and x of the piece in each frame.
    """
    n, _, _, H, W = clips.shape
    top, left, height, width = (part[:, None, None] for part in pieces.unbind(1))
    y = torch.arange(H, device=clips.device) - corners[..., 0, None]  # (n, T, H) within the piece
    x = torch.arange(W, device=clips.device) - corners[..., 1, None]  # (n, T, W)
    inside = ((y >= 0) & (y < height))[..., :, None] & ((x >= 0) & (x < width))[..., None, :]  # (n, T, H, W)
    clip = torch.arange(n, device=clips.device).view(n, 1, 1, 1)
    rows, columns = (y + top).clamp(0, H - 1)[..., :, None], (x + left).clamp(0, W - 1)[..., None, :]
    shown = donors[clip, rows, columns].movedim(-1, 2)  # (n, T, 3, H, W)
    return torch.where(inside.unsqueeze(2), shown.to(clips.dtype), clips)


def erase(pictures: Tensor, rectangles: Tensor, generator: torch.Generator) -> Tensor:
    """Overwrite one rectangle (n, 4) of each picture (n, 3, H, W) with random pixels."""
    top, left, height, width = (part[:, None] for part in rectangles.unbind(1))
    y = torch.arange(pictures.shape[-2], device=pictures.device)
    x = torch.arange(pictures.shape[-1], device=pictures.device)
    rows, columns = (y >= top) & (y < top + height), (x >= left) & (x < left + width)
    inside = rows[:, None, :, None] & columns[:, None, None, :]  # (n, 1, H, W)
    noise = torch.randint(0, 256, pictures.shape, dtype=torch.uint8, device=pictures.device, generator=generator)
    return torch.where(inside, noise.to(pictures.dtype), pictures)
