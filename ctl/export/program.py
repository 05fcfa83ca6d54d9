"""A checkpoint as one file that runs without this package: ONNX, or a torch.export program.

The model takes any number of clips of any length:

| name | shape | what |
| --- | --- | --- |
| frames | (B, T, 3, H, W) float32 | RGB in 0..1, at the checkpoint's image size |
| heatmap_logits | (B, T, 17, H/8, W/8) float32 | log of a joint's mass per 8×8 pixels, as in `ctl.data.heatmaps` |
| embedding | (B, D) float32 | V_f^a of each clip, not normalised |

The embedding of a tracklet is the mean over its clips, scaled to unit length; so clips are not scaled here.
"""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from ctl.errors import InputError, require_packages
from ctl.files import write_atomic
from ctl.model import CTL
from ctl.skeleton import JOINTS
from ctl.types import CheckpointInfo

if TYPE_CHECKING:
    from torch.export import ExportedProgram

INPUTS: Final = ("frames", "heatmap_logits")
OUTPUT: Final = "embedding"
HEATMAP_STRIDE: Final = 8


class _Embedder(nn.Module):
    """Tensors in, a tensor out."""

    def __init__(self, model: CTL) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor, heatmap_logits: Tensor) -> Tensor:
        return self.model(frames, heatmap_logits).embedding


def trace_program(model: CTL) -> "ExportedProgram":
    """The model's operations, with B and T left open.

    Args:
        model: in evaluation mode, on the CPU.
    """
    (H, W), T = model.config.image_size, model.config.clip_length
    frames = torch.zeros(2, T, 3, H, W)
    logits = torch.zeros(2, T, len(JOINTS), H // HEATMAP_STRIDE, W // HEATMAP_STRIDE)
    open_sizes = {0: torch.export.Dim("clips"), 1: torch.export.Dim("frames_per_clip")}
    return torch.export.export(
        _Embedder(model), (frames, logits), dynamic_shapes=dict.fromkeys(INPUTS, open_sizes), strict=False
    )


def to_torch(program: "ExportedProgram", origin: dict[str, str]) -> bytes:
    """A file for `torch.export.load`; `origin` is in its extra file "origin.json"."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={"origin.json": json.dumps(origin)})
    return buffer.getvalue()


def to_onnx(program: "ExportedProgram", origin: dict[str, str]) -> bytes:
    """An ONNX file, weights included; `origin` becomes its metadata. Raises InputError without the extra [export]."""
    require_packages("export", "onnxscript")  # torch's exporter is written in it
    exported = torch.onnx.export(
        program, (), input_names=INPUTS, output_names=(OUTPUT,), dynamo=True, external_data=False, verbose=False
    )
    assert exported is not None
    exported.model.metadata_props.update(origin)
    return exported.model_proto.SerializeToString()


FORMATS: Final = {"onnx": to_onnx, "torch-export": to_torch}


def export(model: CTL, info: CheckpointInfo, format: str, file: Path) -> None:
    """Write a model that runs elsewhere.

    Args:
        model: in evaluation mode, on the CPU.
        info: where it came from; id, revision and SHA-256 are kept in the file.
        format: "onnx" or "torch-export".
        file: replaced whole.
    Raises:
        InputError: the graph can't be written in that format, packages are missing, or the file can't be written.
    """
    if format == "onnx" and model.config.graph == "frame":
        raise InputError(
            "graph 'frame' averages a clip of any length into its own clip length, which ONNX has no operation for: "
            "choose torch-export"
        )
    origin = {"checkpoint": info.id, "revision": info.revision or "", "sha256": info.sha256}
    write_atomic(file, FORMATS[format](trace_program(model), origin))
