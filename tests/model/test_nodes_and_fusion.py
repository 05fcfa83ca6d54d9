"""Eq. 1, Eq. 7 and the fusion block, against loops."""

import numpy as np
import pytest
import torch

from ctl.config import ModelConfig
from ctl.model.fusion import FusionBlock
from ctl.model.nodes import NodeExtractor, spatial_mass
from ctl.model.scale_fusion import AddScale, ScaleFusion
from tests.conftest import randomise_
from tests.oracles import equations as eq

TOLERANCE = 1e-10


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_nodes_are_equation_1():
    maps, logits = random(2, 3, 7, 4, 2), 3 * random(2, 3, 17, 8, 6, seed=1)
    whole, scales = NodeExtractor(7, 7).double()(maps, logits)
    for b in range(2):
        v_g, v_1, v_2, v_3 = eq.nodes(maps[b].numpy(), logits[b].numpy())
        for got, want in zip((whole, scales["s1"], scales["s2"], scales["s3"]), (v_g, v_1, v_2, v_3), strict=True):
            np.testing.assert_allclose(got[b].numpy(), want, atol=TOLERANCE)


def test_reducing_pooled_features_equals_pooling_a_reduced_map():
    maps, logits = random(1, 2, 9, 4, 2), random(1, 2, 17, 8, 4, seed=1)
    extract = randomise_(NodeExtractor(9, 5).double())
    reduced_map = torch.einsum("dc,btchw->btdhw", extract.reduce.weight, maps)
    v_g, v_1, v_2, v_3 = eq.nodes(reduced_map[0].detach().numpy(), logits[0].numpy())
    whole, scales = extract(maps, logits)
    for got, want in zip((whole, scales["s1"], scales["s2"], scales["s3"]), (v_g, v_1, v_2, v_3), strict=True):
        np.testing.assert_allclose(got[0].detach().numpy(), want, atol=TOLERANCE)


@pytest.mark.parametrize(("h", "w"), [(16, 8), (64, 32), (64, 48), (20, 11), (5, 3)])
def test_mass_is_kept_and_stays_in_place_at_any_resolution(h, w):
    logits = torch.full((1, h, w), -30.0)
    logits[0, h - 1, 0] = 30.0  # all mass in the lower left pixel
    mass = spatial_mass(logits, 16, 8)
    assert mass.sum().item() == pytest.approx(1, abs=1e-5)
    rows, columns = -(-16 // h), -(-8 // w)  # cells that the pixel reaches into
    assert mass[0, 16 - rows :, :columns].sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("channels", [10, 13, 2048])
def test_fusion_block_is_the_three_branches(channels):
    whole, parts = random(2, 2, channels), random(2, 2, 5, channels, seed=1)
    block = randomise_(FusionBlock(channels, 5).double())
    runs = [len(run) for run in torch.arange(channels).tensor_split(5)]
    g_c = [block.align[n, : runs[n]].detach().numpy() for n in range(5)]
    got = block(whole, parts)
    for b in range(2 if channels < 100 else 0):
        for value, want in zip(got, eq.clip_features(whole[b].numpy(), parts[b].numpy(), g_c), strict=True):
            np.testing.assert_allclose(value[b].detach().numpy(), want, atol=TOLERANCE)
    assert [feature.shape for feature in got] == [(2, channels)] * 3
    assert sum(runs) == channels


@pytest.mark.parametrize("fusion", ["cross_scale", "add"])
def test_scale_fusion_is_equation_7(fusion):
    block = randomise_(ScaleFusion(ModelConfig(channels=6, relation_width=4, fusion=fusion)).double()).eval()
    scales = {"s1": random(1, 2, 17, 6), "s2": random(1, 2, 10, 6, seed=1), "s3": random(1, 2, 5, 6, seed=2)}
    parts, weights, _ = block(scales)
    carried = {s: block.carry[s](scales[s], scales["s3"])[0][0].detach().numpy() for s in ("s1", "s2")}
    want = eq.fused_parts(scales["s3"][0].numpy(), carried["s1"], carried["s2"], 0.3)
    np.testing.assert_allclose(parts[0].detach().numpy(), want, atol=TOLERANCE)
    assert {source: tuple(value.shape) for source, value in weights.items()} == {
        "s1": (1, 2, 5, 17),
        "s2": (1, 2, 5, 10),
    }


@pytest.mark.parametrize(("source", "within"), [("s1", eq.PARTS_S3), ("s2", eq.S2_WITHIN_S3)])
def test_plain_addition_is_the_mean_of_the_parts_within(source, within):
    x = random(1, 2, 17 if source == "s1" else 10, 6)
    carried, _ = AddScale(source).double()(x, random(1, 2, 5, 6))
    for t in range(2):
        for m, inside in enumerate(within):
            np.testing.assert_allclose(carried[0, t, m].numpy(), sum(x[0, t, n].numpy() for n in inside) / len(inside))
