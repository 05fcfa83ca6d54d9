"""MoveNet Thunder against the original graph, and on crops of the model's own size."""

import numpy as np
import pytest
import torch

from ctl.keypoints.load import load_estimator
from ctl.keypoints.movenet import MoveNet, load_movenet
from tests.keypoints.golden_data import CROPS, EVERY, GOLDEN, PIXELS, SCORE, crops, picture

THUNDER = GOLDEN["movenet-thunder"]


@pytest.fixture(scope="module")
def movenet() -> MoveNet:
    return load_movenet()


@pytest.mark.parametrize("name", THUNDER)
def test_joints_and_scores_are_the_original_graphs(movenet: MoveNet, name: str) -> None:
    y, x, scores = np.array(THUNDER[name]["output"])[0].T
    found = movenet(picture(name))
    np.testing.assert_allclose(found.xy[0], np.stack((x, y), axis=1) * 256, atol=PIXELS)
    np.testing.assert_allclose(found.scores[0], scores, atol=SCORE)


@pytest.mark.parametrize("name", THUNDER)
def test_heat_maps_before_the_sigmoid_are_the_original_graphs(movenet: MoveNet, name: str) -> None:
    logits = movenet.net(picture(name))["heatmap"][0, :, ::EVERY, ::EVERY]
    np.testing.assert_allclose(logits.permute(1, 2, 0), THUNDER[name]["logits"], atol=0.05)


def test_joints_of_nobody_score_low(movenet: MoveNet) -> None:
    assert movenet(picture("nobody")).scores.mean() < 0.1
    assert movenet(picture("man-standing")).scores.mean() > 0.5


def test_crops_in_a_batch_give_the_joints_of_the_whole_picture(movenet: MoveNet) -> None:
    batch = movenet(crops())
    assert batch.logits.shape == (len(CROPS), 17, 64, 32)
    for index, (name, left) in enumerate(CROPS.items()):
        whole = movenet(picture(name))
        clear = (batch.scores[index] > 0.3) & (whole.scores[0] > 0.3)
        assert clear.sum() >= 12
        torch.testing.assert_close(
            batch.xy[index, clear], whole.xy[0, clear] - torch.tensor((left, 0.0)), atol=4, rtol=0
        )


def test_a_crop_is_the_same_alone_and_in_a_batch(movenet: MoveNet) -> None:
    batch = movenet(crops())
    alone = movenet(crops()[2:3].contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(alone.xy[0], batch.xy[2], atol=1e-2, rtol=0)
    torch.testing.assert_close(alone.logits[0], batch.logits[2], atol=1e-2, rtol=1e-3)


def test_softmax_keeps_a_clear_joints_mass_within_two_cells(movenet: MoveNet) -> None:
    """Eq. 1 and its bar in design.md: ≥ 80 % within 2 cells of the 16×8 feature map."""
    found = movenet(crops())
    for logits, scores in zip(found.logits.double().numpy(), found.scores.numpy(), strict=True):
        for joint in np.flatnonzero(scores > 0.3):
            mass = np.exp(logits[joint]) / np.exp(logits[joint]).sum()  # (64, 32)
            peak = np.argwhere(logits[joint] == logits[joint].max())[0] // 4
            cells = np.argwhere(mass >= 0) // 4
            near = np.hypot(*(cells - peak).T) <= 2
            assert mass.ravel()[near].sum() >= 0.8


def test_heat_map_peaks_where_the_joint_is(movenet: MoveNet) -> None:
    """Also with a second person in the crop: the pooled features and the drawn joint speak of the same body."""
    found = movenet(torch.cat((crops(), picture("man-bending")[..., 64:192])))
    peak = found.logits.flatten(2).argmax(dim=2)
    peak_xy = torch.stack((peak % 32, peak // 32), dim=2) * 4 + 2
    clear = found.scores > 0.3
    assert (peak_xy - found.xy)[clear].abs().max() < 12


def test_autocast_around_it_changes_nothing(movenet: MoveNet) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        mixed = movenet(crops()[:1])
    torch.testing.assert_close(mixed.scores, movenet(crops()[:1]).scores)


def test_heat_maps_can_feed_a_training_step(movenet: MoveNet) -> None:
    features = torch.ones(1, 64 * 32, requires_grad=True)
    mass = movenet(crops()[:1]).logits.flatten(2).softmax(dim=2)
    (mass * features).sum().backward()
    assert features.grad is not None


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((3, 256, 128), id="no-batch"),
        pytest.param((1, 1, 256, 128), id="grey"),
        pytest.param((1, 3, 250, 128), id="not-a-multiple"),
    ],
)
def test_frames_of_another_shape_are_refused(movenet: MoveNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        movenet(torch.zeros(shape))


def test_the_default_estimator_is_the_bundled_movenet() -> None:
    estimator = load_estimator()
    assert isinstance(estimator, MoveNet)
    assert estimator.name == "movenet-thunder"
