"""Eq. 2 to 6: each layer against the equation written as loops."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ctl.graph import AdvancedContextBlock, ContextBlock, CrossScaleConv, FrameGraphConv, GraphConv3d
from ctl.graph.adjacency import normalise_adjacency
from ctl.graph.conv3d import GAIN, PartNorm
from ctl.graph.cross_scale import SHARPNESS
from ctl.skeleton import PARTS, part_count, physical_adjacency
from tests.conftest import randomise_
from tests.oracles import equations as eq

TOLERANCE = 1e-10
C = 6


def make_nodes(scale: str, B: int = 2, T: int = 4, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(B, T, part_count(scale), C, generator=generator, dtype=torch.float64)


def ready(layer: nn.Module) -> nn.Module:
    return randomise_(layer.double()).eval()


def array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def bn(norm: nn.Module) -> tuple[np.ndarray, ...]:
    return tuple(array(x) for x in (norm.running_mean, norm.running_var, norm.weight, norm.bias))


def test_context_block_is_figure_4a():
    x, block = make_nodes("s2"), ready(ContextBlock(C, 10, clip_length=4))
    got = array(block(x))
    for b in range(len(x)):
        want = eq.context(
            array(x[b]),
            array(block.squeeze_channels.weight)[0],
            array(block.squeeze_time.weight)[0],
            array(block.spread.weight),
            array(block.spread.bias),
        )
        for t in range(x.shape[1]):
            np.testing.assert_allclose(got[b, t], want, atol=TOLERANCE)


@pytest.mark.parametrize("tau", [1, 3, 5])
def test_advanced_context_block_is_figure_4b(tau):
    x, block = make_nodes("s3"), ready(AdvancedContextBlock(C, 5, tau))
    got = array(block(x))
    for b, t in np.ndindex(x.shape[:2]):
        squeeze, spread, bias = block.squeeze_channels.weight, block.spread.weight, block.spread.bias
        want = eq.advanced_context(array(x[b]), t, tau, array(squeeze)[0], array(spread), array(bias))
        np.testing.assert_allclose(got[b, t], want, atol=TOLERANCE)


@pytest.mark.parametrize(("scale", "tau"), [("s3", 1), ("s3", 3), ("s3", 5), ("s2", 3)])
def test_3d_graph_layer_is_equations_2_to_4_and_the_collapse(scale, tau):
    x, layer = make_nodes(scale), ready(GraphConv3d(C, scale, tau, ("physical", "mask", "context")))
    got, adjacency = layer(x)
    block = layer.topology.context
    collapse_weight = array(layer.collapse.weight).reshape(C, tau, C)
    for b in range(len(x)):
        clip = array(x[b])
        squeeze, spread, bias = block.squeeze_channels.weight, block.spread.weight, block.spread.bias
        totals = [
            eq.tiled(physical_adjacency(scale), tau)
            + eq.tiled(array(layer.topology.mask), tau)
            + eq.advanced_context(clip, t, tau, array(squeeze)[0], array(spread), array(bias))
            for t in range(len(clip))
        ]
        np.testing.assert_allclose(array(adjacency.total[b]), np.array(totals), atol=TOLERANCE)
        messages = eq.graph_conv(clip, totals, array(layer.weight.weight), tau)
        want = eq.collapse(messages, collapse_weight, bn(layer.norm), tau)
        np.testing.assert_allclose(array(got[b]), want, atol=TOLERANCE)


def test_self_links_join_a_node_to_itself_in_the_other_frames_only():
    N, tau = 5, 3
    layer = GraphConv3d(C, "s3", tau, ("physical",), self_links=True)
    physical = array(layer(make_nodes("s3").float())[1].physical)
    body = physical_adjacency("s3")
    for i, j in np.ndindex(tau * N, tau * N):
        same_part, same_frame = i % N == j % N, i // N == j // N
        assert physical[i, j] == (not same_frame if same_part else body[i % N, j % N])


def test_frame_graph_layer_is_equation_4_without_a_window():
    x, layer = make_nodes("s3"), ready(FrameGraphConv(C, "s3", clip_length=4, terms=("physical", "mask", "context")))
    got, adjacency = layer(x)
    for b, t in np.ndindex(x.shape[:2]):
        a = eq.normalised(array(adjacency.total[b, t]))
        for i in range(5):
            mixed = sum(a[i, j] * array(x[b, t, j]) for j in range(5))
            own = [values[i * C : (i + 1) * C] for values in bn(layer.norm)]
            want = eq.relu(eq.batch_norm(eq.matvec(array(layer.weight.weight), mixed), own))
            np.testing.assert_allclose(array(got[b, t, i]), want, atol=TOLERANCE)


def test_what_sets_parts_apart_does_not_shrink_what_sets_people_apart():
    torch.manual_seed(0)
    parts, people = 100 * torch.randn(1, 1, 5, C), torch.randn(64, 2, 5, C)
    normed = PartNorm(C, 5)(parts + people)
    torch.testing.assert_close(normed.std(dim=(0, 1)), torch.full((5, C), GAIN), rtol=0.01, atol=0)


def test_left_out_terms_are_zero_and_have_no_parameters():
    layer = GraphConv3d(C, "s3", 3, ("physical",))
    adjacency = layer(make_nodes("s3").float())[1]
    assert not adjacency.mask.any()
    assert not adjacency.context.any()
    assert {name for name, _ in layer.topology.named_parameters()} == set()


@pytest.mark.parametrize("source", ["s1", "s2"])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="paper"),
        pytest.param({"relation": "cosine"}, id="cosine"),
        pytest.param({"body_prior": 1.5}, id="prior"),
        pytest.param({"carry_norm": True}, id="norm"),
    ],
)
def test_cross_scale_layer_is_equations_5_and_6(source, options):
    x, target = make_nodes(source, T=2), make_nodes("s3", T=2, seed=2)
    layer = ready(CrossScaleConv(C, 4, source, **options))
    got, adjacency = layer(x, target)

    def embedding(module: nn.Module) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        return np.concatenate([array(block.weight) for block in module.blocks], axis=1), bn(module.norm)

    for b, t in np.ndindex(x.shape[:2]):
        r = {
            end: eq.relation(
                array(values[b, t]),
                embedding(layer.node),
                embedding(layer.pair),
                embedding(layer.relate[end]),
                embedding(layer.augment[end]),
            )
            for end, values in (("source", x), ("target", target))
        }
        prior = eq.body_prior(PARTS[source], PARTS["s3"], options.get("body_prior", 0.0))
        sharpness = SHARPNESS if "relation" in options else None
        want_a = eq.cross_scale_adjacency(r["source"], r["target"], prior, sharpness)
        norm = bn(layer.norm) if layer.norm is not None else None
        want = eq.cross_scale_conv(want_a, array(x[b, t]), array(layer.weight.weight), norm)
        np.testing.assert_allclose(array(adjacency[b, t]), want_a, atol=TOLERANCE)
        np.testing.assert_allclose(array(got[b, t]), want, atol=TOLERANCE)


@pytest.mark.parametrize(
    "adjacency",
    [
        pytest.param(-torch.eye(4), id="zero-degree"),
        pytest.param(torch.full((4, 4), -1.0), id="negative-degree"),
        pytest.param(torch.tensor([[0.0, -1, 0, 0]] * 4), id="sum-is-zero"),
    ],
)
def test_degrees_that_the_paper_does_not_foresee_stay_finite(adjacency):
    adjacency = adjacency.requires_grad_()
    normalised = normalise_adjacency(adjacency)
    normalised.square().sum().backward()
    assert normalised.isfinite().all()
    assert adjacency.grad.isfinite().all()
    if adjacency.sum() != -4:
        np.testing.assert_allclose(array(normalised), eq.normalised(array(adjacency)), atol=1e-6)
