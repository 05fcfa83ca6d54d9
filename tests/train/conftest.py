"""The tiny data set and its heat maps, made once for all tests of training."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ctl.train.config import TrainConfig
from ctl.train.toml import read_config
from tests.train.world import SETTINGS, write_world


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TOML file; its data set lies beside it."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder / "data")
    path = folder / "tiny.toml"
    path.write_text(SETTINGS.format(root=folder / "data", heatmaps=folder / "maps"))
    return path


@pytest.fixture
def configure(settings: Path) -> Callable[..., TrainConfig]:
    """The tiny config with overrides, "section.key=value" each."""
    return lambda *overrides: read_config(settings, overrides)
