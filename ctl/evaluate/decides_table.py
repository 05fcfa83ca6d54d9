"""What decides, as Markdown for people: the tables of a checkpoint's card and of the command line."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

THROUGH: Final = {
    "whole": "whole picture, V_g",
    "s3": "5 parts of s3",
    "s2": "10 parts of s2",
    "s1": "17 joints of s1",
    "shift": "shift of the neck",
}
OFF: Final = {
    "full": "nothing",
    "physical": "physical links, A^p",
    "mask": "mask, A^m",
    "context": "context, A^c",
    "window": "window: each frame alone",
    "s1": "s1",
    "s2": "s2",
    "s1_s2": "s1 and s2",
    "parts": "all parts: V_g alone",
    "whole": "V_g: parts alone",
}


def decides_tables(decides: Mapping[str, Any]) -> str:
    """Write the tables.

    Args:
        decides: `Decides.to_json()`, or what stands under "decides" in a report.
    Returns:
        Markdown of two tables, or three if the model has a CS-GCL; ends with a line break.
    """
    share, similarity = decides["share"], decides["similarity"]
    blocks = [
        f"Mean similarity of {decides['pairs']} true pairs: {similarity:.3f}, of which came",
        _table(
            ("through", "share, %", "similarity"),
            [(words, _percent(share[name]), f"{share[name] * similarity:z.4f}") for name, words in THROUGH.items()],
        ),
    ]
    if decides["relation"]:
        weights = [
            (
                name.replace("_", " to "),
                f"{values['entropy']:.2f}",
                f"{values['largest']:.2f}",
                _percent(values["same_limb"]),
                _percent(values["chance"]),
            )
            for name, values in decides["relation"].items()
        ]
        columns = ("entropy / log N", "largest weight", "strongest on same limb, %", "by chance, %")
        blocks.append(_table(("weights of Eq. 5", *columns), weights))
    without = decides["without"]
    rows = [
        (words, _percent(without[name]), f"{100 * (without[name] - without['full']):+z.1f}")
        for name, words in OFF.items()
        if name in without
    ]
    blocks.append(_table(("switched off, not trained again", "mAP, %", "change"), rows))
    return "\n\n".join(blocks) + "\n"


def _percent(value: float) -> str:
    return f"{100 * value:z.1f}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Its first column holds words, the others numbers."""
    marks = ("---", *("---:" for _ in head[1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))
