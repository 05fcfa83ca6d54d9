"""The log of a run: every step once, whatever happened in between; TensorBoard where it is installed."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from ctl.train.log import LOG, RunLog

VALUES = {"triplet": 1.5, "identification": 2.0, "diversity": 0.5, "total": 4.0, "lr": 0.1, "frames_per_s": 30.0}


def read(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def test_a_resumed_log_drops_what_will_come_again_and_a_line_cut_off(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0, 9)
    log.step(1, VALUES)
    log.step(2, VALUES)
    log.validation(2, {"mAP": 0.5})
    log.step(3, VALUES)
    log.close()
    with (tmp_path / LOG).open("a") as file:
        file.write('{"step": 4, "tri')
    log = RunLog(tmp_path, 2, 9)
    log.step(3, VALUES)
    log.close()
    assert [record["step"] for record in read(tmp_path)] == [1, 2, 2, 3]


def test_lines_are_on_disk_before_the_run_ends_and_hold_all_values(tmp_path: Path, capsys) -> None:
    log = RunLog(tmp_path, 0, 9)
    log.step(1, VALUES)
    log.validation(1, {"rank1": 0.25, "mAP": 0.125})
    assert read(tmp_path) == [{"step": 1, **VALUES}, {"step": 1, "validation": {"rank1": 0.25, "mAP": 0.125}}]
    assert "step 1: rank1 25.0%  mAP 12.5%" in capsys.readouterr().err
    log.close()


def test_tensorboard_gets_every_value(tmp_path: Path) -> None:
    if find_spec("tensorboard") is None:
        pytest.fail("tensorboard belongs to the packages of the tests")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = RunLog(tmp_path, 0, 9)
    log.step(1, VALUES)
    log.validation(1, {"mAP": 0.125})
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert set(events.Tags()["scalars"]) == {f"train/{name}" for name in VALUES} | {"validation/mAP"}
    assert [(event.step, event.value) for event in events.Scalars("train/total")] == [(1, 4.0)]
    assert [event.value for event in events.Scalars("validation/mAP")] == [0.125]
