"""The paper's Tables 1 to 3, and the loaded checkpoint's own: other data, so they never share a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from ctl.errors import InputError
from ctl.files import read_bytes

OWN: Final = "results.json"
"""Beside a checkpoint's weights: [{"title", "note", "heads": [text], "rows": [[text]]}], each as a `Table`."""


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading; `note` says what the numbers are of."""

    title: str
    note: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_PAPER: Final = "Rank-1, rank-5, rank-20 and mAP in percent, as printed in Liu et al. 2021; – where the paper has none."

TABLE_1: Final = Table(
    "Table 1 of the paper: MARS",
    _PAPER,
    ("Method", "rank-1", "rank-5", "rank-20", "mAP"),
    (
        ("CNN+XQDA", "68.3", "82.6", "89.4", "49.3"),
        ("TriNet", "79.8", "91.36", "–", "67.7"),
        ("STAL", "82.2", "92.8", "98.0", "73.5"),
        ("STAN", "82.3", "–", "–", "65.8"),
        ("COSAM", "84.9", "95.5", "97.9", "79.9"),
        ("VRSTC", "88.5", "96.5", "97.4", "82.3"),
        ("RGSAT", "89.4", "96.9", "98.3", "84.0"),
        ("AGRL", "89.8", "96.1", "97.6", "81.1"),
        ("TCLNet", "89.8", "–", "–", "85.1"),
        ("STGCN", "90.0", "96.4", "98.3", "83.7"),
        ("MGH", "90.0", "96.7", "98.5", "85.8"),
        ("AP3D", "90.1", "–", "–", "85.1"),
        ("AFA", "90.2", "96.6", "–", "82.9"),
        ("CTL", "91.4", "96.8", "98.5", "86.7"),
    ),
)
TABLE_2: Final = Table(
    "Table 2 of the paper: iLIDS-VID",
    _PAPER,
    ("Method", "rank-1", "rank-5", "rank-20"),
    (
        ("CNN+XQDA", "53.0", "81.4", "95.1"),
        ("RCNet", "58", "84.0", "96.0"),
        ("COSAM", "79.6", "95.3", "–"),
        ("STAN", "80.2", "–", "–"),
        ("STAL", "82.8", "95.3", "98.8"),
        ("VRSTC", "83.4", "95.5", "99.5"),
        ("AGRL", "83.7", "95.4", "99.5"),
        ("MGH", "85.6", "97.1", "99.5"),
        ("RGSAT", "86.0", "98.0", "99.4"),
        ("TCLNet", "86.6", "–", "–"),
        ("AP3D", "86.7", "–", "–"),
        ("FGRA", "88.0", "96.7", "99.3"),
        ("AFA", "88.5", "96.8", "99.7"),
        ("CTL", "89.7", "97.0", "100.0"),
    ),
)
TABLE_3: Final = Table(
    "Table 3 of the paper: what each part brings on MARS",
    _PAPER,
    ("Model", "rank-1", "rank-5", "rank-20", "mAP"),
    (
        ("Basel", "88.6", "96.1", "97.9", "82.7"),
        ("Basel + ContRe", "89.4", "95.6", "98.2", "85.4"),
        ("Basel + ContRe + 3D", "90.7", "96.4", "98.4", "86.0"),
        ("Basel + ContRe + 3D + CS", "91.4", "96.8", "98.5", "86.7"),
    ),
)
PAPER: Final = (TABLE_1, TABLE_2, TABLE_3)


def own_tables(checkpoint: Path) -> tuple[Table, ...]:
    """What was measured of a checkpoint; nothing where its folder has no `OWN`. InputError where that is damaged."""
    path = checkpoint / OWN
    if not path.is_file():
        return ()
    try:
        stored = json.loads(read_bytes(path))
        if not isinstance(stored, list):
            raise TypeError(f"it holds {type(stored).__name__}")
        return tuple(map(_table, stored))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a list of tables of results: {error}") from error


def _table(stored: dict[str, Any]) -> Table:
    """Raises ValueError, KeyError or TypeError where it is no table."""
    heads = tuple(stored["heads"])
    rows = tuple(tuple(str(cell) for cell in row) for row in stored["rows"])
    if any(len(row) != len(heads) for row in rows):
        raise ValueError("its rows differ in length")
    return Table(str(stored["title"]), str(stored["note"]), heads, rows)


def bars_html(table: Table) -> str:
    """The first column of numbers as bars, as a fragment of HTML; the table has the numbers for screen readers."""
    named = [(row[0], row[1]) for row in table.rows]
    low = 10 * (min(float(value) for _, value in named) // 10)
    rows = "".join(
        f'<span>{escape(name)}</span><i style="--share:{(float(value) - low) / (100 - low):.3f}"></i><b>{value}</b>'
        for name, value in named
    )
    return (
        f'<figure class="ctl-plot" aria-hidden="true"><figcaption>{escape(table.title)}: {escape(table.heads[1])}, '
        f"bars from {low:g}</figcaption><div>{rows}</div></figure>"
    )


def tables_html(tables: Sequence[Table]) -> str:
    """Tables to unfold, as a fragment of HTML."""
    return "".join(
        f'<details class="ctl-table"><summary>{escape(table.title)}</summary><p class="ctl-hint">{escape(table.note)}'
        f'</p><div class="ctl-scroll" tabindex="0" role="region" aria-label="{escape(table.title)}"><table><thead><tr>'
        + "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
        + "</tr></thead><tbody>"
        + "".join(_row(row) for row in table.rows)
        + "</tbody></table></div></details>"
        for table in tables
    )


def _row(row: tuple[str, ...]) -> str:
    first, *cells = row
    return f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
