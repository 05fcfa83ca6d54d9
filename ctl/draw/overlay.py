"""The key-point graph on the picture: bones by their learned strength, and the strongest links that aren't bones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.draw import picture
from ctl.draw.palette import CASING, GRAPH, NEGATIVE, POSITIVE, SIDES, Side, colours, side_of
from ctl.explain.reading import centre_block, matrices, node_positions
from ctl.skeleton import Scale, part_names, physical_adjacency
from ctl.types import Keypoints, Trace

LINKS: Final = 8
"""Learned links drawn on a picture: few enough to follow by eye."""

_TITLES: Final[dict[Scale, str]] = {"s1": "17 key-points (s1)", "s2": "10 parts (s2)", "s3": "5 parts (s3)"}
_CERTAIN: Final = 0.5  # a joint with at least this score is drawn in full
_FAINTEST: Final = 0.2  # opacity of a joint with score 0


@dataclass(frozen=True)
class StrengthRange:
    """What the colours and widths of one graph mean, the same in every frame of a clip.

    Args:
        low, high: weakest and strongest physical edge: ends of the colour scale.
        link: largest |entry| off the bones: the widest learned link.
    """

    low: float
    high: float
    link: float

    def position(self, strength: np.ndarray) -> np.ndarray:
        """Physical strength -> 0..1 along the colour scale; the middle where all are the same."""
        span = self.high - self.low
        return (strength - self.low) / span if span > 1e-6 else np.full_like(strength, 0.5)


def strength_range(weights: np.ndarray, physical: np.ndarray) -> StrengthRange:
    """Range of (T, N, N) centre-frame weights on and off the (N, N) physical edges."""
    bones = edge_strength(weights)[:, physical > 0]
    learned = np.abs(weights[:, _off_body(physical)])
    return StrengthRange(
        float(bones.min(initial=np.inf)), float(bones.max(initial=-np.inf)), float(learned.max(initial=0))
    )


def edge_strength(weights: np.ndarray) -> np.ndarray:
    """(..., N, N) directed weights -> the mean of both directions, which is drawn as one edge."""
    return (weights + weights.swapaxes(-1, -2)) / 2


def draw_graph(
    image: np.ndarray,
    nodes_xy: np.ndarray,
    node_scores: np.ndarray,
    weights: np.ndarray,
    physical: np.ndarray,
    *,
    sides: Sequence[Side],
    strengths: StrengthRange,
    links: int = LINKS,
    body_height: float | None = None,
) -> np.ndarray:
    """Draw one graph at display resolution.

    Physical edges: solid, colour and width by strength. The strongest other links: dashed, red where positive and blue
    where negative, with an arrow at the receiver. Nodes: coloured by the person's side. Everything fades with the
    scores of the joints it stands on, but nothing disappears.

    Args:
        image: (H, W, 3) uint8 RGB; enlarged first where it is small.
        nodes_xy: (N, 2) pixels of `image`.
        node_scores: (N,) in 0..1.
        weights: (N, N), row = receiver, column = sender.
        physical: (N, N), 1 where two nodes are joined by the body.
        sides: N sides of the person.
        strengths: what colour and width mean.
        links: how many learned links to draw at most.
        body_height: of the person, in pixels of `image`, which sets the size of marks; without it, H.
    Returns:
        (H', W', 3) uint8 RGB, a new picture with even sides.
    """
    canvas = picture.enlarge(image)
    factor = canvas.shape[0] / image.shape[0]
    xy = nodes_xy * (np.array(canvas.shape[1::-1]) / image.shape[1::-1])
    unit = max(0.45, factor * (body_height or image.shape[0]) / picture.DISPLAY_HEIGHT)
    opacity = _FAINTEST + (1 - _FAINTEST) * np.clip(node_scores / _CERTAIN, 0, 1)
    for receiver, sender in learned_links(weights, physical, links):
        share = abs(weights[receiver, sender]) / max(strengths.link, 1e-12)
        colour = POSITIVE if weights[receiver, sender] > 0 else NEGATIVE
        _draw_link(canvas, xy[sender], xy[receiver], colour, min(opacity[receiver], opacity[sender]), share, unit)
    strength = edge_strength(weights)
    for i, j in np.argwhere(np.triu(physical)):
        place = float(np.clip(strengths.position(strength[i, j]), 0, 1))
        colour = "#{:02x}{:02x}{:02x}".format(*colours(np.array(place), GRAPH))
        width, alpha = (2.5 + 3.5 * place) * unit, min(opacity[i], opacity[j])
        picture.draw_lines(canvas, xy[None, [i, j]], CASING, 0.7 * alpha, width + 2 * unit)
        picture.draw_lines(canvas, xy[None, [i, j]], colour, alpha, width)
    for point, side, alpha in zip(xy, sides, opacity, strict=True):
        picture.draw_disc(canvas, point, 7 * unit, CASING, alpha)
        picture.draw_disc(canvas, point, 5.2 * unit, SIDES[side], alpha)
    return canvas


def learned_links(weights: np.ndarray, physical: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Receiver and sender of the `count` largest |entries| off the bones and off the diagonal, strongest first."""
    strength = np.abs(weights) * _off_body(physical)
    order = np.argsort(-strength, axis=None, kind="stable")[:count]
    rows, columns = np.unravel_index(order, strength.shape)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if strength[i, j] > 0]


def _off_body(physical: np.ndarray) -> np.ndarray:
    """(N, N) bool: pairs of different nodes that the body doesn't join."""
    return (physical == 0) & ~np.eye(len(physical), dtype=bool)


def _draw_link(
    canvas: np.ndarray, start: np.ndarray, end: np.ndarray, colour: str, alpha: float, share: float, unit: float
) -> None:
    """A dashed arrow from sender to receiver, or a plain line where there is no room; `share` of the widest link."""
    length = float(np.linalg.norm(end - start))
    gap, width = 9 * unit, (1 + 1.5 * share) * unit  # the gap keeps the arrow clear of both nodes
    if length < 4 * gap:
        picture.draw_lines(canvas, np.stack([start, end])[None], colour, alpha, width)
        return
    along = (end - start) / length
    across = np.array([-along[1], along[0]])
    tip, base = end - gap * along, end - 2 * gap * along
    dashes = np.arange(gap, length - 2 * gap, 15 * unit)
    ends = np.minimum(dashes + 6 * unit, length - 2 * gap)
    segments = np.stack([start + dashes[:, None] * along, start + ends[:, None] * along], axis=1)
    picture.draw_lines(canvas, segments, CASING, 0.35 * alpha, width + 2 * unit)
    picture.draw_lines(canvas, segments, colour, alpha, width)
    picture.draw_polygon(canvas, np.stack([tip, base + 6 * unit * across, base - 6 * unit * across]), colour, alpha)


def overlay_video_frames(
    trace: Trace,
    images: Iterable[np.ndarray],
    scale: Scale,
    layer: int | None,
    *,
    times: Sequence[float] | np.ndarray,
    keypoints: Keypoints | None = None,
) -> Iterator[np.ndarray]:
    """Frames of a video with one graph on them and its legend below.

    Args:
        trace: of the tracklet.
        images: T pictures (H, W, 3) uint8 RGB of one size: the crops, or the source frames; taken one by one.
        scale, layer: which graph; without a layer, the body's own edges, for a model that has no graph of this scale.
        times: T seconds, written on the frames.
        keypoints: joints in pixels of `images`; without it, those of the trace, which are in pixels of the crops.
    Yields:
        T pictures (H', W', 3) uint8 RGB, all of one size, sides even.
    """
    joints = trace.keypoints if keypoints is None else keypoints
    xy, scores = node_positions(joints, scale)
    physical = physical_adjacency(scale)
    if layer is None:
        weights = np.broadcast_to(physical, (len(xy), *physical.shape))
    else:
        weights = centre_block(matrices(trace, scale, layer), scale)
    strengths = strength_range(weights, physical)
    title = _TITLES[scale] if layer is None else f"{_TITLES[scale]} · layer {layer}"
    body_height = float(np.median(np.ptp(joints.xy[..., 1], axis=1))) * 1.15
    sides = [side_of(name) for name in part_names(scale)]
    legend = np.empty((0, 0, 3), dtype=np.uint8)
    for t, image in enumerate(images):
        drawn = picture.widen(
            draw_graph(
                image,
                xy[t],
                scores[t],
                weights[t],
                physical,
                sides=sides,
                strengths=strengths,
                body_height=min(body_height, image.shape[0]),
            )
        )
        width = drawn.shape[1]
        if legend.shape[1] != width:
            legend = graph_legend(strengths, width)
        yield np.concatenate([picture.title_strip(title, f"{times[t]:.2f} s", width), drawn, legend])


def graph_legend(strengths: StrengthRange, width: int) -> np.ndarray:
    """What colours, dashes and dots mean, as a strip (h, width, 3) uint8 with an even height."""
    legend = picture.Legend(width, rows=3)
    legend.write("joined by the body  ")
    legend.write(f"{strengths.low:.2f}  ", muted=True)
    legend.bar(GRAPH)
    legend.write(f"  {strengths.high:.2f}", muted=True)
    legend.next_row()
    legend.write(f"learned, up to {strengths.link:.2f}  " if strengths.link else "no learned links")
    for text, colour in (("positive", POSITIVE), ("negative", NEGATIVE)) if strengths.link else ():
        legend.dash(colour)
        legend.write(f" {text}   ", muted=True)
    legend.next_row()
    for side, colour in SIDES.items():
        legend.dot(colour)
        legend.write(f"  {side}    ", muted=True)
    return legend.image()
