"""The head that the bench compares with computes the same embedding, and costs more multiply-adds."""

from dataclasses import replace

import pytest
import torch

from ctl.bench.equation_order import embedding_in_equation_order
from ctl.bench.model import multiply_adds
from ctl.config import PRESETS
from ctl.model import CTL
from tests.conftest import randomise_


@pytest.mark.parametrize("channels", [256, 1280])
def test_the_equations_own_order_gives_the_same_embedding_at_a_higher_price(channels):
    torch.manual_seed(0)
    model = randomise_(CTL(replace(PRESETS["mobile"], channels=channels, relation_width=8))).eval()
    maps, logits = torch.randn(2, 3, 1280, 4, 2), torch.randn(2, 3, 17, 16, 8)
    with torch.inference_mode():
        ours = model.relate(model.extract(maps, logits)).embedding
        theirs = embedding_in_equation_order(model, maps, logits)
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3 * ours.abs().max().item())
        price = multiply_adds(lambda: model.relate(model.extract(maps, logits)))
        assert multiply_adds(lambda: embedding_in_equation_order(model, maps, logits)) > 1.2 * price


def test_multiply_adds_of_a_known_product():
    a, b = torch.zeros(3, 5), torch.zeros(5, 7)
    assert multiply_adds(lambda: a @ b) == 3 * 5 * 7
