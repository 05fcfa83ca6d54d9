"""Freezing the first blocks of the backbone: what stays, what learns, and that it only saves time."""

import pytest
import torch
import torchvision
from torch import Tensor

from ctl.errors import InputError
from ctl.model.backbone import Backbone
from ctl.model.mobilenet import Convolution, mobilenet_v2
from tests.conftest import randomise_


def make() -> Backbone:
    backbone = Backbone("mobilenet_v2", "imagenet")
    randomise_(backbone)
    return backbone


def clips(B: int = 5, T: int = 3) -> Tensor:
    """More frames than are taken through frozen blocks at once, and no multiple of it."""
    return torch.rand(B, T, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_mobilenet_is_torchvisions_layer_by_layer_and_draw_by_draw() -> None:
    networks, afterwards = [], []
    for make_one in (mobilenet_v2, lambda: torchvision.models.mobilenet_v2(weights=None).features):
        torch.manual_seed(3)
        networks.append(make_one())
        afterwards.append(torch.rand(4))
    own, theirs = (network.state_dict() for network in networks)
    assert list(own) == list(theirs)
    assert all(torch.equal(values, theirs[name]) for name, values in own.items())
    assert torch.equal(*afterwards)
    for network in networks:
        randomise_(network, seed=1)
    pictures = torch.rand(2, 3, 64, 96)
    torch.testing.assert_close(networks[0].eval()(pictures), networks[1].eval()(pictures), atol=0, rtol=0)


@pytest.mark.parametrize(("size", "groups"), [((12, 8), 6), ((7, 5), 6), ((12, 8), 1)], ids=["even", "odd", "all"])
def test_a_stride_in_bfloat16_gives_every_output_and_gradient_of_an_ordinary_convolution(
    size: tuple[int, int], groups: int
) -> None:
    torch.manual_seed(0)
    own = Convolution(6, 6, 3, 2, 1, groups=groups, bias=False).bfloat16()
    plain = torch.nn.Conv2d(6, 6, 3, 2, 1, groups=groups, bias=False).bfloat16()
    plain.load_state_dict(own.state_dict())
    results = []
    for convolution in (own, plain):
        pictures = torch.rand(4, 6, *size, generator=torch.Generator().manual_seed(1)).bfloat16().requires_grad_()
        maps = convolution(pictures)
        (maps.float() * torch.arange(maps.numel()).reshape(maps.shape).cos()).sum().backward()
        results.append((maps, pictures.grad, convolution.weight.grad))
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("blocks", [0, 1, 7, 18])
def test_frozen_blocks_keep_every_number_and_all_others_learn(blocks: int) -> None:
    backbone = make()
    backbone.freeze(blocks)
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    backbone.train()(clips()).square().sum().backward()
    with torch.no_grad():
        for p in backbone.parameters():
            if p.grad is not None:
                p -= p.grad.sign()
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, before[name]) == (int(name.split(".")[1]) < blocks), name


def test_no_gradient_is_computed_through_frozen_blocks() -> None:
    backbone, seen = make(), dict[int, bool]()
    backbone.freeze(7)
    for number, block in enumerate(backbone.features):
        block.register_forward_hook(lambda *args, n=number: seen.update({n: args[-1].requires_grad}))
    backbone.train()(clips())
    assert seen == {number: number >= 7 for number in range(19)}


@pytest.mark.parametrize("blocks", [1, 7, 19])
def test_freezing_changes_no_feature(blocks: int) -> None:
    backbone = make().eval()
    want = backbone(clips())
    backbone.freeze(blocks)
    torch.testing.assert_close(backbone(clips()), want)


def test_evaluation_and_training_mode_leave_frozen_norms_in_evaluation() -> None:
    backbone = make()
    backbone.freeze(2)
    backbone.eval()
    backbone.train()
    modes = [{module.training for module in block.modules()} for block in backbone.features]
    assert modes == [{False}] * 2 + [{True}] * 17


def test_more_blocks_than_there_are_cannot_be_frozen() -> None:
    with pytest.raises(InputError, match="the backbone has 19 blocks: 20 of them can't be frozen"):
        make().freeze(20)


def test_shrinking_averages_squares_of_pixels() -> None:
    frames = torch.rand(1, 2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    averaged = torch.zeros(1, 2, 3, 32, 48)
    for row in range(32):
        for column in range(48):
            square = frames[..., 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            averaged[..., row, column] = square.sum(dim=(-2, -1)) / 4
    plain, shrinking = (Backbone("mobilenet_v2", "imagenet", shrink).eval() for shrink in (1, 2))
    shrinking.load_state_dict(plain.state_dict())
    torch.testing.assert_close(shrinking(frames), plain(averaged))
