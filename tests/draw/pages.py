"""People without a clip, and how their pages are moved."""

import numpy as np
from playwright.sync_api import Page

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
