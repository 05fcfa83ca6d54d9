"""Deletion and insertion curves as SVGs in the colour of the text around them, with a table and a plain verdict."""

from typing import Final

import numpy as np

from ctl.draw.page import number
from ctl.explain.faithfulness import SHARES, Curves, Faithfulness

_LEFT, _TOP, _WIDTH, _HEIGHT = 44, 26, 250, 150


def faithfulness_html(check: Faithfulness) -> str:
    """A verdict, a plot of both curves and a table, as a fragment of HTML in the look of `faithfulness.css`."""
    deletion, insertion = check.deletion, check.insertion
    every = np.concatenate([v.ravel() for curves in (deletion, insertion) for v in (curves.shown, curves.random)])
    pad = max(0.05 * float(np.ptp(every)), 1e-3)
    low, high = float(every.min()) - pad, float(every.max()) + pad
    rows = (
        ("Deletion, area (lower is truer)", deletion.shown_area, deletion.random_areas),
        ("Insertion, area (higher is truer)", insertion.shown_area, insertion.random_areas),
        ("ROAD (higher is truer)", check.road, check.random_roads),
    )
    table = "".join(
        f'<tr><th scope="row">{name}</th><td>{number(shown)}</td><td>{_spread(random)}</td></tr>'
        for name, shown, random in rows
    )
    points = "".join(
        f'<tr><th scope="row">{share:.0%}</th>'
        + "".join(f"<td>{number(values[place])}</td>" for values in _columns(check))
        + "</tr>"
        for place, share in enumerate(SHARES)
    )
    heads = ("share of cells", "deletion, this map", "deletion, random", "insertion, this map", "insertion, random")
    return f"""<div class="faithfulness"><p>{verdict(check)}</p>
<div class="faithfulness-plots">{curves_svg("Deletion", "cells taken away", deletion, low, high)}\
{curves_svg("Insertion", "cells brought back", insertion, low, high)}</div>{_KEY}
<table><thead><tr><th scope="col">measure</th><th scope="col">this map</th><th scope="col">random maps</th></tr></thead>
<tbody>{table}</tbody></table>
<details><summary>All numbers of the curves</summary><table><thead><tr>{
        "".join(f'<th scope="col">{head}</th>' for head in heads)
    }</tr></thead><tbody>{points}</tbody></table></details></div>"""


def verdict(check: Faithfulness) -> str:
    """How many of the three measures put the map before, among or behind all random ones, in a sentence."""
    sides = [
        _side(-check.deletion.shown_area, -check.deletion.random_areas),
        _side(check.insertion.shown_area, check.insertion.random_areas),
        _side(check.road, check.random_roads),
    ]
    words = {1: "truer than every random map", 0: "no better than chance", -1: "less true than every random map"}
    by_word = {
        word: [name for name, side in zip(("deletion", "insertion", "ROAD"), sides, strict=True) if side == which]
        for which, word in words.items()
    }
    clauses = [f"{word} by {_listed(names)}" for word, names in by_word.items() if names]
    frames = len(check.frames)
    return f"On the {frames} frames it marks the most, this map is {'; '.join(clauses)}."


def curves_svg(name: str, axis: str, curves: Curves, low: float, high: float) -> str:
    """One plot: this map as a solid line, random maps as a dashed mean in a band from least to most.

    Args:
        name: of the measure.
        axis: what happens to the cells.
        curves: to draw.
        low, high: ends of the axis of similarity.
    """

    def points(values: np.ndarray) -> list[str]:
        return [
            f"{_LEFT + share * _WIDTH:.1f} {_TOP + _HEIGHT * (high - value) / (high - low):.1f}"
            for share, value in zip(SHARES, values, strict=True)
        ]

    band = ""
    if len(curves.random):
        around = points(curves.random.min(axis=0)) + points(curves.random.max(axis=0))[::-1]
        band = (
            f'<path d="M{"L".join(around)}Z" fill="currentColor" stroke="none" fill-opacity=".18"/>'
            f'<path d="M{"L".join(points(curves.random.mean(axis=0)))}" stroke-width="1.5" stroke-dasharray="5 4"/>'
        )
    ticks = "".join(
        f'<text x="{_LEFT - 6}" y="{_TOP + _HEIGHT * (high - value) / (high - low) + 3:.1f}" text-anchor="end">'
        f"{number(value, 2)}</text>"
        for value in np.linspace(low, high, 5)[1:-1]
    )
    shares = "".join(
        f'<text x="{_LEFT + share * _WIDTH}" y="{_TOP + _HEIGHT + 14}">{share:.0%}</text>' for share in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + 16} {_TOP + _HEIGHT + 34}" role="img" '
        f'aria-label="{name}: area {number(curves.shown_area)}, random {_spread(curves.random_areas)}">'
        f'<g fill="none" stroke="currentColor"><path d="M{_LEFT} {_TOP}v{_HEIGHT}h{_WIDTH}" stroke-opacity=".5"/>{band}'
        f'<path d="M{"L".join(points(curves.shown))}" stroke-width="2.5"/></g>'
        '<g fill="currentColor" font-family="system-ui, sans-serif" font-size="10" text-anchor="middle">'
        f'<text x="{_LEFT}" y="14" text-anchor="start" font-size="12" font-weight="600">{name}: similarity</text>'
        f'{ticks}{shares}<text x="{_LEFT + _WIDTH / 2}" y="{_TOP + _HEIGHT + 28}">{axis}</text></g></svg>'
    )


def _columns(check: Faithfulness) -> tuple[np.ndarray, ...]:
    return tuple(
        values
        for curves in (check.deletion, check.insertion)
        for values in (curves.shown, curves.random.mean(axis=0) if len(curves.random) else curves.shown * np.nan)
    )


def _side(shown: float, random: np.ndarray) -> int:
    """1 above all random ones, -1 below them all, else 0."""
    return int((shown > random).all()) - int((shown < random).all())


def _spread(values: np.ndarray) -> str:
    if not len(values):
        return "none"
    return f"{number(float(values.mean()))} ({number(float(values.min()))} to {number(float(values.max()))})"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


_KEY: Final = """<svg viewBox="0 0 330 12" aria-hidden="true" class="faithfulness-key">
<g fill="none" stroke="currentColor"><path d="M0 6h26" stroke-width="2.5"/>
<path d="M110 6h26" stroke-width="1.5" stroke-dasharray="5 4"/></g>
<g fill="currentColor" font-family="system-ui, sans-serif" font-size="10">
<rect x="110" y="1" width="26" height="10" fill-opacity=".18"/><text x="32" y="9.5">this map</text>
<text x="142" y="9.5">random maps: mean, least to most</text></g></svg>"""
