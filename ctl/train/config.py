"""What a training run is, as frozen values; `ctl.train.toml` reads and writes them.

A value outside its field's range is an InputError that names section, key and value.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Literal

from ctl.config import ModelConfig
from ctl.data.transforms import Augment
from ctl.errors import require
from ctl.keypoints.base import MOVENET


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What is learned from, and what the model is validated on.

    Args:
        name: data set, as `ctl.data.load_benchmark` names it.
        root: its folder.
        split: number of the split, from 0, if the data set has several.
        keypoints: estimator of the heat maps, as `ctl.keypoints.load.load_estimator` names it.
        heatmaps: folder that keeps heat maps between runs; "" is `heatmaps` in `root`.
        decoders: processes that decode pictures while heat maps are computed; 0 does it in the process itself, -1 takes
            as many as pay on this machine (`ctl.data.decoding.decoding_processes`).
        held_out: training persons that are left out of training and validated on. 0 validates on the query and gallery
            of the split, as the papers of the field do: their best epoch is then chosen on the test set.
        leave_out_damaged: whether frames that are missing or don't decode are left out, and counted on stderr, instead
            of ending the run.
    """

    name: str = "walkers"
    root: str = ""
    split: int = 0
    keypoints: str = MOVENET
    heatmaps: str = ""
    decoders: int = -1
    held_out: int = 0
    leave_out_damaged: bool = False

    def __post_init__(self) -> None:
        require(self.split >= 0, "data.split", self.split, "≥ 0")
        require(self.decoders >= -1, "data.decoders", self.decoders, "≥ -1")
        require(self.held_out >= 0, "data.held_out", self.held_out, "≥ 0")


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """P x K clips: so many persons, so many clips of each (per process).

    Args:
        persons: P.
        clips: K.
        neighbours: those most like a drawn person who come into the batch with them, a part of P (Liao & Shao 2022);
            0 draws all persons. Who is like whom is measured before the first step, where `start.imprint` is on.
    """

    persons: int = 8
    clips: int = 4
    neighbours: int = 0

    def __post_init__(self) -> None:
        require(self.persons >= 2, "batch.persons", self.persons, "≥ 2: a triplet needs two persons")
        divides = self.neighbours >= 0 and self.persons % (1 + self.neighbours) == 0
        require(divides, "batch.neighbours", self.neighbours, f"one less than a divisor of {self.persons} persons")
        require(self.clips >= 2, "batch.clips", self.clips, "≥ 2: a triplet needs two clips of a person")


@dataclass(frozen=True, slots=True)
class StartConfig:
    """Where weights come from before the first step.

    Args:
        checkpoint: folder or Hub id; "imagenet" is torchvision's weights of the backbone; "" draws all at random.
        part: "backbone" takes only the backbone from the checkpoint, "all" everything but the classifiers.
        imprint: whether classifiers begin at the mean features of their persons (`ctl.train.imprint`). For weights that
            tell people apart already, and for so many persons that each is met only a few times.
    """

    checkpoint: str = ""
    part: Literal["backbone", "all"] = "backbone"
    imprint: bool = False


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """Adam (Kingma & Ba 2015), with its weight decay added to the gradient.

    Args:
        lr: learning rate.
        backbone_rate: learning rate of the backbone over `lr`.
        frozen_blocks: first blocks of the backbone that don't learn: their batch norms keep their statistics, and no
            gradient is computed through them.
        weight_decay: of the backbone and of the head's linear maps; `make_optimiser` says which ones it spares.
        clip_norm: longest gradient over all parameters; longer ones are shortened to it. 0 leaves them.
    """

    lr: float = 3e-4
    backbone_rate: float = 1.0
    frozen_blocks: int = 0
    weight_decay: float = 5e-4
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.lr < inf, "optimiser.lr", self.lr, "> 0")
        require(0 < self.backbone_rate < inf, "optimiser.backbone_rate", self.backbone_rate, "> 0")
        require(self.frozen_blocks >= 0, "optimiser.frozen_blocks", self.frozen_blocks, "≥ 0")
        require(0 <= self.weight_decay < inf, "optimiser.weight_decay", self.weight_decay, "≥ 0")
        require(0 <= self.clip_norm < inf, "optimiser.clip_norm", self.clip_norm, "≥ 0")


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """How long, and how the learning rate changes.

    Args:
        epochs: of `steps_per_epoch` steps each. Both are explicit, because samplers of the field disagree on what an
            epoch is.
        warmup_steps: the rate grows linearly over so many steps.
        decay: "step" multiplies the rate by `decay_factor` after every `decay_every` epochs; "cosine" brings it to 0 at
            the end along half a wave (Loshchilov & Hutter 2017).
    """

    epochs: int = 240
    steps_per_epoch: int = 234
    warmup_steps: int = 0
    decay: Literal["step", "cosine"] = "step"
    decay_every: int = 60
    decay_factor: float = 0.1

    def __post_init__(self) -> None:
        for name in ("epochs", "steps_per_epoch", "decay_every"):
            require(getattr(self, name) >= 1, f"schedule.{name}", getattr(self, name), "≥ 1")
        require(self.warmup_steps >= 0, "schedule.warmup_steps", self.warmup_steps, "≥ 0")
        require(0 < self.decay_factor <= 1, "schedule.decay_factor", self.decay_factor, "in 0..1")

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch


@dataclass(frozen=True, slots=True)
class LossConfig:
    """The weights λ of Eq. 9, and what `ctl.losses.ctl_loss` takes besides."""

    triplet: float = 1.0
    identification: float = 1.0
    diversity: float = 1.0
    margin: float = 0.3
    smoothing: float = 0.1
    triplet_after_neck: bool = False
    scales: float = 0.0

    def __post_init__(self) -> None:
        for name in ("triplet", "identification", "diversity", "margin", "scales"):
            require(0 <= getattr(self, name) < inf, f"loss.{name}", getattr(self, name), "≥ 0")
        require(0 <= self.smoothing < 1, "loss.smoothing", self.smoothing, "in 0..1")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How the run goes about it.

    Args:
        seed: of the first weights, the batches and the augmentation.
        precision: of the network's forward pass; losses and weights stay float32.
        validate_every: epochs between validations; 0 never validates, and then the last weights are the best.
        save_every: steps between saves, besides the end of every epoch. A killed run loses at most these.
        neck_clips: training clips by which, after the last step, the statistics of the BN necks are taken anew; 0 keeps
            those of training.
        workers: processes that read and augment ahead of the step; 0 reads in the training process. On a GPU they only
            draw what is done to a batch; before the first step as many as there are cores read the training set.
    """

    seed: int = 0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    validate_every: int = 10
    save_every: int = 500
    neck_clips: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        require(self.seed >= 0, "run.seed", self.seed, "≥ 0")
        require(self.validate_every >= 0, "run.validate_every", self.validate_every, "≥ 0")
        require(self.save_every >= 1, "run.save_every", self.save_every, "≥ 1")
        require(self.neck_clips >= 0, "run.neck_clips", self.neck_clips, "≥ 0")
        require(self.workers >= 0, "run.workers", self.workers, "≥ 0")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides a run, one field a TOML section. On a CPU, equal configs give equal weights."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    augment: Augment = field(default_factory=Augment)
    start: StartConfig = field(default_factory=StartConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        known = self.start.imprint or not self.batch.neighbours
        require(known, "batch.neighbours", self.batch.neighbours, "0 unless start.imprint is on")
