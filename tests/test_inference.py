"""Tracklets to features: the same numbers as clip by clip, whatever is batched with whatever."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ctl.config import PRESETS
from ctl.inference import clip_indices, extract, to_tensor
from ctl.keypoints.load import load_estimator
from ctl.model import CTL

SIZE = (64, 32)


@pytest.fixture(scope="module")
def model() -> CTL:
    torch.manual_seed(0)
    model = CTL(replace(PRESETS["mobile"], channels=20, relation_width=4, image_size=SIZE))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.momentum = 1.0
    model.train()(torch.rand(4, 6, 3, *SIZE), torch.randn(4, 6, 17, 16, 8))
    return model.eval()


def make_crops(T: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (T, *SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("frames", "want"),
    [
        (6, [[0, 1, 2, 3, 4, 5]]),
        (2, [[0, 1, 0, 1, 0, 1]]),
        (1, [[0] * 6]),
        (10, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 6, 7]]),
    ],
)
def test_clips_cover_each_frame_once_and_the_last_repeats_itself(frames, want):
    assert clip_indices(frames, 6).tolist() == want


def test_features_equal_the_model_run_clip_by_clip(model):
    estimator, crops = load_estimator(), make_crops(8, seed=1)
    (found,) = extract(model, estimator, [crops]).features
    embeddings, totals, joints = [], [], []
    for frames, real in (([0, 1, 2, 3, 4, 5], 6), ([6, 7, 6, 7, 6, 7], 2)):
        pixels = torch.from_numpy(crops[frames]).permute(0, 3, 1, 2) / 255
        with torch.inference_mode():
            maps = estimator(pixels)
            output = model(pixels[None], maps.logits[None], trace=True)
        embeddings.append(output.embedding[0].numpy())
        totals.append(output.trace.adjacency["s1_l2"].total[0, :real].numpy())
        joints.append(maps.xy[:real].numpy())
    mean = np.mean(embeddings, axis=0)
    np.testing.assert_allclose(found.embedding, mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(found.trace.adjacency["A_s1_l2"], np.concatenate(totals), atol=1e-5)
    np.testing.assert_allclose(found.trace.keypoints.xy, np.concatenate(joints), atol=1e-3)


def test_the_terms_of_the_trace_add_up(model):
    (found,) = extract(model, load_estimator(), [make_crops(7, seed=2)]).features
    for name, total in found.trace.adjacency.items():
        if name.startswith("A_"):
            terms = (found.trace.adjacency[name.replace("A_", f"{symbol}_")] for symbol in ("Ap", "Am", "Ac"))
            np.testing.assert_allclose(total, sum(terms), atol=1e-6)
    assert found.trace.parts.shape == (7, 5, 20)


def test_people_extracted_together_and_alone_are_the_same(model):
    estimator = load_estimator()
    tracklets = [make_crops(T, seed=T) for T in (13, 3, 41)]  # 3 + 1 + 7 clips, more than one batch
    together = extract(model, estimator, tracklets).features
    for crops, found in zip(tracklets, together, strict=True):
        (alone,) = extract(model, estimator, [crops]).features
        np.testing.assert_allclose(found.embedding, alone.embedding, atol=1e-5)
        np.testing.assert_allclose(found.trace.refined["s2"], alone.trace.refined["s2"], atol=1e-4)
    assert np.abs(together[0].embedding - together[1].embedding).max() > 1e-3


def test_progress_ends_at_one_and_may_cancel(model):
    seen: list[float] = []
    extract(model, load_estimator(), [make_crops(60, seed=0)], on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1

    class CancelledError(Exception):
        pass

    def cancel(done: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        extract(model, load_estimator(), [make_crops(60, seed=0)], on_progress=cancel)


def test_pixels_become_channels_first_and_at_most_one():
    crops = np.zeros((2, 4, 3, 3), np.uint8)
    crops[1, 2, 0] = (255, 51, 0)
    tensor = to_tensor(crops, torch.device("cpu"))
    assert tensor.shape == (2, 3, 4, 3)
    assert tensor[1, :, 2, 0].tolist() == pytest.approx([1.0, 0.2, 0.0])
