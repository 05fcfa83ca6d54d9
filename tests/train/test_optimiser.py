"""What learns and how fast."""

import math

import pytest
import torch
from torch import nn

from ctl.config import ModelConfig
from ctl.errors import InputError
from ctl.losses import ctl_loss
from ctl.model import CTL
from ctl.train.config import OptimiserConfig, ScheduleConfig
from ctl.train.optimiser import freeze, make_optimiser, rate_at, set_rate, training_mode

TINY = ModelConfig(
    backbone="mobilenet_v2", channels=16, relation_width=4, image_size=(32, 32), clip_length=2, identities=2
)


def learn_once(model: CTL, config: OptimiserConfig) -> None:
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(4, 2, 3, 32, 32, generator=generator)
    optimiser = make_optimiser(model, config)
    training_mode(model, config.frozen_blocks)
    output = model(frames, torch.randn(4, 2, 17, 8, 8, generator=generator))
    ctl_loss(output, torch.tensor([0, 0, 1, 1])).total.backward()
    optimiser.step()


@pytest.mark.parametrize("blocks", [0, 1, 7, 19])
def test_frozen_blocks_keep_every_number_and_all_else_learns(blocks: int) -> None:
    torch.manual_seed(0)
    model = CTL(TINY)
    freeze(model, blocks)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    learn_once(model, OptimiserConfig(frozen_blocks=blocks))
    for name, tensor in model.state_dict().items():
        frozen = name.startswith("backbone.") and int(name.split(".")[2]) < blocks
        assert torch.equal(tensor, before[name]) == frozen, name


def test_no_gradient_is_computed_through_frozen_blocks() -> None:
    model = CTL(TINY)
    freeze(model, 7)
    seen: list[bool] = []
    for block in model.backbone.features:
        block.register_forward_hook(lambda *args: seen.append(args[-1].requires_grad))
    training_mode(model, 7)
    model(torch.rand(2, 1, 3, 32, 32), torch.zeros(2, 1, 17, 8, 8))
    assert seen == [False] * 7 + [True] * 12


def test_groups_hold_every_learning_parameter_once_at_its_own_rate() -> None:
    model = CTL(TINY)
    freeze(model, 3)
    optimiser = make_optimiser(model, OptimiserConfig(lr=0.01, backbone_rate=0.1, weight_decay=0.5))
    set_rate(optimiser, 0.5)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert len(rates) == sum(len(group["params"]) for group in optimiser.param_groups)
    for name, parameter in model.named_parameters():
        want = None if not parameter.requires_grad else 0.0005 if name.startswith("backbone.") else 0.005
        assert rates.get(id(parameter)) == want, name
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.5}


def test_a_backbone_that_is_all_frozen_leaves_one_group() -> None:
    model = CTL(TINY)
    freeze(model, 19)
    assert [group["name"] for group in make_optimiser(model, OptimiserConfig()).param_groups] == ["head"]


def test_too_many_frozen_blocks_are_refused() -> None:
    with pytest.raises(InputError, match="frozen_blocks is 20, but mobilenet_v2 has 19 blocks"):
        freeze(CTL(TINY), 20)


def test_papers_rate_falls_to_a_tenth_after_every_60_epochs() -> None:
    schedule = ScheduleConfig(epochs=240, steps_per_epoch=10, decay_every=60)
    epochs = {epoch: rate_at(10 * epoch + 9, schedule) for epoch in (0, 59, 60, 119, 120, 179, 180, 239)}
    want = {0: 1, 59: 1, 60: 0.1, 119: 0.1, 120: 0.01, 179: 0.01, 180: 0.001, 239: 0.001}
    assert epochs == pytest.approx(want)


def test_cosine_starts_at_one_halves_in_the_middle_and_ends_near_zero() -> None:
    schedule = ScheduleConfig(epochs=10, steps_per_epoch=10, decay="cosine")
    assert [rate_at(step, schedule) for step in (0, 50, 25)] == pytest.approx([1, 0.5, 0.5 + math.sqrt(0.125)])
    assert 0 < rate_at(99, schedule) < 0.001


def test_warmup_grows_linearly_and_ends_at_the_schedules_own_rate() -> None:
    schedule = ScheduleConfig(warmup_steps=4)
    assert [rate_at(step, schedule) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_batch_norms_of_frozen_blocks_stay_in_evaluation() -> None:
    model = CTL(TINY)
    training_mode(model, 2)
    modes = [[m.training for m in b.modules() if isinstance(m, nn.BatchNorm2d)] for b in model.backbone.features]
    assert not any(modes[0] + modes[1])
    assert all(mode for block in modes[2:] for mode in block)
