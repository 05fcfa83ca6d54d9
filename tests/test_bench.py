"""The head that the bench compares with computes the same embedding, and costs more multiply-adds."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ctl.bench import gallery
from ctl.bench.device import agreement
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


@pytest.mark.parametrize("half", [False, True])
def test_made_up_gallery_is_searched_in_a_folder_and_in_qdrant(tmp_path: Path, monkeypatch, half: bool):
    monkeypatch.setattr(gallery, "FLOAT32_TRACKLETS", 1999 if half else 2001)
    monkeypatch.setattr("ctl.gallery.folder.HELD", 1999)  # there are no thumbnails
    monkeypatch.setattr(gallery, "SEARCHES", 2)
    gallery.make(tmp_path, 2000)
    for costs in (gallery.measure_folder(tmp_path), gallery.measure_qdrant(tmp_path)):
        assert costs["recall_at_10"] == (pytest.approx(1, abs=0.05) if half else 1)
        assert 0 < costs["search_s"]["low"] <= costs["search_s"]["median"] < 60


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_says_what_a_processor_says():
    for clips in agreement("cuda").values():
        for answer in clips.values():
            assert answer["people"][0] == answer["people"][1]
            assert answer["lowest_cosine"] >= 0.999
            assert answer["same_ranking"]
