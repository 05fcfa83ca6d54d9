"""The command line in this process, and small inputs for every command."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.__main__ import main
from ctl.checkpoint import save_checkpoint
from ctl.config import PRESETS
from ctl.model import CTL
from tests.evaluate.conftest import checkpoint  # noqa: F401  # a fixture
from tests.train.world import SETTINGS, write_world

PLAIN = replace(PRESETS["mobile"], channels=16, image_size=(64, 32), graph="none", fusion="add")


@dataclass(frozen=True)
class Said:
    """What a command came to: its exit code and what it said."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """A function that runs a command and returns its exit code; a traceback is a failure of the test."""

    def run(*words: str | Path) -> Said:
        code = main(list(map(str, words)))
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def fails(command: Command) -> Callable[..., str]:
    """A function that runs a command, makes sure that it is refused in one line, and returns that."""

    def run(*words: str | Path) -> str:
        said = command(*words)
        assert said.code == 2, said
        assert said.err.startswith("ctl: ")
        assert len(said.err.splitlines()) == 1, said.err
        return said.err

    return run


@dataclass(frozen=True)
class Inputs:
    """What the commands take, in folders of their own.

    Args:
        checkpoint: of a small model.
        plain: of one without graphs, which is exported in a third of the time.
        clip: a folder of eight pictures.
        world: a data set to train on and evaluate.
        config: of a training run of one step.
    """

    checkpoint: Path
    plain: Path
    clip: Path
    world: Path
    config: Path


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Inputs:  # noqa: F811
    folder = tmp_path_factory.mktemp("inputs")
    write_clip(folder / "clip")
    write_world(folder / "world")
    settings = SETTINGS.format(root=folder / "world", heatmaps=folder / "maps")
    settings = settings.replace("epochs = 3", "epochs = 1").replace("steps_per_epoch = 2", "steps_per_epoch = 1")
    (folder / "run.toml").write_text(settings.replace("warmup_steps = 2", "warmup_steps = 1"))
    save_checkpoint(folder / "plain", CTL(PLAIN), trained=True)
    return Inputs(checkpoint, folder / "plain", folder / "clip", folder / "world", folder / "run.toml")


def write_clip(folder: Path, stem: str = "", seed: int = 0) -> None:
    """Eight pictures."""
    folder.mkdir(parents=True)
    for number, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (8, 64, 32, 3), np.uint8)):
        Image.fromarray(pixels).save(folder / f"{stem}{number}.png")


def write_list(path: Path, clip: Path) -> None:
    """What `gallery build` takes."""
    path.write_text(json.dumps([{"file": str(clip), "person": "eva", "camera": "1", "kind": "crop"}]))
