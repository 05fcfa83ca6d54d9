"""A small model with random weights in every layer, and nodes to run it on."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from ctl.config import ModelConfig
from ctl.inference import TrackletNodes, relate_tracklet, to_trace
from ctl.model import CTL
from ctl.skeleton import SCALES, pooling_matrix
from ctl.types import Keypoints, Trace
from tests.conftest import randomise_

SMALL = ModelConfig(backbone="mobilenet_v2", channels=16, image_size=(64, 32), clip_length=3, relation_width=8)


@cache
def make_model(**changes: Any) -> CTL:
    """The small model with other options; tests share it, so none may change it."""
    model = CTL.from_config(replace(SMALL, **changes))
    for part in (model.extract, model.graphs, model.fuse_scales, model.fuse, model.necks):
        randomise_(part)
    return model.eval()


def make_nodes(frames: int, channels: int = SMALL.channels, seed: int = 0) -> TrackletNodes:
    generator = torch.Generator().manual_seed(seed)
    joints = torch.randn(frames, 17, channels, generator=generator)
    pooled = {scale: torch.from_numpy(pooling_matrix(scale)) @ joints for scale in SCALES}
    return TrackletNodes(torch.randn(frames, channels, generator=generator), pooled)


def make_trace(model: CTL, nodes: TrackletNodes) -> tuple[Trace, np.ndarray]:
    """What an analysis keeps of such nodes: trace and embedding. Joints stand in the corner of the crop."""
    graphs = relate_tracklet(model, nodes)
    joints = Keypoints(np.zeros((len(nodes), 17, 2), np.float32), np.ones((len(nodes), 17), np.float32))
    return to_trace(graphs, nodes, joints), graphs.embedding


@cache
def make_seeing_model() -> CTL:
    """The small model with a backbone that tells pictures apart: its batch norms have seen one batch."""
    torch.manual_seed(0)
    model = make_model.__wrapped__()
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    model.backbone.train()(torch.rand(4, 3, 3, 64, 32))
    return model.eval()
