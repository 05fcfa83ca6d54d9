"""A key-point estimator by its name."""

import torch

from ctl.keypoints.base import MOVENET, KeypointEstimator
from ctl.keypoints.movenet import load_movenet
from ctl.keypoints.vitpose import load_vitpose


def load_estimator(name: str = MOVENET, device: str | torch.device = "cpu", *, onnx: bool = False) -> KeypointEstimator:
    """Load an estimator, ready for inference.

    Args:
        name: "movenet-thunder" is bundled; anything else is a ViTPose model: a local folder, a Hub id or id@revision.
        device: where it runs; frames must be there too.
        onnx: the bundled one runs in ONNX Runtime, on a CPU; another always runs in PyTorch.
    Raises:
        InputError: no such model, or the package that runs it isn't installed.
        HubError: the Hub can't be reached, or doesn't have it.
    """
    if name == MOVENET:
        return load_movenet(device, onnx=onnx)
    return load_vitpose(name, device)
