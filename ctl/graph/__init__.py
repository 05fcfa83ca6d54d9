"""The paper's graph layers: tensors in, tensors out. No file, no video, no picture is known here."""

from ctl.graph.adjacency import normalise_adjacency, sliding_windows
from ctl.graph.conv3d import FrameGraphConv, GraphConv3d
from ctl.graph.cross_scale import CrossScaleConv
from ctl.graph.topology import AdvancedContextBlock, ContextBlock, Topology

__all__ = [
    "AdvancedContextBlock",
    "ContextBlock",
    "CrossScaleConv",
    "FrameGraphConv",
    "GraphConv3d",
    "Topology",
    "normalise_adjacency",
    "sliding_windows",
]
