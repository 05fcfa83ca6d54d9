"""The model before the first step: drawn at random from the seed, then filled from a checkpoint or from ImageNet."""

from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor

from ctl.checkpoint import load_checkpoint
from ctl.config import BackboneName
from ctl.errors import InputError
from ctl.files import ROOT
from ctl.model import CTL
from ctl.train.config import TrainConfig


def initial_model(config: TrainConfig, identities: int) -> CTL:
    """A model with a classifier per training identity. The same config gives the same weights.

    Raises:
        InputError: the checkpoint can't be read, or has another shape.
        HubError: the Hub doesn't give it.
    """
    torch.manual_seed(config.run.seed)
    model = CTL(replace(config.model, identities=identities))
    source, part = config.start.checkpoint, config.start.part
    if not source:
        return model
    if source == "imagenet":
        tensors = imagenet_weights(config.model.backbone)
    else:
        tensors = load_checkpoint(_local(source), fall_back=False)[0].state_dict()
    names = {name for name in model.state_dict() if part == "all" or name.startswith("backbone.")}
    _fill(model, {name: tensors[name] for name in names & tensors.keys()}, names, source)
    return model


def _local(source: str) -> str | Path:
    """A folder of this project is found from wherever training is started; all else is left as it is."""
    bundled = ROOT / source
    return bundled if bundled.is_dir() and not Path(source).exists() else source


def imagenet_weights(backbone: BackboneName) -> dict[str, Tensor]:
    """Torchvision's ImageNet weights under the model's own names, from its cache or else from its server.

    Raises InputError if neither has them.
    """
    weights = torchvision.models.get_model_weights(backbone)["IMAGENET1K_V1"]
    try:
        tensors = weights.get_state_dict(check_hash=True, weights_only=True)
    except (OSError, URLError) as error:
        raise InputError(f"ImageNet weights can't be fetched from {weights.url}: {error}") from error
    return {f"backbone.features.{name.removeprefix('features.')}": tensor for name, tensor in tensors.items()}


def _fill(model: CTL, tensors: dict[str, Tensor], names: set[str], source: str) -> None:
    """Copy tensors into the model. Classifiers stay as they are: they belong to the identities of another data set."""
    own = model.state_dict()
    for name in sorted(names):
        if name.startswith("classifiers."):
            tensors.pop(name, None)
        elif name not in tensors or tensors[name].shape != own[name].shape:
            shape = tuple(tensors[name].shape) if name in tensors else "nothing"
            raise InputError(
                f"start.checkpoint {source} doesn't fit [model]: {name} must be {tuple(own[name].shape)}, got {shape}"
            )
    model.load_state_dict(tensors, strict=False)
