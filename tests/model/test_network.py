"""The whole network: gradients, batches, clip lengths, ablation rows, wrong inputs, and the trace."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from ctl.config import PRESETS, ModelConfig, ablation_rows
from ctl.errors import InputError
from ctl.losses import ctl_loss
from ctl.model import CTL
from tests.conftest import randomise_

SMALL = replace(PRESETS["mobile"], channels=20, relation_width=4)
ROWS = {
    f"{table}:{row}": config
    for table in ("3", "4", "5", "fig7a", "fig7b")
    for row, config in ablation_rows(table, SMALL).items()
}


def make_clips(B: int = 2, T: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(B, T, 3, 64, 32, generator=generator)
    return frames, 4 * torch.randn(B, T, 17, 16, 8, generator=generator)


def build_model(config: ModelConfig = SMALL) -> CTL:
    """A model whose signal survives an untrained backbone: its batch norms have seen one batch."""
    torch.manual_seed(0)
    model = CTL(config)
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    model.backbone.train()(make_clips(B=4, seed=5)[0])
    randomise_(model.graphs)
    randomise_(model.fuse_scales)
    return model.eval()


BUILT = cache(build_model)


def make_model(config: ModelConfig = SMALL) -> CTL:
    """A copy of `build_model`'s, which takes longer."""
    return deepcopy(BUILT(config))


@pytest.mark.parametrize("row", ROWS)
def test_every_parameter_of_every_ablation_row_gets_a_gradient(row):
    torch.manual_seed(0)
    model = CTL(replace(ROWS[row], identities=2)).train()
    loss = ctl_loss(model(*make_clips(B=4)), torch.tensor([0, 0, 1, 1]))
    loss.total.backward()
    without = [
        name
        for name, p in model.named_parameters()
        if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()
    ]
    assert without == []


def test_bn_neck_standardises_what_clips_are_compared_by():
    """Luo et al. 2019: (f - mean) / deviation · gain, without a shift, then the classifier."""
    model = make_model(replace(SMALL, bn_neck=True, identities=3))
    randomise_(model.necks)
    neck, output = model.necks[1], model(*make_clips())
    added = output.features.added.detach()
    want = (added - neck.running_mean) / (neck.running_var + 1e-5).sqrt() * neck.weight.detach() + neck.bias
    torch.testing.assert_close(output.embedding.detach(), want)
    torch.testing.assert_close(output.logits[1], output.embedding @ model.classifiers[1].weight.mT)
    assert not neck.bias.requires_grad
    assert not CTL(replace(SMALL, bn_neck=True)).necks[1].bias.any()


def test_every_trainable_parameter_of_a_model_with_bn_neck_gets_a_gradient():
    torch.manual_seed(0)
    model = CTL(replace(SMALL, bn_neck=True, identities=2)).train()
    ctl_loss(model(*make_clips(B=4)), torch.tensor([0, 0, 1, 1])).total.backward()
    assert [
        name for name, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())
    ] == []


def test_every_parameter_of_the_paper_preset_gets_a_gradient():
    torch.manual_seed(0)
    model = CTL(replace(PRESETS["paper"], channels=40, relation_width=8, identities=2)).train()
    loss = ctl_loss(model(*make_clips(B=4, T=2)), torch.tensor([0, 0, 1, 1]))
    loss.total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_paper_preset_has_the_sizes_of_section_4_1():
    with torch.device("meta"):
        model = CTL.from_config("paper")
    maps = model.backbone.features(torch.empty(1, 3, 256, 128, device="meta"))
    assert maps.shape == (1, 2048, 16, 8)
    assert (model.config.clip_length, model.config.layers, model.config.window) == (6, 2, 3)
    assert (model.config.cross_scale_layers, model.config.alpha) == (1, 0.3)


def test_a_clip_embeds_the_same_alone_and_in_a_batch():
    model, (frames, logits) = make_model(), make_clips(B=3)
    with torch.inference_mode():
        together = model(frames, logits).embedding
        alone = torch.cat([model(frames[b : b + 1], logits[b : b + 1]).embedding for b in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_same_seed_gives_the_same_model_and_the_same_embedding():
    clips = make_clips()
    torch.testing.assert_close(build_model()(*clips).embedding, build_model()(*clips).embedding, rtol=0, atol=0)


@pytest.mark.parametrize("graph", ["none", "frame", "spacetime"])
@pytest.mark.parametrize("T", [1, 2, 5, 6, 9])
def test_any_clip_length_runs(graph, T):
    output = make_model(replace(SMALL, graph=graph))(*make_clips(T=T), trace=True)
    assert output.embedding.isfinite().all()
    for adjacency in output.trace.adjacency.values():
        assert adjacency.total.shape[:2] == (2, T)


def test_a_frame_beyond_both_windows_changes_nothing_but_its_share_of_the_mean():
    model, (frames, logits) = make_model(), make_clips(B=1, T=9)
    changed = frames.clone()
    changed[:, 0] = 1 - changed[:, 0]
    with torch.inference_mode():
        before, after = model(frames, logits, trace=True), model(changed, logits, trace=True)
    moved = (before.trace.refined["s1"] - after.trace.refined["s1"]).abs().amax(dim=(0, 2, 3))
    reach = SMALL.layers * (SMALL.window // 2)
    assert (moved[: reach + 1] > 1e-6).all()
    assert (moved[reach + 1 :] < 1e-6).all()


def test_trace_tells_what_was_used():
    model, clips = make_model(), make_clips()
    trace = model(*clips, trace=True).trace
    assert set(trace.adjacency) == {f"{s}_l{level}" for s in ("s1", "s2", "s3") for level in (1, 2)}
    for values in trace.cross_scale.values():
        np.testing.assert_allclose(values.sum(dim=-1).detach(), 1, atol=1e-5)
    for name, adjacency in trace.adjacency.items():
        np.testing.assert_allclose(adjacency.context.norm(dim=-1).detach(), 1, atol=1e-5, err_msg=name)
    fused = model.fuse_scales[-1](trace.refined)
    torch.testing.assert_close(fused.parts, trace.parts)
    torch.testing.assert_close(fused.weights["s1"], trace.cross_scale["s1_s3"])
    torch.testing.assert_close(trace.refined["s3"] + sum(fused.carried.values()), trace.parts)
    assert model(*clips).trace is None


def test_early_fusion_shows_its_own_weights():
    trace = make_model(replace(SMALL, cross_scale_layers=2))(*make_clips(), trace=True).trace
    assert set(trace.cross_scale) == {"s1_s3_l1", "s2_s3_l1", "s1_s3", "s2_s3"}


def test_pixels_are_scaled_as_the_config_says():
    frame = torch.full((1, 1, 3, 64, 32), 128 / 255)
    seen = {}
    for scaling in ("paper", "imagenet"):
        model = make_model(replace(SMALL, pixel_scaling=scaling))
        model.backbone.features[0].register_forward_pre_hook(lambda _, args, key=scaling: seen.update({key: args[0]}))
        model(frame, torch.zeros(1, 1, 17, 16, 8))
    assert seen["paper"].unique().item() == pytest.approx(128 / 256)
    assert seen["imagenet"][0, :, 0, 0].tolist() == pytest.approx(
        [(128 / 255 - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))], abs=1e-5
    )


@pytest.mark.parametrize(
    ("frames", "logits", "message"),
    [
        pytest.param(
            torch.rand(2, 3, 64, 32), torch.rand(2, 17, 16, 8), r"frames must be \(B, T, 3, H, W\)", id="no-time"
        ),
        pytest.param(torch.rand(1, 2, 3, 60, 32), torch.rand(1, 2, 17, 16, 8), "multiples of 32", id="odd-height"),
        pytest.param(torch.rand(1, 0, 3, 64, 32), torch.rand(1, 0, 17, 16, 8), "got \\(1, 0", id="no-frames"),
        pytest.param(
            torch.rand(1, 2, 3, 64, 32), torch.rand(1, 3, 17, 16, 8), r"must be \(1, 2, 17", id="other-length"
        ),
        pytest.param(torch.rand(1, 2, 3, 64, 32), torch.rand(1, 2, 18, 16, 8), r"got \(1, 2, 18", id="18-joints"),
        pytest.param(torch.zeros(1, 2, 3, 64, 32).byte(), torch.rand(1, 2, 17, 16, 8), "uint8", id="bytes"),
    ],
)
def test_wrong_inputs_are_named(frames, logits, message):
    with pytest.raises(ValueError, match=message):
        make_model()(frames, logits)


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(InputError, match="choose one of paper, mobile"):
        CTL.from_config("huge")
