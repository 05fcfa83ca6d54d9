"""Training from a resident set: the same clips as from files, resumed bit for bit, and on a GPU where there is one."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ctl.data.clips import Clips
from ctl.data.frames import FrameStore
from ctl.data.heatmaps import HeatMapCache
from ctl.data.recipes import Recipes
from ctl.data.resident import Orders, load_orders, read_resident
from ctl.data.sampling import IdentityBatches
from ctl.errors import InputError
from ctl.train.config import TrainConfig
from ctl.train.data import Batch, Task, load_task, stack
from ctl.train.engine import Trainer, fill_heatmaps, make_accelerator, train
from ctl.train.log import LOG
from ctl.train.resident import make_batch, open_batches, resident_batches
from ctl.train.state import STATE

CPU = torch.device("cpu")
EVERYTHING = [
    f"augment.{name}={value}"
    for name, value in {
        **dict.fromkeys(("flip", "erase", "occlude", "colour", "grey", "blur", "resolution", "noise", "compress"), 0.5),
        "shift": 0.1,
        "zoom": 0.1,
    }.items()
]
NOTHING = [text.partition("=")[0] + "=0" for text in EVERYTHING]


class ResidentTrainer(Trainer):
    """Takes the path of a GPU on the CPU, and stops after some steps."""

    last = 99

    def batches(self) -> Iterator[Batch]:
        stored = read_resident(self.task.train, self.maps, CPU, workers=0)
        made = resident_batches(self.config, self.task.train, stored, self.keys(), CPU)
        for _, batch in zip(range(self.last - self.progress.step), made, strict=False):
            yield batch


def prepared(config: TrainConfig) -> tuple[Task, HeatMapCache]:
    task, accelerator = load_task(config.data), make_accelerator(config)
    return task, fill_heatmaps(config, (*task.train, *task.validation.splits[0].gallery), accelerator)


def trainer(config: TrainConfig, out: Path) -> ResidentTrainer:
    return ResidentTrainer(config, out, *prepared(config), make_accelerator(config))


def batches_of(config: TrainConfig, device: torch.device = CPU, first: int = 0) -> list[Batch]:
    task, maps = prepared(config)
    stored = read_resident(task.train, maps, device, workers=0)
    keys = IdentityBatches(task.train, 3, 2, config.run.seed).steps(first, 4)
    return list(resident_batches(config, task.train, stored, keys, device))


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a.cpu(), b.cpu()) for a, b in zip(one, other, strict=True))


def test_without_augmentation_batches_are_those_of_the_files(configure: Callable[..., TrainConfig]) -> None:
    config = configure(*NOTHING)
    task, maps = prepared(config)
    clips = Clips(task.train, FrameStore((32, 32)), maps, config.augment, 2)
    keys = list(IdentityBatches(task.train, 3, 2, config.run.seed).steps(0, 4))
    for key, batch in zip(keys, batches_of(config), strict=True):
        want = stack([clips[one] for one in key])
        torch.testing.assert_close(batch.frames, want.frames)
        assert equal(batch._replace(frames=want.frames), want)


def test_on_a_cpu_batches_are_read_by_workers_as_before(configure: Callable[..., TrainConfig]) -> None:
    config = configure(*EVERYTHING)
    task, maps = prepared(config)
    clips = Clips(task.train, FrameStore((32, 32)), maps, config.augment, 2)
    keys = list(IdentityBatches(task.train, 3, 2, config.run.seed).steps(0, 4))
    for key, batch in zip(keys, open_batches(config, task.train, maps, iter(keys), CPU), strict=True):
        assert equal(batch, stack([clips[one] for one in key]))


def test_batches_depend_on_their_step_alone(configure: Callable[..., TrainConfig]) -> None:
    whole = batches_of(configure(*EVERYTHING))
    rest = batches_of(configure(*EVERYTHING, "run.workers=2"), first=2)
    assert all(equal(*pair) for pair in zip(whole[2:], rest, strict=True))
    assert not torch.equal(whole[0].frames, whole[1].frames)
    assert not torch.equal(whole[0].frames, batches_of(configure(*EVERYTHING, "run.seed=1"))[0].frames)


def test_a_set_in_the_machines_memory_gives_the_same_batches(configure: Callable[..., TrainConfig]) -> None:
    config = configure(*EVERYTHING)
    task, maps = prepared(config)
    stored = read_resident(task.train, maps, CPU, workers=0)
    keys = IdentityBatches(task.train, 3, 2, config.run.seed).steps(0, 4)
    recipes = Recipes(task.train, config.augment, 2, (32, 32), maps.grid)
    orders = load_orders(Orders(recipes, stored), keys, workers=1, pin=False)
    elsewhere = replace(stored, frames=torch.empty(0), log_mass=torch.empty(0))  # nothing is read from it
    for order, want in zip(orders, batches_of(config), strict=True):
        assert equal(make_batch(order, elsewhere, CPU), want)


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_like_an_unbroken_one(
    configure: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    config = configure(*EVERYTHING)
    whole = trainer(config, tmp_path / "whole").run()
    stopped = trainer(config, tmp_path / "parts")
    stopped.last = 3
    stopped.run()
    assert trainer(config, tmp_path / "parts").run().mean_ap == whole.mean_ap
    assert (tmp_path / "parts" / STATE).read_bytes() == (tmp_path / "whole" / STATE).read_bytes()
    records = [json.loads(line) for line in (tmp_path / "parts" / LOG).read_text().splitlines()]
    assert [record["step"] for record in records if "total" in record] == list(range(1, 7))


def test_a_loss_that_breaks_stops_before_a_weight_changes(
    configure: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    broken = trainer(configure("optimiser.lr=1e20", "optimiser.clip_norm=0"), tmp_path)
    with pytest.raises(InputError, match="the loss of step 2 is nan"):
        broken.run()
    saved = load_file(tmp_path / STATE)
    for name, weight in broken.model.named_parameters():
        torch.testing.assert_close(weight.detach(), saved[f"model/{name}"], equal_nan=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_run_trains_resumes_and_makes_the_batches_of_the_cpu(
    configure: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    without_noise = configure(*EVERYTHING, "augment.noise=0", "augment.erase=0", "augment.compress=0")
    for on_gpu, want in zip(batches_of(without_noise, torch.device("cuda")), batches_of(without_noise), strict=True):
        assert on_gpu.frames.is_cuda
        assert (on_gpu.frames.cpu() - want.frames).abs().max() < 2.1 / 255
        torch.testing.assert_close(on_gpu.logits.cpu(), want.logits, atol=1e-3, rtol=1e-3)
    config = configure(*EVERYTHING)
    for one, other in zip(*(batches_of(config, torch.device("cuda")) for _ in range(2)), strict=True):
        assert equal(one, other)
    train(config, tmp_path)
    assert train(config, tmp_path, resume=True).mean_ap is not None
