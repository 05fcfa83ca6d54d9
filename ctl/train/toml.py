"""A training run's config: a TOML file into frozen values, and back. Every key is known, or it is an error."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from ctl.config import PRESETS, ModelConfig
from ctl.errors import InputError, require
from ctl.train.config import TrainConfig

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
        values = tomllib.loads(file.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError as error:
        bundled_names = ", ".join(sorted(config.stem for config in CONFIGS.glob("*.toml")))
        raise InputError(f"{path} can't be read: {error.strerror}; configs that come along: {bundled_names}") from error
    except ValueError as error:
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


def to_toml(config: TrainConfig) -> bytes:
    """The config with every key written out, as `read_config` reads it: UTF-8, but for paths that are no text, which
    have the file system's own bytes."""
    lines = []
    for name, section in to_values(config).items():
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in section.items()), ""]
    return "\n".join(lines).encode(errors="surrogateescape")


def to_values(config: TrainConfig) -> dict[str, dict[str, Any]]:
    """Section -> key -> value, as `parse_config` reads them. The number of identities isn't there: data decides it."""
    values = asdict(config)
    del values["model"]["identities"]
    return values


def first_difference(config: TrainConfig, earlier: TrainConfig) -> str:
    """Say in what configs differ: the first key that may not change on resuming, with both values. "" if in none."""
    values, earlier_values = to_values(config), to_values(earlier)
    for section, keys in values.items():
        for key, value in keys.items():
            earlier_value = earlier_values[section][key]
            if value != earlier_value and (section, key) not in MAY_CHANGE:
                return f"{section}.{key} is {_toml(value)} now and {_toml(earlier_value)} there"
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
        key: tuple(value) if isinstance(value, list) else value for key, value in section.items() if key != "preset"
    }
    return replace(PRESETS[preset], **changes)


def _section(kind: Any, section: Mapping[str, Any], name: str) -> Any:
    hints = get_type_hints(kind)
    _refuse_unknown(section, hints, f"[{name}] has no key")
    return kind(**{key: _convert(value, hints[key], f"{name}.{key}") for key, value in section.items()})


def _convert(value: Any, hint: Any, name: str) -> Any:
    """A TOML value as the type that a field declares. Raises InputError if it isn't one."""
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is Literal:
        require(value in arguments, name, value, f"one of {', '.join(map(str, arguments))}")
        return value
    if kind is tuple:
        require(isinstance(value, list), name, value, "a list")
        items = [arguments[0]] * len(value) if arguments[-1] is ... else list(arguments)
        require(len(value) == len(items), name, value, f"a list of {len(items)}")
        return tuple(_convert(item, wanted, name) for item, wanted in zip(value, items, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    require(type(value) is hint, name, value, _KINDS[hint])
    return value


def _refuse_unknown(section: Mapping[str, Any], names: Sequence[str] | Mapping[str, Any], complaint: str) -> None:
    for key in section:
        if key not in names:
            synonym = [_OTHER_WORDS[key]] if _OTHER_WORDS.get(key) in names else []
            near = synonym or get_close_matches(key, list(names), n=3, cutoff=0.5)
            remedy = f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(names)}"
            raise InputError(f"{complaint} {key!r}: {remedy}")


def _toml(value: object) -> str:
    """A TOML value: JSON's notation of strings, numbers, booleans and lists is TOML's too, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
