"""Whole runs: killed and resumed, on two processes, diverging, and what they leave behind. Nothing is replaced."""

import copy
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from ctl.checkpoint import load_checkpoint
from ctl.data.clips import Clips
from ctl.data.frames import FrameStore
from ctl.data.heatmaps import HeatMapCache
from ctl.data.sampling import IdentityBatches
from ctl.errors import InputError
from ctl.evaluate.report import evaluate
from ctl.hub import WEIGHTS
from ctl.keypoints.movenet import load_movenet
from ctl.losses import ctl_loss
from ctl.train.config import TrainConfig
from ctl.train.data import load_task, stack
from ctl.train.engine import BEST, LAST, SETTINGS, STOPPED, train
from ctl.train.log import LOG
from ctl.train.optimiser import rate_at
from ctl.train.start import initial_model
from ctl.train.state import STATE
from ctl.train.toml import read_config
from tests.train.processes import start_command
from tests.train.world import UNDECAYED

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
LONGER = ("schedule.epochs=4", "schedule.steps_per_epoch=3", "run.validate_every=2", "run.workers=1")


def command(settings: Path, out: Path, overrides: Sequence[str], *more: str) -> list[str]:
    changes = [word for override in overrides for word in ("--set", override)]
    return ["train", str(settings), "--out", str(out), *changes, *more]


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / LOG).read_text().splitlines()]


def losses(out: Path) -> list[dict[str, Any]]:
    """The log without times."""
    return [{k: v for k, v in r.items() if k not in ("frames_per_s", "wait_s")} for r in records(out)]


@pytest.fixture(scope="module")
def unbroken(settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "unbroken"
    torch.set_num_threads(1)
    train(read_config(settings, LONGER), out)
    return out


def kill_after(lines: int, run: list[str], out: Path) -> None:
    """Start a run and end it by SIGKILL as soon as its log has so many lines."""
    messages = out.with_suffix(".messages")
    process = start_command(run, messages)
    deadline = time.monotonic() + 120
    while not (out / LOG).exists() or (out / LOG).read_bytes().count(b"\n") < lines:
        assert process.is_alive(), messages.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.join()


def finish(process: BaseProcess, messages: Path) -> None:
    """Wait for a process that ends well."""
    process.join(120)
    assert process.exitcode == 0, messages.read_text()


@pytest.mark.slow
def test_a_run_killed_twice_ends_like_an_unbroken_one_bit_for_bit(
    settings: Path, unbroken: Path, tmp_path: Path
) -> None:
    """With a save after every step most of the time goes into saving, so that a kill likely falls into one."""
    run = command(settings, tmp_path / "run", LONGER, "--resume")
    for lines in (2, 8):
        kill_after(lines, run, tmp_path / "run")
        done = max(record["step"] for record in records(tmp_path / "run"))
        saved = load_file(tmp_path / "run" / STATE)["optimiser/fuse.align/step"].item()
        assert done - 1 <= saved <= done
        load_checkpoint(tmp_path / "run" / LAST)
    finish(start_command(run, tmp_path / "messages"), tmp_path / "messages")
    for file in (STATE, f"{LAST}/{WEIGHTS}", f"{BEST}/{WEIGHTS}", SETTINGS):
        assert (tmp_path / "run" / file).read_bytes() == (unbroken / file).read_bytes(), file
    assert losses(tmp_path / "run") == losses(unbroken)


@pytest.mark.slow
def test_a_run_leaves_a_log_of_every_step_and_the_best_and_last_weights(unbroken: Path, configure) -> None:
    steps = [record["step"] for record in records(unbroken) if "total" in record]
    validations = {r["step"]: r["validation"] for r in records(unbroken) if "validation" in r}
    assert steps == list(range(1, 13))
    assert list(validations) == [6, 12]
    for record in (record for record in records(unbroken) if "total" in record):
        parts = record["triplet"] + record["identification"] + record["diversity"] + record["scales"]
        assert record["total"] == pytest.approx(parts, rel=1e-5)
        assert record["frames_per_s"] > record["wait_s"] >= 0
    config = configure(*LONGER)
    assert read_config(unbroken / SETTINGS) == read_config(unbroken / BEST / SETTINGS) == config
    maps = all_heatmaps(config)
    best = max(values["mAP"] for values in validations.values())
    for folder, want in ((LAST, validations[12]["mAP"]), (BEST, best)):
        model, info = load_checkpoint(unbroken / folder)
        assert info.trained
        assert model.config.identities == 6
        assert evaluate(model, load_task(config.data).validation, maps).mean_ap == pytest.approx(want)


@pytest.mark.slow
def test_workers_read_though_cv2_had_threads_before_they_were_forked(settings: Path, tmp_path: Path) -> None:
    """A worker that inherits cv2's pool of threads waits for them for ever."""
    arguments = command(settings, tmp_path / "run", ("schedule.epochs=1", "run.validate_every=0", "run.workers=1"))
    finish(start_command(arguments, tmp_path / "messages", cv2_threads=4), tmp_path / "messages")


@pytest.mark.slow
def test_a_finished_run_has_nothing_left_to_do(unbroken: Path, configure) -> None:
    before = {file: file.stat().st_mtime_ns for file in (unbroken / STATE, unbroken / LAST / WEIGHTS)}
    outcome = train(configure(*LONGER), unbroken, resume=True)
    assert outcome.weights == unbroken / BEST
    assert outcome.mean_ap == max(r["validation"]["mAP"] for r in records(unbroken) if "validation" in r)
    assert {file: file.stat().st_mtime_ns for file in before} == before


@pytest.mark.slow
def test_a_folder_with_a_run_is_not_overwritten_nor_resumed_with_another_config(unbroken: Path, configure) -> None:
    with pytest.raises(InputError, match="holds a run already: go on with it with --resume"):
        train(configure(*LONGER), unbroken)
    with pytest.raises(InputError, match=r"can't be resumed with this one: optimiser\.lr is 0.5 now and 0.001 there"):
        train(configure(*LONGER, "optimiser.lr=0.5"), unbroken, resume=True)


def test_a_run_that_never_began_leaves_no_folder(configure, tmp_path: Path) -> None:
    for override in ("data.root=/nowhere", "start.checkpoint=./nothing", "optimiser.frozen_blocks=99"):
        with pytest.raises(InputError):
            train(configure(override), tmp_path / "run")
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("lr", ["1e3", "1e20"], ids=["diverges", "not-a-number"])
def test_a_broken_loss_stops_with_the_step_and_the_files_of_its_batch(lr: str, configure, tmp_path: Path) -> None:
    config = configure(f"optimiser.lr={lr}", "optimiser.clip_norm=0")
    with pytest.raises(InputError, match=r"the loss of step 2 is .*, that of step 1 was ") as raised:
        train(config, tmp_path)
    report = json.loads((tmp_path / STOPPED).read_text())
    assert report["step"] == 2
    assert report["tracklets"][0][0] in str(raised.value)
    assert math.isnan(float(report["losses"]["total"])) == (lr == "1e20")
    task = load_task(config.data)
    keys = IdentityBatches(task.train, 3, 2, config.run.seed).batch(1)
    assert report["tracklets"] == [[str(frame) for frame in task.train[key.tracklet].frames] for key in keys]
    assert [record["step"] for record in records(tmp_path)] == [1]
    load_checkpoint(tmp_path / LAST)


@pytest.fixture
def another_precision() -> Iterator[None]:
    """A process has one precision, which accelerate keeps: forget it, before and after."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("another_precision")
def test_bfloat16_trains_and_keeps_float32_weights(configure, tmp_path: Path) -> None:
    train(configure("run.precision=bf16", "schedule.epochs=1"), tmp_path)
    weights = load_file(tmp_path / LAST / WEIGHTS)
    assert {tensor.dtype for name, tensor in weights.items() if name.endswith("weight")} == {torch.float32}
    assert all(np.isfinite(record["total"]) for record in records(tmp_path) if "total" in record)


def all_heatmaps(config: TrainConfig) -> HeatMapCache:
    """Those that a run has already computed."""
    return HeatMapCache(Path(config.data.heatmaps), load_movenet(), config.model.image_size)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_learn_from_whole_batches_of_their_own(settings: Path, tmp_path: Path, configure) -> None:
    """The weights are those of a plain loop that averages the gradients of both batches.

    They are compared all together: where a gradient is nearly zero, Adam makes a whole step of its rounding error.
    """
    overrides = ("schedule.epochs=1", "schedule.steps_per_epoch=3", "run.validate_every=1")
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", str(free_port())]
    done = subprocess.run(
        [sys.executable, *launch, "-m", "ctl", *command(settings, tmp_path / "two", overrides)],
        cwd=ROOT,
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    config = configure(*overrides)
    want, totals = averaged_by_hand(config)
    got = load_file(tmp_path / "two" / LAST / WEIGHTS)
    start = initial_model(config, 6)
    learned = {name for name, _ in start.named_parameters()}
    for names in (learned, want.keys() - learned):
        off, moved = apart(got, want, names), apart(start.state_dict(), want, names)
        assert off <= 0.05 * moved, f"the weights are {off:.2g} off after moving by {moved:.2g}"
    logged = [record["total"] for record in records(tmp_path / "two") if "total" in record]
    assert logged == pytest.approx(totals, rel=1e-3)

    task = load_task(config.data)
    maps = all_heatmaps(config)
    report = evaluate(load_checkpoint(tmp_path / "two" / LAST)[0], task.validation, maps)
    logged = next(record["validation"] for record in records(tmp_path / "two") if "validation" in record)
    assert logged == pytest.approx({name: report.scores.metrics[name] for name in logged})


def apart(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor], names: Iterable[str]) -> float:
    """Distance between two models over some of their tensors."""
    return torch.cat([(weights[name].float() - others[name]).flatten() for name in names]).norm().item()


def averaged_by_hand(config: TrainConfig) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Weights after the run, and mean losses, by a loop that knows no processes. Batch norm statistics are rank 0's."""
    task = load_task(config.data)
    maps = all_heatmaps(config)
    clips = Clips(task.train, FrameStore((32, 32)), maps, config.augment, config.model.clip_length)
    model = initial_model(config, 6)
    blocks = config.optimiser.frozen_blocks
    model.backbone.freeze(blocks)
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    first, second = ({name: torch.zeros_like(p) for name, p in learning.items()} for _ in range(2))
    totals = []
    for step in range(config.schedule.steps):
        gradients, total, statistics = {name: torch.zeros_like(p) for name, p in learning.items()}, 0.0, {}
        for rank in (0, 1):
            twin = copy.deepcopy(model)
            twin.train()
            keys = IdentityBatches(task.train, 3, 2, config.run.seed, rank, 2).batch(step)
            batch = stack([clips[key] for key in keys])
            assert batch.labels.unique(return_counts=True)[1].tolist() == [2, 2, 2]
            loss = ctl_loss(twin(batch.frames, batch.logits), batch.labels).total
            loss.backward()
            total += loss.item() / 2
            for name, p in twin.named_parameters():
                if name in gradients:
                    gradients[name] += p.grad / 2
            if rank == 0:
                statistics = dict(twin.named_buffers())
        norm = sum(g.square().sum() for g in gradients.values()).sqrt().item()
        shrink = min(1.0, config.optimiser.clip_norm / (norm + 1e-6))
        for name, p in learning.items():
            rate = rate_at(step, config.schedule) * config.optimiser.lr
            rate *= config.optimiser.backbone_rate if name.startswith("backbone.") else 1
            decay = 0 if UNDECAYED.search(name) else config.optimiser.weight_decay
            g = gradients[name] * shrink + decay * p.data
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g * g
            unbiased = first[name] / (1 - 0.9 ** (step + 1)), second[name] / (1 - 0.999 ** (step + 1))
            p.data -= rate * unbiased[0] / (unbiased[1].sqrt() + 1e-8)
        for name, buffer in model.named_buffers():
            buffer.copy_(statistics[name])
        totals.append(total)
    return model.state_dict(), totals
