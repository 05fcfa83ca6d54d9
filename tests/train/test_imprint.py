"""Classifiers begin at the mean direction of their persons' features, and name them before the first step."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ctl.data.frames import read_frames
from ctl.data.sampling import ClipKey
from ctl.inference import to_tensor
from ctl.model import CTL
from ctl.train.config import TrainConfig
from ctl.train.data import load_task
from ctl.train.engine import Trainer, fill_heatmaps, make_accelerator, train
from ctl.train.imprint import most_alike, settle_necks
from ctl.train.toml import read_config

STARTED = (
    "start.checkpoint=weights/ctl-preview",
    "start.imprint=true",
    "model.bn_neck=true",
    "run.validate_every=0",
)


@pytest.fixture(scope="module")
def trainer(settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    config = read_config(settings, STARTED)
    task, accelerator = load_task(config.data), make_accelerator(config)
    maps = fill_heatmaps(config, task.train, accelerator)
    return Trainer(config, tmp_path_factory.mktemp("run"), task, maps, accelerator)


@torch.no_grad()
def features(model: CTL, trainer: Trainer) -> list[tuple[int, list[torch.Tensor]]]:
    """Person and the three features of the first two frames of each tracklet, one at a time."""
    found, _ = [], model.eval()
    for tracklet in trainer.task.train:
        frames = to_tensor(read_frames(tracklet, (32, 32), [0, 1]), torch.device("cpu"))
        logits = torch.from_numpy(trainer.maps.read(tracklet, [0, 1]))
        found.append((tracklet.person, [feature[0] for feature in model(frames[None], logits[None]).compared]))
    return found


def test_each_row_is_the_mean_direction_of_a_person(trainer: Trainer) -> None:
    found = features(trainer.model, trainer)
    for place, classifier in enumerate(trainer.model.classifiers):
        length = sum(float(of[place].norm()) for _, of in found) / len(found)
        for row, person in enumerate(sorted({person for person, _ in found})):
            total = sum(of[place] / of[place].norm() for someone, of in found if someone == person)
            torch.testing.assert_close(classifier.weight[row], 12 / length * total / total.norm(), rtol=1e-3, atol=1e-4)


def test_persons_are_named_before_the_first_step(trainer: Trainer) -> None:
    found = features(trainer.model, trainer)
    everybody = sorted({person for person, _ in found})
    for place, classifier in enumerate(trainer.model.classifiers):
        logits = torch.stack([of[place] for _, of in found]) @ classifier.weight.T
        assert logits.argmax(dim=1).tolist() == [everybody.index(person) for person, _ in found]


def test_those_nearest_by_direction_are_most_alike(trainer: Trainer) -> None:
    rows = [row / row.norm() for row in trainer.model.classifiers[1].weight.detach()]
    for number, nearest in enumerate(most_alike(trainer.model, 3).tolist()):
        others = [row for row in range(len(rows)) if row != number]
        assert nearest == sorted(others, key=lambda row: -float(rows[number] @ rows[row]))[:3]


def test_settled_necks_centre_the_features_of_the_clips(trainer: Trainer) -> None:
    model = copy.deepcopy(trainer.model)
    for neck in model.necks:
        neck.running_mean += 3
    count = len(trainer.task.train)
    settle_necks(model, trainer.task.train, trainer.maps, clips=count)
    compared = [torch.stack(several) for several in zip(*(of for _, of in features(model, trainer)), strict=True)]
    for values, neck in zip(compared, model.necks, strict=True):
        torch.testing.assert_close(values.mean(dim=0), torch.zeros(16), rtol=0, atol=1e-3)
        torch.testing.assert_close(values.std(dim=0), neck.weight.detach(), rtol=1e-2, atol=1e-3)


def test_they_learn_slowly_while_the_rest_learns(trainer: Trainer) -> None:
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    trainer.run()
    after = trainer.model.state_dict()
    moved = {
        name: float((after[name] - before[name]).abs().max()) for name in before if before[name].is_floating_point()
    }
    steps, rate = trainer.config.schedule.steps, trainer.config.optimiser.lr
    assert all(0 < moved[name] <= 0.05 * steps * rate for name in moved if name.startswith("classifiers."))
    assert moved["graphs.0.scales.s1.weight.weight"] > 0.05 * steps * rate


def test_a_run_goes_on_beside_the_same_people(configure: Callable[..., TrainConfig], tmp_path: Path) -> None:
    config = configure(*STARTED, "batch.persons=4", "batch.neighbours=1", "run.neck_clips=6")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, whole)
    task, accelerator = load_task(config.data), make_accelerator(config)
    maps = fill_heatmaps(config, task.train, accelerator)

    class Stopping(Trainer):
        def keys(self) -> Iterator[list[ClipKey]]:
            return self.sampler.steps(self.progress.step, 3)

    stopped = Stopping(config, parts, task, maps, accelerator)
    stopped.run()
    going_on = Trainer(config, parts, task, maps, make_accelerator(config))
    assert np.array_equal(going_on.sampler.alike, stopped.sampler.alike)
    assert stopped.sampler.alike.shape == (6, 2)
    going_on.run()
    one, other = (load_file(run / "last" / "model.safetensors") for run in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)
