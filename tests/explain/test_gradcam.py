import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.config import ModelConfig
from ctl.draw.cam_picture import STRENGTH, cam_strip, cam_video_frames, draw_cam
from ctl.draw.palette import MAGMA, rgb
from ctl.explain.gradcam import grad_cam, raw_grad_cam
from ctl.model import CTL

T = 3  # clip length of the small model


@pytest.fixture(scope="module")
def model() -> CTL:
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="mobilenet_v2", channels=16, image_size=(64, 32), clip_length=T, relation_width=8, identities=3
    )
    return CTL.from_config(config).eval()


def make_tracklet(frames: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(frames)
    return torch.rand(frames, 3, 64, 32, generator=generator), torch.randn(frames, 17, 8, 4, generator=generator)


def grad_cam_by_hand(model: CTL, frames: Tensor, logits: Tensor, reference: Tensor | None) -> np.ndarray:
    """Selvaraju et al., Eq. 1 and 2, for one clip (T, 3, H, W), with autograd and loops. Shares no code with ours."""
    maps: list[Tensor] = []

    def keep(module: object, inputs: object, output: Tensor) -> None:
        maps.append(output)

    hook = model.backbone.features.register_forward_hook(keep)
    embedding = model(frames[None], logits[None]).embedding[0]
    hook.remove()
    score = embedding.norm() if reference is None else embedding @ reference / embedding.norm() / reference.norm()
    (gradient,) = torch.autograd.grad(score, maps[0])  # (T, C0, h, w)
    result = torch.zeros(len(frames), *gradient.shape[2:])
    for channel in range(gradient.shape[1]):
        weight = gradient[:, channel].mean()
        result += weight * maps[0][:, channel].detach()
    return result.clamp(min=0).numpy()


@pytest.mark.parametrize("compare", [False, True])
def test_maps_equal_the_formula_written_by_hand(model: CTL, compare: bool) -> None:
    frames, logits = make_tracklet(2 * T)
    reference = torch.randn(16, generator=torch.Generator().manual_seed(9)) if compare else None
    wanted = np.concatenate(
        [grad_cam_by_hand(model, frames[s], logits[s], reference) for s in (slice(0, 3), slice(3, 6))]
    )
    got = raw_grad_cam(model, frames, logits, reference)
    assert wanted.max() > 0
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * wanted.max())
    np.testing.assert_allclose(grad_cam(model, frames, logits, reference), wanted / wanted.max(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_a_clip_that_is_not_full_repeats_its_frames_as_the_embedding_does(model: CTL, frames: int) -> None:
    pictures, logits = make_tracklet(frames)
    rest = frames % T
    indices = [frames - rest + k % rest for k in range(T)]
    wanted = grad_cam_by_hand(model, pictures[indices], logits[indices], None)[:rest]
    got = raw_grad_cam(model, pictures, logits)
    assert got.shape == (frames, 4, 2)
    np.testing.assert_allclose(got[-rest:], wanted, rtol=1e-4, atol=1e-5 * wanted.max())


def test_maps_do_not_depend_on_how_many_clips_are_held_at_a_time(model: CTL) -> None:
    frames, logits = make_tracklet(5 * T)
    one, all_at_once = (raw_grad_cam(model, frames, logits, batch=batch) for batch in (1, 5))
    np.testing.assert_allclose(one, all_at_once, rtol=1e-4, atol=1e-6 * one.max())


def test_one_scale_for_the_whole_tracklet(model: CTL) -> None:
    frames, logits = make_tracklet(2 * T)
    frames[0] = 0.5
    maps = grad_cam(model, frames, logits)
    assert maps.max() == 1
    assert maps.min() >= 0
    assert (maps.max(axis=(1, 2)) < 1).sum() == len(maps) - 1, "only one frame holds the strongest cell"


def test_the_model_is_left_as_it_was_found(model: CTL) -> None:
    frames, logits = make_tracklet(T)
    model.train()
    model.fuse.eval()
    frozen = next(model.graphs.parameters()).requires_grad_(False)
    kept = next(model.fuse.parameters())
    kept.grad = torch.full_like(kept, 7.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    try:
        grad_cam(model, frames, logits)
        assert [module.training for module in model.modules()] == modes
        assert [p for p in model.parameters() if not p.requires_grad] == [frozen]
        assert [p for p in model.parameters() if p.grad is not None] == [kept]
        assert (kept.grad == 7).all()
        assert not any(module._forward_hooks for module in model.modules())
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    finally:
        frozen.requires_grad_(True)
        kept.grad = None
        model.eval()


def test_hooks_go_even_where_the_model_refuses(model: CTL) -> None:
    frames, logits = make_tracklet(T)
    with pytest.raises(ValueError, match="heatmap_logits must be"):
        grad_cam(model, frames, logits[:, :5])
    assert not any(module._forward_hooks for module in model.modules())
    assert all(p.requires_grad for p in model.parameters())


def test_it_runs_inside_inference_mode(model: CTL) -> None:
    with torch.inference_mode():
        frames, logits = make_tracklet(T)
        reference = F.normalize(model(frames[None].flip(1), logits[None]).embedding[0], dim=0)
        maps = grad_cam(model, frames, logits, reference)
    assert maps.max() == 1


def test_no_evidence_leaves_the_picture_as_it_was() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (720, 360, 3), np.uint8)
    np.testing.assert_array_equal(draw_cam(picture, np.zeros((16, 8))), picture)
    strongest = draw_cam(picture, np.ones((16, 8))).astype(float)
    np.testing.assert_allclose(strongest, picture + (np.array(rgb(MAGMA[-1])) - picture) * STRENGTH, atol=1)


def test_a_map_lies_over_its_own_place() -> None:
    cam = np.zeros((16, 8))
    cam[2, 6] = 1
    drawn = draw_cam(np.full((256, 128, 3), 100, np.uint8), cam)
    assert drawn.shape == (720, 360, 3)
    y, x = np.unravel_index(drawn.sum(axis=-1, dtype=int).argmax(), drawn.shape[:2])
    assert abs(y - 2.5 * 45) < 8
    assert abs(x - 6.5 * 45) < 8


def test_the_strip_shows_first_and_last_frame_with_their_maps() -> None:
    images = np.stack([np.full((256, 128, 3), 20 * t, np.uint8) for t in range(10)])
    strip = cam_strip(images, np.zeros((10, 16, 8)), np.arange(10) / 10, count=4)
    assert strip.shape[1] == 4 * 160 + 3 * 4
    middle = strip[150, 80::164]
    assert middle[:, 0].tolist() == [0, 60, 120, 180]
    assert strip[500, 80::164, 0].tolist() == [0, 60, 120, 180], "no evidence, no tint"


def test_video_frames_are_even_and_alike() -> None:
    images = np.zeros((3, 255, 101, 3), np.uint8)
    frames = list(cam_video_frames(images, np.random.default_rng(0).random((3, 16, 8)), [0.0, 0.1, 0.2]))
    assert len({frame.shape for frame in frames}) == 1
    assert all(side % 2 == 0 for side in frames[0].shape[:2])
