"""A body diagram with a value on every part, as an SVG that needs no style sheet."""

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from ctl.draw.palette import CASING, VIRIDIS, colours
from ctl.skeleton import BONES, PARTS, Scale, part_names

_JOINTS: Final = np.array(
    [
        (60, 18), (64, 14), (56, 14), (70, 17), (50, 17), (80, 48), (40, 48), (91, 82), (29, 82),
        (97, 114), (23, 114), (72, 116), (48, 116), (75, 164), (45, 164), (78, 210), (42, 210),
    ],
    dtype=np.float64,
)  # fmt: skip
"""(17, 2): somebody who faces the reader, so that their left is on the right."""

_SIZE: Final = "0 0 120 240"
_TORSO: Final = (5, 6, 12, 11)
_HEAD: Final = (60.0, 18.0, 14.0)  # centre and radius


def body_svg(scale: Scale, values: np.ndarray, low: float, high: float, what: str) -> str:
    """Colour every part by its value; the values themselves are in the parts' titles.

    Args:
        scale: whose N parts are drawn.
        values: (N,) float.
        low, high: ends of the colour scale, viridis.
        what: name of the values, for the description.
    """
    names, unit = part_names(scale), (values - low) / max(high - low, 1e-12)
    fills = ["#{:02x}{:02x}{:02x}".format(*row) for row in colours(unit, VIRIDIS)]
    order = np.argsort(-values)
    best = f"highest {names[order[0]]} {values[order[0]]:.2f}, lowest {names[order[-1]]} {values[order[-1]]:.2f}"
    parts = "".join(
        f"<g><title>{name}: {value:.3f}</title>{_part(scale, joints, fill)}</g>"
        for (name, joints), value, fill in zip(PARTS[scale].items(), values, fills, strict=True)
    )
    return (
        f'<svg viewBox="{_SIZE}" role="img" aria-label="{escape(f"{what} by part of {scale}: {best}")}">'
        f"{_outline() if scale == 's1' else ''}{parts}"
        '<g font-size="9" font-family="system-ui, sans-serif" fill="currentColor" text-anchor="middle">'
        '<text x="20" y="236">right</text><text x="100" y="236">left</text></g></svg>'
    )


def colour_key(low: float, high: float) -> str:
    """What the colours mean: a bar from low to high, with both numbers."""
    steps = "".join(
        f'<stop offset="{step / (len(VIRIDIS) - 1):.3f}" stop-color="{colour}"/>' for step, colour in enumerate(VIRIDIS)
    )
    name = f"key-{low:.3f}-{high:.3f}".replace(".", "_")
    return (
        f'<svg viewBox="0 0 120 22" role="img" aria-label="colours run from {low:.2f} to {high:.2f}">'
        f'<defs><linearGradient id="{name}">{steps}</linearGradient></defs>'
        f'<rect x="10" width="100" height="8" rx="2" fill="url(#{name})"/>'
        '<g font-size="9" font-family="system-ui, sans-serif" fill="currentColor">'
        f'<text x="10" y="19">{low:.2f}</text><text x="110" y="19" text-anchor="end">{high:.2f}</text></g></svg>'
    )


def _outline() -> str:
    lines = "".join(f"M{_at(i)}L{_at(j)}" for i, j in BONES)
    return f'<path d="{lines}" fill="none" stroke="currentColor" stroke-opacity=".45" stroke-width="2"/>'


def _part(scale: Scale, joints: Sequence[int], fill: str) -> str:
    if scale == "s1":
        (x, y), of_face = _JOINTS[joints[0]], joints[0] < 5
        return f'<circle cx="{x}" cy="{y}" r="{3 if of_face else 6}" fill="{fill}" stroke="{CASING}" stroke-width="1"/>'
    head, torso = set(range(5)) <= set(joints), set(_TORSO) <= set(joints)
    drawn = ""
    if torso:
        corners = "L".join(_at(joint) for joint in _TORSO)
        drawn += _shape(f"M{corners}Z", fill, 10)
    if head:
        x, y, radius = _HEAD
        drawn += f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{CASING}" stroke-width="1.5"/>'
    if not drawn:
        drawn = _limb("L".join(_at(joint) for joint in joints), fill)
    return drawn


def _shape(path: str, fill: str, width: float) -> str:
    round_ends = 'stroke-linejoin="round"'
    return (
        f'<path d="{path}" fill="{CASING}" stroke="{CASING}" stroke-width="{width + 3}" {round_ends}/>'
        f'<path d="{path}" fill="{fill}" stroke="{fill}" stroke-width="{width}" {round_ends}/>'
    )


def _limb(path: str, fill: str, width: float = 11) -> str:
    ends = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
    return (
        f'<path d="M{path}" stroke="{CASING}" stroke-width="{width + 3}" {ends}/>'
        f'<path d="M{path}" stroke="{fill}" stroke-width="{width}" {ends}/>'
    )


def _at(joint: int) -> str:
    x, y = _JOINTS[joint]
    return f"{x:g} {y:g}"
