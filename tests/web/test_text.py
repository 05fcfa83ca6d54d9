"""What visitors can put into the page's HTML and JSON."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from ctl.errors import InputError, Remedy
from ctl.options import CLIP_KINDS
from ctl.types import Analysis, CheckpointInfo, VideoInfo
from ctl.web import text, views
from ctl.web.samples import read_samples
from ctl.web.service import Models
from ctl.web.tabs.clip import Telling, request_of
from ctl.web.tabs.common import told_to_the_visitor

CHECKPOINT = CheckpointInfo("a", None, "0" * 64, trained=True, config={})
VIDEO = VideoInfo("walk.mp4", 640, 480, 10.0, 20, 2.0)


def test_untrained_weights_and_an_unreachable_hub_are_said_at_the_top() -> None:
    untrained = replace(CHECKPOINT, trained=False)
    assert "rankings are not meaningful" in text.header(untrained, ())
    trained = text.header(CHECKPOINT, ("The Hub can't be reached.",))
    assert "rankings are not meaningful" not in trained
    assert "The Hub can&#x27;t be reached." in trained


def test_a_remedy_is_told_in_the_words_of_its_place() -> None:
    nobody = InputError("No person was found in lab.mp4", Remedy.SAY_CROP)
    assert str(nobody) == 'No person was found in lab.mp4: if it shows one person cut out, say kind "crop".'
    with pytest.raises(gr.Error) as caught, told_to_the_visitor():
        raise nobody
    assert caught.value.message == (
        "No person was found in lab.mp4: if it shows one person cut out, "
        'choose "One person, already cropped" under "What the clip shows".'
    )
    assert set(text.REMEDIES) == set(Remedy)


def test_names_of_clips_cannot_carry_markup() -> None:
    attack = "<img src=x onerror=alert(1)>"
    video = replace(VIDEO, source=attack, notices=(attack,))
    summary = text.summary(Analysis(video, "scene", (), (attack,), CHECKPOINT), (attack,))
    assert attack not in summary
    assert summary.count("&lt;img") == 4


def test_long_lists_are_shown_by_their_size() -> None:
    boxes, short, words = [[1.0, 2.0, 3.0, 4.0]] * 5, [1, 2, 3], ["word"] * 20
    values = {"boxes": boxes, "short": short, "words": words, "tracklets": [{"embedding": [0.1] * 512}]}
    assert views.shortened(values) == {
        "boxes": "5 × 4 numbers",
        "short": short,
        "words": words,
        "tracklets": [{"embedding": "512 numbers"}],
    }


def test_samples_can_be_read_and_say_what_they_show() -> None:
    samples = read_samples()
    assert len(samples) >= 3
    assert all(
        sample.clip.is_file() and sample.note and sample.shows and "<img" in sample.picture for sample in samples
    )
    assert len({sample.title for sample in samples}) == len(samples)


DEFAULT = Models("org/start", "movenet-thunder", "cpu")


def test_request_names_what_is_missing_or_unknown() -> None:
    with pytest.raises(InputError, match="Choose a sample or drop a clip first"):
        request_of(DEFAULT, None, "auto")
    with pytest.raises(InputError, match="'tracklet'"):
        request_of(DEFAULT, "walk.mp4", "tracklet")


def test_the_page_has_the_command_lines_words_for_what_a_clip_shows() -> None:
    assert list(text.KINDS) == list(CLIP_KINDS)


def test_request_falls_back_on_the_models_of_the_start() -> None:
    assert request_of(DEFAULT, "walk.mp4", "auto", " ", "", "").models == DEFAULT
    asked = request_of(DEFAULT, "walk.mp4", "crop", " org/name@v1 ", "org/pose", "cuda")
    assert (asked.clip, asked.kind) == (Path("walk.mp4"), "crop")
    assert asked.models == Models("org/name@v1", "org/pose", "cuda")


def test_steps_are_told_a_few_times_a_second_but_each_stage_at_once() -> None:
    told: list[tuple[float, str]] = []
    progress: Any = lambda done, desc: told.append((done, desc))  # noqa: E731
    step = Telling(progress)
    for percent in range(50):
        step(percent / 100, "Finding people")
    step(0.5, "Key-points")
    step(0.6, "Key-points")
    assert told == [(0.0, "Finding people"), (0.5, "Key-points")]
    step.again()
    assert told[-1] == (0.6, "Key-points")
