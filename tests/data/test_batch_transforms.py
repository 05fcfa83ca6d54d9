"""Whole batches are augmented as single clips are: the same with the same draws, alike in distribution without."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from ctl.data import batch_camera, camera
from ctl.data.batch_jpeg import compress
from ctl.data.batch_transforms import augment_batch, move, move_mass, occlude
from ctl.data.benchmark import TrackletFiles
from ctl.data.clips import draw_clip
from ctl.data.recipes import Recipe, Recipes, pack
from ctl.data.sampling import ClipKey
from ctl.data.transforms import Augment, draw_window, window_shares
from tests.data.test_transforms import CELL, LEFT, RIGHT, centre, contains, mass_of, spot

H, W, T = 64, 32, 3
GRID = (H // CELL, W // CELL)
TRACKLETS = [TrackletFiles((Path("a.png"),) * 6, person, eye) for person in range(1, 5) for eye in (0, 1)]
CPU = torch.device("cpu")


def clip_of(number: int, height: int = H, width: int = W, frames: int = T) -> np.ndarray:
    """(T, H, W, 3) uint8 with structure of some five pixels: a crop's worth of detail, and no ringing grid."""
    noise = np.random.default_rng(number).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in noise]).astype(float)
    return (128 + (soft - soft.mean()) * 4).clip(0, 255).astype(np.uint8)


STORED = np.concatenate([clip_of(number, frames=6) for number in range(len(TRACKLETS))])
MAPS = np.random.default_rng(1).normal(scale=2, size=(len(STORED), 17, *GRID)).astype(np.float16)


def to_batch(*clips: np.ndarray) -> Tensor:
    """Clips (T, H, W, 3) uint8 -> (n, T, 3, H, W) float32 in 0..255."""
    return torch.from_numpy(np.stack(clips)).permute(0, 1, 4, 2, 3).float()


def to_clip(clip: Tensor) -> np.ndarray:
    """(T, 3, H, W) -> (T, H, W, 3) float64."""
    return clip.permute(0, 2, 3, 1).double().numpy()


def recipes(augment: Augment) -> Recipes:
    return Recipes(TRACKLETS, augment, T, (H, W), GRID)


def on_batch(augment: Augment, keys: list[ClipKey]) -> tuple[Tensor, Tensor, Recipe]:
    """Frames (B, T, 3, H, W) in 0..1, logits, and the recipe, on the path of a GPU."""
    recipe = pack(recipes(augment).draw(keys)).to(CPU)
    frames, maps = torch.from_numpy(STORED), torch.from_numpy(MAPS)
    pictures = frames[recipe.rows], maps[recipe.rows], frames[recipe.donors]
    return *augment_batch(*pictures, recipe, torch.Generator().manual_seed(recipe.seed)), recipe


def on_clips(augment: Augment, keys: list[ClipKey]) -> tuple[Tensor, Tensor]:
    """The same clips on the path of a CPU, one after another."""
    made = []
    for key in keys:
        rng, indices, donor = draw_clip(TRACKLETS, key, T, donor=bool(augment.occlude))
        rows = 6 * key.tracklet + indices
        shown = STORED[6 * donor.tracklet + donor.frame] if donor else None
        made.append(augment(STORED[rows], MAPS[rows].astype(np.float32), rng, shown))
    return torch.stack([frames for frames, _ in made]), torch.stack([logits for _, logits in made])


def keys_of(count: int, seed: int = 0) -> list[ClipKey]:
    return [ClipKey(number % len(TRACKLETS), (seed, number, 0, 1)) for number in range(count)]


# Where nothing but a recipe's draws are used, both paths make the same picture of the same key.
SAME_DRAWS = [
    pytest.param(Augment(), 0.01, 0, id="nothing"),
    pytest.param(Augment(flip=0.5), 0.01, 0, id="flip"),
    pytest.param(Augment(shift=0.1, zoom=0.2), 0.01, 1, id="move"),
    pytest.param(Augment(occlude=0.8), 0.01, 0, id="occlude"),
    pytest.param(Augment(colour=0.8), 0.6, 2, id="colour"),
    pytest.param(Augment(grey=0.5), 0.1, 1, id="grey"),
    pytest.param(Augment(blur=0.8), 0.2, 1, id="blur"),
    pytest.param(Augment(resolution=0.8), 0.4, 1, id="resolution"),
    pytest.param(Augment(compress=0.8), 1, 60, id="compress"),
    pytest.param(Augment(0.5, 0, 0.06, 0.1, 0.25, 0.8, 0.05, 0.3, 0.3, 0, 0.4), 2.5, 60, id="all"),
]


@pytest.mark.parametrize(("augment", "mean", "most"), SAME_DRAWS)
def test_the_same_key_gives_the_same_clip_on_both_paths(augment: Augment, mean: float, most: float) -> None:
    """In levels of 0..255, on average over a clip and at most; a pixel near a step of JPEG may take the next one."""
    keys = keys_of(48)
    frames, logits, _ = on_batch(augment, keys)
    want, want_logits = on_clips(augment, keys)
    apart = (frames - want).abs() * 255
    assert apart.flatten(1).mean(dim=1).max() <= mean
    assert apart.max() <= most + 0.01
    torch.testing.assert_close(logits.softmax(-1), want_logits.softmax(-1), atol=2e-5, rtol=0)
    assert 0 <= frames.min() <= frames.max() <= 1


STATISTICS = ("level", "contrast", "detail", "warmth", "flicker")
EFFECTS = [*Augment.__dataclass_fields__]


def statistics(frames: Tensor) -> Tensor:
    """Clips (n, T, 3, H, W) -> (n, 5) in levels: mean, deviation, neighbours' difference, red over blue, and how far
    frames are apart."""
    x = frames * 255
    level, contrast = x.flatten(1).mean(1), x.flatten(1).std(1)
    detail = (x[..., 1:] - x[..., :-1]).abs().flatten(1).mean(1)
    warmth = (x[:, :, 0] - x[:, :, 2]).flatten(1).mean(1)
    flicker = (x[:, 1:] - x[:, :-1]).abs().flatten(1).mean(1)
    return torch.stack((level, contrast, detail, warmth, flicker), dim=1).double()


@pytest.mark.slow
@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_has_the_same_distribution_on_both_paths(effect: str) -> None:
    """400 draws each, of other seeds. Means, variances and shares may differ by 4 standard errors of their difference.

    What is compared is by how much a statistic of a clip changes; the least counted change is a tenth of a level.
    """
    augment, n = Augment(**{effect: 0.4}), 400
    ours, others = keys_of(n, seed=1), keys_of(n, seed=2)
    with_tensors, maps, _ = on_batch(augment, ours)
    with_arrays, other_maps = on_clips(augment, others)
    changes, changed = [], []
    for frames, logits, keys in ((with_tensors, maps, ours), (with_arrays, other_maps, others)):
        plain, plain_logits, _ = on_batch(Augment(), keys)
        changes.append(statistics(frames) - statistics(plain))
        changed.append(((frames != plain).flatten(1).any(1), (logits != plain_logits).flatten(1).any(1)))
    for one, other in zip(*changed, strict=True):  # of pictures, and of heat maps
        share, another = one.double().mean(), other.double().mean()
        p = (share + another) / 2
        assert (share - another).abs() <= 4 * (2 * p * (1 - p) / n).sqrt()
    assert changed[0][0].any()
    assert changed[0][1].any() == changed[1][1].any()
    means, variances = torch.stack([x.mean(0) for x in changes]), torch.stack([x.var(0) for x in changes])
    error = (variances.sum(0) / n).sqrt()
    assert ((means[0] - means[1]).abs() <= 4 * error + 0.1).all(), (STATISTICS, means)
    of_variance = [((x - x.mean(0)) ** 2).var(0) / n for x in changes]
    slack = 4 * (of_variance[0] + of_variance[1]).sqrt() + 0.1**2
    assert ((variances[0] - variances[1]).abs() <= slack).all(), (STATISTICS, variances)


def test_an_erased_frame_shows_random_levels_in_one_rectangle() -> None:
    plain, _, _ = on_batch(Augment(), keys_of(60))
    frames, _, recipe = on_batch(Augment(erase=0.5), keys_of(60))
    pictures, before = ((x.flatten(0, 1) * 255).round() for x in (frames, plain))
    levels = []
    for picture, old in zip(pictures, before, strict=True):
        rows, columns = ((picture != old).any(0).any(axis).nonzero().flatten() for axis in (1, 0))
        if len(rows):
            box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            assert (picture != old).any(0)[box].float().mean() > 0.98
            levels.append(picture[:, box[0], box[1]].flatten())
    assert len(levels) == len(recipe.erased)
    found = torch.cat(levels)
    error = 73.9 / len(found) ** 0.5  # bytes deviate by 73.9
    assert abs(found.mean() - 127.5) < 4 * error
    assert (found.min(), found.max()) == (0, 255)
    counts = torch.bincount(found.long(), minlength=256)
    assert ((counts - len(found) / 256) ** 2 / (len(found) / 256)).sum() < 255 + 4 * (2 * 255) ** 0.5  # χ², 255 degrees


def test_noise_is_the_sum_of_two_bytes_and_of_the_amplitude_that_was_drawn() -> None:
    grey = torch.full((6, T, 3, H, W), 128.0)
    deviations = torch.tensor([2.0, 4, 6, 8, 11, 14])
    noisy = batch_camera.add_noise(grey, deviations / (255 / 6**0.5), torch.Generator().manual_seed(3)) - 128
    count = noisy[0].numel()
    assert (noisy.flatten(1).mean(1).abs() < 4 * deviations / count**0.5).all()
    rounded = (deviations**2 + 1 / 12).sqrt()
    assert ((noisy.flatten(1).std(1) / rounded - 1).abs() < 4 * 0.65 / count**0.5 + 0.01).all()
    kurtosis = (noisy[5] / 14).pow(4).mean() / (noisy[5] / 14).var() ** 2
    assert abs(kurtosis - 2.4) < 0.06  # of a triangle; a normal deviate has 3
    assert noisy[5].unique().numel() > 50
    assert not torch.equal(noisy[5, 0], noisy[5, 1])


@pytest.mark.parametrize("quality", [10, 25, 49, 50, 70, 100])
def test_jpeg_shows_what_opencvs_coder_does(quality: int) -> None:
    clip = clip_of(3)
    want = np.stack([camera.through_jpeg(frame, quality) for frame in clip]).astype(float)
    got = to_clip(compress(to_batch(clip), torch.tensor([float(quality)]))[0])
    lost = np.abs(want - clip).mean()
    assert np.abs(got - want).mean() < min(0.4, 0.1 * lost)
    assert abs((got - want).mean()) < 0.1


def test_clips_of_several_qualities_are_coded_each_by_its_own() -> None:
    qualities, clips = torch.tensor([12.0, 40, 66]), to_batch(*(clip_of(n) for n in range(3)))
    together = compress(clips, qualities)
    for one in range(3):
        torch.testing.assert_close(together[one], compress(clips[one : one + 1], qualities[one : one + 1])[0])


@pytest.mark.parametrize("seed", range(6))
def test_a_window_moves_picture_and_heat_map_to_the_same_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    place = rng.uniform((70, 35), (192 - 70, 96 - 35))
    frames, logits = spot(*place)
    window = draw_window(0.1, 0.2, rng)
    moved = move(to_batch(frames), torch.tensor([[window.top, window.left, window.size]], dtype=torch.float32))
    shares = (torch.from_numpy(part)[None] for part in window_shares(window, 24, 12))
    maps = move_mass(torch.from_numpy(logits)[None], *shares)[0]
    want = (place - (window.top * 192, window.left * 96)) / window.size
    np.testing.assert_allclose(centre(to_clip(moved[0])[0, ..., 0], 1), want, atol=0.15)
    np.testing.assert_allclose(centre(mass_of(maps)[0, LEFT], CELL), want, atol=0.6)


def test_flip_makes_the_left_wrist_the_right_one() -> None:
    recipe = recipes(Augment(flip=1.0)).draw(keys_of(1))
    frames, logits = spot(40, 20)
    pictures = torch.from_numpy(frames)[None], torch.from_numpy(logits)[None].half(), torch.zeros(0, 192, 96, 3)
    flipped, maps = augment_batch(*pictures, recipe, torch.Generator())
    np.testing.assert_allclose(centre(to_clip(flipped[0])[0, ..., 0], 1), (40, 96 - 20), atol=0.1)
    np.testing.assert_allclose(centre(mass_of(maps[0])[0, RIGHT], CELL), (40, 96 - 20), atol=0.5)
    np.testing.assert_allclose(mass_of(maps[0])[0, LEFT], 1 / logits[0, 0].size, atol=1e-9)


def test_an_occluder_is_cut_off_where_it_leaves_the_picture() -> None:
    donor = np.random.default_rng(0).integers(1, 256, (1, H, W, 3), dtype=np.uint8)
    corners = torch.tensor([[[5, -4], [5, 10], [5, W - 3]]])
    black = torch.zeros(1, T, 3, H, W)
    shown = to_clip(occlude(black, torch.from_numpy(donor), torch.tensor([[2, 3, 20, 10]]), corners)[0])
    for picture, (left, right) in zip(shown, ((0, 6), (10, 20), (W - 3, W)), strict=True):
        covered = np.argwhere(picture.any(axis=2))
        assert covered.min(0).tolist() == [5, left]
        assert (covered.max(0) + 1).tolist() == [25, right]
        assert contains(donor[0], picture[5:25, left:right].astype(np.uint8))


def test_out_of_focus_is_opencvs_gaussian_up_to_the_border() -> None:
    """Of floats to the last digit, at the width that bytes get; of bytes OpenCV rounds the weights to 1/256."""
    sigmas = (0.3, 0.55, 0.8, 1.7, 2.5)
    noise = np.random.default_rng(0).integers(0, 256, (1, H, W, 3), dtype=np.uint8)
    got = batch_camera.defocus(to_batch(*[noise] * 5), torch.tensor(sigmas))
    for one, sigma in zip(got, sigmas, strict=True):
        width = round(6 * sigma + 1) | 1
        exact = cv2.GaussianBlur(noise[0].astype(np.float32), (width, width), sigma)
        np.testing.assert_allclose(to_clip(one)[0], exact, atol=1e-3)
        assert np.abs(to_clip(one)[0] - cv2.GaussianBlur(noise[0], (0, 0), sigma)).max() < 2


def test_colours_of_several_clips_turn_about_their_own_means() -> None:
    clips = [clip_of(n) for n in range(3)]
    drawn = [camera.draw_colours(np.random.default_rng(n)) for n in range(3)]
    values = (torch.tensor(np.stack(part), dtype=torch.float32) for part in zip(*drawn, strict=True))
    got = batch_camera.recolour(to_batch(*clips), *values)
    for one, (clip, colours) in enumerate(zip(clips, drawn, strict=True)):
        assert np.abs(to_clip(got[one]) - camera.recolour(clip, colours)).max() <= 2.5


def test_draws_follow_from_the_keys_alone_and_the_noise_from_the_recipe() -> None:
    keys = keys_of(12)
    first, again = (on_batch(Augment.strong(), keys) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    seeds = {recipes(Augment()).draw([ClipKey(0, (0, step, 0, 1))]).seed for step in range(50)}
    assert len(seeds) == 50


def test_a_recipe_survives_packing() -> None:
    recipe = recipes(Augment.strong()).draw(keys_of(16))
    unpacked = pack(recipe).to(CPU)
    assert unpacked.seed == recipe.seed
    for name, field in recipe._asdict().items():
        if name != "seed":
            got = getattr(unpacked, name)
            assert (got.dtype, torch.equal(got, field)) == (field.dtype, True), name
