"""What the graph head costs next to its backbone, in time and in multiply-adds."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch.utils.flop_counter import FlopCounterMode

from ctl.bench.equation_order import embedding_in_equation_order
from ctl.bench.timing import ratio
from ctl.model import CTL


def multiply_adds(work: Callable[[], object]) -> int:
    """Multiply-adds of the matrix products and convolutions in `work`."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() // 2


def head_costs(preset: Literal["paper", "mobile"], clips: int, rounds: int) -> dict[str, Any]:
    """Graph head over backbone of a preset, on `clips` clips of its own length and size, in evaluation mode."""
    torch.manual_seed(0)
    model = CTL.from_config(preset).eval()
    T, (H, W) = model.config.clip_length, model.config.image_size
    frames, logits = torch.rand(clips, T, 3, H, W), torch.randn(clips, T, 17, H // 4, W // 4)
    with torch.inference_mode():
        maps = model.backbone(frames)

        def backbone() -> object:
            return model.backbone(frames)

        def head() -> object:
            return model.relate(model.extract(maps, logits))

        def as_written() -> object:
            return embedding_in_equation_order(model, maps, logits)

        price = multiply_adds(head)
        return {
            "clips": clips,
            "head_over_backbone_time": ratio(head, backbone, rounds),
            "head_over_backbone_multiply_adds": round(price / multiply_adds(backbone), 3),
            "equation_order_over_ours_time": ratio(as_written, head, rounds),
            "equation_order_over_ours_multiply_adds": round(multiply_adds(as_written) / price, 3),
        }
