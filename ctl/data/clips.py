"""Training clips: T random frames of a tracklet, their heat maps and the person's class, augmented."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from ctl.data.benchmark import TrackletFiles
from ctl.data.frames import FrameStore
from ctl.data.heatmaps import StoredHeatMaps
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
        maps: StoredHeatMaps,
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
        """The clip of a key. Raises InputError if a picture can't be read or heat maps are missing."""
        draws = draw_clip(self.tracklets, key, self.clip_length, donor=bool(self.augment.occlude))
        tracklet = self.tracklets[key.tracklet]
        frames, logits = self.frames.read(tracklet, draws.indices), self.maps.read(tracklet, draws.indices)
        donor = None
        if draws.donor:
            donor = self.frames.read(self.tracklets[draws.donor.tracklet], [draws.donor.frame])[0]
        augmented = self.augment(frames, logits, draws.rng, donor)
        return Clip(*augmented, self.labels[tracklet.person], key.tracklet)


class Donor(NamedTuple):
    """A picture of somebody else: which frame of which training tracklet."""

    tracklet: int
    frame: int


class ClipDraws(NamedTuple):
    """What a key draws before its clip is augmented.

    Args:
        rng: every later draw comes from it.
        indices: (T,) int64 frames of the tracklet.
        donor: to occlude with; None if the drawn tracklet shows the same person, or none was wanted.
    """

    rng: np.random.Generator
    indices: np.ndarray
    donor: Donor | None


def draw_clip(tracklets: Sequence[TrackletFiles], key: ClipKey, clip_length: int, donor: bool) -> ClipDraws:
    """The frames of a key, and a picture to occlude with if one is wanted."""
    rng = np.random.default_rng(key.seed)
    tracklet = tracklets[key.tracklet]
    indices = draw_frames(len(tracklet), clip_length, rng)
    occluder = int(rng.integers(len(tracklets)))
    if not donor or tracklets[occluder].person == tracklet.person:
        return ClipDraws(rng, indices, None)
    return ClipDraws(rng, indices, Donor(occluder, int(rng.integers(len(tracklets[occluder])))))
