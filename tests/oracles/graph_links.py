"""What the graph view has to tell of one node: its strongest links in its frame, across its window and between scales.

The view itself reads them in the browser (`ctl/draw/graph_links.js`); this is the same in Python, from the trace.
"""

from dataclasses import dataclass
from typing import Final, Literal

from ctl.explain.reading import cross_scale, cross_scale_sources, matrices, window_frames, window_of
from ctl.skeleton import Scale, part_count, part_names
from ctl.types import Trace

Reach = Literal["frame", "window", "scale"]

TOP: Final = 5
"""Links of each reach that are told."""


@dataclass(frozen=True)
class NodeLink:
    """One entry of a matrix of which the chosen node is one end.

    Args:
        reach: within the frame, across the window's frames, or between scales.
        receiver, sender: scale and node number of each end.
        offset: frames from the receiver's frame to the sender's in the window: -1 is the one before.
        value: the entry of A, or the cross-scale weight.
        physical, mask, context: the terms that value is the sum of (Eq. 2); None between scales.
    """

    reach: Reach
    receiver: tuple[Scale, int]
    sender: tuple[Scale, int]
    offset: int
    value: float
    physical: float | None = None
    mask: float | None = None
    context: float | None = None

    @property
    def terms(self) -> tuple[float | None, float | None, float | None]:
        """Physical, mask and context."""
        return self.physical, self.mask, self.context

    @property
    def joined_by_body(self) -> bool:
        """Whether A^p links the two: physical, not only learned."""
        return bool(self.physical)

    @property
    def words(self) -> tuple[str, str]:
        """Names of receiver and sender."""
        receiver, sender = (part_names(scale)[node] for scale, node in (self.receiver, self.sender))
        return receiver, sender


def links(
    trace: Trace, clip_length: int, scale: Scale, layer: int | None, frame: int, node: int, top: int = TOP
) -> tuple[NodeLink, ...]:
    """The strongest links of one node: what it receives, and for a finer scale also what it sends to s3.

    Links from frames that a clip's begin or end leaves out of the window carry nothing, whatever their entry is, and
    aren't told.

    Args:
        trace: of a tracklet.
        clip_length: of the model.
        scale, layer: which graph; no layer tells only the links between scales.
        frame, node: the chosen one.
        top: links of each reach at most; entries of 0 are left out.
    Returns:
        By reach, strongest |value| first.
    Raises:
        ValueError: the trace has no such graph; the message lists those it has.
    """
    own = () if layer is None else _own_scale(trace, clip_length, scale, layer, frame, node)
    every = (*own, *_between_scales(trace, scale, frame, node))
    return tuple(
        link
        for reach in ("frame", "window", "scale")
        for link in sorted((one for one in every if one.reach == reach), key=lambda one: -abs(one.value))[:top]
    )


def _own_scale(trace: Trace, clip_length: int, scale: Scale, layer: int, frame: int, node: int) -> tuple[NodeLink, ...]:
    every = matrices(trace, scale, layer)
    N, window = part_count(scale), window_of(every, scale)
    row = window // 2 * N + node
    physical, mask, context = (
        matrices(trace, scale, layer, term)[frame, row] for term in ("physical", "mask", "context")
    )
    present = window_frames(len(every), clip_length, window, frame)
    return tuple(
        NodeLink(
            reach="frame" if k == window // 2 else "window",
            receiver=(scale, node),
            sender=(scale, sender),
            offset=k - window // 2,
            value=float(every[frame, row, column]),
            physical=float(physical[column]),
            mask=float(mask[column]),
            context=float(context[column]),
        )
        for k in range(window)
        if present[k] is not None
        for sender in range(N)
        for column in (k * N + sender,)
        if every[frame, row, column] and column != row
    )


def _between_scales(trace: Trace, scale: Scale, frame: int, node: int) -> tuple[NodeLink, ...]:
    if scale == "s3":
        pairs = [
            (source, sender, node) for source in cross_scale_sources(trace) for sender in range(part_count(source))
        ]
    else:
        held = scale in cross_scale_sources(trace)
        pairs = [(scale, node, receiver) for receiver in range(part_count("s3") if held else 0)]
    return tuple(
        NodeLink("scale", ("s3", receiver), (source, sender), 0, float(weight))
        for source, sender, receiver in pairs
        for weight in (cross_scale(trace, source)[frame, receiver, sender],)
        if weight
    )
