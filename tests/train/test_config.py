"""Training configs: what is read, what is refused and in which words, and that what is written reads the same."""

import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from ctl.__main__ import main
from ctl.config import PRESETS
from ctl.errors import InputError
from ctl.train.config import DataConfig, OptimiserConfig, TrainConfig
from ctl.train.toml import CONFIGS, first_difference, parse_config, read_config, to_toml


def test_an_empty_file_is_the_papers_model_with_defaults() -> None:
    assert parse_config({}, "empty") == TrainConfig()
    assert TrainConfig().model == PRESETS["paper"]


@pytest.mark.parametrize("name", [b"M\374ller", b'line\nbreak "quoted" \\', b"\x7f \x1b[2J", "ü".encode()])
def test_a_folder_of_any_name_is_written_and_read_back(name: bytes, tmp_path: Path) -> None:
    config = TrainConfig(data=DataConfig(root=os.fsdecode(name)))
    (tmp_path / "written.toml").write_bytes(to_toml(config))
    assert read_config(tmp_path / "written.toml") == config


def test_paper_config_is_section_4_1() -> None:
    config = read_config(Path("paper-mars"))
    assert config.model == PRESETS["paper"]
    assert (config.optimiser.lr, config.optimiser.weight_decay, config.optimiser.backbone_rate) == (3e-4, 5e-4, 1)
    assert (config.schedule.epochs, config.schedule.decay, config.schedule.warmup_steps) == (240, "step", 0)
    assert (config.schedule.decay_every, config.schedule.decay_factor) == (60, 0.1)
    assert (config.batch.persons, config.batch.clips) == (8, 4)
    assert (config.loss.triplet, config.loss.identification, config.loss.diversity) == (1, 1, 1)
    assert (config.data.name, config.start.checkpoint, config.optimiser.frozen_blocks) == ("mars", "imagenet", 0)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted(CONFIGS.glob("*.toml"))])
def test_every_config_that_comes_along_reads_back_as_it_was_written(path: Path, tmp_path: Path) -> None:
    config = read_config(path)
    (tmp_path / "written.toml").write_bytes(to_toml(config))
    assert read_config(tmp_path / "written.toml") == config
    assert read_config(Path(path.stem)) == config == read_config(Path(path.name))


def test_overrides_are_toml_or_else_words() -> None:
    overrides = ["data.root=/data/m ars", "optimiser.lr=1", "model.image_size=[64, 32]", 'start.checkpoint="a=b"']
    config = read_config(Path("paper-mars"), [*overrides, "loss.triplet_after_neck=true"])
    assert config.data.root == "/data/m ars"
    assert config.optimiser.lr == 1.0
    assert isinstance(config.optimiser.lr, float)
    assert config.model.image_size == (64, 32)
    assert config.start.checkpoint == "a=b"
    assert config.loss.triplet_after_neck


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param("optimizer.lr=1", r"no section 'optimizer': did you mean optimiser\?", id="section"),
        pytest.param("schedule.epoch=3", r"\[schedule\] has no key 'epoch': did you mean epochs", id="near-key"),
        pytest.param("batch.xyz=3", r"no key 'xyz': choose among persons, clips, neighbours$", id="far-key"),
        pytest.param("optimiser.learning_rate=1", r"no key 'learning_rate': did you mean lr\?", id="usual-word"),
        pytest.param("model.layer=3", r"\[model\] has no key 'layer': did you mean layers", id="model-key"),
        pytest.param("model.identities=3", r"\[model\] has no key 'identities'", id="identities-follow-from-data"),
        pytest.param("model.preset=huge", "model.preset must be one of paper, mobile, got 'huge'", id="preset"),
        pytest.param("model.window=2", "window must be an odd integer", id="model-value"),
        pytest.param("optimiser.lr=fast", "optimiser.lr must be a number, got 'fast'", id="word-for-number"),
        pytest.param("optimiser.lr=true", "optimiser.lr must be a number, got True", id="bool-for-number"),
        pytest.param("optimiser.lr=nan", "optimiser.lr must be > 0, got nan", id="nan"),
        pytest.param("batch.persons=2.5", "batch.persons must be an integer, got 2.5", id="float-for-integer"),
        pytest.param("batch.persons=1", "batch.persons must be ≥ 2", id="one-person"),
        pytest.param("batch.neighbours=2", "batch.neighbours must be one less than a divisor of 8", id="neighbours"),
        pytest.param(
            "batch.neighbours=3", "batch.neighbours must be 0 unless start.imprint is on", id="unknown-likeness"
        ),
        pytest.param("schedule.decay=linear", "schedule.decay must be one of step, cosine, got 'linear'", id="choice"),
        pytest.param("loss.smoothing=1", "loss.smoothing must be in 0..1", id="range"),
        pytest.param("loss.triplet_after_neck=1", "must be true or false, got 1", id="integer-for-bool"),
        pytest.param("run=3", "--set takes section.key=value, got 'run=3'", id="no-key"),
        pytest.param("run.seed", "--set takes section.key=value, got 'run.seed'", id="no-value"),
    ],
)
def test_what_is_wrong_is_named(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_config(Path("paper-mars"), [override])


def test_a_missing_file_names_the_configs_that_come_along(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No such file .* paper-mars, walkers-graph, walkers-many, walkers-mobile"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize("command", ["train", "ablate"])
def test_the_help_names_the_configs_that_come_along(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # argparse breaks lines at hyphens
    with pytest.raises(SystemExit):
        main([command, "--help"])
    words = capsys.readouterr().out.replace(",", " ").split()
    assert {config.stem for config in CONFIGS.glob("*.toml")} <= set(words)


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[model\n")
    with pytest.raises(InputError, match=r"bad.toml is not valid TOML"):
        read_config(tmp_path / "bad.toml")
    (tmp_path / "flat.toml").write_text("model = 3\n")
    with pytest.raises(InputError, match="model must be a section, got 3"):
        read_config(tmp_path / "flat.toml")


def test_difference_names_the_key_and_leaves_out_what_may_change() -> None:
    config = TrainConfig()
    moved = replace(config, data=replace(config.data, root="/elsewhere"), run=replace(config.run, workers=3))
    assert first_difference(config, moved) == ""
    faster = replace(config, optimiser=OptimiserConfig(lr=0.5))
    assert first_difference(faster, config) == "optimiser.lr is 0.5 now and 0.0003 there"


def test_written_config_is_toml_with_every_key() -> None:
    values = tomllib.loads(to_toml(TrainConfig()).decode())
    assert values["schedule"]["steps_per_epoch"] == 234
    assert set(values) == {"model", "data", "batch", "augment", "start", "optimiser", "schedule", "loss", "run"}
