from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from ctl.config import TOPOLOGY_TERMS, ModelConfig
from ctl.errors import InputError
from ctl.explain.what_if import Setting, altered, full_setting, moves, rerun, what_if
from ctl.inference import TrackletNodes, relate_tracklet
from ctl.model import CTL
from ctl.skeleton import physical_adjacency
from ctl.types import Hit
from tests.explain.nodes import SMALL, make_model, make_nodes, make_trace

FULL = full_setting(SMALL)


def built_anew(model: CTL, config: ModelConfig) -> CTL:
    """A model of another config, made by the usual constructor, with those of the weights that it has a place for."""
    other = CTL(config)
    missing, _ = other.load_state_dict(model.state_dict(), strict=False)
    assert not missing
    return other.eval()


def subsets(values: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for count in range(len(values) + 1):
        yield from combinations(values, count)


@pytest.mark.parametrize(
    ("changes", "topology"),
    [
        *(({}, some) for some in subsets(TOPOLOGY_TERMS)),
        ({"cross_scale_layers": 2}, ("mask", "context")),
        ({"graph": "frame"}, ("physical", "mask")),
        ({"fusion": "add"}, ("physical", "context")),
    ],
)
def test_a_switched_off_term_equals_a_model_built_without_it(changes: dict, topology: tuple) -> None:
    model, nodes = make_model(**changes), make_nodes(5)
    wanted = relate_tracklet(built_anew(model, replace(model.config, topology=topology)), nodes)
    got = rerun(model, nodes, replace(full_setting(model.config), topology=topology))
    assert torch.equal(got.embeddings, wanted.embeddings)
    for name, values in wanted.matrices().items():
        np.testing.assert_array_equal(got.matrices()[name], values)


@pytest.mark.parametrize(
    ("changes", "fused"),
    [
        *(({}, some) for some in subsets(("s1", "s2"))),
        ({"cross_scale_layers": 2}, ("s1",)),
        ({"graph": "none"}, ("s2",)),
        ({"bn_neck": True}, ()),
    ],
)
def test_a_scale_left_out_equals_a_model_built_without_it(changes: dict, fused: tuple) -> None:
    model, nodes = make_model(**changes), make_nodes(5)
    wanted = relate_tracklet(built_anew(model, replace(model.config, fused_scales=fused)), nodes)
    got = rerun(model, nodes, replace(full_setting(model.config), fused_scales=fused))
    assert torch.equal(got.embeddings, wanted.embeddings)
    assert got.matrices().keys() == wanted.matrices().keys()


def test_a_frame_alone_is_a_clip_of_one_frame() -> None:
    model, nodes = make_model(), make_nodes(7)
    got = rerun(model, nodes, replace(FULL, across_frames=False))
    single = [relate_tracklet(model, nodes[t : t + 1], np.array([[0]])) for t in range(7)]
    for t, run in enumerate(single):
        np.testing.assert_allclose(got.matrices()["A_s1_l2"][t], run.matrices()["A_s1_l2"][0], atol=1e-5)
    weights = [1 / 9] * 6 + [3 / 9]  # the seventh frame fills a clip of three
    wanted = sum(weight * run.embeddings[0] for weight, run in zip(weights, single, strict=True))
    np.testing.assert_allclose(got.embedding, wanted / wanted.norm(), atol=1e-6)
    assert np.abs(got.embedding - relate_tracklet(model, nodes).embedding).max() > 1e-3


def test_no_change_is_the_full_model_to_the_last_bit() -> None:
    torch.manual_seed(0)
    model = make_model(bn_neck=True)
    frames, logits = torch.rand(6, 3, 64, 32), torch.randn(6, 17, 8, 4)
    with torch.inference_mode():
        maps = model.backbone(frames.unflatten(0, (2, 3)))
        nodes = model.extract(maps, logits.unflatten(0, (2, 3)))
        wanted = model.relate(nodes, trace=True)
    held = TrackletNodes(nodes.whole.flatten(0, 1), {s: v.flatten(0, 1) for s, v in nodes.scales.items()})
    got = rerun(model, held, FULL)
    assert torch.equal(got.embeddings, wanted.embedding)
    assert wanted.trace is not None
    for name, values in wanted.trace.adjacency.items():
        assert torch.equal(got.adjacency[name].total, values.total)
    answer = what_if(model, *make_trace(model, held), FULL)
    np.testing.assert_array_equal(answer.embedding, got.embedding)
    assert answer.similarity == pytest.approx(1, abs=1e-6)
    assert {change.share for change in answer.changes} == {0.0}


def test_the_model_is_left_as_it_was_and_its_weights_are_not_copied() -> None:
    model, nodes = make_model(), make_nodes(4)
    before = relate_tracklet(model, nodes).embeddings
    view = altered(model, Setting((), False, ()))
    rerun(model, nodes, Setting((), False, ()))
    assert torch.equal(relate_tracklet(model, nodes).embeddings, before)
    mine = {parameter.data_ptr() for parameter in model.parameters()}
    assert {parameter.data_ptr() for parameter in view.parameters()} < mine
    assert view.config == replace(SMALL, topology=(), fused_scales=())
    assert model.config == SMALL


def test_a_matrix_moves_by_what_was_taken_from_it() -> None:
    model, nodes = make_model(layers=1), make_nodes(3)
    answer = what_if(model, *make_trace(model, nodes), replace(FULL, topology=("mask", "context")))
    full = relate_tracklet(model, nodes).matrices()["A_s1_l1"]
    physical = np.tile(physical_adjacency("s1"), (3, 3))
    np.testing.assert_allclose(full - answer.matrices["A_s1_l1"], np.broadcast_to(physical, full.shape), atol=1e-6)
    change = next(change for change in answer.changes if change.name == "A_s1_l1")
    wanted = np.sqrt(3 * physical.sum() / (full**2).sum())
    assert change.share == pytest.approx(wanted, rel=1e-5)
    assert physical[change.receiver, change.sender] == 1
    assert change.before - change.after == pytest.approx(1, abs=1e-6)


def test_a_matrix_that_is_gone_has_changed_wholly() -> None:
    answer = what_if(make_model(), *make_trace(make_model(), make_nodes(3)), replace(FULL, fused_scales=("s2",)))
    shares = {change.name: change.share for change in answer.changes}
    assert shares["A_s1_s3"] == shares["A_s1_l1"] == 1
    assert shares["A_s2_s3"] == shares["A_s3_l2"] == 0
    assert "A_s1_l1" not in answer.matrices


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, Setting(TOPOLOGY_TERMS, True, ("s1", "s2"))),
        ({"graph": "frame"}, Setting(TOPOLOGY_TERMS, False, ("s1", "s2"))),
        ({"window": 1}, Setting(TOPOLOGY_TERMS, False, ("s1", "s2"))),
        ({"graph": "none"}, Setting((), False, ("s1", "s2"))),
        ({"topology": ("context",), "fused_scales": ("s2",)}, Setting(("context",), True, ("s2",))),
    ],
)
def test_only_what_the_model_has_can_be_switched(changes: dict, wanted: Setting) -> None:
    assert full_setting(replace(SMALL, **changes)) == wanted
    model = make_model(**changes)
    assert altered(model, wanted) is model


@pytest.mark.parametrize(
    ("changes", "setting", "message"),
    [
        (
            {"topology": ("mask",)},
            Setting(("mask", "physical"), True, ()),
            "no physical to switch: topology can be mask",
        ),
        ({"fused_scales": ()}, Setting(TOPOLOGY_TERMS, True, ("s1",)), "no s1 to switch: fused_scales can be nothing"),
        ({"graph": "frame"}, Setting(TOPOLOGY_TERMS, True, ()), "don't hear each other"),
    ],
)
def test_what_the_model_has_not_is_refused(changes: dict, setting: Setting, message: str) -> None:
    with pytest.raises(InputError, match=message):
        altered(make_model(**changes), setting)


def test_moves_keep_the_new_order_and_name_who_came_and_left() -> None:
    before = tuple(Hit(rank, key, key, "1", 1 - rank / 10) for rank, key in enumerate("abc", start=1))
    after = tuple(Hit(rank, key, key, "1", 0.9 - rank / 10) for rank, key in enumerate("bad", start=1))
    found = moves(before, after)
    assert [(move.key, move.rank_before, move.rank_after) for move in found] == [
        ("b", 2, 1),
        ("a", 1, 2),
        ("d", None, 3),
        ("c", 3, None),
    ]
    assert found[0].similarity_before == pytest.approx(0.8)
    assert found[3].similarity_after is None
