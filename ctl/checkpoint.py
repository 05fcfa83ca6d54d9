"""Checkpoints: a folder, or a repo on the Hub, with `config.json` and `model.safetensors`.

config.json: {"format": 1, "library": "ctl-video-reid", "skeleton": "coco-17", "trained": bool, "model": ModelConfig},
and, once similarities were calibrated, "calibration": {"slope", "intercept", "fitted_on"}. An untrained checkpoint may
say "weights": "backbone": its file holds the backbone alone, and all else is drawn as before a training with seed 0.
Nothing is unpickled, and weights load strictly: a key too many, too few or of another shape is named and refused.
"""

import os
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ctl.config import ModelConfig
from ctl.errors import InputError, printable
from ctl.files import ROOT, read_bytes, read_json, sha256_of, to_json, write_atomic
from ctl.hub import CARD, CONFIG, WEIGHTS, HubUnreachableError, fetch, parse_ref
from ctl.model import CTL
from ctl.runtime import Unfilled
from ctl.types import Calibration, CheckpointInfo

BUNDLED: Final = ROOT / "weights" / "ctl-walkers"
ENVIRONMENT: Final = "CTL_CHECKPOINT"
_HEADER: Final = {"format": 1, "library": "ctl-video-reid", "skeleton": "coco-17"}
_BACKBONE: Final = "backbone"
_LFS_POINTER: Final = b"version https://git-lfs"


@dataclass(frozen=True)
class _Source:
    """A checkpoint's two files, and what to call it."""

    id: str
    revision: str | None
    config: Path
    weights: Path


@dataclass(frozen=True)
class _Config:
    """What config.json says: the network's shape, whether it was trained, how its similarities are calibrated, and
    whether the weights are those of the backbone alone."""

    model: ModelConfig
    trained: bool
    calibration: Calibration | None
    only_backbone: bool

    def to_json(self) -> dict[str, Any]:
        weights = {"weights": _BACKBONE} if self.only_backbone else {}
        calibration = {} if self.calibration is None else {"calibration": asdict(self.calibration)}
        return {**_HEADER, "trained": self.trained, **weights, "model": self.model.to_json(), **calibration}


def save_checkpoint(
    folder: Path,
    model: CTL,
    *,
    trained: bool,
    card: str | None = None,
    half: bool = False,
    only_backbone: bool = False,
) -> CheckpointInfo:
    """Write a checkpoint. Each file is replaced whole; config.json comes last, and without it no folder loads.

    A calibration that the folder held is gone: it was that of other weights.

    The same weights always give the same bytes.

    Args:
        folder: made if it is missing.
        model: on any device, in any mode.
        trained: whether the graph layers were trained.
        card: text of README.md; None leaves the file alone.
        half: store kernels and matrices as float16. Vectors (norms and biases) stay float32: they are small, and
            running variances can leave float16's range.
        only_backbone: leave all else out, which a reader then draws anew; for a model that wasn't trained.
    """
    if only_backbone and trained:
        raise ValueError("a trained model is more than its backbone")
    names = _stored_names(model, only_backbone)
    data = save({name: _as_stored(tensor, half) for name, tensor in model.state_dict().items() if name in names})
    write_atomic(folder / WEIGHTS, data)
    if card is not None:
        write_atomic(folder / CARD, card.encode())
    write_atomic(folder / CONFIG, to_json(_Config(model.config, trained, None, only_backbone).to_json()))
    return CheckpointInfo(folder.resolve().name, None, sha256_of(data), trained, model.config.to_json())


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration into a checkpoint folder, in place of the one it has.

    Raises InputError if this version can't use the folder's config.json.
    """
    config = replace(_read_config(folder / CONFIG), calibration=calibration)
    write_atomic(folder / CONFIG, to_json(config.to_json()))


def _stored_names(model: CTL, only_backbone: bool) -> set[str]:
    return {name for name in model.state_dict() if name.startswith("backbone.") or not only_backbone}


def _as_stored(tensor: Tensor, half: bool) -> Tensor:
    shrink = half and tensor.is_floating_point() and tensor.ndim >= 2
    return (tensor.detach().half() if shrink else tensor.detach()).cpu().contiguous()


def load_checkpoint(
    ref: str | Path | None = None, device: str | torch.device = "cpu", *, fall_back: bool = True
) -> tuple[CTL, CheckpointInfo]:
    """Load a model, in eval mode and float32.

    Each file is opened once, here, and is not needed afterwards.

    >>> model, info = load_checkpoint()  # the bundled one
    >>> info.id, info.trained, model.training
    ('ctl-walkers', True, False)

    Args:
        ref: a folder, a Hub id "owner/name", or "owner/name@revision"; an existing folder wins. None or "" takes
            `CTL_CHECKPOINT` from the environment, or else the bundled checkpoint.
        device: where the model goes.
        fall_back: if the Hub can't be reached, take the bundled checkpoint, with a notice that says so. A page goes on
            with it; whoever trains, measures or exports wants what was asked for or nothing.
    Returns:
        the model, and where it came from.
    Raises:
        InputError: no such folder, or what is in it isn't a checkpoint that this version reads.
        HubError: the Hub answers, but not with that checkpoint; or it can't be reached, without `fall_back`.
    """
    notice = ""
    try:
        source = _locate(ref or os.environ.get(ENVIRONMENT) or BUNDLED)
    except HubUnreachableError as error:
        if not fall_back:
            raise
        source, notice = _locate(BUNDLED), f"{error}. The bundled checkpoint {BUNDLED.name} is used instead."
    config = _read_config(source.config)
    data = read_bytes(source.weights)
    with torch.random.fork_rng(devices=[]), nullcontext() if config.only_backbone else Unfilled():
        torch.manual_seed(0)
        model = CTL(config.model)
    _load_strictly(model, data, source.weights, _stored_names(model, config.only_backbone))
    info = CheckpointInfo(
        id=printable(source.id),
        revision=source.revision,
        sha256=sha256_of(data),
        trained=config.trained,
        config=config.model.to_json(),
        notice=notice,
        calibration=config.calibration,
    )
    return model.to(device).eval(), info


def _locate(ref: str | Path) -> _Source:
    try:
        folder = Path(ref)
        is_folder, exists = folder.is_dir(), folder.exists()
    except OSError as error:
        raise InputError(f"checkpoint {str(ref)[:80]!r}: {error.strerror}") from error
    if is_folder:
        return _Source(folder.resolve().name, None, folder / CONFIG, folder / WEIGHTS)
    if exists:
        raise InputError(f"{ref} is a file: give the folder that holds {CONFIG} and {WEIGHTS}")
    if isinstance(ref, Path) or ref.startswith((".", "/", "~")):
        raise InputError(f"there is no checkpoint folder {ref}")
    files = fetch(ref)
    return _Source(parse_ref(ref).repo_id, files.commit, files.config, files.weights)


def _read_config(path: Path) -> _Config:
    """Raises InputError if this version can't use the file."""
    values = read_json(path)
    for key, required in _HEADER.items():
        if values.get(key) != required:
            raise InputError(f"{path}: {key} must be {required!r}, got {values.get(key)!r}")
    unknown = set(values) - {*_HEADER, "trained", "weights", "model", "calibration"}
    if unknown:
        raise InputError(f"{path} has unknown keys: {', '.join(sorted(unknown))}")
    trained, model = values.get("trained"), values.get("model")
    if not isinstance(trained, bool) or not isinstance(model, dict):
        raise InputError(f"{path}: 'trained' must be true or false, and 'model' an object")
    only_backbone = "weights" in values
    if only_backbone and (trained or values["weights"] != _BACKBONE):
        raise InputError(f"{path}: 'weights' can only be {_BACKBONE!r}, of an untrained model")
    try:
        calibration = _read_calibration(values.get("calibration"))
        return _Config(ModelConfig.from_json(model), trained, calibration, only_backbone)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_calibration(values: Any) -> Calibration | None:
    """Inverse of `asdict`. Raises InputError if keys or values are others."""
    if values is None:
        return None
    if not isinstance(values, dict) or set(values) != {"slope", "intercept", "fitted_on"}:
        raise InputError("'calibration' must be an object of slope, intercept and fitted_on")
    slope, intercept, fitted_on = values["slope"], values["intercept"], values["fitted_on"]
    numbers = all(isinstance(number, int | float) and isfinite(number) for number in (slope, intercept))
    if not numbers or slope <= 0 or not isinstance(fitted_on, str):
        raise InputError("'calibration' must have a finite slope above 0, a finite intercept, and a text in fitted_on")
    return Calibration(float(slope), float(intercept), fitted_on)


def _load_strictly(model: CTL, data: bytes, path: Path, names: set[str]) -> None:
    """Fill the tensors named from safetensors. Raises InputError, which names the first key that doesn't fit."""
    if data.startswith(_LFS_POINTER):
        raise InputError(f"{path} only says where Git LFS keeps the weights: fetch them with `git lfs pull`")
    try:
        tensors: dict[str, Tensor] = load(data)
    except SafetensorError as error:
        raise InputError(f"{path} is damaged: {error}") from error
    own = {name: tensor for name, tensor in model.state_dict().items() if name in names}
    if missing := sorted(own.keys() - tensors.keys()):
        raise InputError(f"{path} has no {_name_first(missing)}")
    if extra := sorted(tensors.keys() - own.keys()):
        raise InputError(f"{path} has an unknown {_name_first(extra)}")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise InputError(f"{path}: {name} must be {tuple(own[name].shape)}, got {tuple(tensor.shape)}")
        if tensor.is_floating_point() != own[name].is_floating_point():
            raise InputError(f"{path}: {name} must be {own[name].dtype}, got {tensor.dtype}")
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds values that aren't finite")
    model.load_state_dict(tensors, strict=False)  # every name has been looked at


def _name_first(keys: list[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{keys[0]} (and {len(keys) - 1} more)"
