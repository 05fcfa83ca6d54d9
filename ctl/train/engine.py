"""The training loop: the same on a CPU, a GPU, several of them and several machines (accelerate).

The folder of a run holds train.toml (the whole config), log.jsonl, resume.safetensors (where the run stands), and the
checkpoints `last` and `best`, which the app loads.

Several processes on CPUs: `accelerate launch --multi_gpu --num_processes 2 -m ctl train ...`, which is a misnomer, or
`torchrun --nproc_per_node 2 -m ctl train ...`; `accelerate launch --cpu` starts one process unless it has MPI.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, fields, replace
from math import inf
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
import torch
from safetensors.torch import load, save

from ctl.checkpoint import save_checkpoint
from ctl.data.benchmark import TrackletFiles
from ctl.data.heatmaps import HeatMapCache
from ctl.data.sampling import ClipKey, IdentityBatches, person_labels
from ctl.errors import InputError
from ctl.evaluate.report import evaluate, tracklets_to_embed
from ctl.files import read_bytes, require_writable, to_json, write_atomic
from ctl.inference import Arriving
from ctl.keypoints.load import load_estimator
from ctl.losses import LossParts, ctl_loss
from ctl.progress import progress_bar
from ctl.runtime import runs_onnx
from ctl.train.config import TrainConfig
from ctl.train.data import Batch, Task, load_task
from ctl.train.imprint import imprint, most_alike, settle_necks
from ctl.train.log import RunLog
from ctl.train.optimiser import make_optimiser, rate_at, set_rate
from ctl.train.resident import open_batches
from ctl.train.start import initial_model
from ctl.train.state import STATE, Progress, load_state, save_state
from ctl.train.toml import first_difference, read_config, to_toml

if TYPE_CHECKING:
    from accelerate import Accelerator

SETTINGS: Final = "train.toml"
STOPPED: Final = "stopped.json"
ALIKE: Final = "alike.safetensors"
LAST: Final = "last"
BEST: Final = "best"
LOSSES: Final = (*(part.name for part in fields(LossParts)), "total")
DIVERGED: Final = 10.0
"""A loss this many times that of the first step ends the run: nothing learned can be worse than nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind.

    Args:
        weights: checkpoint folder: the best one, or the last one if nothing was validated.
        mean_ap: validation mAP of the best, 0..1; None without validation.
    """

    weights: Path
    mean_ap: float | None


def train(config: TrainConfig, out: Path, resume: bool = False) -> Outcome:
    """Train a model, or go on where a run of the same config was stopped.

    Args:
        config: everything that decides the run.
        out: folder of the run.
        resume: go on with the run in `out` if there is one.
    Raises:
        InputError: `out` holds a run that isn't to be resumed or has another config; data or weights to start from are
            missing or don't fit; the loss isn't finite or diverges, which names the step and the batch's files.
    """
    _check_folder(config, out, resume)
    accelerator = make_accelerator(config)
    if accelerator.is_main_process:
        require_writable(out)
    task = load_task(config.data)
    validated = tracklets_to_embed(task.validation) if config.run.validate_every else ()
    maps = fill_heatmaps(config, (*task.train, *validated), accelerator)
    trainer = Trainer(config, out, task, maps, accelerator)
    if accelerator.is_main_process:  # from here on the folder holds a run: data and first weights have been read
        write_atomic(out / SETTINGS, to_toml(config))
    return trainer.run()


def make_accelerator(config: TrainConfig) -> "Accelerator":
    """This process's place among the others. Raises InputError if the machine can't compute in the precision."""
    from accelerate import Accelerator

    if config.run.precision == "fp16" and not torch.cuda.is_available():
        raise InputError("run.precision fp16 needs a GPU: take fp32 or bf16")
    return Accelerator(
        mixed_precision="no" if config.run.precision == "fp32" else config.run.precision,
        cpu=not torch.accelerator.is_available(),  # without this it takes several processes on CPUs for strangers
    )


def fill_heatmaps(config: TrainConfig, tracklets: Sequence[TrackletFiles], accelerator: "Accelerator") -> HeatMapCache:
    """A cache with the heat maps of the tracklets; each process computes its share of what is missing."""
    folder = Path(config.data.heatmaps) if config.data.heatmaps else Path(config.data.root) / "heatmaps"
    onnx = runs_onnx("auto", accelerator.device)
    estimator = load_estimator(config.data.keypoints, accelerator.device, onnx=onnx)
    maps = HeatMapCache(folder, estimator, config.model.image_size)
    share = tracklets[accelerator.process_index :: accelerator.num_processes]
    decoders = None if config.data.decoders < 0 else config.data.decoders
    with progress_bar("heat maps") as step:
        maps.fill(share, step, decoders)
    accelerator.wait_for_everyone()
    return maps


class Trainer:
    """One process of a run.

    Args:
        config, out: as `train` takes them.
        task: what is learned from.
        maps: filled with the heat maps of the task's training and validation tracklets.
        accelerator: places the model and connects the processes.
    """

    def __init__(
        self, config: TrainConfig, out: Path, task: Task, maps: HeatMapCache, accelerator: "Accelerator"
    ) -> None:
        self.config, self.out, self.task, self.maps, self.accelerator = config, out, task, maps, accelerator
        rank, ranks = accelerator.process_index, accelerator.num_processes
        batch = config.batch
        self.sampler = IdentityBatches(
            task.train, batch.persons, batch.clips, config.run.seed, rank, ranks, batch.neighbours
        )
        self.model = initial_model(config, identities=len(person_labels(task.train)))
        self.model.backbone.freeze(config.optimiser.frozen_blocks)
        on_gpu = accelerator.device.type == "cuda"
        if on_gpu:  # what its convolutions are fastest at; elsewhere sums keep their order
            self.model.backbone.to(memory_format=torch.channels_last)
        optimiser = make_optimiser(self.model, config.optimiser, on_gpu, config.start.imprint)
        self.network, self.optimiser = accelerator.prepare(self.model, optimiser)
        self.progress = Progress()
        if config.start.imprint:
            self.sampler = replace(self.sampler, alike=self.imprint())
        if (out / STATE).exists():
            self.progress, scaler = load_state(out / STATE, self.model, self.optimiser)
            if scaler is not None:
                accelerator.scaler.load_state_dict(scaler)

    def imprint(self) -> np.ndarray:
        """Let classifiers begin where their persons are, and say who is most like whom. A run that goes on reads it."""
        file, config = self.out / ALIKE, self.config
        if not (self.out / STATE).exists():
            with progress_bar("first classifiers") as step:
                imprint(self.model, self.task.train, self.maps, step)
            alike = most_alike(self.model, 2 * config.batch.neighbours)
            if self.accelerator.is_main_process:
                write_atomic(file, save({"alike": torch.from_numpy(alike)}))
            return alike
        return load(read_bytes(file))["alike"].numpy()

    def run(self) -> Outcome:
        """All steps that are left, with validations and saves between them."""
        steps = self.config.schedule.steps
        log = RunLog(self.out, self.progress.step, steps) if self.accelerator.is_main_process else None
        with closing(log) if log else nullcontext():
            self.model.train()
            batches = self.batches() if self.progress.step < steps else iter(())
            start = perf_counter()
            for batch in batches:
                arrived = perf_counter()
                values = self.step(batch)
                self.progress = replace(
                    self.progress,
                    step=self.progress.step + 1,
                    first_loss=self.progress.first_loss or values["total"],
                )
                if log:
                    seconds = perf_counter() - start
                    frames = batch.frames.shape[0] * batch.frames.shape[1] * self.accelerator.num_processes
                    values |= {"frames_per_s": frames / seconds, "wait_s": arrived - start}
                    log.step(self.progress.step, values)
                self.after_step(log)
                start = perf_counter()
        validated = self.progress.best >= 0
        return Outcome(self.out / (BEST if validated else LAST), self.progress.best if validated else None)

    def batches(self) -> Iterator[Batch]:
        """This process's batches of the steps that are left."""
        device, ranks = self.accelerator.device, self.accelerator.num_processes
        return open_batches(self.config, self.task.train, self.maps, self.keys(), device, ranks)

    def keys(self) -> Iterator[list[ClipKey]]:
        """What the batches are made of."""
        return self.sampler.steps(self.progress.step, self.config.schedule.steps)

    def step(self, batch: Batch) -> dict[str, float]:
        """Learn from one batch; returns loss parts, their total (means over processes) and the learning rate."""
        config, device = self.config, self.accelerator.device
        frames, logits, labels = (t.to(device, non_blocking=True) for t in (batch.frames, batch.logits, batch.labels))
        share = rate_at(self.progress.step, config.schedule)
        set_rate(self.optimiser, share)
        loss = ctl_loss(
            self.network(frames, logits),
            labels,
            (config.loss.triplet, config.loss.identification, config.loss.diversity),
            config.loss.margin,
            config.loss.smoothing,
            config.loss.triplet_after_neck,
            config.loss.scales,
        )
        reading = self.reading(loss)
        self.optimiser.zero_grad()
        self.accelerator.backward(loss.total)
        if config.optimiser.clip_norm:
            self.accelerator.clip_grad_norm_(self.model.parameters(), config.optimiser.clip_norm)
        values = self.checked(reading, batch)
        self.optimiser.step()
        return values | {"lr": config.optimiser.lr * share}

    def reading(self, loss: LossParts) -> Arriving:
        """The loss by `LOSSES`, mean over processes, on its way to the CPU."""
        parts = torch.stack([getattr(loss, name) for name in LOSSES]).detach()
        return Arriving(self.accelerator.reduce(parts, "mean"))

    def checked(self, reading: Arriving, batch: Batch) -> dict[str, float]:
        """The loss by parts. All processes stop together, before a weight changes, if it isn't finite or diverges.

        A GPU is at the backward pass meanwhile: only the forward pass is waited for.
        """
        values: dict[str, float] = dict(zip(LOSSES, reading.tensor().tolist(), strict=True))
        limit = DIVERGED * (self.progress.first_loss or inf)
        if not values["total"] < limit:  # false for NaN too
            self.stop(values, batch)
        return values

    def stop(self, values: dict[str, float], batch: Batch) -> NoReturn:
        """Say which step and which files the loss broke at. Raises InputError."""
        from accelerate.utils import gather_object

        tracklets = [self.task.train[index] for index in batch.tracklets.tolist()]
        files = gather_object([[str(frame) for frame in tracklet.frames] for tracklet in tracklets])
        step, report = self.progress.step + 1, self.out / STOPPED
        if self.accelerator.is_main_process:
            losses = {name: str(value) for name, value in values.items()}
            write_atomic(report, to_json({"step": step, "losses": losses, "tracklets": files}))
        first = "" if self.progress.first_loss is None else f", that of step 1 was {self.progress.first_loss:.4g}"
        raise InputError(
            f"the loss of step {step} is {values['total']:.4g}{first}: lower optimiser.lr or set optimiser.clip_norm. "
            f"Its batch begins with {files[0][0]}; {report} lists all of its files"
        )

    def after_step(self, log: RunLog | None) -> None:
        """Validate and save if it is time to."""
        step, run, per_epoch = self.progress.step, self.config.run, self.config.schedule.steps_per_epoch
        epoch, into_epoch = divmod(step, per_epoch)
        ended = not into_epoch
        if step == self.config.schedule.steps and run.neck_clips:
            settle_necks(self.model, self.task.train, self.maps, run.neck_clips)
        if ended and run.validate_every and (epoch % run.validate_every == 0 or epoch == self.config.schedule.epochs):
            self.validate(log)
        if ended or step % run.save_every == 0:
            self.save(LAST)
            scaler = self.accelerator.scaler
            if self.accelerator.is_main_process:
                state = scaler.state_dict() if scaler is not None else None
                save_state(self.out / STATE, self.progress, self.model, self.optimiser, state)

    def validate(self, log: RunLog | None) -> None:
        """Rank the validation benchmark; keep the weights if they are the best so far."""
        from accelerate.utils import broadcast

        for buffer in self.model.buffers():
            broadcast(buffer)  # batch norm statistics of the main process, which are the ones that are saved
        self.model.eval()
        report = evaluate(self.model, self.task.validation, self.maps, accelerator=self.accelerator)
        self.model.train()
        if log:
            log.validation(
                self.progress.step, {name: report.scores.metrics[name] for name in ("rank1", "rank5", "mAP")}
            )
        if report.mean_ap > self.progress.best:
            self.progress = replace(self.progress, best=report.mean_ap)
            self.save(BEST)

    def save(self, name: str) -> None:
        """Write the weights as a checkpoint, beside them the config of the run."""
        if self.accelerator.is_main_process:
            write_atomic(self.out / name / SETTINGS, to_toml(self.config))
            save_checkpoint(self.out / name, self.model, trained=True)


def _check_folder(config: TrainConfig, out: Path, resume: bool) -> None:
    """Raises InputError if the folder holds a run that this one may not, or can't, go on with."""
    if not ((out / SETTINGS).exists() and (out / STATE).exists()):  # before its first save a run can't be resumed
        return
    if not resume:
        raise InputError(f"{out} holds a run already: go on with it with --resume, or give another folder")
    difference = first_difference(config, read_config(out / SETTINGS))
    if difference:
        raise InputError(f"the run in {out} has another config, and can't be resumed with this one: {difference}")
