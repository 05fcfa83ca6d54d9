"""Where the first weights come from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision

from ctl.checkpoint import load_checkpoint, save_checkpoint
from ctl.errors import InputError
from ctl.model import CTL
from ctl.train.config import TrainConfig
from ctl.train.start import initial_model
from ctl.train.toml import parse_config, read_config
from tests.conftest import randomise_
from weights.make_preview import PREVIEW

TINY = {"preset": "mobile", "channels": 16, "relation_width": 4}


def config(checkpoint: Path | str = "", part: str = "backbone", **model: object) -> TrainConfig:
    return parse_config({"model": TINY | model, "start": {"checkpoint": str(checkpoint), "part": part}}, "test")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CTL]:
    folder = tmp_path_factory.mktemp("start") / "made"
    model = randomise_(CTL(replace(config().model, identities=3)), seed=1)
    save_checkpoint(folder, model, trained=True)
    return folder, model


def origin(model: CTL, given: CTL, fresh: CTL) -> dict[str, set[str]]:
    """Top-level part of the model -> where its tensors come from."""
    sources = {"given": given.state_dict(), "fresh": fresh.state_dict()}
    found: dict[str, set[str]] = {}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        same = [source for source, state in sources.items() if name in state and torch.equal(state[name], tensor)]
        found.setdefault(name.split(".")[0], set()).add(same[0] if same else "neither")
    return found


@pytest.mark.parametrize(("part", "head"), [("backbone", "fresh"), ("all", "given")])
def test_a_checkpoint_gives_its_backbone_or_all_but_the_classifiers(checkpoint, part: str, head: str) -> None:
    folder, given = checkpoint
    model, fresh = initial_model(config(folder, part), 5), initial_model(config(), 5)
    parts = {name: {"given"} if name == "backbone" else {head} for name in origin(fresh, fresh, fresh)}
    assert origin(model, given, fresh) == parts | {"classifiers": {"fresh"}}


def test_weights_that_come_along_are_found_from_any_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = read_config(Path("walkers-mobile"))
    given = load_checkpoint(PREVIEW)[0]
    model, fresh = initial_model(recipe, 5), CTL(recipe.model)
    assert origin(model, given, fresh)["backbone"] == {"given"}


def test_the_same_seed_draws_the_same_weights_and_another_seed_others() -> None:
    first, again = initial_model(config(), 5).state_dict(), initial_model(config(), 5).state_dict()
    other = initial_model(replace(config(), run=replace(config().run, seed=1)), 5).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifiers.0.weight"], other["classifiers.0.weight"])


def test_a_checkpoint_of_another_shape_is_refused_by_name(checkpoint) -> None:
    with pytest.raises(InputError, match=r"doesn't fit \[model\]: extract\.\S+ must be \(24, 1280\), got \(16, 1280\)"):
        initial_model(config(checkpoint[0], "all", channels=24), 5)
    with pytest.raises(InputError, match=r"doesn't fit \[model\]: backbone\.\S+ must be .* got"):
        initial_model(config(checkpoint[0], backbone="resnet50"), 5)


@pytest.mark.parametrize("backbone", ["resnet50", "mobilenet_v2"])
def test_imagenet_weights_of_torchvision_fill_the_backbone(backbone: str, tmp_path: Path, monkeypatch) -> None:
    source = randomise_(getattr(torchvision.models, backbone)(weights=None), seed=2)
    name = Path(torchvision.models.get_model_weights(backbone)["IMAGENET1K_V1"].url).name
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(source.state_dict(), tmp_path / "hub" / "checkpoints" / name)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    got = initial_model(config("imagenet", backbone=backbone), 5).backbone.features.state_dict()
    given = {name.removeprefix("features."): tensor for name, tensor in source.state_dict().items()}
    assert all(torch.equal(tensor, given[name]) for name, tensor in got.items())


def test_imagenet_weights_that_cannot_be_fetched_are_an_input_error(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="ImageNet weights can't be fetched from https://"):
        initial_model(config("imagenet"), 5)
