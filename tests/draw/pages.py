"""People without a clip, and how their pages are moved."""

from collections.abc import Sequence
from typing import Final, get_args

import numpy as np
from playwright.sync_api import Page

from ctl.draw.browser import calling, script, style_sheet
from ctl.draw.page import page
from ctl.explain.reading import Term, matrices
from ctl.skeleton import Scale
from ctl.types import PersonAnalysis, Trace, Tracklet
from tests.explain.traces import HEIGHT, WIDTH


def make_person(trace: Trace) -> PersonAnalysis:
    """Somebody who is a little lighter in every frame."""
    T = len(trace.keypoints.xy)
    crops = np.stack([np.full((HEIGHT, WIDTH, 3), 40 + 3 * t % 200, np.uint8) for t in range(T)])
    boxes = np.tile(np.array([0, 0, WIDTH, HEIGHT], np.float32), (T, 1))
    tracklet = Tracklet(1, crops, boxes, np.arange(T), np.arange(T) / 10, np.ones(T, np.float32))
    return PersonAnalysis(tracklet, trace, np.ones(8, np.float32) / np.sqrt(8), ())


def set_range(shown: Page, label: str, value: float) -> None:
    """Move a slider."""
    shown.get_by_role("slider", name=label).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def expect_numbers(shown: Page, trace: Trace, scale: Scale, layer: int, rows: slice = slice(None)) -> None:
    """A graph's terms, read back in the browser, are the trace's: what changes from frame to frame to half of a step,
    32767 of which are its largest value, and the rest to the bit."""
    read_back = shown.evaluate(
        "([graph, names]) => {" + script("view", "graph_data") + "const data = dataOf(document.querySelector('.view'));"
        "unpackGraphs(data);"
        "return names.map(name => [data.graphs[graph][name].shape, [...data.graphs[graph][name].values]]); }",
        [f"{scale}_l{layer}", list(get_args(Term))],
    )
    half = np.abs(matrices(trace, scale, layer, "context")[:, rows]).max() / 32767 / 2
    for term, (shape, values) in zip(get_args(Term), read_back, strict=True):
        wanted = matrices(trace, scale, layer, term)[:, rows]
        got = np.broadcast_to(np.array(values, np.float32).reshape(shape), wanted.shape)
        exact = term in ("physical", "mask")
        np.testing.assert_allclose(got, wanted, rtol=0, atol=0 if exact else 1.01 * half)


def view_page(fragment: str, sheets: Sequence[str], scripts: Sequence[str]) -> str:
    """A view on a page of its own."""
    return page("View", f'<main id="here">{fragment}</main>', style_sheet(*sheets), calling("here", *scripts))


_TIMED: Final = """
  const slide = (input, value) => { input.value = value; input.dispatchEvent(new Event("input")); };
  const timed = change => {
    const waits = [...Array(15).keys()].map(turn => {
      const start = performance.now();
      change(turn);
      document.body.getBoundingClientRect();  // what a frame lays out
      return performance.now() - start;
    });
    return waits.sort((first, second) => first - second)[7];
  };
"""


def expect_answers_at_once(shown: Page, changes: str) -> None:
    """Each kind of change takes 50 ms at most, the median of fifteen turns.

    Args:
        changes: JavaScript that ends by returning {kind: timed(turn => …), …}; `slide(input, value)` moves a slider.
    """
    waits = shown.evaluate(f"() => {{{_TIMED}{changes}}}")
    print(waits)
    assert max(waits.values()) <= 50, waits
