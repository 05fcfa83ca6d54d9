"""People in crops of any shape, against the same people undistorted and large."""

import numpy as np
import pytest
import torch

from ctl.files import ROOT
from ctl.keypoints.base import HeatMaps
from ctl.keypoints.undistorted import look, true_width
from ctl.people.crop import cut
from ctl.pipeline import ANALYSIS_FPS
from ctl.types import Analysis
from ctl.video.reader import open_clip
from ctl.video.resize import stretch
from ctl.video.writer import write_video

SCENE = ROOT / "assets" / "samples" / "lab.mp4"
NEAR = 0.2
"""Of the torso's length: the usual bar for a joint in its place."""


@pytest.fixture(scope="module")
def walk(scene: Analysis):
    """The first person of the scene: pictures of the scene, boxes, clear joints in pixels of the scene."""
    person = scene.people[0]
    tracklet, keypoints = person.tracklet, person.trace.keypoints
    with open_clip(SCENE, ANALYSIS_FPS) as clip:
        images = {frame.index: frame.image for frame in clip}
    xy = keypoints.xy / (128, 256) * tracklet.boxes[:, None, 2:] + tracklet.boxes[:, None, :2]
    return [images[index] for index in tracklet.frames], tracklet.boxes, xy, keypoints.scores > 0.4


@pytest.mark.parametrize(("aspect", "least"), [(0.35, 0.9), (0.5, 0.98), (0.75, 0.93), (1.0, 0.93), (1.2, 0.93)])
def test_joints_of_a_clip_of_any_shape_are_in_their_places(tmp_path, engine, walk, aspect, least) -> None:
    images, boxes, truth, clear = walk
    height = 2 * round(float(boxes[0, 3]) / 2)
    width = 2 * round(height * aspect / 2)
    middle = boxes[:, 0] + boxes[:, 2] / 2
    windows = np.stack((middle - boxes[:, 3] * aspect / 2, boxes[:, 1], boxes[:, 3] * aspect, boxes[:, 3]), axis=1)
    crops = [cut(image, window, (height, width)) for image, window in zip(images, windows, strict=True)]
    clip = tmp_path / "crop.mp4"
    write_video(clip, iter(crops), 10)

    (person,) = engine.analyze(clip, "crop").people
    xy = person.trace.keypoints.xy / (128, 256) * windows[:, None, 2:] + windows[:, None, :2]
    torso = np.linalg.norm(truth[:, [5, 6]].mean(axis=1) - truth[:, [11, 12]].mean(axis=1), axis=1)
    near = np.linalg.norm(xy - truth, axis=2) < NEAR * torso[:, None]
    assert near[clear].mean() >= least


class Recorder:
    """An estimator that finds every joint in the middle, and tells what it was shown."""

    name = "recorder"

    def __init__(self) -> None:
        self.shown: list[torch.Tensor] = []

    def __call__(self, frames: torch.Tensor) -> HeatMaps:
        self.shown.append(frames)
        B, _, H, W = frames.shape
        middle = torch.tensor((W / 2, H / 2)).expand(B, 17, 2)
        return HeatMaps(torch.zeros(B, 17, H // 4, W // 4), middle, torch.ones(B, 17))


@pytest.mark.parametrize("width", [64, 128, 192, 512])
def test_a_stretched_picture_is_shown_as_wide_as_it_was(width: int) -> None:
    ramp = np.tile(np.linspace(0, 255, width, dtype=np.uint8)[None, :, None], (256, 1, 3))
    frames = torch.from_numpy(stretch(ramp, (256, 128)).copy()).permute(2, 0, 1)[None] / 255
    recorder = Recorder()
    maps = look(recorder, frames, width)
    np.testing.assert_allclose(recorder.shown[0][0].permute(1, 2, 0).numpy() * 255, ramp, atol=4)
    assert maps.xy[0, 0].tolist() == [64, 128]
    assert maps.logits.shape[-1] == width // 4


@pytest.mark.parametrize(
    ("aspect", "width"), [(0.1, 32), (0.3, 64), (0.5, 128), (0.56, 128), (0.57, 160), (1, 256), (9, 512)]
)
def test_width_is_the_nearest_that_the_network_takes(aspect: float, width: int) -> None:
    assert true_width(256, aspect) == width
