"""What the bench compares with computes the same, and what it measures is what it says."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ctl.bench import gallery, training
from ctl.bench.device import agreement
from ctl.bench.equation_order import embedding_in_equation_order
from ctl.bench.model import multiply_adds
from ctl.config import PRESETS
from ctl.model import CTL
from ctl.train.data import Batch
from ctl.train.engine import Trainer
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


LATE = 0.5
"""Seconds: several times what a step of the small recipe takes."""


@pytest.mark.parametrize("what", ["step", "data"])
def test_what_is_late_in_training_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = ("model.image_size=[64,64]", "model.channels=16", "model.clip_length=2", "batch.persons=6")
    monkeypatch.setattr(training, "RECIPES", {"small": ("walkers-mobile", *small, "run.workers=0")})
    monkeypatch.setattr(training, "TRAINED", 2 * training.PER_PERSON)
    step, batches = Trainer.step, Trainer.batches

    def late_step(self: Trainer, batch: Batch) -> dict[str, float]:
        time.sleep(LATE)
        return step(self, batch)

    def late_batches(self: Trainer) -> Iterator[Batch]:
        for batch in batches(self):
            time.sleep(LATE)
            yield batch

    if what == "step":
        monkeypatch.setattr(Trainer, "step", late_step)
    else:
        monkeypatch.setattr(Trainer, "batches", late_batches)
    costs = training.training_costs("cpu", rounds=3)
    small = costs["small"]
    step_s, backbone_s = small["step_s"]["median"], small["backbone_s"]["median"]
    waited_s = step_s * small["waiting_over_step"]["median"]
    assert costs["heat_map_frames_per_s"] > 0
    assert small["frames"] == 2 * 4 * 2
    assert small["step_over_backbone"] == pytest.approx(step_s / backbone_s, rel=0.01)
    assert small["hours"] == pytest.approx(3 * step_s * 1300 / 3600, rel=0.01)
    assert step_s > LATE
    assert (waited_s > LATE) == (what == "data")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_says_what_a_processor_says():
    for clips in agreement("cuda").values():
        for answer in clips.values():
            assert answer["people"][0] == answer["people"][1]
            assert answer["lowest_cosine"] >= 0.999
            assert answer["same_ranking"]
