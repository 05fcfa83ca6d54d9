"""From clips to people: real clips for what is found, drawn ones for exactly what is done with it."""

from pathlib import Path

import numpy as np
import pytest

from ctl.errors import InputError
from ctl.people import find
from ctl.people.boxes import Detections
from ctl.people.crop import person_region
from ctl.people.detect import load_detector
from ctl.people.find import find_people, guess_kind
from ctl.video.reader import Limits, open_clip

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
RED, GREEN, BLUE = (220, 30, 30), (30, 220, 30), (30, 30, 220)


class ColourDetector:
    """Finds rectangles of the three colours above; keeps how many frames it was given at once."""

    name = "colour"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, frames):
        self.batches.append(len(frames))
        return [self._one(frame.astype(int)) for frame in frames]

    def _one(self, frame):
        boxes = []
        for colour in (RED, GREEN, BLUE):
            y, x = np.nonzero(np.abs(frame - colour).max(axis=2) < 60)
            if len(x):
                boxes.append((x.min(), y.min(), x.max() + 1 - x.min(), y.max() + 1 - y.min()))
        return Detections(np.array(boxes, dtype=np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))


def draw(count: int, people_at, height: int = 120, width: int = 240) -> list[np.ndarray]:
    """Frames with people drawn as rectangles: people_at(number) gives (colour, x, y, width, height) of each."""
    frames = np.full((count, height, width, 3), 128, dtype=np.uint8)
    for number, frame in enumerate(frames):
        for colour, x, y, w, h in people_at(number):
            frame[y : y + h, x : x + w] = colour
    return list(frames)


def red_then_green(number: int):
    """Red walks through all frames; green stands in frames 10 to 25; blue shows up in frames 30 to 33."""
    yield RED, 10 + 4 * number, 30, 24, 60
    if 10 <= number < 26:
        yield GREEN, 200, 40, 20, 50
    if 30 <= number < 34:
        yield BLUE, 12, 20, 20, 50


@pytest.fixture
def scene(write_clip) -> Path:
    return write_clip("scene.mp4", draw(40, red_then_green), fps=10)


@pytest.fixture(scope="module")
def detector():
    return load_detector()


def test_people_are_numbered_by_length_and_the_short_one_is_named(scene):
    found = find_people(open_clip(scene), ColourDetector())
    assert found.kind == "scene"
    assert [(one.id, len(one)) for one in found.tracklets] == [(1, 39), (2, 15)]
    assert found.dropped == ("Person 3 is left out: seen in 3 frames, and 6 are needed.",)


def test_boxes_times_and_pixels_are_those_of_the_person(scene):
    first, second = find_people(open_clip(scene), ColourDetector()).tracklets
    truth = np.array([(10 + 4 * n, 30, 24, 60) for n in first.frames], dtype=float)
    np.testing.assert_allclose(first.boxes, person_region(truth, (256, 128)), atol=1.5)
    np.testing.assert_allclose(first.times, first.frames / 10, atol=1e-3)
    assert first.frames.tolist() == list(range(39))
    assert second.frames.tolist() == list(range(10, 25))
    assert first.crops.shape == (39, 256, 128, 3)
    for one, colour in ((first, RED), (second, GREEN)):
        assert np.abs(one.crops[:, 100:150, 50:78].astype(int) - colour).max() < 40
        np.testing.assert_allclose(one.detection_scores, 0.9)


def test_a_scene_without_people_is_refused(write_clip):
    path = write_clip("empty.mp4", draw(20, lambda number: ()))
    with pytest.raises(InputError, match=r"^No person was found in empty\.mp4"):
        find_people(open_clip(path), ColourDetector())


def test_a_scene_where_nobody_stays_is_refused_with_the_reason(scene):
    with pytest.raises(InputError, match=r"Nobody stays in scene\.mp4 .*Person 1 .*39 frames, and 100 are needed"):
        find_people(open_clip(scene), ColourDetector(), min_frames=100)


def test_only_the_longest_are_kept_where_there_are_many(scene, monkeypatch):
    monkeypatch.setattr(find, "MOST_PEOPLE", 1)
    found = find_people(open_clip(scene), ColourDetector())
    assert [one.id for one in found.tracklets] == [1]
    assert found.dropped[0] == "Person 2 is left out: only the 1 seen longest are analysed."


def test_crops_are_thinned_where_they_would_be_too_many(scene, monkeypatch):
    monkeypatch.setattr(find, "MOST_CROPS", 20)
    found = find_people(open_clip(scene), ColourDetector())
    assert [len(one) for one in found.tracklets] == [10, 10]
    assert found.tracklets[0].frames.tolist() == [0, 4, 8, 13, 17, 21, 25, 30, 34, 38]
    assert found.notices[0] == "Of person 1, 10 of 39 frames are analysed, evenly spread."


def test_a_fast_scene_is_looked_at_five_times_a_second_in_small_batches(write_clip):
    path = write_clip("fast.mp4", draw(240, lambda n: [(RED, 10 + n // 2, 30, 24, 60)]), fps=60)
    looking = ColourDetector()
    (only,) = find_people(open_clip(path), looking).tracklets
    assert sum(looking.batches) == 20
    assert max(looking.batches) <= find.BATCH
    assert len(only) == 229  # every frame from the first look to the last


@pytest.mark.parametrize("stop_at", [0.0, 0.5, 0.8])
def test_cancelling_by_an_exception_in_the_progress_closes_the_file(scene, stop_at):
    def progress(share: float) -> None:
        assert 0 <= share <= 1
        if share >= stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_people(open_clip(scene), ColourDetector(), on_progress=progress)
    assert not any(link.resolve() == scene for link in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("kind", ["crop", "scene"])
def test_progress_rises_to_one(scene, kind):
    shares: list[float] = []
    find_people(open_clip(scene), ColourDetector(), kind=kind, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_who_is_seen_is_told_once_when_the_first_seconds_have_been_looked_at(scene):
    shares, told = list[float](), []
    find_people(
        open_clip(scene),
        ColourDetector(),
        on_progress=shares.append,
        on_seen=lambda image, boxes: told.append((list(shares), image, boxes)),
    )
    ((before, image, boxes),) = told
    assert before == []
    middle = 2 * (find.BATCH // 2)
    np.testing.assert_allclose(boxes, [(10 + 4 * middle, 30, 24, 60), (200, 40, 20, 50)], atol=1.5)
    assert np.abs(image[60, 10 + 4 * middle + 12].astype(int) - RED).max() < 40


def test_a_crop_keeps_every_frame_stretched_to_the_models_size(write_clip, grey_ramp):
    path = write_clip("crop.mp4", grey_ramp(12, height=64, width=40))
    found = find_people(open_clip(path), None, image_size=(96, 64), kind="crop")
    (only,) = found.tracklets
    assert found.kind == "crop"
    assert only.crops.shape == (12, 96, 64, 3)
    assert only.boxes.tolist() == [[0, 0, 40, 64]] * 12
    assert np.all(np.diff(only.crops.mean(axis=(1, 2, 3))) > 0)


def test_a_scene_needs_a_detector(scene):
    with pytest.raises(ValueError, match="detector is needed"):
        find_people(open_clip(scene), None)


@pytest.mark.parametrize(
    ("file", "kind"),
    [("man-lab1.mp4", "crop"), ("woman-street.mp4", "crop"), ("lab.mp4", "scene"), ("street.mp4", "scene")],
)
def test_the_kind_of_a_real_clip_is_guessed(detector, file, kind):
    assert guess_kind(open_clip(SAMPLES / file), detector) == kind


def test_an_upright_street_with_one_far_person_is_a_scene(write_clip):
    path = write_clip("phone.mp4", draw(20, lambda n: [(RED, 60, 100, 24, 60)], height=400, width=220))
    assert guess_kind(open_clip(path), ColourDetector()) == "scene"


def test_a_narrow_clip_as_small_as_mars_is_a_crop_whatever_is_seen(write_clip):
    path = write_clip("mars.mp4", draw(20, lambda n: (), height=256, width=128))
    assert guess_kind(open_clip(path), ColourDetector()) == "crop"


def test_an_upright_close_up_of_one_person_is_a_crop(write_clip):
    path = write_clip("close.mp4", draw(20, lambda n: [(RED, 60, 20, 100, 290)], height=400, width=220))
    assert guess_kind(open_clip(path), ColourDetector()) == "crop"


@pytest.mark.slow
def test_the_woman_and_the_man_of_the_street_are_followed(detector):
    """Seconds 0 to 4: he stands on the wall all the time, she walks in from the right."""
    found = find_people(open_clip(SAMPLES / "street.mp4", 10, Limits(seconds=4)), detector)
    man, woman = found.tracklets[:2]
    assert len(man) >= 30
    assert len(woman) >= 20
    assert np.all(man.boxes[:, 0] + man.boxes[:, 2] / 2 < 480)
    path = woman.boxes[:, 0] + woman.boxes[:, 2] / 2
    assert path[0] > 700
    assert path[-1] < 540
    assert np.diff(path).max() < 4
    assert np.abs(np.diff(woman.boxes[:, 3])).max() < 40
