import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ctl.explain.composition import Composition, compose, contributions
from ctl.graph.conv3d import PartNorm
from ctl.inference import TrackletNodes, clip_indices, encode_frames, relate_tracklet
from ctl.model import CTL
from ctl.model.network import CTLOutput
from tests.explain.nodes import SMALL, make_model, make_nodes

VARIANTS = {
    "paper": {},
    "neck": {"bn_neck": True},
    "add": {"fusion": "add"},
    "frame-wise": {"graph": "frame"},
    "no graph": {"graph": "none"},
    "early fusion": {"cross_scale_layers": 2},
    "s3 only": {"fused_scales": ()},
    "one finer scale": {"fused_scales": ("s2",)},
    "norm before the ReLU of Eq. 6": {"carry_norm": True, "relation": "cosine", "body_prior": 2.0},
}


def take_apart(model: CTL, nodes: TrackletNodes) -> Composition:
    return compose(model, relate_tracklet(model, nodes))


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values)


def composed_by_loops(model: CTL, nodes: TrackletNodes) -> dict[tuple[int, str, int], np.ndarray]:
    """(frame, scale, part) -> vector, written from Eq. 5 to 7 with loops; only layers below the fusion are called."""
    clips = clip_indices(len(nodes), model.config.clip_length)
    found: dict[tuple[int, str, int], np.ndarray] = {}
    for clip in clips:
        with torch.inference_mode():
            refined, *_ = model.refine({scale: values[clip][None] for scale, values in nodes.scales.items()})
            for place, frame in enumerate(clip):
                share = 1 / clips.size
                terms = {("whole", 0): nodes.whole[frame].numpy()}
                terms |= {("s3", part): refined["s3"][0, place, part].numpy() for part in range(5)}
                for scale, carry in model.fuse_scales[-1].carry.items():
                    weights = carry(refined[scale], refined["s3"])[1][0, place]
                    W = carry.weight.weight.numpy()
                    sources = refined[scale][0, place].numpy()
                    for target in range(5):
                        gain, shift = gain_and_shift(carry.norm, target, model.config.channels)
                        sent = [float(weights[target, n]) * (gain * (W @ x) + shift) for n, x in enumerate(sources)]
                        for n in range(len(sources)):
                            mine = sent[n] * (sum(sent) > 0) * model.config.alpha
                            terms[scale, n] = terms.get((scale, n), 0) + mine
                for (scale, part), vector in terms.items():
                    key = (int(frame), scale, part)
                    found[key] = found.get(key, 0) + share * vector
    return found


def gain_and_shift(norm: PartNorm | None, part: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """What a norm does to one part in evaluation; nothing where there is none."""
    if norm is None:
        return np.ones(channels), np.zeros(channels)
    run = slice(part * channels, (part + 1) * channels)
    mean, variance, weight, bias = (
        values.detach().numpy()[run] for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return weight / np.sqrt(variance + norm.eps), bias - mean * weight / np.sqrt(variance + norm.eps)


@pytest.mark.parametrize("carry_norm", [False, True])
@pytest.mark.parametrize("frames", [1, 5, 6])
def test_terms_equal_the_equations_written_as_loops(frames: int, carry_norm: bool) -> None:
    model, nodes = make_model(carry_norm=carry_norm), make_nodes(frames)
    wanted = composed_by_loops(model, nodes)
    got = take_apart(model, nodes)
    assert sum(values.shape[0] * values.shape[1] for values in got.terms.values()) == len(wanted) == frames * 33
    for (frame, scale, part), vector in wanted.items():
        np.testing.assert_allclose(got.terms[scale][frame, part], vector, atol=1e-6, err_msg=f"{frame} {scale} {part}")


@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in VARIANTS.items()])
@pytest.mark.parametrize("frames", [1, 5, 6])
def test_contributions_add_up_to_the_similarity(changes: dict, frames: int) -> None:
    model = make_model(**changes)
    query, hit = make_nodes(frames, seed=1), make_nodes(4, seed=2)
    embeddings = [relate_tracklet(model, nodes).embedding for nodes in (query, hit)]
    cosine = float(embeddings[0].astype(np.float64) @ embeddings[1])
    for nodes, other in ((query, embeddings[1]), (hit, embeddings[0])):
        found = contributions(take_apart(model, nodes), other)
        assert found.similarity == pytest.approx(cosine, abs=1e-6)
        assert all(values.shape[0] == len(nodes) for values in found.terms.values())
    np.testing.assert_allclose(unit(take_apart(model, query).total), embeddings[0], atol=1e-6)


def test_a_neck_shows_as_a_shift_and_its_absence_as_none() -> None:
    nodes, other = make_nodes(3), unit(np.ones(SMALL.channels))
    assert contributions(take_apart(make_model(), nodes), other).shift == 0
    assert abs(contributions(take_apart(make_model(bn_neck=True), nodes), other).shift) > 1e-3


def test_contributions_to_a_difference_say_what_sets_two_apart() -> None:
    whole = make_nodes(3)
    composition = take_apart(make_model(), whole)
    one, other = (unit(np.random.default_rng(seed).normal(size=SMALL.channels)) for seed in (0, 1))
    apart = contributions(composition, one - other)
    wanted = contributions(composition, one).similarity - contributions(composition, other).similarity
    assert apart.similarity == pytest.approx(wanted, abs=1e-9)


def outputs(model: CTL, frames: torch.Tensor, logits: torch.Tensor) -> tuple[CTLOutput, TrackletNodes]:
    clips = clip_indices(len(frames), model.config.clip_length)
    with torch.inference_mode():
        output = model(frames[clips], logits[clips], trace=True)
        return output, encode_frames(model, frames, logits)


@pytest.mark.parametrize("changes", [{}, {"bn_neck": True}, {"cross_scale_layers": 2}])
def test_a_tracklet_related_from_its_nodes_is_the_model_over_its_clips(changes: dict) -> None:
    torch.manual_seed(0)
    model = make_model(**changes)
    whole, nodes = outputs(model, torch.rand(5, 3, 64, 32), torch.randn(5, 17, 8, 4))
    run = relate_tracklet(model, nodes)
    torch.testing.assert_close(run.embeddings, whole.embedding, rtol=1e-5, atol=1e-6)
    wanted = F.normalize(whole.embedding.mean(dim=0), dim=0).numpy()
    np.testing.assert_allclose(run.embedding, wanted, atol=1e-6)
    assert whole.trace is not None
    matrices = run.matrices()
    assert set(matrices) == {f"A_{name}" for name in (*whole.trace.adjacency, *whole.trace.cross_scale)}
    total = whole.trace.adjacency["s1_l2"].total
    np.testing.assert_allclose(matrices["A_s1_l2"], torch.cat([total[0], total[1, :2]]).numpy(), atol=1e-5)
