"""Tracklets to embeddings and traces: frames to nodes (`extract`), nodes to graphs (`relate`), in bounded batches."""

from ctl.inference.batching import Arriving, clip_indices, frames_at_once, mixed_precision, to_tensor
from ctl.inference.extract import Extracted, TrackletFeatures, extract
from ctl.inference.relate import (
    TrackletGraphs,
    TrackletNodes,
    encode_frames,
    join_nodes,
    nodes_of,
    relate_tracklet,
    to_trace,
)

__all__ = [
    "Arriving",
    "Extracted",
    "TrackletFeatures",
    "TrackletGraphs",
    "TrackletNodes",
    "clip_indices",
    "encode_frames",
    "extract",
    "frames_at_once",
    "join_nodes",
    "mixed_precision",
    "nodes_of",
    "relate_tracklet",
    "to_tensor",
    "to_trace",
]
