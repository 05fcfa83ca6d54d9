"""What a training run is: a TOML file into frozen values, and back. Every key is known, or it is an error."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from ctl.config import PRESETS, ModelConfig
from ctl.data.transforms import Augment
from ctl.errors import InputError
from ctl.keypoints.base import MOVENET

CONFIGS: Final = Path(__file__).resolve().parent / "configs"
MAY_CHANGE: Final = frozenset({("data", "root"), ("data", "heatmaps"), ("data", "decoders"), ("run", "workers")})
"""What a resumed run may set anew, as it decides nothing about the weights."""

_OTHER_WORDS: Final = {
    "learning_rate": "lr",
    "batch_size": "persons",
    "num_instances": "clips",
    "num_workers": "workers",
    "max_epochs": "epochs",
    "gamma": "decay_factor",
    "label_smoothing": "smoothing",
    "pretrained": "checkpoint",
}
"""What keys are called elsewhere."""

_KINDS: Final = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What is learned from, and what the model is validated on.

    Args:
        name: data set, as `ctl.data.load_benchmark` names it.
        root: its folder.
        split: number of the split, from 0, where the data set has several.
        keypoints: estimator of the heat maps, as `ctl.keypoints.base.load_estimator` names it.
        heatmaps: folder that keeps heat maps between runs; "" is `heatmaps` in `root`.
        decoders: processes that decode pictures while heat maps are computed; 0 does it in the process itself, -1 takes
            as many as pay on this machine (`ctl.data.decoding.decoding_processes`).
        held_out: training persons that are left out of training and validated on. 0 validates on the query and gallery
            of the split, as the papers of the field do: their best epoch is then chosen on the test set.
        leave_out_damaged: whether frames that are missing or don't decode are left out, and counted on stderr, instead
            of ending the run.
    """

    name: str = "walkers"
    root: str = ""
    split: int = 0
    keypoints: str = MOVENET
    heatmaps: str = ""
    decoders: int = -1
    held_out: int = 0
    leave_out_damaged: bool = False

    def __post_init__(self) -> None:
        _require(self.split >= 0, "data.split", self.split, "≥ 0")
        _require(self.decoders >= -1, "data.decoders", self.decoders, "≥ -1")
        _require(self.held_out >= 0, "data.held_out", self.held_out, "≥ 0")


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """P x K clips: so many persons, so many clips of each (per process)."""

    persons: int = 8
    clips: int = 4

    def __post_init__(self) -> None:
        _require(self.persons >= 2, "batch.persons", self.persons, "≥ 2: a triplet needs two persons")
        _require(self.clips >= 2, "batch.clips", self.clips, "≥ 2: a triplet needs two clips of a person")


@dataclass(frozen=True, slots=True)
class StartConfig:
    """Where weights come from before the first step.

    Args:
        checkpoint: folder or Hub id; "imagenet" is torchvision's weights of the backbone; "" draws all at random.
        part: "backbone" takes only the backbone from the checkpoint, "all" everything but the classifiers.
    """

    checkpoint: str = ""
    part: Literal["backbone", "all"] = "backbone"


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """Adam (Kingma & Ba 2015), with its weight decay added to the gradient.

    Args:
        lr: learning rate.
        backbone_rate: learning rate of the backbone over `lr`.
        frozen_blocks: first blocks of the backbone that don't learn: their batch norms keep their statistics, and no
            gradient is computed through them.
        weight_decay: of the backbone and of the head's linear maps; `make_optimiser` says which ones it spares.
        clip_norm: longest gradient over all parameters; longer ones are shortened to it. 0 leaves them.
    """

    lr: float = 3e-4
    backbone_rate: float = 1.0
    frozen_blocks: int = 0
    weight_decay: float = 5e-4
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        _require(0 < self.lr < inf, "optimiser.lr", self.lr, "> 0")
        _require(0 < self.backbone_rate < inf, "optimiser.backbone_rate", self.backbone_rate, "> 0")
        _require(self.frozen_blocks >= 0, "optimiser.frozen_blocks", self.frozen_blocks, "≥ 0")
        _require(0 <= self.weight_decay < inf, "optimiser.weight_decay", self.weight_decay, "≥ 0")
        _require(0 <= self.clip_norm < inf, "optimiser.clip_norm", self.clip_norm, "≥ 0")


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """How long, and how the learning rate changes.

    Args:
        epochs: of `steps_per_epoch` steps each. Both are explicit, because samplers of the field disagree on what an
            epoch is.
        warmup_steps: the rate grows linearly over so many steps.
        decay: "step" multiplies the rate by `decay_factor` after every `decay_every` epochs; "cosine" brings it to 0 at
            the end along half a wave (Loshchilov & Hutter 2017).
    """

    epochs: int = 240
    steps_per_epoch: int = 234
    warmup_steps: int = 0
    decay: Literal["step", "cosine"] = "step"
    decay_every: int = 60
    decay_factor: float = 0.1

    def __post_init__(self) -> None:
        for name in ("epochs", "steps_per_epoch", "decay_every"):
            _require(getattr(self, name) >= 1, f"schedule.{name}", getattr(self, name), "≥ 1")
        _require(self.warmup_steps >= 0, "schedule.warmup_steps", self.warmup_steps, "≥ 0")
        _require(0 < self.decay_factor <= 1, "schedule.decay_factor", self.decay_factor, "in 0..1")

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch


@dataclass(frozen=True, slots=True)
class LossConfig:
    """The weights λ of Eq. 9, and what `ctl.losses.ctl_loss` takes besides."""

    triplet: float = 1.0
    identification: float = 1.0
    diversity: float = 1.0
    margin: float = 0.3
    smoothing: float = 0.1
    triplet_after_neck: bool = False
    scales: float = 0.0

    def __post_init__(self) -> None:
        for name in ("triplet", "identification", "diversity", "margin", "scales"):
            _require(0 <= getattr(self, name) < inf, f"loss.{name}", getattr(self, name), "≥ 0")
        _require(0 <= self.smoothing < 1, "loss.smoothing", self.smoothing, "in 0..1")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How the run goes about it.

    Args:
        seed: of the first weights, the batches and the augmentation.
        precision: of the network's forward pass; losses and weights stay float32.
        validate_every: epochs between validations; 0 never validates, and then the last weights are the best.
        save_every: steps between saves, besides the end of every epoch. A killed run loses at most these.
        workers: processes that read and augment ahead of the step; 0 reads in the training process. On a GPU they only
            draw what is done to a batch; before the first step as many as there are cores read the training set.
    """

    seed: int = 0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    validate_every: int = 10
    save_every: int = 500
    workers: int = 1

    def __post_init__(self) -> None:
        _require(self.seed >= 0, "run.seed", self.seed, "≥ 0")
        _require(self.validate_every >= 0, "run.validate_every", self.validate_every, "≥ 0")
        _require(self.save_every >= 1, "run.save_every", self.save_every, "≥ 1")
        _require(self.workers >= 0, "run.workers", self.workers, "≥ 0")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides a run, one field a TOML section. On a CPU, equal configs give equal weights."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    augment: Augment = field(default_factory=Augment)
    start: StartConfig = field(default_factory=StartConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    run: RunConfig = field(default_factory=RunConfig)


def read_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """A run's config from a TOML file.

    Args:
        path: the file, or the name of one in `ctl/train/configs`, with or without ".toml".
        overrides: "section.key=value" each; the value is TOML, or else taken as a string.
    Raises:
        InputError: no such file, or it isn't TOML; a key is unknown (the message names the nearest) or a value isn't
            allowed.
    """
    bundled = CONFIGS / f"{path.name.removesuffix('.toml')}.toml"
    file = bundled if not path.exists() and path.name == str(path) and bundled.exists() else path
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(config.stem for config in CONFIGS.glob("*.toml")))
        raise InputError(f"{path} can't be read: {error.strerror}; configs that come along: {known}") from error
    except ValueError as error:  # also where the text isn't UTF-8
        raise InputError(f"{path} is not valid TOML: {error}") from error
    for override in overrides:
        _override(values, override)
    return parse_config(values, str(path))


def parse_config(values: Mapping[str, Any], source: str) -> TrainConfig:
    """Sections and their keys as TOML gives them -> config. Raises InputError, which names `source`."""
    sections = get_type_hints(TrainConfig)
    _refuse_unknown(values, sections, f"{source} has no section")
    parsed: dict[str, Any] = {}
    for name, kind in sections.items():
        section = values.get(name, {})
        if not isinstance(section, dict):
            raise InputError(f"{source}: {name} must be a section, got {section!r}")
        try:
            parsed[name] = _model(section) if kind is ModelConfig else _section(kind, section, name)
        except InputError as error:
            raise InputError(f"{source}: {error}") from error
    return TrainConfig(**parsed)


def to_toml(config: TrainConfig) -> str:
    """The config with every key written out, as `read_config` reads it."""
    lines = []
    for name, section in to_values(config).items():
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in section.items()), ""]
    return "\n".join(lines)


def to_values(config: TrainConfig) -> dict[str, dict[str, Any]]:
    """Section -> key -> value, as `parse_config` reads them. The number of identities isn't there: data decides it."""
    values = asdict(config)
    del values["model"]["identities"]
    return values


def first_difference(config: TrainConfig, other: TrainConfig) -> str:
    """ "section.key: value, other value" of the first key that may not change on resuming; "" where there is none."""
    ours, theirs = to_values(config), to_values(other)
    for section, values in ours.items():
        for key, value in values.items():
            if value != theirs[section][key] and (section, key) not in MAY_CHANGE:
                return f"{section}.{key} is {_toml(value)} now and {_toml(theirs[section][key])} there"
    return ""


def _override(values: dict[str, Any], override: str) -> None:
    place, equals, text = override.partition("=")
    section, dot, key = place.strip().partition(".")
    if not (equals and dot and key):
        raise InputError(f"--set takes section.key=value, got {override!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    target = values.setdefault(section, {})
    if isinstance(target, dict):
        target[key] = value


def _model(section: Mapping[str, Any]) -> ModelConfig:
    """A preset, and what differs from it. The number of identities follows from the data."""
    names = [name for name in (f.name for f in fields(ModelConfig)) if name != "identities"]
    _refuse_unknown(section, ["preset", *names], "[model] has no key")
    preset = section.get("preset", "paper")
    if preset not in PRESETS:
        raise InputError(f"model.preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    changes: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in section.items() if key != "preset"
    }
    return replace(PRESETS[preset], **changes)


def _section(kind: Any, section: Mapping[str, Any], name: str) -> Any:
    hints = get_type_hints(kind)
    _refuse_unknown(section, hints, f"[{name}] has no key")
    return kind(**{key: _convert(value, hints[key], f"{name}.{key}") for key, value in section.items()})


def _convert(value: Any, hint: Any, name: str) -> Any:
    """A TOML value as the type that a field declares. Raises InputError where it isn't one."""
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is Literal:
        _require(value in arguments, name, value, f"one of {', '.join(map(str, arguments))}")
        return value
    if kind is tuple:
        _require(isinstance(value, list), name, value, "a list")
        items = [arguments[0]] * len(value) if arguments[-1] is ... else list(arguments)
        _require(len(value) == len(items), name, value, f"a list of {len(items)}")
        return tuple(_convert(item, wanted, name) for item, wanted in zip(value, items, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    _require(type(value) is hint, name, value, _KINDS[hint])
    return value


def _refuse_unknown(given: Mapping[str, Any], known: Sequence[str] | Mapping[str, Any], complaint: str) -> None:
    for key in given:
        if key not in known:
            usual = [_OTHER_WORDS[key]] if _OTHER_WORDS.get(key) in known else []
            near = usual or get_close_matches(key, list(known), n=3, cutoff=0.5)
            remedy = f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(known)}"
            raise InputError(f"{complaint} {key!r}: {remedy}")


def _toml(value: object) -> str:
    """A TOML value: JSON's notation of strings, numbers, booleans and lists is TOML's too."""
    return json.dumps(value, ensure_ascii=False)


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise InputError(f"{name} must be {wanted}, got {value!r}")
