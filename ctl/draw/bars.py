"""Bars that fill the width of their place, in the colours of the page, with their words around them as text."""

from collections.abc import Sequence
from html import escape

import numpy as np


def bars_html(
    heights: np.ndarray,
    title: str,
    ends: tuple[str, str, str],
    words: Sequence[str] = (),
    mark: float | None = None,
) -> str:
    """A plot as a fragment of HTML in the look of `.ctl-bars`; the title has to say what its heights are.

    Args:
        heights: (n,) of bars at equal steps, of either sign.
        title: above the bars, and what is read aloud.
        ends: what stands below the left end, the middle and the right end.
        words: (n,) of each bar, to see when it is pointed at.
        mark: where a dashed line stands, 0..1 from left to right.
    """
    low, high = min(0.0, float(heights.min(initial=0))), max(0.0, float(heights.max(initial=0)))
    unit, step = 100 / (high - low or 1), 100 / max(1, len(heights))
    bars = "".join(
        f'<rect x="{place * step:.3f}" y="{(high - max(height, 0)) * unit:.2f}" width="{step:.3f}" '
        f'height="{abs(height) * unit:.2f}">{f"<title>{escape(words[place])}</title>" if words else ""}</rect>'
        for place, height in enumerate(heights.tolist())
    )
    line = "" if mark is None else f'<path d="M{100 * mark:.2f} 0V100"/>'
    return (
        f'<figure class="ctl-bars"><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 100 100" '
        f'preserveAspectRatio="none" role="img" aria-label="{escape(title)}">{bars}{line}</svg>'
        f"<div>{''.join(f'<span>{escape(end)}</span>' for end in ends)}</div></figure>"
    )
