"""Eq. 8 and 9 and the two losses the paper borrows, against loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ctl.config import PRESETS, ModelConfig
from ctl.losses import batch_hard_triplet_loss, ctl_loss, diversity_loss, identification_loss
from ctl.model import CTL
from tests.oracles import equations as eq


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_triplet_loss_takes_the_hardest_pairs():
    features, identities = random(12, 5), torch.arange(12) // 3
    want = eq.batch_hard_triplet(features.numpy(), identities.tolist(), 0.3)
    assert batch_hard_triplet_loss(features, identities).item() == pytest.approx(want, abs=1e-7)


def test_triplet_loss_has_a_finite_gradient_where_clips_coincide():
    features = torch.zeros(4, 3, requires_grad=True)
    loss = batch_hard_triplet_loss(features, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.3, abs=1e-5)
    assert features.grad.isfinite().all()


def test_triplet_loss_refuses_a_batch_of_one_person():
    with pytest.raises(ValueError, match="at least two persons"):
        batch_hard_triplet_loss(random(4, 3), torch.zeros(4))


def test_identification_loss_smooths_the_labels():
    logits, identities = random(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    want = eq.smoothed_cross_entropy(logits.numpy(), identities.tolist(), 0.1)
    assert identification_loss(logits, identities).item() == pytest.approx(want, abs=1e-10)


def test_diversity_loss_is_equation_8():
    parts = random(3, 2, 5, 7)
    want = sum(eq.diversity(clip.numpy()) for clip in parts) / 3
    assert diversity_loss(parts).item() == pytest.approx(want, abs=1e-10)


def test_diversity_loss_is_zero_for_orthogonal_parts_and_largest_for_equal_ones():
    assert diversity_loss(torch.eye(5).expand(2, 3, 5, 5)).item() == pytest.approx(0, abs=1e-6)
    assert diversity_loss(torch.ones(2, 3, 5, 7)).item() == pytest.approx(5 * 4, abs=1e-4)


def test_total_is_the_weighted_sum_over_three_features():
    torch.manual_seed(0)
    model = CTL(ModelConfig(backbone="mobilenet_v2", channels=20, relation_width=4, image_size=(64, 32), identities=3))
    output = model(torch.rand(4, 2, 3, 64, 32), torch.randn(4, 2, 17, 16, 8))
    identities = torch.tensor([0, 0, 1, 1])
    loss = ctl_loss(output, identities, weights=(2.0, 3.0, 5.0))
    features = [feature.detach().numpy() for feature in output.features]
    triplet = sum(eq.batch_hard_triplet(f, [0, 0, 1, 1], 0.3) for f in features)
    identification = sum(eq.smoothed_cross_entropy(x.detach().numpy(), [0, 0, 1, 1], 0.1) for x in output.logits)
    diversity = sum(eq.diversity(clip.detach().numpy()) for clip in output.parts) / 4
    assert loss.total.item() == pytest.approx(2 * triplet + 3 * identification + 5 * diversity, rel=1e-4)


def test_loss_without_classifiers_says_what_to_do():
    model = CTL(ModelConfig(backbone="mobilenet_v2", channels=20, relation_width=4)).eval()
    output = model(torch.rand(2, 1, 3, 64, 32), torch.randn(2, 1, 17, 16, 8))
    with pytest.raises(ValueError, match="set identities in its config"):
        ctl_loss(output, torch.tensor([0, 1]))


def test_triplet_loss_sees_the_features_before_or_after_the_neck_and_classifiers_those_after():
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="mobilenet_v2", channels=20, relation_width=4, image_size=(64, 32), identities=3, bn_neck=True
    )
    output = CTL(config)(torch.rand(4, 2, 3, 64, 32), torch.randn(4, 2, 17, 16, 8))
    identities = torch.tensor([0, 0, 1, 1])
    for features, after in ((output.features, False), (output.compared, True)):
        want = sum(eq.batch_hard_triplet(f.detach().numpy(), [0, 0, 1, 1], 0.5) for f in features)
        loss = ctl_loss(output, identities, margin=0.5, smoothing=0.2, triplet_after_neck=after)
        assert loss.triplet.item() == pytest.approx(want, rel=1e-4)
    want = sum(eq.smoothed_cross_entropy(x.detach().numpy(), [0, 0, 1, 1], 0.2) for x in output.logits)
    assert loss.identification.item() == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_of_half_precision_features_are_computed_in_float32(dtype):
    features, identities = random(8, 5).to(dtype) * 100, torch.arange(8) // 2
    assert batch_hard_triplet_loss(features, identities) == batch_hard_triplet_loss(features.float(), identities)
    assert identification_loss(features, identities % 5) == identification_loss(features.float(), identities % 5)
    parts = features.view(2, 1, 4, 5)
    assert diversity_loss(parts) == diversity_loss(parts.float())


@pytest.mark.parametrize("necks", [False, True])
def test_each_finer_scale_has_to_say_alone_who_it_is(necks):
    """By loops: summed over parts, averaged over frames, centred, as large as within V_f^a, and classified."""
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="mobilenet_v2", channels=20, relation_width=4, image_size=(64, 32), identities=3, bn_neck=necks
    )
    model, identities = CTL(config), torch.tensor([0, 0, 1, 1])
    torch.nn.init.normal_(model.classifiers[1].weight)
    output = model(torch.rand(4, 2, 3, 64, 32), torch.randn(4, 2, 17, 16, 8), trace=True)
    carried = model.fuse_scales[-1](output.trace.refined).carried
    W, added = (x.detach().numpy() for x in (model.classifiers[1].weight, output.features.added))
    want = 0.0
    for told in carried.values():
        share = np.array(
            [sum(told[b, t, part].detach().numpy() / 2 for t in range(2) for part in range(5)) for b in range(4)]
        )
        if necks:
            share = (share - share.mean(axis=0)) / np.sqrt(added.var(axis=0) + 1e-5)
        want += eq.smoothed_cross_entropy(share @ W.T, [0, 0, 1, 1], 0.1)
    loss = ctl_loss(output, identities, scales_weight=0.3)
    assert loss.scales.item() == pytest.approx(0.3 * want, rel=1e-4)
    assert loss.total.item() == pytest.approx(ctl_loss(output, identities).total.item() + 0.3 * want, rel=1e-4)
    loss.scales.backward()
    assert all(carry.weight.weight.grad.any() for carry in model.fuse_scales[-1].carry.values())


class NothingFromTheCPU(TorchDispatchMode):
    """Raises where a computation on another device takes a tensor from the CPU, or makes one there."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        places = {tensor.device.type for tensor in tensors if tensor.ndim}
        assert "cpu" not in places, f"{operation} on {places}"
        return result


@pytest.mark.parametrize("preset", ["mobile", "paper"])
def test_a_pass_forward_and_back_never_waits_for_the_device(preset):
    """A tensor of the meta device has no values: asking for one raises, where a GPU would first do all it was given."""
    config = replace(PRESETS[preset], image_size=(64, 32), identities=4, relation="cosine", carry_norm=True)
    model = CTL(replace(config, body_prior=1.5, bn_neck=True, self_links=True)).to("meta")
    frames, logits = torch.empty(4, 2, 3, 64, 32, device="meta"), torch.empty(4, 2, 17, 16, 8, device="meta")
    identities = torch.empty(4, dtype=torch.int64, device="meta")
    with NothingFromTheCPU():
        ctl_loss(model(frames, logits), identities, scales_weight=0.3).total.backward()
    assert all(weight.grad is not None for weight in model.graphs.parameters())
