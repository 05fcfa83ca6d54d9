"""Values of an ablation as a table: JSON, Markdown and a picture. Values in, text out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from math import floor
from statistics import mean, stdev
from typing import Any, Final

import numpy as np

from ctl.draw.palette import GRID, INK, MUTED, SERIES
from ctl.evaluate.intervals import bootstrap_difference

METRICS: Final[Mapping[str, str]] = {"rank1": "rank-1", "rank5": "rank-5", "mAP": "mAP"}
DRAWN: Final = ("mAP", "rank1")
LEFT, WIDTH, STEP, TOP = 190, 720, 44, 56  # pixels: of the axis, of the picture, from row to row, of the first row


@dataclass(frozen=True, slots=True)
class Spread:
    """One metric of one row: the value of each seed, 0..1."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def std(self) -> float | None:
        """Standard deviation over seeds (n − 1); None if there is one."""
        return stdev(self.values) if len(self.values) > 1 else None

    def __str__(self) -> str:
        """In percent."""
        return f"{100 * self.mean:.1f}" + ("" if self.std is None else f" ± {100 * self.std:.1f}")


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a row's mAP is above another row's, by runs of the same seeds on the same queries.

    Args:
        reference: the other row.
        mean: 0..1.
        low, high: 95 % interval, were persons and seeds drawn anew.
        seeds: how many runs of each row were compared.
    """

    reference: str
    mean: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        """In percent."""
        return f"{100 * self.mean:+.1f} ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


Rows = Mapping[str, Mapping[str, Spread]]
"""Row -> metric -> spread, in the order of the table."""

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Row -> seed -> what the run scored: `ctl.evaluate.report.Report.to_json`, and "average_precision" and "persons" of
the queries that it is a mean of."""


def to_rows(results: Results) -> Rows:
    """Results -> spreads."""
    return {row: {m: Spread(tuple(r[m] for r in runs.values())) for m in METRICS} for row, runs in results.items()}


def differences(results: Results, reference: str) -> dict[str, Difference]:
    """Every other row against one, over the seeds that both have; rows that share none are left out."""
    by_row = {}
    for row, runs in results.items():
        seeds = sorted(runs.keys() & results.get(reference, {}).keys())
        if row == reference or not seeds:
            continue
        values, reference_values = (
            np.array([results[name][seed]["average_precision"] for seed in seeds]) for name in (row, reference)
        )
        low, high = bootstrap_difference(values, reference_values, np.array(runs[seeds[0]]["persons"]))
        by_row[row] = Difference(reference, float((values - reference_values).mean()), low, high, len(seeds))
    return by_row


def table_json(rows: Rows, over: Mapping[str, Difference]) -> dict[str, Any]:
    """Row -> metric -> "mean", "std" and "values"; and "difference" of its mAP, where there is one."""
    return {
        row: {name: {"mean": s.mean, "std": s.std, "values": list(s.values)} for name, s in metrics.items()}
        | ({"difference": asdict(over[row])} if row in over else {})
        for row, metrics in rows.items()
    }


def table_markdown(title: str, rows: Rows, over: Mapping[str, Difference]) -> str:
    """A Markdown table under its title."""
    above = [f"mAP over {difference.reference}" for difference in list(over.values())[:1]]
    heads = ["", *METRICS.values(), *above, "runs"]
    lines = [f"**{title}**", "", f"| {' | '.join(heads)} |".replace("|  |", "| |"), "| --- " * len(heads) + "|"]
    for row, metrics in rows.items():
        cells = [row, *(str(metrics[name]) for name in METRICS), *(str(over.get(row, "")) for _ in above)]
        lines.append(f"| {' | '.join(cells)} | {len(metrics['mAP'].values)} |")
    return "\n".join([*lines, ""])


def table_svg(title: str, rows: Rows) -> str:
    """A picture: a line per row, each seed a small mark, the mean a large one with a bar of one standard deviation."""
    ticks = _ticks([v for metrics in rows.values() for name in DRAWN for v in metrics[name].values])
    height = TOP + STEP * len(rows) + 30

    def place(value: float) -> float:
        return LEFT + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - LEFT - 40)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13" fill="{INK}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="24" font-weight="bold">{escape(title)}</text>',
    ]
    for series, name in enumerate(DRAWN):
        start = WIDTH - 150 + 70 * series
        parts += [_mark(start, 20, 5, series), f'<text x="{start + 10}" y="24">{METRICS[name]}</text>']
    for tick in ticks:
        x = place(tick)
        parts += [
            f'<path d="M{x:.1f} {TOP - 12}V{height - 26}" stroke="{GRID}"/>',
            f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" fill="{MUTED}">{100 * tick:.0f} %</text>',
        ]
    for number, (row, metrics) in enumerate(rows.items()):
        y = TOP + STEP * number + 8
        parts.append(f'<text x="{LEFT - 12}" y="{y + 9}" text-anchor="end">{escape(row)}</text>')
        for series, name in enumerate(DRAWN):
            spread, line = metrics[name], y + 10 * series
            std = spread.std or 0.0
            parts.append(
                f'<path d="M{place(spread.mean - std):.1f} {line}H{place(spread.mean + std):.1f}" '
                f'stroke="{SERIES[series]}" stroke-width="2"/>'
            )
            parts += [_mark(place(value), line, 2, series) for value in spread.values]
            parts.append(_mark(place(spread.mean), line, 5, series))
    return "\n".join([*parts, "</svg>", ""])


def _ticks(values: Sequence[float]) -> list[float]:
    """At most seven round shares, evenly spaced, that hold all values between the first and the last."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2):
        first, last = floor(min(values) / step), floor(max(values) / step) + 1
        if last - first <= 6:
            break
    return [step * number for number in range(first, last + 1)]


def _mark(x: float, y: float, radius: int, series: int) -> str:
    """A disc, or a square for the second series."""
    if series:
        side = f'width="{2 * radius}" height="{2 * radius}"'
        return f'<rect x="{x - radius:.1f}" y="{y - radius}" {side} fill="{SERIES[1]}"/>'
    return f'<circle cx="{x:.1f}" cy="{y}" r="{radius}" fill="{SERIES[0]}"/>'
