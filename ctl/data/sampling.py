"""Which tracklets make a batch: P persons with K clips each, as the triplet loss needs them. The paper: 8×4.

A batch follows from (seed, step, rank) alone, so a run that resumes at any step goes on with the very batches of an
unbroken one, and nobody has to count how often a random generator was asked.

Assumed: the paper doesn't say how persons and tracklets are drawn. Every person comes once before any comes again, up
to a remainder smaller than a step's batches; a person's clips come from as many different cameras, and then tracklets,
as there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ctl.data.benchmark import TrackletFiles
from ctl.errors import InputError

_ROUND, _BATCH, _FIRST_CLIP = 0, 1, 2
"""Last number of a seed: what is drawn from it. All seeds have four, since numpy takes a missing one for a 0."""


class ClipKey(NamedTuple):
    """Where a training clip comes from.

    Args:
        tracklet: index among the training tracklets.
        seed: of every random draw that makes the clip: seed of the run, step, rank, place in the batch.
    """

    tracklet: int
    seed: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class IdentityBatches:
    """P×K batches of one rank among several. Each rank gets whole batches of different persons.

    Args:
        tracklets: to train on.
        persons: P.
        clips: K, clips of each person.
        seed: of the run.
        rank, ranks: which process of how many this is.
        neighbours: how many of those most like a drawn person come with them; P is a multiple of this and one.
        alike: (persons, n ≥ neighbours) classes of those most like each class, the most alike first; None if nobody
            comes with anybody. A person who is in the batch already doesn't come again.
    Raises:
        InputError: there are fewer persons than P · ranks.
    """

    tracklets: Sequence[TrackletFiles]
    persons: int = 8
    clips: int = 4
    seed: int = 0
    rank: int = 0
    ranks: int = 1
    neighbours: int = 0
    alike: np.ndarray | None = None

    def __post_init__(self) -> None:
        persons, at_once = len({tracklet.person for tracklet in self.tracklets}), self.persons * self.ranks
        if persons < at_once:
            raise InputError(f"batches of {at_once} persons need as many to train on: the data set has {persons}")
        if not 0 <= self.rank < self.ranks:
            raise ValueError(f"rank must be in 0..{self.ranks - 1}, got {self.rank}")

    def batch(self, step: int) -> list[ClipKey]:
        """The P·K clips of a step, clips of one person side by side."""
        chosen = self._draw_persons(step)
        rng = np.random.default_rng((self.seed, step, self.rank, _BATCH))
        indices = [index for person in chosen for index in draw_tracklets(self._by_person[person], self.clips, rng)]
        places = enumerate(indices, start=_FIRST_CLIP)
        return [ClipKey(index, (self.seed, step, self.rank, place)) for place, index in places]

    def _draw_persons(self, step: int) -> list[int]:
        """The P persons of a step. If some have come with others already, the last places are drawn from everybody."""
        everybody = sorted(self._by_person)
        drawn = self.persons // (1 + self.neighbours)
        number, step_of_round = divmod(step, len(everybody) // (drawn * self.ranks))
        shuffled = np.random.default_rng((self.seed, number, 0, _ROUND)).permutation(everybody)
        first = (step_of_round * self.ranks + self.rank) * drawn
        chosen: list[int] = []
        for person in shuffled[first : first + drawn].tolist():
            alike = [] if self.alike is None else self.alike[everybody.index(person)].tolist()
            group = [person, *(everybody[row] for row in alike)]
            chosen += [one for one in group if one not in chosen][: 1 + self.neighbours]
        if len(chosen) < self.persons:
            others = np.random.default_rng((self.seed, step, 1 + self.rank, _ROUND)).permutation(everybody).tolist()
            chosen += [other for other in others if other not in chosen][: self.persons - len(chosen)]
        return chosen

    def steps(self, start: int, stop: int) -> Iterator[list[ClipKey]]:
        """Batches of the steps from start to before stop: the `batch_sampler` of a DataLoader."""
        return (self.batch(step) for step in range(start, stop))

    @cached_property
    def _by_person(self) -> dict[int, dict[int, list[int]]]:
        """Person -> camera -> indices of tracklets."""
        indices: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for index, tracklet in enumerate(self.tracklets):
            indices[tracklet.person][tracklet.camera].append(index)
        return indices


def draw_tracklets(by_camera: dict[int, list[int]], count: int, rng: np.random.Generator) -> list[int]:
    """Some tracklets of one person: one of each camera, then a second of each, and so on; then the same ones again.

    Args:
        by_camera: camera -> tracklets.
        count: how many to draw.
    """
    shuffled = [rng.permutation(by_camera[camera]).tolist() for camera in rng.permutation(sorted(by_camera)).tolist()]
    rounds = range(max(len(tracklets) for tracklets in shuffled))
    order = [tracklets[i] for i in rounds for tracklets in shuffled if i < len(tracklets)]
    return [order[i % len(order)] for i in range(count)]


def draw_frames(frames: int, clip_length: int, rng: np.random.Generator) -> np.ndarray:
    """Random frames of a tracklet in the order of time; a shorter tracklet is repeated from its start, as in inference.

    Returns:
        (T,) int64 indices.
    """
    if frames < clip_length:
        return np.arange(clip_length) % frames
    return np.sort(rng.choice(frames, clip_length, replace=False))


def person_labels(tracklets: Iterable[TrackletFiles]) -> dict[int, int]:
    """Person -> class of the classifiers, 0, 1, 2 ... in the order of the persons' numbers."""
    return {person: label for label, person in enumerate(sorted({tracklet.person for tracklet in tracklets}))}
