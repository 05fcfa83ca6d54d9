"""The file that a killed run goes on from."""

import os
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ctl.config import ModelConfig
from ctl.errors import InputError
from ctl.losses import ctl_loss
from ctl.model import CTL
from ctl.train.config import OptimiserConfig
from ctl.train.optimiser import make_optimiser
from ctl.train.state import Progress, load_state, save_state

TINY = ModelConfig(
    backbone="mobilenet_v2", channels=16, relation_width=4, image_size=(32, 32), clip_length=2, identities=2
)


def make(seed: int, config: ModelConfig = TINY) -> tuple[CTL, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = CTL(config)
    model.backbone.freeze(3)
    return model, make_optimiser(model, OptimiserConfig(lr=0.01))


def learn(model: CTL, optimiser: torch.optim.Optimizer, steps: int) -> None:
    """On random clips of torch's own generator, so that its state matters too."""
    model.train()
    for _ in range(steps):
        output = model(torch.rand(4, 2, 3, 32, 32), torch.randn(4, 2, 17, 8, 8))
        optimiser.zero_grad()
        ctl_loss(output, torch.tensor([0, 0, 1, 1])).total.backward()
        optimiser.step()


@pytest.mark.slow
def test_a_run_goes_on_from_the_file_bit_for_bit(tmp_path: Path) -> None:
    model, optimiser = make(seed=0)
    learn(model, optimiser, 3)
    progress = Progress(step=3, first_loss=0.1 + 0.2, best=1 / 3)
    save_state(tmp_path / "state", progress, model, optimiser, {"scale": 1024.0})
    learn(model, optimiser, 2)

    other, its_optimiser = make(seed=1)
    assert load_state(tmp_path / "state", other, its_optimiser) == (progress, {"scale": 1024.0})
    learn(other, its_optimiser, 2)
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name
    moments, its_moments = optimiser.state_dict()["state"], its_optimiser.state_dict()["state"]
    assert moments.keys() == its_moments.keys()
    for number, values in moments.items():
        assert all(torch.equal(its_moments[number][name], value) for name, value in values.items())


def test_a_damaged_file_or_one_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    save_state(path, Progress(), *make(seed=0), None)
    other = ModelConfig(backbone="mobilenet_v2", channels=20, relation_width=4, identities=2)
    with pytest.raises(
        InputError, match=r"is of another model, .* classifiers.0.weight is torch.Size\(\[2, 16\]\) there"
    ):
        load_state(path, *make(0, other))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(InputError, match="is damaged"):
        load_state(path, *make(seed=0))


def test_moments_that_have_no_name_of_this_model_are_refused(tmp_path: Path) -> None:
    model, optimiser = make(seed=0)
    learn(model, optimiser, 1)
    save_state(tmp_path / "state", Progress(step=1), model, optimiser, None)
    with safe_open(tmp_path / "state", framework="pt") as file:
        metadata = file.metadata()
    tensors = {
        re.sub("^optimiser/[^/]+", "optimiser/0", name): tensor
        for name, tensor in load_file(tmp_path / "state").items()
    }
    save_file(tensors, tmp_path / "state", metadata)
    with pytest.raises(InputError, match="was written by an earlier version: start a new run"):
        load_state(tmp_path / "state", *make(seed=0))
