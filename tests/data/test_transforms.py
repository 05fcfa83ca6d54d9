"""Pictures and heat maps move together, and nothing happens that wasn't asked for."""

import numpy as np
import pytest
import torch

from ctl.data import camera
from ctl.data.transforms import Augment, Window, draw_window, erase, flip, move, occlude
from ctl.errors import InputError
from ctl.skeleton import JOINTS

H, W, CELL = 192, 96, 8
LEFT, RIGHT = JOINTS.index("left wrist"), JOINTS.index("right wrist")


def smooth_clip(seed: int = 0, T: int = 3) -> np.ndarray:
    """(T, H, W, 3) uint8 with structure of some 12 pixels."""
    coarse = torch.rand(T, 3, H // 12, W // 12, generator=torch.Generator().manual_seed(seed)) * 255
    fine = torch.nn.functional.interpolate(coarse, (H, W), mode="bicubic").clamp(0, 255)
    return fine.permute(0, 2, 3, 1).to(torch.uint8).numpy()


def spot(y: float, x: float, spread: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """A bright spot on black, and a left-wrist heat map of the same place; both centred on pixel place (y, x)."""
    rows, columns = np.arange(H)[:, None] + 0.5, np.arange(W) + 0.5
    heights = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * spread**2))
    frames = np.repeat((255 * heights).round().astype(np.uint8)[None, ..., None], 3, axis=3)
    mass = heights.reshape(H // CELL, CELL, W // CELL, CELL).sum(axis=(1, 3))
    logits = np.zeros((1, 17, H // CELL, W // CELL), np.float32)
    logits[0, LEFT] = np.log(mass / mass.sum() + 1e-9)
    return frames, logits


def centre(weights: np.ndarray, pixels: float) -> np.ndarray:
    """Centre of mass of a map whose cells are so many pixels wide, (y, x) in pixels."""
    h, w = weights.shape
    total = weights.sum()
    y, x = (weights.sum(axis=1 - axis) @ (np.arange(n) + 0.5) / total for axis, n in ((0, h), (1, w)))
    return np.array((y, x)) * pixels


def mass_of(logits: np.ndarray | torch.Tensor) -> np.ndarray:
    values = torch.as_tensor(np.ascontiguousarray(logits))
    return values.flatten(-2).softmax(dim=-1).view_as(values).double().numpy()


def test_flip_moves_the_spot_and_makes_the_left_wrist_the_right_one() -> None:
    frames, logits = spot(40, 20)
    flipped, maps = flip(frames, logits)
    np.testing.assert_allclose(centre(flipped[0, :, :, 0].astype(float), 1), (40, W - 20), atol=0.1)
    np.testing.assert_allclose(centre(mass_of(maps)[0, RIGHT], CELL), (40, W - 20), atol=0.5)
    np.testing.assert_allclose(mass_of(maps)[0, LEFT], 1 / logits[0, 0].size, atol=1e-9)
    again = flip(flipped, maps)
    np.testing.assert_array_equal(again[0], frames)
    np.testing.assert_array_equal(again[1], logits)


@pytest.mark.parametrize("seed", range(12))
def test_a_moved_crop_moves_picture_and_heat_map_to_the_same_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    place = rng.uniform((70, 35), (H - 70, W - 35))
    frames, logits = spot(*place)
    window = draw_window(0.1, 0.2, rng)
    moved, maps = move(frames, logits, window)
    want = (place - (window.top * H, window.left * W)) / window.size
    np.testing.assert_allclose(centre(moved[0, :, :, 0].astype(float), 1), want, atol=0.15)
    np.testing.assert_allclose(centre(mass_of(maps)[0, LEFT], CELL), want, atol=0.6)


def test_a_shift_by_whole_cells_is_exact_and_repeats_the_border() -> None:
    frames, logits = smooth_clip(), np.random.default_rng(0).normal(size=(3, 17, 24, 12)).astype(np.float32)
    moved, maps = move(frames, logits, Window(top=2 / 24, left=-1 / 12, size=1.0))
    np.testing.assert_array_equal(moved[:, :-16, 8:], frames[:, 16:, :-8])
    np.testing.assert_array_equal(moved[:, :-16, :8], np.repeat(frames[:, 16:, :1], 8, axis=2))
    before, after = mass_of(logits), mass_of(maps)
    kept = before[:, :, 2:, :-1]
    np.testing.assert_allclose(
        after[:, :, :-2, 1:], kept / kept.sum(axis=(2, 3), keepdims=True), atol=1e-6
    )  # what left the picture is shared out in proportion
    assert after[:, :, -2:].max() < 1e-6


def test_a_zoomed_picture_is_read_at_the_centres_of_its_pixels() -> None:
    ramp = np.broadcast_to((2 * np.arange(W))[None, None, :, None], (1, H, W, 3)).astype(np.uint8)
    moved, _ = move(ramp, np.zeros((1, 17, 24, 12), np.float32), Window(top=0.25, left=0.25, size=0.5))
    places = 0.25 * W + (np.arange(W) + 0.5) / 2 - 0.5  # of the new pixels' centres, in old pixels
    np.testing.assert_allclose(moved[0, 50, :, 1], 2 * places, atol=0.51)


def test_the_whole_window_changes_nothing() -> None:
    frames, logits = smooth_clip(), np.random.default_rng(0).normal(size=(3, 17, 24, 12)).astype(np.float32)
    moved, maps = move(frames, logits, Window(0.0, 0.0, 1.0))
    np.testing.assert_array_equal(moved, frames)
    np.testing.assert_allclose(mass_of(maps), mass_of(logits), atol=1e-6)


def test_a_joint_that_leaves_the_picture_is_nowhere_in_particular() -> None:
    frames, logits = spot(180, 48, spread=2)
    _, maps = move(frames, logits, Window(top=-0.5, left=0.0, size=1.0))
    assert np.isfinite(maps).all()
    assert mass_of(maps)[0, LEFT].max() < 0.02


def test_erasing_keeps_to_the_ranges_of_its_paper() -> None:
    frame, rng = np.zeros((H, W, 3), np.uint8), np.random.default_rng(0)
    areas, aspects, values = [], [], []
    for _ in range(400):
        erased = erase(frame, rng)
        rows, columns = (np.flatnonzero(erased.any(axis=(axis, 2))) for axis in (1, 0))
        box = erased[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        outside = erased.astype(int).sum() - box.astype(int).sum()
        assert outside == 0
        areas.append(box.shape[0] * box.shape[1] / (H * W))
        aspects.append(box.shape[0] / box.shape[1])
        values.append(box.mean())
    assert 0.018 < min(areas) < 0.05
    assert 0.3 < max(areas) < 0.41
    assert 0.27 < min(aspects) < 0.6
    assert 2.5 < max(aspects) < 3.6
    assert abs(np.mean(values) - 127.5) < 1  # random pixels


def test_each_frame_is_erased_on_its_own_and_as_often_as_asked() -> None:
    frames, logits = np.full((200, 64, 32, 3), 100, np.uint8), np.zeros((200, 17, 8, 4), np.float32)
    out, _ = Augment(erase=0.3)(frames, logits, np.random.default_rng(0))
    changed = (out != 100 / 255).any(dim=1)  # (200, 64, 32)
    share = changed.flatten(1).any(dim=1).float().mean()
    assert 0.2 < share < 0.4
    assert len({tuple(picture.nonzero()[0].tolist()) for picture in changed if picture.any()}) > 30


def test_paper_only_flips_and_erases() -> None:
    frames, logits = smooth_clip(T=6), np.random.default_rng(0).normal(size=(6, 17, 24, 12)).astype(np.float32)
    flipped = 0
    for seed in range(60):
        out, maps = Augment.paper()(frames, logits, np.random.default_rng(seed))
        pixels = (out.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        mirrored = np.array_equal(maps.numpy(), flip(frames, logits)[1])
        flipped += mirrored
        assert mirrored or np.array_equal(maps.numpy(), logits)
        original = frames[:, :, ::-1] if mirrored else frames
        for box in (pixels != original).any(axis=3):
            rows, columns = np.flatnonzero(box.any(axis=1)), np.flatnonzero(box.any(axis=0))
            if len(rows):
                inside = box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                assert inside.mean() > 0.98  # one full rectangle
    assert 18 < flipped < 42


def test_augmentation_follows_from_its_generator_alone() -> None:
    frames, logits = smooth_clip(T=6), np.random.default_rng(0).normal(size=(6, 17, 24, 12)).astype(np.float32)
    donor = smooth_clip(seed=9, T=1)[0]
    kept = frames.copy(), logits.copy(), donor.copy()
    for seed in range(8):
        first, again = (Augment.strong()(frames, logits, np.random.default_rng(seed), donor) for _ in range(2))
        assert torch.equal(first[0], again[0])
        assert torch.equal(first[1], again[1])
        assert (first[0].shape, first[1].shape) == ((6, 3, H, W), (6, 17, 24, 12))
        assert first[0].dtype == first[1].dtype == torch.float32
        assert 0 <= first[0].min() <= first[0].max() <= 1
        assert torch.isfinite(first[1]).all()
    for before, after in zip(kept, (frames, logits, donor), strict=True):
        np.testing.assert_array_equal(before, after)


def test_nothing_is_done_by_default() -> None:
    frames, logits = smooth_clip(), np.random.default_rng(0).normal(size=(3, 17, 24, 12)).astype(np.float32)
    out, maps = Augment()(frames, logits, np.random.default_rng(0), frames[0])
    np.testing.assert_array_equal((out.permute(0, 2, 3, 1) * 255).round().byte().numpy(), frames)
    np.testing.assert_array_equal(maps.numpy(), logits)


@pytest.mark.parametrize(("option", "value"), [("flip", 1.1), ("erase", -0.1), ("shift", 0.6), ("zoom", float("nan"))])
def test_options_outside_their_range_are_named(option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"augment: {option} must be a number in 0.."):
        Augment(**{option: value})


def test_an_occluder_is_a_rectangle_of_the_other_picture_in_every_frame() -> None:
    frames = np.zeros((6, H, W, 3), np.uint8)
    donor = np.random.default_rng(0).integers(1, 256, (H, W, 3), dtype=np.uint8)
    for seed in range(20):
        hidden = occlude(frames, donor, np.random.default_rng(seed))
        for picture in hidden:
            covered = picture.any(axis=2)
            rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
            if len(rows):
                piece = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                assert piece.all()
                assert contains(donor, piece)
                assert covered.mean() < 0.4
        assert hidden[0].any() or hidden[-1].any()


def contains(picture: np.ndarray, piece: np.ndarray) -> bool:
    """Whether a piece lies somewhere in a picture of random pixels."""
    corners = np.argwhere((picture == piece[0, 0]).all(axis=2))
    h, w = piece.shape[:2]
    return any(np.array_equal(picture[y : y + h, x : x + w], piece) for y, x in corners)


def test_greys_have_the_luminance_and_stay_grey_whatever_the_hue() -> None:
    frames = smooth_clip()
    grey = camera.to_grey(frames).astype(float)
    want = frames @ np.array((0.299, 0.587, 0.114))
    np.testing.assert_allclose(grey, np.repeat(want[..., None], 3, axis=3), atol=1)
    turned = camera.colour_matrix(np.ones(3), saturation=1.3, hue=0.7) @ np.full(3, 90.0)
    np.testing.assert_allclose(turned, 90)


def test_a_third_of_a_turn_of_the_hue_makes_red_green() -> None:
    turned = camera.colour_matrix(np.ones(3), saturation=1, hue=2 * np.pi / 3) @ np.array((200.0, 0, 0))
    np.testing.assert_allclose(turned, (0, 200, 0), atol=1e-9)


def test_a_clip_gets_one_colour_change_for_all_its_frames() -> None:
    frames = np.repeat(smooth_clip(T=1), 3, axis=0)
    changed = camera.change_colours(frames, np.random.default_rng(4))
    assert (changed != frames).any()
    np.testing.assert_array_equal(changed[0], changed[2])


def test_noise_has_zero_mean_and_the_deviation_that_was_drawn() -> None:
    frames = np.full((2, H, W, 3), 128, np.uint8)
    for seed in range(5):
        deviation = np.random.default_rng(seed).uniform(2, 14)  # the first draw
        noise = camera.add_noise(frames, np.random.default_rng(seed)).astype(float) - 128
        assert abs(noise.mean()) < 0.15
        assert noise.std() == pytest.approx(deviation, rel=0.05)
        assert (noise[0] != noise[1]).any()


def test_blur_and_low_resolution_remove_detail_and_keep_the_mean() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, H, W, 3), dtype=np.uint8)
    for seed in range(10):
        for effect in (camera.blur, camera.lower_resolution):
            soft = effect(frames, np.random.default_rng(seed)).astype(float)
            assert soft.std() < 0.9 * frames.std()
            assert abs(soft.mean() - frames.mean()) < 2


def test_motion_blurs_along_its_direction_only() -> None:
    kernel = camera.motion_kernel(length=7, angle=0)
    assert kernel.sum() == pytest.approx(1)
    assert kernel[kernel.shape[0] // 2].sum() == pytest.approx(1)
    upright = camera.motion_kernel(length=7, angle=np.pi / 2)
    np.testing.assert_allclose(upright, kernel.T, atol=1e-6)
    slanted = camera.motion_kernel(length=9, angle=np.pi / 4)
    assert np.trace(slanted) > 4 * np.trace(slanted[:, ::-1])


def test_compression_is_visible_but_keeps_colours_in_their_channels() -> None:
    frames = smooth_clip()
    frames[..., 0] = 230
    for seed in range(5):
        out = camera.compress(frames, np.random.default_rng(seed))
        assert (out != frames).any()
        assert abs(out[..., 0].mean() - 230) < 6
        assert np.abs(out.astype(float) - frames).mean() < 20
