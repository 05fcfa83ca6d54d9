"""The loaded model with something switched off, without training it again.

An altered model shares every weight with the full one. It isn't what training without that thing would give (Tables 3
to 5 of the paper compare such models): it shows what the full model leans on.
"""

import copy
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from ctl.config import ModelConfig, TopologyTerm
from ctl.errors import InputError
from ctl.graph.topology import Topology
from ctl.inference import TrackletGraphs, TrackletNodes, clip_indices, nodes_of, relate_tracklet
from ctl.model import CTL
from ctl.skeleton import Scale
from ctl.types import Ranking, Trace

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Setting:
    """What of a model counts. `full_setting` is all that a model has; a question is that with less.

    Args:
        topology: terms of Eq. 2.
        across_frames: whether frames hear each other. Without it each frame stands alone, as between two ends of a
            clip: its window's other frames are absent.
        fused_scales: finer scales that reach s3 (Eq. 7).
    """

    topology: tuple[TopologyTerm, ...]
    across_frames: bool
    fused_scales: tuple[Scale, ...]


@dataclass(frozen=True, eq=False)
class Change:
    """How one matrix differs from the full model's.

    Args:
        name: "A_s1_l1" and so on.
        share: size of the difference over that of the full model's matrices, all frames together (Frobenius norms);
            1 where the altered model has no such matrix.
        frame, receiver, sender: where it differs most, as indices.
        before, after: the entry there.
    """

    name: str
    share: float
    frame: int
    receiver: int
    sender: int
    before: float
    after: float


@dataclass(frozen=True)
class Move:
    """A gallery tracklet before and after; a rank or similarity is None where the list doesn't reach so far."""

    key: str
    person: str
    camera: str
    rank_before: int | None
    rank_after: int | None
    similarity_before: float | None
    similarity_after: float | None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model with less makes of one tracklet.

    Args:
        setting: what was left.
        embedding: (D,) float32 of unit length.
        similarity: cosine of the altered and the full embedding.
        matrices: as `TrackletGraphs.matrices`, of the altered model.
        changes: of every matrix of the full model, in its order.
        moves: of the gallery, in the new order, then those that left the list. The gallery itself stays as the full
            model embedded it.
    """

    setting: Setting
    embedding: np.ndarray
    similarity: float
    matrices: dict[str, np.ndarray]
    changes: tuple[Change, ...]
    moves: tuple[Move, ...] = ()


def full_setting(config: ModelConfig) -> Setting:
    """All that a model has, and so all that can be switched off: no term without a graph, no window of one frame."""
    return Setting(
        topology=config.topology if config.graph != "none" else (),
        across_frames=config.graph == "spacetime" and config.window > 1,
        fused_scales=config.fused_scales,
    )


def altered(model: CTL, setting: Setting) -> CTL:
    """A view of a model in which less counts, sharing its weights. `across_frames` is `rerun`'s business.

    Raises:
        InputError: the setting asks for more than the model has; the message names it.
    """
    full = full_setting(model.config)
    for name in ("topology", "fused_scales"):
        missing = sorted(set(getattr(setting, name)) - set(getattr(full, name)))
        if missing:
            raise InputError(
                f"this model has no {' and no '.join(missing)} to switch: {name} can be {_words(full, name)}"
            )
    if setting.across_frames and not full.across_frames:
        raise InputError("this model's frames don't hear each other, so there is nothing to switch")
    if replace(setting, across_frames=full.across_frames) == full:
        return model
    view = _copied(model)
    view.config = replace(model.config, fused_scales=setting.fused_scales)
    if model.config.graph != "none":
        view.config = replace(view.config, topology=setting.topology)
    view.graphs = nn.ModuleList(_fewer_graphs(layer, setting) for layer in model.graphs)
    view.fuse_scales = nn.ModuleList(_fewer_sources(fusion, setting) for fusion in model.fuse_scales)
    return view


def rerun(model: CTL, nodes: TrackletNodes, setting: Setting) -> TrackletGraphs:
    """Everything above the nodes, with less.

    Raises:
        InputError: as `altered`.
    """
    view, clips = altered(model, setting), clip_indices(len(nodes), model.config.clip_length)
    alone = full_setting(model.config).across_frames and not setting.across_frames
    return relate_tracklet(view, nodes, clips.reshape(-1, 1) if alone else clips)


def what_if(model: CTL, trace: Trace, embedding: np.ndarray, setting: Setting) -> Answer:
    """Compare a model with less to the model as it is, on one tracklet. The answer has no moves yet.

    Args:
        model: that gave trace and embedding.
        trace: of the tracklet.
        embedding: (D,) of unit length.
        setting: what is left of the model.
    Raises:
        InputError: as `altered`.
    """
    less = rerun(model, nodes_of(trace), setting)
    matrices, full = less.matrices(), trace.matrices()
    return Answer(
        setting=setting,
        embedding=less.embedding,
        similarity=float(np.clip(embedding.astype(np.float64) @ less.embedding, -1, 1)),
        matrices=matrices,
        changes=tuple(_change(name, values, matrices.get(name)) for name, values in full.items()),
    )


def switches(full: Setting) -> dict[str, Setting]:
    """Each thing that can be switched off, alone: "context", "window", "s1" and so on -> the model without it."""
    without: dict[str, Setting] = {}
    for term in full.topology:
        without[term] = replace(full, topology=tuple(kept for kept in full.topology if kept != term))
    if full.across_frames:
        without["window"] = replace(full, across_frames=False)
    for scale in full.fused_scales:
        without[scale] = replace(full, fused_scales=tuple(kept for kept in full.fused_scales if kept != scale))
    return without


def moves(before: Ranking, after: Ranking) -> tuple[Move, ...]:
    """Every tracklet of two rankings: in the new order, then those that left, in the old order."""
    old, new = ({hit.key: hit for hit in ranking} for ranking in (before, after))
    return tuple(
        Move(
            key=hit.key,
            person=hit.person,
            camera=hit.camera,
            rank_before=old[hit.key].rank if hit.key in old else None,
            rank_after=new[hit.key].rank if hit.key in new else None,
            similarity_before=old[hit.key].similarity if hit.key in old else None,
            similarity_after=new[hit.key].similarity if hit.key in new else None,
        )
        for hit in (new | {key: hit for key, hit in old.items() if key not in new}).values()
    )


def _change(name: str, before: np.ndarray, after: np.ndarray | None) -> Change:
    altered_to = np.zeros_like(before) if after is None else after
    difference = np.abs(altered_to - before)
    frame, receiver, sender = (int(place) for place in np.unravel_index(difference.argmax(), difference.shape))
    return Change(
        name=name,
        share=float(np.linalg.norm(difference) / max(float(np.linalg.norm(before)), 1e-12)),
        frame=frame,
        receiver=receiver,
        sender=sender,
        before=float(before[frame, receiver, sender]),
        after=float(altered_to[frame, receiver, sender]),
    )


def _words(full: Setting, name: str) -> str:
    return " and ".join(getattr(full, name)) or "nothing"


def _fewer_graphs(layer: nn.Module, setting: Setting) -> nn.Module:
    """A `GraphLayer` of the scales that count, each with the terms that count."""
    view = _copied(layer)
    view.scales = nn.ModuleDict()
    for scale, convolve in layer.get_submodule("scales").named_children():
        if scale in (*setting.fused_scales, "s3"):
            view.scales[scale] = _copied(convolve)
            view.scales[scale].topology = _fewer_terms(convolve.get_submodule("topology"), setting)
    return view


def _fewer_terms(topology: nn.Module, setting: Setting) -> Topology:
    """A `Topology` as it would be built without the terms that don't count."""
    assert isinstance(topology, Topology)
    view = _copied(topology)
    if "physical" not in setting.topology:
        view.physical = torch.zeros_like(topology.physical)
    if "mask" not in setting.topology:
        view.mask = None
    if "context" not in setting.topology:
        view.context = None
    return view


def _fewer_sources(fusion: nn.Module, setting: Setting) -> nn.Module:
    """A `ScaleFusion` of the sources that count."""
    view = _copied(fusion)
    carry = fusion.get_submodule("carry")
    view.carry = nn.ModuleDict({source: carry.get_submodule(source) for source in setting.fused_scales})
    return view


def _copied(module: M) -> M:
    """A module of its own that holds the same parameters, buffers and children until one is replaced."""
    view = copy.copy(module)
    for group in ("_parameters", "_buffers", "_modules"):
        view.__dict__[group] = dict(module.__dict__[group])
    return view
