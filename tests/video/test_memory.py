"""Frames are streamed: what is held doesn't grow with the clip."""

import tracemalloc

import numpy as np

from ctl.video.boxes import Detections
from ctl.video.people import BATCH, find_people
from ctl.video.reader import open_clip

FRAME_BYTES = 360 * 640 * 3


class OnePerson:
    name = "one"

    def __call__(self, frames):
        box = np.array([[300, 100, 60, 160]], dtype=np.float32)
        return [Detections(box, np.array([0.9], dtype=np.float32)) for _ in frames]


def peak_bytes(work) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_long_scene_holds_a_batch_and_its_crops(write_clip, grey_ramp):
    """A minute at 10 frames per second is 415 MB of frames; allowed are a batch, a few more, and the crops."""
    path = write_clip("minute.mp4", grey_ramp(600, 360, 640), fps=10)

    def read() -> None:
        for _ in open_clip(path):
            pass

    def find() -> None:
        find_people(open_clip(path), OnePerson(), image_size=(64, 32))

    assert peak_bytes(read) < 5 * FRAME_BYTES
    assert peak_bytes(find) < (BATCH + 6) * FRAME_BYTES + 600 * 64 * 32 * 3
