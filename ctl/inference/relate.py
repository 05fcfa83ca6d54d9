"""Nodes of a tracklet to its graphs, embedding and trace.

The backbone takes nearly all of a model's time, and no question that is asked after an analysis changes what it gave.
So its result is kept in the trace, as the nodes of Eq. 1, and every question starts from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.graph.topology import Adjacency
from ctl.inference.batching import clip_indices
from ctl.model import CTL, Nodes
from ctl.types import Keypoints, Trace


@dataclass(frozen=True, eq=False)
class TrackletNodes:
    """The nodes of a tracklet of T frames (Eq. 1), float32 on the CPU.

    Args:
        whole: (T, C), V_g.
        scales: "s1", "s2", "s3" -> (T, N, C), V_s.
    """

    whole: Tensor
    scales: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, frames: slice) -> "TrackletNodes":
        return TrackletNodes(self.whole[frames], {scale: values[frames] for scale, values in self.scales.items()})


@dataclass(frozen=True, eq=False)
class TrackletGraphs:
    """What `CTL.relate` makes of the B clips of a tracklet, each of T frames. Rows of a matrix receive, columns send.

    Args:
        clips: (B, T), which frame of the tracklet stands at each place.
        whole: (B, T, C), V_g.
        refined: scale -> (B, T, N, C), after the graph layers.
        adjacency: "s1_l1" and so on -> the terms of its A.
        cross_scale: "s1_s3" and so on -> (B, T, 5, N).
        parts: (B, T, 5, C), V_p.
        embeddings: (B, C), V_f^a of each clip, as clips are compared by.
    """

    clips: np.ndarray
    whole: Tensor
    refined: dict[str, Tensor]
    adjacency: dict[str, Adjacency]
    cross_scale: dict[str, Tensor]
    parts: Tensor
    embeddings: Tensor

    @property
    def embedding(self) -> np.ndarray:
        """(D,) float32 of unit length, mean over the clips."""
        return F.normalize(self.embeddings.mean(dim=0), dim=0).cpu().numpy()

    def matrices(self) -> dict[str, np.ndarray]:
        """ "A_s1_l1" and so on -> (T, τN, τN), "A_s1_s3" and so on -> (T, 5, N), for the T frames of the tracklet."""
        named = {name: adjacency.total for name, adjacency in self.adjacency.items()} | self.cross_scale
        return {f"A_{name}": self.by_frame(values) for name, values in named.items()}

    def by_frame(self, values: Tensor) -> np.ndarray:
        """(B, T, ...) -> the same for each frame of the tracklet, where it stands for the first time."""
        places = np.unique(self.clips, return_index=True)[1]
        return values.flatten(0, 1)[places].cpu().numpy()


def encode_frames(model: CTL, frames: Tensor, heatmap_logits: Tensor) -> TrackletNodes:
    """Nodes of single frames (T, 3, H, W), as many as are run at once; arguments else as `CTL.encode`."""
    nodes = model.encode(frames[None], heatmap_logits[None])
    scales = {scale: values[0].float().cpu() for scale, values in nodes.scales.items()}
    return TrackletNodes(nodes.whole[0].float().cpu(), scales)


def join_nodes(pieces: Sequence[TrackletNodes]) -> TrackletNodes:
    """Runs of frames, one after the other."""
    scales = {scale: torch.cat([piece.scales[scale] for piece in pieces]) for scale in pieces[0].scales}
    return TrackletNodes(torch.cat([piece.whole for piece in pieces]), scales)


def relate_tracklet(model: CTL, nodes: TrackletNodes, clips: np.ndarray | None = None) -> TrackletGraphs:
    """All that follows the nodes, for every clip of a tracklet at once, in float32.

    Args:
        model: in evaluation mode; its device is used.
        nodes: of the tracklet.
        clips: (B, T) indices of the frames that form each clip; without it, those that an embedding is the mean of.
    """
    device = next(model.parameters()).device
    if clips is None:
        clips = clip_indices(len(nodes), model.config.clip_length)
    with torch.inference_mode():
        scales = {scale: values[clips].to(device) for scale, values in nodes.scales.items()}
        output = model.relate(Nodes(nodes.whole[clips].to(device), scales), trace=True)
    trace = output.trace
    assert trace is not None
    return TrackletGraphs(
        clips=clips,
        whole=trace.nodes.whole,
        refined=trace.refined,
        adjacency=trace.adjacency,
        cross_scale=trace.cross_scale,
        parts=trace.parts,
        embeddings=output.embedding,
    )


def to_trace(graphs: TrackletGraphs, nodes: TrackletNodes, keypoints: Keypoints) -> Trace:
    """What displays and later questions need of a tracklet of T frames.

    Args:
        graphs: over the clips that its embedding is the mean of.
        nodes: that they were made of.
        keypoints: joints in pixels of the tracklet's crops.
    """
    adjacency: dict[str, np.ndarray] = {}
    constant: dict[str, np.ndarray] = {}  # terms that no clip changes: kept once, seen T times
    for name, terms in graphs.adjacency.items():
        adjacency |= {f"A_{name}": graphs.by_frame(terms.total), f"Ac_{name}": graphs.by_frame(terms.context)}
        for symbol, values in (("Ap", terms.physical), ("Am", terms.mask)):
            constant[f"{symbol}_{name}"] = np.broadcast_to(values.cpu().numpy(), (len(nodes), *values.shape))
    return Trace(
        keypoints=keypoints,
        adjacency=adjacency | constant,
        cross_scale={f"A_{name}": graphs.by_frame(values) for name, values in graphs.cross_scale.items()},
        whole=nodes.whole.numpy(),
        nodes={scale: values.numpy() for scale, values in nodes.scales.items()},
        refined={scale: graphs.by_frame(values) for scale, values in graphs.refined.items()},
        parts=graphs.by_frame(graphs.parts),
    )


def nodes_of(trace: Trace) -> TrackletNodes:
    """The nodes that a trace keeps, for the next question."""
    scales = {scale: torch.from_numpy(values) for scale, values in trace.nodes.items()}
    return TrackletNodes(torch.from_numpy(trace.whole), scales)
