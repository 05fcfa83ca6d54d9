"""Frames are streamed: what is held doesn't grow with the clip."""

import subprocess
import sys
import tracemalloc

import numpy as np

from ctl.people.boxes import Detections
from ctl.people.find import BATCH, find_people
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
    """Twenty seconds at 10 frames per second are 138 MB; allowed are a batch, a few frames more, and the crops."""
    path = write_clip("long.avi", grey_ramp(200, 360, 640), fps=10)

    def read() -> None:
        for _ in open_clip(path):
            pass

    def find() -> None:
        find_people(open_clip(path), OnePerson(), image_size=(64, 32))

    assert peak_bytes(read) < 5 * FRAME_BYTES
    assert peak_bytes(find) < (BATCH + 6) * FRAME_BYTES + 200 * 64 * 32 * 3


READ = """
import sys
from pathlib import Path
from ctl.video.reader import open_clip

def megabytes(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field)) / 1e3

for frame in open_clip(Path(sys.argv[1])):
    if frame.index == 20:
        start = megabytes("VmRSS")
print(megabytes("VmHWM") - start)
"""


def test_the_decoders_own_memory_is_given_back(write_clip, grey_ramp):
    """Pictures inside FFmpeg are seen by no Python tool: 200 of them in yuv420p would be 276 MB."""
    path = write_clip("decoded.avi", grey_ramp(200, 720, 1280))
    result = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    assert float(result.stdout) < 60
