"""What learns and how fast."""

import math

import pytest

from ctl.config import ModelConfig
from ctl.model import CTL
from ctl.train.config import OptimiserConfig, ScheduleConfig
from ctl.train.optimiser import make_optimiser, rate_at, set_rate
from tests.train.world import UNDECAYED

TINY = ModelConfig(
    backbone="mobilenet_v2", channels=16, relation_width=4, image_size=(32, 32), clip_length=2, identities=2
)


def test_groups_hold_every_learning_parameter_once_at_its_own_rate() -> None:
    model = CTL(TINY)
    model.backbone.freeze(3)
    optimiser = make_optimiser(model, OptimiserConfig(lr=0.01, backbone_rate=0.1, weight_decay=0.5))
    set_rate(optimiser, 0.5)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert len(rates) == sum(len(group["params"]) for group in optimiser.param_groups)
    for name, parameter in model.named_parameters():
        want = None if not parameter.requires_grad else 0.0005 if name.startswith("backbone.") else 0.005
        assert rates.get(id(parameter)) == want, name


def test_what_no_norm_restores_is_not_decayed() -> None:
    model = CTL(TINY)
    optimiser = make_optimiser(model, OptimiserConfig(weight_decay=0.5))
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    undecayed = {name for name, p in model.named_parameters() if p.requires_grad and decay[id(p)] == 0}
    head = {name for name, _ in model.named_parameters() if not name.startswith("backbone.")}
    assert undecayed == {name for name in head if UNDECAYED.search(name)}
    assert set(decay.values()) == {0, 0.5}


def test_a_backbone_that_is_all_frozen_has_no_group() -> None:
    model = CTL(TINY)
    model.backbone.freeze(19)
    groups = make_optimiser(model, OptimiserConfig()).param_groups
    assert [group["name"] for group in groups] == ["head", "undecayed"]


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
