"""What a step of training costs beside its backbone, what it waits for data, and how fast heat maps are computed."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final

import torch
from PIL import Image

from ctl.bench.memory import peak_mb
from ctl.bench.report import SAMPLES
from ctl.bench.timing import seconds, spread
from ctl.data.benchmark import Benchmark, TrackletFiles
from ctl.errors import require_packages
from ctl.jpeg import encode_jpeg
from ctl.runtime import choose_device, synchronise
from ctl.train.data import Batch, Task
from ctl.train.engine import Trainer, fill_heatmaps
from ctl.train.toml import read_config
from ctl.video.reader import open_clip

RECIPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"mobile": ("walkers-mobile", "model.shrink=1"), "paper": ("paper-mars",)}
)
"""A config each, and what is set in it: the first stage of the bundled model, and the paper's."""

CLIPS: Final = tuple(f"{who}-lab{camera}.mp4" for who in ("man", "woman") for camera in (1, 2, 3, 4))
LENGTH: Final = 16
"""Frames of a tracklet."""

PER_PERSON: Final = 4
"""Tracklets."""

TRAINED: Final = 64
"""Tracklets that are learned from."""

FILLED_ON_GPU: Final = 2048
"""Tracklets that get heat maps on a GPU, so that the start of the decoders counts little; on a CPU `TRAINED` do."""

PERSONS_ON_CPU: Final = 2
"""Of a batch, a quarter of the recipes': all of the paper's would take more memory than a laptop has."""

STEPS_ON_GPU: Final = 20
"""Steps of a round; on a CPU one."""


def training_costs(device: str, rounds: int) -> dict[str, Any]:
    """Costs of the recipes in `RECIPES`, and of heat maps: in bfloat16 on a GPU, in float32 and small batches on a CPU.

    A recipe begins with random weights, and learns from frames of the sample clips. Its hours are those of all its
    steps at its own batch, in proportion to the frames.

    Raises:
        InputError: there is no such device, or the extra [train] isn't installed.
    """
    require_packages("train", "accelerate")
    from accelerate import Accelerator

    on_gpu = choose_device(device).type == "cuda"
    accelerator = Accelerator(mixed_precision="bf16" if on_gpu else "no", cpu=not on_gpu)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configs = {
            recipe: read_config(Path(config), ["start.checkpoint=", f"data.heatmaps={folder / 'heatmaps'}", *settings])
            for recipe, (config, *settings) in RECIPES.items()
        }
        first = next(iter(configs.values()))
        tracklets = make_tracklets(folder, FILLED_ON_GPU if on_gpu else TRAINED, first.model.image_size)
        maps = fill_heatmaps(first, tracklets[:1], accelerator)  # warms up
        filling = seconds(lambda: maps.fill(tracklets))
        costs: dict[str, Any] = {
            "precision": "bf16" if on_gpu else "fp32",
            "heat_map_frames_per_s": round(LENGTH * (len(tracklets) - 1) / filling, 1),
        }
        task = Task(tracklets[:TRAINED], *[Benchmark("bench", "nobody is ranked", ())] * 2)
        for recipe, config in configs.items():
            persons = config.batch.persons if on_gpu else PERSONS_ON_CPU
            measured = replace(config, batch=replace(config.batch, persons=persons))
            trainer = Trainer(measured, folder / recipe, task, maps, accelerator)
            costs[recipe] = step_costs(trainer, rounds, STEPS_ON_GPU if on_gpu else 1)
            step_s = costs[recipe]["step_s"]["median"] * config.batch.persons / persons
            costs[recipe]["hours"] = float(f"{step_s * config.schedule.steps / 3600:.3g}")
        return costs


def make_tracklets(folder: Path, count: int, size: tuple[int, int]) -> tuple[TrackletFiles, ...]:
    """Tracklets of `LENGTH` frames, which show the sample clips over and over; each frame is a file of its own.

    Args:
        folder: for the files.
        count: of tracklets; `PER_PERSON` of them are said to show one person.
        size: height and width in pixels.
    """
    pictures = list[Path]()
    for clip in CLIPS:
        with open_clip(SAMPLES / clip) as frames:
            for frame in frames:
                pictures.append(folder / f"{len(pictures)}.jpg")
                pictures[-1].write_bytes(encode_jpeg(Image.fromarray(frame.image).resize(size[::-1]), quality=90))
    shown = cycle(pictures)

    def tracklet(number: int) -> TrackletFiles:
        place = folder / str(number)
        place.mkdir()
        frames = tuple(place / f"{index:02}.jpg" for index in range(LENGTH))
        for frame, picture in zip(frames, islice(shown, LENGTH), strict=True):
            frame.hardlink_to(picture)
        person, camera = divmod(number, PER_PERSON)
        return TrackletFiles(frames, person + 1, camera)

    return tuple(tracklet(number) for number in range(count))


def step_costs(trainer: Trainer, rounds: int, steps: int) -> dict[str, Any]:
    """Seconds of a whole step, of the backbone's part in it, and of waiting for data, by rounds of some steps each.

    The backbone alone is measured before and after, while nothing is read ahead.
    """
    device, config = trainer.accelerator.device, trainer.config
    trainer.model.train()
    shape = (config.batch.persons * config.batch.clips, config.model.clip_length, 3, *config.model.image_size)
    frames = torch.rand(shape, device=device)

    def pass_backbone() -> None:
        """Forward and backward."""
        for _ in range(steps):
            with trainer.accelerator.autocast():
                maps = trainer.model.backbone(frames)
            maps.sum().backward()
            trainer.optimiser.zero_grad()
        synchronise(device)

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    pass_backbone()  # warms up
    alone = [seconds(pass_backbone) / steps for _ in range(rounds - rounds // 2)]
    batches = trainer.batches()
    learn(trainer, batches, steps)  # warms up
    whole, waited = zip(*[learn(trainer, batches, steps) for _ in range(rounds)], strict=True)
    del batches  # and its readers
    alone += [seconds(pass_backbone) / steps for _ in range(rounds // 2)]
    return {
        "frames": shape[0] * shape[1],
        "step_s": spread(list(whole)),
        "backbone_s": spread(alone),
        "step_over_backbone": round(median(whole) / median(alone), 3),
        "waiting_over_step": spread([wait / step for wait, step in zip(waited, whole, strict=True)]),
        "peak_memory_mb": round(torch.cuda.max_memory_allocated(device) / 1e6) if device.type == "cuda" else peak_mb(),
    }


def learn(trainer: Trainer, batches: Iterator[Batch], steps: int) -> tuple[float, float]:
    """Some steps in a row; returns the seconds of one, and those of them in which it waited for its batch."""
    waited, start = 0.0, perf_counter()
    for _ in range(steps):
        asked = perf_counter()
        batch = next(batches)
        waited += perf_counter() - asked
        trainer.step(batch)
    synchronise(trainer.accelerator.device)
    return (perf_counter() - start) / steps, waited / steps
