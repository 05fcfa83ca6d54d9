"""Where a run stands, in one file that is replaced whole: a killed run goes on from it as if nothing had happened.

`resume.safetensors` holds the weights, the optimiser's moments and the state of torch's generators, and as metadata a
JSON object with the step and the rest. The batches need nothing: they follow from the seed and the step.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ctl.errors import InputError
from ctl.files import write_atomic
from ctl.model import CTL

STATE: Final = "resume.safetensors"


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run knows besides its tensors.

    Args:
        step: steps done.
        first_loss: total loss of step 1; None before it.
        best: highest validation mAP so far; -1 before the first validation.
    """

    step: int = 0
    first_loss: float | None = None
    best: float = -1.0


def save_state(
    path: Path, progress: Progress, model: CTL, optimiser: torch.optim.Optimizer, scaler: dict[str, Any] | None
) -> None:
    """Write the file.

    Args:
        scaler: state of the gradient scaler of float16; None without one.
    """
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        moments = optimiser.state.get(parameter, {})
        tensors |= {f"optimiser/{name}/{kind}": tensor for kind, tensor in moments.items()}
    tensors["generator/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["generator/cuda"] = torch.cuda.get_rng_state()
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(whole, {"progress": json.dumps({**asdict(progress), "scaler": scaler})}))


def load_state(path: Path, model: CTL, optimiser: torch.optim.Optimizer) -> tuple[Progress, dict[str, Any] | None]:
    """Fill a model and its optimiser, set torch's generators; returns the progress and the scaler's state.

    Raises:
        InputError: the file is damaged, or is of another model.
    """
    try:
        data = path.read_bytes()  # safetensors opens no file whose name isn't UTF-8
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        values = json.loads(header["__metadata__"]["progress"])
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged, start a new run in another folder: {error}") from error
    weights = _within(tensors, "model/")
    shapes, own = ({name: t.shape for name, t in state.items()} for state in (weights, model.state_dict()))
    if shapes != own:
        different = min(name for name in shapes.keys() | own.keys() if shapes.get(name) != own.get(name))
        raise InputError(
            f"{path} is of another model, or the training persons have changed: {different} is "
            f"{shapes.get(different)} there and {own.get(different)} here"
        )
    moments = _within(tensors, "optimiser/")
    if not {place.rpartition("/")[0] for place in moments} <= own.keys():
        raise InputError(f"{path} was written by an earlier version: start a new run in another folder")
    model.load_state_dict(weights)
    _load_moments(model, optimiser, moments)
    torch.set_rng_state(tensors["generator/cpu"])
    if "generator/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["generator/cuda"])
    scaler = values.pop("scaler")
    return Progress(**values), scaler


def _within(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _load_moments(model: CTL, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Moments in the memory layout of their parameters, so that updates run in the same order as before."""
    learning = [p for group in optimiser.param_groups for p in group["params"]]
    names = {id(p): name for name, p in model.named_parameters()}
    state = {}
    for number, parameter in enumerate(learning):
        state[number] = {
            kind: torch.empty_like(parameter).copy_(tensor) if tensor.ndim else tensor
            for kind, tensor in _within(tensors, f"{names[id(parameter)]}/").items()
        }
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
