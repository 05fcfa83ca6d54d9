import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.explain.faithfulness import (
    AT_ONCE,
    RANDOM_MAPS,
    ROAD_SHARES,
    SHARES,
    Curves,
    check_from_json,
    check_json,
    faithfulness,
    infill,
    ranks,
    smooth_noise,
)
from ctl.model import CTL
from tests.explain.nodes import make_model, make_seeing_model

REFERENCE = np.array([1.0, 0.0], np.float32)


def make_clip(frames: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(frames)
    return torch.rand(frames, 3, 64, 32, generator=generator), torch.randn(frames, 17, 8, 4, generator=generator)


def embed(model: CTL, frames: Tensor, logits: Tensor) -> np.ndarray:
    with torch.inference_mode():
        return F.normalize(model(frames[None], logits[None]).embedding[0], dim=0).numpy()


class RedCells(torch.nn.Module):
    """A stand-in for a network of which the truth is known: only the upper left cell of each frame counts."""

    def __init__(self, model: CTL) -> None:
        super().__init__()
        self.config = model.config

    def forward(self, frames: Tensor, logits: Tensor) -> SimpleNamespace:
        score = frames[:, :, 0, :16, :16].mean(dim=(1, 2, 3))

        return SimpleNamespace(embedding=torch.stack([score, 1 - score], dim=1))


def test_all_taken_away_is_a_blank_picture_and_all_brought_back_is_the_picture() -> None:
    model, (frames, logits) = make_seeing_model(), make_clip()
    reference = embed(model, frames.flip(3), logits)
    cam = np.random.default_rng(0).random((3, 4, 2))
    found = faithfulness(model, frames, logits, cam, reference, random_maps=0)
    whole = embed(model, frames, logits) @ reference
    blank = embed(model, frames.mean(dim=(2, 3), keepdim=True).expand_as(frames), logits) @ reference
    assert found.deletion.shown[[0, -1]] == pytest.approx([whole, blank], abs=1e-6)
    assert found.insertion.shown[-1] == pytest.approx(whole, abs=1e-6)
    assert abs(blank - whole) > 1e-4


def test_one_step_equals_pictures_altered_by_hand() -> None:
    model, (frames, logits) = make_seeing_model(), make_clip()
    reference = embed(model, frames.flip(3), logits)
    cam = np.random.default_rng(1).permutation(24).reshape(3, 4, 2).astype(float)
    found = faithfulness(model, frames, logits, cam, reference, random_maps=0)
    gone = frames.clone()
    for frame in range(3):
        mean = frames[frame].mean(dim=(1, 2))
        for row in range(4):
            for column in range(2):
                if cam[frame, row, column] > 23 - 0.5 * 24:  # the upper half
                    gone[frame, :, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = mean[:, None, None]
    assert found.deletion.shown[5] == pytest.approx(embed(model, gone, logits) @ reference, abs=1e-6)


def test_the_true_map_beats_random_ones_and_its_opposite_loses() -> None:
    """Where the truth is known: a true map must be told from a false one by every measure."""
    frames = torch.full((3, 3, 64, 32), 0.2)
    frames[:, 0, :16, :16] = 1.0
    frames[:, 0, 16:, 16:] = 0.6
    logits = make_clip()[1]
    true = np.zeros((3, 4, 2))
    true[:, 0, 0] = 1
    network = RedCells(make_model())
    good, bad = (faithfulness(network, frames, logits, cam, REFERENCE, seed=1) for cam in (true, 1 - true))
    assert good.deletion.random.shape == (RANDOM_MAPS, len(SHARES))
    assert len(set(good.deletion.random_areas)) == RANDOM_MAPS
    assert good.deletion.shown_area < good.deletion.random_areas.min()
    assert good.insertion.shown_area > good.insertion.random_areas.max()
    assert good.road > good.random_roads.max()
    assert bad.deletion.shown_area > good.deletion.shown_area
    assert bad.insertion.shown_area < good.insertion.shown_area
    assert bad.road < 0 < good.road


def test_the_clip_that_the_map_marks_the_most_is_tried() -> None:
    network, (frames, logits) = RedCells(make_model()), make_clip(8)
    cam = np.zeros((8, 4, 2))
    cam[7] = 1  # the last clip holds two frames only
    found = faithfulness(network, frames, logits, cam, REFERENCE, random_maps=0)
    assert found.frames.tolist() == [6, 7]


def test_progress_runs_from_0_to_nearly_1_and_can_cancel() -> None:
    network, (frames, logits) = RedCells(make_model()), make_clip()
    shares: list[float] = []
    cam, reference = np.ones((3, 4, 2)), REFERENCE
    faithfulness(network, frames, logits, cam, reference, random_maps=1, on_progress=shares.append)
    of_a_map = [len(SHARES) - 2, len(SHARES) - 2, len(ROAD_SHARES), len(ROAD_SHARES)]
    asked = [min(AT_ONCE, left) for count in (3, *of_a_map * 2) for left in range(count, 0, -AT_ONCE)]
    assert shares == pytest.approx((np.cumsum(asked) - asked) / sum(asked))
    assert 0 == shares[0] < shares[-1] < 1

    def cancel(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        faithfulness(network, frames, logits, cam, reference, on_progress=cancel)


def test_the_same_seed_gives_the_same_answer() -> None:
    network, (frames, logits) = RedCells(make_model()), make_clip()
    cam, reference = np.zeros((3, 4, 2)), REFERENCE
    one, again = (faithfulness(network, frames, logits, cam, reference, random_maps=1, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.deletion.shown, again.deletion.shown)
    assert one.road == again.road


def test_ranks_put_the_highest_first_and_shuffle_equals() -> None:
    rng = np.random.default_rng(0)
    places = ranks(np.array([[0.0, 3.0], [0.0, 5.0]]), rng)
    assert places[1, 1] == 0
    assert places[0, 1] == 1
    flat = [tuple(ranks(np.zeros(4), rng)) for _ in range(10)]
    assert len(set(flat)) > 1
    assert all(sorted(each) == [0, 1, 2, 3] for each in flat)


def test_area_of_a_line_is_half_of_its_box() -> None:
    line = np.linspace(0, 1, len(SHARES))
    curves = Curves(line, np.stack([line, line * 0]))
    assert curves.shown_area == pytest.approx(0.5)
    assert curves.random_areas == pytest.approx([0.5, 0])


def test_random_maps_have_spots_not_salt_and_pepper() -> None:
    noise = smooth_noise(np.random.default_rng(0), (3, 16, 8))
    assert noise.shape == (3, 16, 8)
    assert np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] > 0.5


def test_a_check_is_the_same_after_a_way_through_json() -> None:
    network, (frames, logits) = RedCells(make_model()), make_clip()
    found = faithfulness(network, frames, logits, np.ones((3, 4, 2)), REFERENCE, random_maps=2)
    again = check_from_json(json.loads(json.dumps(check_json(found))))
    for name in ("deletion", "insertion"):
        np.testing.assert_allclose(getattr(again, name).shown, getattr(found, name).shown, atol=1e-6)
        np.testing.assert_allclose(getattr(again, name).random, getattr(found, name).random, atol=1e-6)
    assert again.road == pytest.approx(found.road, abs=1e-6)
    np.testing.assert_allclose(again.random_roads, found.random_roads, atol=1e-6)
    assert again.frames.tolist() == found.frames.tolist()
    with pytest.raises(ValueError, match="curves have shapes"):
        check_from_json(check_json(found) | {"deletion": {"shown": [1, 0], "random": [[1, 0]]}})


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # the peer's own
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_infill_is_the_peers(share: float) -> None:
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer

    picture = torch.rand(3, 24, 12, generator=torch.Generator().manual_seed(1))
    gone = np.random.default_rng(0).random((24, 12)) < share
    for noise in (0.0, 0.01):
        torch.manual_seed(7)
        theirs = NoisyLinearImputer(noise)(picture, 1 - torch.from_numpy(gone).float())
        ours = infill(picture, gone, torch.Generator().manual_seed(7), noise)
        assert (theirs - picture).abs().max() > 0.1
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
