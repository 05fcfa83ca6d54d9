"""Held-out persons, and what a run refuses to learn from."""

from pathlib import Path

import pytest

from ctl.data.benchmark import TrackletFiles
from ctl.errors import InputError
from ctl.train.config import DataConfig
from ctl.train.data import hold_out, load_task


def tracklet(person: int, camera: int, number: int = 0) -> TrackletFiles:
    return TrackletFiles((Path(f"{person}/{camera}/{number}.jpg"),), person, camera)


def test_held_out_persons_leave_training_and_search_for_each_other() -> None:
    kept = [tracklet(person, camera) for person in (1, 2) for camera in (0, 1)]
    aside = [tracklet(7, 0, 0), tracklet(7, 0, 1), tracklet(7, 1, 0), tracklet(9, 1, 0)]
    train, split = hold_out((*aside, *kept), 2)
    assert train == tuple(kept)
    assert split.query == (aside[0], aside[2], aside[3])
    assert split.gallery == tuple(aside)
    assert split.train == ()


def test_nobody_left_to_train_on_is_refused() -> None:
    with pytest.raises(InputError, match="held_out is 2, but there are only 2 persons"):
        hold_out((tracklet(1, 0), tracklet(2, 0)), 2)


def test_without_held_out_persons_validation_is_the_test(configure) -> None:
    task = load_task(configure("data.held_out=0").data)
    assert task.validation is task.test
    assert len({t.person for t in task.train}) == 8
    assert {t.person for t in task.test.splits[0].query} == {9, 10}


def test_held_out_persons_come_from_the_training_part(configure) -> None:
    task = load_task(configure().data)
    (validation,), (test,) = task.validation.splits, task.test.splits
    assert {t.person for t in validation.gallery} == {7, 8}
    assert {t.person for t in task.train} == {1, 2, 3, 4, 5, 6}
    assert {t.person for t in test.query} == {9, 10}
    assert "held-out" in task.validation.protocol


def test_a_data_set_without_folder_or_split_says_what_to_give(configure) -> None:
    with pytest.raises(InputError, match=r"data\.root is empty: .*--set data.root=FOLDER"):
        load_task(DataConfig())
    with pytest.raises(InputError, match=r"data\.split is 1, but walkers has 1 splits"):
        load_task(configure("data.split=1").data)
