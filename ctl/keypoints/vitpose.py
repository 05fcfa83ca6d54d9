"""ViTPose from the Hugging Face Hub or a local folder, through the optional package `transformers`.

Source: Xu et al. 2022 (ViTPose). Its maps are regressed to Gaussians of height 1, so their logarithm, not they
themselves, is what a softmax turns back into a place.

Assumed: pictures are standardised with ImageNet's mean and deviation, and experts are asked for COCO's joints, as every
published ViTPose and ViTPose+ does.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from ctl.errors import InputError
from ctl.files import read_json
from ctl.hub import CONFIG, WEIGHTS, fetch
from ctl.keypoints import cells
from ctl.keypoints.base import HeatMaps
from ctl.skeleton import JOINTS

TEMPERATURE: Final = 0.5
"""Of Eq. 1's softmax. At 1 the noise in the thousands of empty cells would outweigh a faint joint."""

FLOOR: Final = 1e-3
"""Heights below this count as this: regressed maps waver around 0."""

COCO: Final = 0
"""Number of the data set whose expert answers, in models that have several."""

PIXEL_MEAN: Final = (0.485, 0.456, 0.406)
PIXEL_DEVIATION: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Placement:
    """Where a picture of `source` (height, width) lies on the canvas that the model sees, in pixels of the canvas."""

    source: tuple[int, int]
    size: tuple[int, int]
    corner: tuple[int, int]


def place(source: tuple[int, int], canvas: tuple[int, int], cell: int) -> Placement:
    """Fit a picture into the middle of a canvas as large as it goes, in whole cells of the model's map."""
    scale = min(canvas[0] / source[0], canvas[1] / source[1])
    height, width = (max(1, round(length * scale / cell)) * cell for length in source)
    top, left = (canvas[0] - height) // 2 // cell * cell, (canvas[1] - width) // 2 // cell * cell
    return Placement(source, (height, width), (top, left))


def paint(frames: Tensor, placement: Placement, canvas: tuple[int, int]) -> Tensor:
    """(B, 3, H, W) in 0..1 -> (B, 3, *canvas) standardised, black around the picture."""
    (height, width), (top, left) = placement.size, placement.corner
    frames = F.interpolate(frames, (height, width), mode="bilinear", antialias=True)
    frames = F.pad(frames, (left, canvas[1] - left - width, top, canvas[0] - top - height))
    mean, deviation = (frames.new_tensor(values).view(3, 1, 1) for values in (PIXEL_MEAN, PIXEL_DEVIATION))
    return (frames - mean) / deviation


def find_peaks(logs: Tensor) -> tuple[Tensor, Tensor]:
    """Highest cells, refined: a parabola through the logarithm's neighbours, exact where the map is a Gaussian.

    Args:
        logs: (B, J, h, w), logarithm of the maps.
    Returns:
        yx: (B, J, 2) in cells.
        heights: (B, J) of the highest cells themselves.
    """
    columns = logs.shape[-1] + 2
    peaks = logs.flatten(2).argmax(dim=2, keepdim=True)  # (B, J, 1)
    yx = cells.places(peaks, logs.shape[-1])  # (B, J, 1, 2)
    in_padded = peaks + columns + 1 + 2 * (peaks // logs.shape[-1])
    steps = torch.tensor((0, -columns, columns, -1, 1), device=logs.device)
    padded = F.pad(logs, (1, 1, 1, 1), mode="replicate").unsqueeze(2)
    here, above, below, before, after = cells.read(padded, in_padded + steps).squeeze(-1).unbind(-1)  # (B, J) each

    def vertex(low: Tensor, high: Tensor) -> Tensor:
        return (high - low) / (2 * (2 * here - low - high)).clamp(min=1e-6)

    shift = torch.stack((vertex(above, below), vertex(before, after)), dim=-1).clamp(-0.5, 0.5)
    return yx.squeeze(2) + shift, here.exp()


def to_source(yx: Tensor, placement: Placement, canvas: tuple[int, int], map_size: tuple[int, int]) -> Tensor:
    """Cells of the canvas's map (..., 2), y and x -> pixels of the picture (..., 2), x and y.

    The map's corner cells lie on the canvas's corner pixels, as in ViTPose's training ("unbiased data processing").
    """
    per_cell = yx.new_tensor([(pixels - 1) / (count - 1) for pixels, count in zip(canvas, map_size, strict=True)])
    scale = yx.new_tensor([a / b for a, b in zip(placement.source, placement.size, strict=True)])
    on_picture = yx * per_cell - yx.new_tensor(placement.corner)
    return ((on_picture + 0.5) * scale - 0.5).flip(-1)


class VitPose:
    """A ViTPose model as an estimator. See `ctl.keypoints.base.KeypointEstimator`.

    Args:
        name: how the user asked for it.
        model: a `transformers.VitPoseForPoseEstimation` in eval mode.
    """

    def __init__(self, name: str, model: nn.Module) -> None:
        config: Any = model.config
        self.name = name
        self.model = model
        self.canvas: tuple[int, int] = tuple(config.backbone_config.image_size)
        self.cell: int = config.backbone_config.patch_size[0] // config.scale_factor
        self.experts: int = config.backbone_config.num_experts

    @torch.no_grad()
    def __call__(self, frames: Tensor) -> HeatMaps:
        placement = place((frames.shape[-2], frames.shape[-1]), self.canvas, self.cell)
        pictures = paint(frames, placement, self.canvas)
        dataset = torch.full((len(frames),), COCO, device=frames.device) if self.experts > 1 else None
        whole = self.model(pictures, dataset_index=dataset).heatmaps.float()  # (B, 17, h, w)

        top, left, height, width = (length // self.cell for length in (*placement.corner, *placement.size))
        logs = whole[..., top : top + height, left : left + width].clamp(min=FLOOR).log()
        yx, heights = find_peaks(logs)
        yx = yx + yx.new_tensor((top, left))
        xy = to_source(yx, placement, self.canvas, (whole.shape[-2], whole.shape[-1]))
        return HeatMaps(logs / TEMPERATURE, xy, heights.clamp(max=1))


def load_vitpose(name: str, device: str | torch.device = "cpu") -> VitPose:
    """Load a ViTPose with COCO's 17 joints from config.json and model.safetensors.

    Args:
        name: a local folder, a Hub id or id@revision.
        device: where it runs.
    Raises:
        InputError: `transformers` isn't installed, or name is no folder, no Hub id, or a model of another kind.
        HubError: the Hub can't be reached or has no such model.
    """
    try:
        from transformers import VitPoseConfig, VitPoseForPoseEstimation
    except ImportError as error:
        raise InputError(f'key-points from {name} need another package: pip install "transformers>=5,<6"') from error

    folder = Path(name) if Path(name).is_dir() else fetch(name).config.parent
    values = read_json(folder / CONFIG)
    config = VitPoseConfig.from_dict(values)
    if values.get("model_type") != config.model_type or config.num_labels != len(JOINTS):
        raise InputError(f"{name} is not a ViTPose model with COCO's {len(JOINTS)} joints: choose another")
    try:
        loaded: Any = VitPoseForPoseEstimation.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder / WEIGHTS} can't be loaded: {error}") from error
    model, report = loaded
    if report["missing_keys"]:
        raise InputError(f"{folder / WEIGHTS} lacks {', '.join(sorted(report['missing_keys']))}")
    return VitPose(name, model.eval().requires_grad_(False).to(device))
