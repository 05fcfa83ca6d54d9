"""Training clips: T random frames of a tracklet, their heat maps and the person's class, augmented."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from ctl.data.benchmark import TrackletFiles
from ctl.data.frames import FrameStore
from ctl.data.heatmaps import HeatMapCache
from ctl.data.sampling import ClipKey, draw_frames, person_labels
from ctl.data.transforms import Augment


class Clip(NamedTuple):
    """One training clip; a DataLoader stacks them into a batch of B.

    Args:
        frames: (T, 3, H, W) float32, 0..1.
        logits: (T, 17, h, w) float32.
        label: class of the person.
        tracklet: index among the training tracklets.
    """

    frames: Tensor
    logits: Tensor
    label: int
    tracklet: int


class Clips(Dataset[Clip]):
    """Clips by key: `clips[key]` is the same whenever and wherever it is asked for.

    Args:
        tracklets: to train on; their persons become classes as `person_labels` says.
        frames: reads their pictures.
        maps: filled with their heat maps.
        augment: what is done to a clip.
        clip_length: T.
    """

    def __init__(
        self,
        tracklets: Sequence[TrackletFiles],
        frames: FrameStore,
        maps: HeatMapCache,
        augment: Augment,
        clip_length: int = 6,
    ) -> None:
        self.tracklets = tracklets
        self.labels = person_labels(tracklets)
        self.frames = frames
        self.maps = maps
        self.augment = augment
        self.clip_length = clip_length

    def __len__(self) -> int:
        return len(self.tracklets)

    def __getitem__(self, key: ClipKey) -> Clip:
        """The clip of a key. Raises InputError where a picture can't be read or heat maps are missing."""
        rng = np.random.default_rng(key.seed)
        tracklet = self.tracklets[key.tracklet]
        indices = draw_frames(len(tracklet), self.clip_length, rng)
        frames, logits = self.frames.read(tracklet, indices), self.maps.read(tracklet, indices)
        augmented = self.augment(frames, logits, rng, self._somebody_else(tracklet, rng))
        return Clip(*augmented, self.labels[tracklet.person], key.tracklet)

    def _somebody_else(self, tracklet: TrackletFiles, rng: np.random.Generator) -> np.ndarray | None:
        """A picture (H, W, 3) of another person to occlude with, if one is drawn."""
        other = self.tracklets[int(rng.integers(len(self.tracklets)))]
        if not self.augment.occlude or other.person == tracklet.person:
            return None
        return self.frames.read(other, rng.integers(len(other), size=1))[0]
