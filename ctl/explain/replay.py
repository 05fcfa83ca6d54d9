"""What follows the nodes, run again: the graph layers, the fusion and the embedding of one tracklet.

The backbone takes nearly all of a model's time, and no question asked here changes what it gives. So its result is
kept, as the nodes of Eq. 1, and everything above it is computed anew from them.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.graph.topology import Adjacency
from ctl.inference import clip_indices
from ctl.model import CTL

MAX_BYTES: Final = 64 << 20
"""Of all that a `KnownCache` holds: some ten tracklets of 60 frames where C is 512."""


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

    @property
    def nbytes(self) -> int:
        return sum(values.nbytes for values in (self.whole, *self.scales.values()))


@dataclass(frozen=True, eq=False)
class Replay:
    """One pass over the B clips of a tracklet, each of T frames. Rows of a matrix receive, columns send.

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
        places = np.unique(self.clips, return_index=True)[1]  # where each frame stands for the first time
        return {f"A_{name}": values.flatten(0, 1)[places].cpu().numpy() for name, values in named.items()}


def whole_pictures(model: CTL, frames: Tensor) -> Tensor:
    """V_g of a few frames: the one thing of Eq. 1 that a trace doesn't hold.

    Args:
        model: in evaluation mode.
        frames: (T, 3, H, W) float RGB, 0..1, on the model's device.
    Returns:
        (T, C) float32 on the CPU.
    """
    with torch.inference_mode():
        maps = model.backbone(frames[None])[0]  # (T, C0, h, w)
        return model.extract.reduce(maps.flatten(-2).mean(dim=-1)).float().cpu()


def replay(model: CTL, nodes: TrackletNodes, clips: np.ndarray | None = None) -> Replay:
    """All that follows the nodes, for every clip of a tracklet at once.

    Args:
        model: in evaluation mode; its device is used.
        nodes: of the tracklet.
        clips: (B, T) indices of the frames that form each clip; without it, those that an embedding is the mean of.
    """
    device = next(model.parameters()).device
    if clips is None:
        clips = clip_indices(len(nodes), model.config.clip_length)
    with torch.inference_mode():
        whole = nodes.whole[clips].to(device)  # (B, T, C)
        refined, adjacency, cross_scale = model.refine({s: v[clips].to(device) for s, v in nodes.scales.items()})
        fused = model.fuse_scales[-1](refined)
        added = model.fuse(whole, fused.parts).added
        return Replay(
            clips=clips,
            whole=whole,
            refined=refined,
            adjacency=adjacency,
            cross_scale=cross_scale | {f"{source}_s3": values for source, values in fused.weights.items()},
            parts=fused.parts,
            embeddings=model.necks[1](added) if model.necks else added,
        )


@dataclass(frozen=True, eq=False)
class Known:
    """What is kept of a tracklet, to answer questions about it at once.

    Args:
        nodes: of its T frames.
        embedding: (D,) float32 of unit length, by the model as it is.
        matrices: as `Replay.matrices`, by the model as it is.
    """

    nodes: TrackletNodes
    embedding: np.ndarray
    matrices: dict[str, np.ndarray]

    @property
    def nbytes(self) -> int:
        return self.nodes.nbytes + sum(matrix.nbytes for matrix in self.matrices.values())


def know(model: CTL, nodes: TrackletNodes) -> Known:
    """Run the model over a tracklet's nodes once, and keep what later questions are compared with."""
    run = replay(model, nodes)
    return Known(nodes, run.embedding, run.matrices())


class KnownCache:
    """The tracklets asked for last, found by their crops. Bounded in bytes; not thread-safe.

    Args:
        max_bytes: of all; the ones not asked for the longest go first, the newest always stays.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._held: OrderedDict[str, Known] = OrderedDict()

    def get(self, crops: np.ndarray) -> Known | None:
        """What is known of a tracklet (T, H, W, 3) uint8, if it is held."""
        key = _digest(crops)
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, crops: np.ndarray, known: Known) -> None:
        self._held[_digest(crops)] = known
        while len(self._held) > 1 and sum(held.nbytes for held in self._held.values()) > self.max_bytes:
            self._held.popitem(last=False)


def _digest(crops: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(crops).data, digest_size=16).hexdigest()
