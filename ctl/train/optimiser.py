"""What learns, and how fast: parameter groups, and the learning rate as a function of the step."""

from math import cos, pi
from typing import Final

import torch

from ctl.graph import CrossScaleConv, Topology
from ctl.model import CTL
from ctl.train.config import OptimiserConfig, ScheduleConfig

IMPRINTED_RATE: Final = 0.05
"""Learning rate of imprinted classifiers over that of the head."""


def make_optimiser(
    model: CTL, config: OptimiserConfig, fused: bool = False, imprinted: bool = False
) -> torch.optim.Adam:
    """Adam over exactly the parameters that learn: "backbone" at its own rate, "head", and "undecayed" of the head;
    "imprinted", the classifiers, if they begin where their persons are.

    Each group keeps its full rate as "base"; `set_rate` scales it. `fused` updates all weights in one kernel, for GPUs;
    its sums are in another order.

    Differs: no weight decay on the head's norms and biases, on A^m, and on W of Eq. 6. Adam divides the decay by the
    size of the gradient like all the rest, so what has small gradients goes to zero, and no norm after W of Eq. 6 or
    A^m brings their size back: the links between scales would close.
    """
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    without_norm = {id(m.weight.weight) for m in model.modules() if isinstance(m, CrossScaleConv)}
    without_norm |= {id(m.mask) for m in model.modules() if isinstance(m, Topology) and m.mask is not None}

    def group_of(name: str, parameter: torch.Tensor) -> str:
        if name.startswith("backbone."):
            return "backbone"
        if imprinted and name.startswith("classifiers."):
            return "imprinted"
        return "undecayed" if parameter.ndim == 1 or id(parameter) in without_norm else "head"

    rates = {"backbone": config.backbone_rate, "imprinted": IMPRINTED_RATE}
    groups = [
        {
            "name": group,
            "params": [p for name, p in learning.items() if group_of(name, p) == group],
            "base": config.lr * rates.get(group, 1.0),
            "weight_decay": 0.0 if group in ("undecayed", "imprinted") else config.weight_decay,
        }
        for group in ("backbone", "head", "undecayed", "imprinted")
    ]
    return torch.optim.Adam([group for group in groups if group["params"]], lr=config.lr, fused=fused)


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
