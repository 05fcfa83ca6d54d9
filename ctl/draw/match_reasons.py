"""The strongest reasons of a match as pictures of both, and what adds up to its similarity as bars that build on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from ctl.draw.page import jpeg_uri, number
from ctl.draw.palette import CASING
from ctl.explain.composition import WHOLE
from ctl.explain.evidence import Evidence
from ctl.explain.match import Match, Side
from ctl.skeleton import BONES, PARTS, SCALES, Scale, part_count, part_names

REASONS: Final = 3

_HEAD: Final = set(range(5))


@dataclass(frozen=True)
class Reason:
    """One part that put much into a match.

    Args:
        scale, part: which one; no scale for the whole picture.
        share: what it put in.
        pair: moments of query and hit that show it best.
    """

    scale: Scale | None
    part: int
    share: float
    pair: tuple[int, int]

    @property
    def name(self) -> str:
        """ "left leg (s3)"."""
        return "the whole picture" if self.scale is None else f"{part_names(self.scale)[self.part]} ({self.scale})"


def reasons(match: Match, count: int = REASONS) -> tuple[Reason, ...]:
    """The parts of most weight, strongest first: in the lead over the rival if there is one, else in the similarity."""
    side = match.lead or match.query
    shares = [
        (float(share), None if name == WHOLE else name, part)
        for name, values in side.parts.items()
        for part, share in enumerate(values)
        if share > 0
    ]
    best = sorted(shares, key=lambda found: -found[0])[:count]
    return tuple(Reason(scale, part, share, _best_pair(match, scale, part)) for share, scale, part in best)  # type: ignore[arg-type]


def _best_pair(match: Match, scale: Scale | None, part: int) -> tuple[int, int]:
    """The frames in step that put most in, of those in which the part's joints are seen."""
    joints = _joints(scale, part)

    def weight(pair: tuple[int, int]) -> float:
        query, hit = pair
        mine, theirs = match.query.evidence.keypoints.scores[query], match.hit.evidence.keypoints.scores[hit]
        seen = min(mine[joints].mean(), theirs[joints].mean())
        return float((match.query.moments[query] + match.hit.moments[hit]) * seen)

    return max(match.pairs, key=weight)


def _joints(scale: Scale | None, part: int) -> list[int]:
    return list(range(17)) if scale is None else list(list(PARTS[scale].values())[part])


def reasons_html(match: Match) -> str:
    """The strongest reasons as cards: the part lit up on the query and on the hit."""
    strongest = reasons(match)
    whole = (match.lead or match.query).total
    of = "the lead over the best other person" if match.lead else "the similarity"
    cards = "".join(
        f'<li><div class="reason-pair">{_lit(match.query.evidence, reason, reason.pair[0], f"query-{place}")}'
        f"{_lit(match.hit.evidence, reason, reason.pair[1], f'hit-{place}')}</div>"
        f"<b>{place}. {escape(reason.name)}</b><span>{number(reason.share, signed=True)} of {number(whole)}, {of}"
        f"{_alike(match, reason)}</span></li>"
        for place, reason in enumerate(strongest, start=1)
    )
    return f'<ol class="match-reasons">{cards}</ol>'


def _alike(match: Match, reason: Reason) -> str:
    if reason.scale is None:
        return ""
    seen = match.seen[reason.scale][reason.part]
    return f"; alike {number(match.alike[reason.scale][reason.part], 2)}, joints seen {number(seen, 2)}"


def _lit(evidence: Evidence, reason: Reason, moment: int, name: str) -> str:
    """A frame that is dim but for the part."""
    crop, xy = evidence.crops[moment], evidence.keypoints.xy[moment]
    height, width = crop.shape[:2]
    who = "Query" if name.startswith("query") else "Hit"
    label = f"{who} at {evidence.times[moment]:.1f} s: {reason.name}"
    dim = "" if reason.scale is None else _dimmed(reason, xy, height, width, name)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
        f'<image href="{jpeg_uri(crop)}" width="{width}" height="{height}"/>{dim}</svg>'
    )


def _dimmed(reason: Reason, xy: np.ndarray, height: int, width: int, name: str) -> str:
    unit = height / 256
    part = _outline(_joints(reason.scale, reason.part), xy, unit)
    hole = f'<g fill="#000" stroke="#000" stroke-width="{26 * unit:.1f}">{part}</g>'
    return (
        f'<mask id="{name}"><rect width="{width}" height="{height}" fill="#fff"/>{hole}</mask>'
        f'<rect width="{width}" height="{height}" fill="{CASING}" fill-opacity=".5" mask="url(#{name})"/>'
        f'<g fill="none" stroke="#ffe08a" stroke-width="{1.4 * unit:.1f}">{part}</g>'
    )


def _outline(joints: Sequence[int], xy: np.ndarray, unit: float) -> str:
    """Bones between the joints, and the joints; a head is a circle around its own."""
    members = set(joints)
    shapes = [
        f'<path d="M{_at(xy[i])}L{_at(xy[j])}" stroke-linecap="round"/>'
        for i, j in BONES
        if {i, j} <= members and not {i, j} <= _HEAD
    ]
    if members >= _HEAD:
        centre = xy[:5].mean(axis=0)
        reach = max(float(np.ptp(xy[:5], axis=0).max()) * 0.75, 7 * unit)
        shapes.append(f'<circle cx="{centre[0]:.1f}" cy="{centre[1]:.1f}" r="{reach:.1f}"/>')
    shapes += [f'<circle cx="{xy[j][0]:.1f}" cy="{xy[j][1]:.1f}" r="{3 * unit:.1f}"/>' for j in members - _HEAD]
    if members < _HEAD:
        shapes += [f'<circle cx="{xy[j][0]:.1f}" cy="{xy[j][1]:.1f}" r="{3 * unit:.1f}"/>' for j in members]
    return "".join(shapes)


def _at(point: np.ndarray) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def steps(side: Side) -> list[tuple[str, float]]:
    """What adds up to a similarity, in the order of the paper: V_g, s3, s2, s1 and the neck's shift."""
    named: list[tuple[str, str]] = [(WHOLE, "whole picture (V_g)")]
    named += [(scale, f"{part_count(scale)} parts of {scale}") for scale in reversed(SCALES)]
    shares = [(label, float(side.parts[name].sum())) for name, label in named if name in side.parts]
    return [*shares, ("BN neck's shift", side.shift)] if side.shift else shares


def waterfall_html(side: Side) -> str:
    """Each step starts where the one before ended; the last bar is their sum."""
    shares = steps(side)
    ends = np.cumsum([0.0, *(share for _, share in shares)])
    low, high = min(0.0, float(ends.min())), max(float(ends.max()), 1e-9)

    def bar(start: float, end: float, kind: str) -> str:
        left, width = (min(start, end) - low) / (high - low), abs(end - start) / (high - low)
        return f'<i class="{kind}" style="left: {100 * left:.2f}%; width: {max(100 * width, 0.3):.2f}%"></i>'

    rows = "".join(
        f"<dt>{label}</dt><dd><span>{bar(start, start + share, 'less' if share < 0 else 'more')}</span>"
        f"<b>{number(share, 4, signed=True)}</b></dd>"
        for (label, share), start in zip(shares, ends, strict=False)
    )
    total = f"<dt>similarity</dt><dd><span>{bar(0, side.total, 'total')}</span><b>{number(side.total, 4)}</b></dd>"
    return f'<dl class="match-waterfall">{rows}{total}</dl>'
