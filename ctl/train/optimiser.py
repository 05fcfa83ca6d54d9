"""What learns, and how fast: parameter groups, and the learning rate as a function of the step."""

from math import cos, pi

import torch

from ctl.model import CTL
from ctl.train.config import OptimiserConfig, ScheduleConfig


def make_optimiser(model: CTL, config: OptimiserConfig) -> torch.optim.Adam:
    """Adam with two groups, "backbone" at its own rate and "head", over exactly the parameters that learn.

    Each group keeps its full rate as "base"; `set_rate` scales it.
    """
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    backbone = [p for name, p in learning.items() if name.startswith("backbone.")]
    head = [p for name, p in learning.items() if not name.startswith("backbone.")]
    groups = [
        {"name": "backbone", "params": backbone, "base": config.lr * config.backbone_rate},
        {"name": "head", "params": head, "base": config.lr},
    ]
    groups = [group for group in groups if group["params"]]
    covered = [id(p) for group in groups for p in group["params"]]  # type: ignore[attr-defined]
    assert sorted(covered) == sorted(id(p) for p in learning.values()), "every parameter that learns is in one group"
    return torch.optim.Adam(groups, lr=config.lr, weight_decay=config.weight_decay)


def set_rate(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Give every group this share of its own full rate."""
    for group in optimiser.param_groups:
        group["lr"] = share * group["base"]


def rate_at(step: int, schedule: ScheduleConfig) -> float:
    """Share of the full learning rate that step 0, 1, ... runs at, in 0..1."""
    if schedule.decay == "step":
        share = schedule.decay_factor ** (step // schedule.steps_per_epoch // schedule.decay_every)
    else:
        share = (1 + cos(pi * step / schedule.steps)) / 2
    return share * min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else share
