"""What a set of Walkers is made of: its size, and how hard it is. Every knob that makes it harder is in `Hardness`."""

from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

from ctl.errors import InputError

FRAMES_PER_SECOND: Final = 8.0
"""Rate at which a tracklet is sampled."""

CROP: Final = (256, 128)
"""Height and width of a saved crop in pixels."""


@dataclass(frozen=True, slots=True)
class Hardness:
    """How hard it is to tell people apart. Shares are probabilities, 0..1; pairs are the ends of a uniform draw.

    Args:
        look_alikes: persons of one group, who wear nearly the same clothes; 1 dresses everybody on their own.
        person_px: height in pixels of a person in the middle of a camera's view, drawn per camera; people who walk
            nearer or farther are up to 1.4 times taller or smaller.
        resolutions: width and height of camera pictures, drawn per camera.
        cast: how far a camera's colours may be off: white balance gains are drawn within 1 ± cast.
        blur_px: standard deviation of a camera's blur in its own pixels.
        noise: standard deviation of a camera's noise, of full scale.
        jpeg: quality of a camera's compression, 1..95.
        hidden_share: share of tracklets whose path leads behind something.
        crossing_share: share of tracklets in which another person walks between camera and person.
        company_share: share of tracklets in which another person walks close by.
        box_shift: standard deviation of a crop's offset, in parts of its width and height.
        box_scale: standard deviation of a crop's size, in parts of its width and height.
        bad_box_share: share of crops that cut off or miss a part: shifted and scaled three times as much.
        missed_share: share of frames that the detector misses.
        min_visible: part of the silhouette that must be visible for the detector to see the person at all.
        light_change: standard deviation of the logarithm of how much brighter the last moment of a tracklet is than its
            first; a third of it changes the colour of light, between warm and cold.
        partial_share: share of tracklets whose boxes hold a part of the body only: the legs are left out, or the head,
            or a side.
    """

    look_alikes: int = 2
    person_px: tuple[float, float] = (60.0, 140.0)
    resolutions: tuple[tuple[int, int], ...] = ((640, 480), (704, 576), (960, 540), (1280, 720))
    cast: float = 0.15
    blur_px: tuple[float, float] = (0.35, 1.0)
    noise: tuple[float, float] = (0.006, 0.03)
    jpeg: tuple[int, int] = (28, 80)
    hidden_share: float = 0.3
    crossing_share: float = 0.25
    company_share: float = 0.15
    box_shift: float = 0.03
    box_scale: float = 0.05
    bad_box_share: float = 0.12
    missed_share: float = 0.08
    min_visible: float = 0.3
    light_change: float = 0.0
    partial_share: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As written in meta.json; what the first sets lacked is left out where it is 0, so that they stay known."""
        later = {"light_change", "partial_share"}
        return {name: value for name, value in asdict(self).items() if value or name not in later}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides the bytes of a set.

    Args:
        seed: of every draw.
        train_identities, test_identities: different persons to learn from, maybe none, and to test on.
        train_cameras, test_cameras: numbers of the cameras that see them, from 1.
        tracklets: of each person and camera; the test's first is its query.
        train_tracklets: the same, of persons to learn from; None is as many.
        frames: fewest and most frames of a tracklet.
        seen_share: probability that a person comes past a camera at all; two cameras see everybody.
        hardness: see there.
    Raises:
        InputError: a value is outside what its field allows.
    """

    seed: int
    train_identities: int
    test_identities: int
    train_cameras: tuple[int, ...]
    test_cameras: tuple[int, ...]
    tracklets: int = 2
    frames: tuple[int, int] = (8, 24)
    seen_share: float = 0.95
    hardness: Hardness = field(default_factory=Hardness)
    train_tracklets: int | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InputError(f"the seed must be 0 or more, got {self.seed}")
        if self.train_identities < 0 or self.test_identities < 1:
            raise InputError("a set needs at least 1 identity to test on")
        if len(self.test_cameras) < 2 or (self.train_identities and not self.train_cameras):
            raise InputError("a set needs at least 2 cameras: one for the query, one for the gallery")

    def to_json(self) -> dict[str, Any]:
        """As written in meta.json, where what is None is left out."""
        values = asdict(self) | {"hardness": self.hardness.to_json()}
        return {name: value for name, value in values.items() if value is not None}


def settings_for(identities: int, cameras: int, seed: int) -> Settings:
    """Split identities 2 : 1 into training and test; four cameras or more are split in halves, fewer see everybody.

    Raises InputError if there are fewer than 2 identities or 2 cameras.
    """
    if identities < 2:
        raise InputError("a set needs at least 2 identities: one to train on, one to test on")
    test = max(1, identities // 3)
    numbers = tuple(range(1, cameras + 1))
    half = cameras // 2
    train_cameras, test_cameras = (numbers[:half], numbers[half:]) if cameras >= 4 else (numbers, numbers)
    return Settings(seed, identities - test, test, train_cameras, test_cameras)


BENCHMARKS: Final = MappingProxyType(
    {
        "walkers-v1": Settings(1, 400, 200, (1, 2, 3), (4, 5, 6)),
        "walkers-v2": Settings(
            5,
            400,
            200,
            tuple(range(1, 7)),
            tuple(range(7, 13)),
            frames=(8, 16),
            seen_share=0.5,
            hardness=Hardness(
                look_alikes=4,
                person_px=(45.0, 120.0),
                jpeg=(20, 70),
                hidden_share=0.4,
                crossing_share=0.35,
                bad_box_share=0.2,
                min_visible=0.2,
                light_change=0.4,
                partial_share=0.25,
            ),
        ),
        "walkers-wide": Settings(2, 600, 60, tuple(range(1, 17)), (17, 18, 19), frames=(6, 11), seen_share=0.2),
        "walkers-many": Settings(
            3, 2400, 60, tuple(range(1, 17)), (17, 18, 19), frames=(4, 6), seen_share=0.2, train_tracklets=1
        ),
        "walkers-sample": Settings(8, 0, 12, (), (1, 2, 3), frames=(8, 10), seen_share=0.0),
    }
)
"""Fixed sets by name. walkers-v1 compares models, walkers-v2 those for which it is too easy; walkers-wide has many
cameras to learn from, and a small test before others, by which a recipe is chosen; walkers-many has many people, each
met a few times only; walkers-sample is in assets/walkers."""


def choose_settings(benchmark: str | None, identities: int | None, cameras: int | None, seed: int | None) -> Settings:
    """Settings of a benchmark by name, or of a set of one's own; raises InputError if the two are mixed up."""
    if benchmark is None:
        if identities is None or cameras is None:
            raise InputError("a set needs --identities and --cameras, or --benchmark walkers-v1")
        return settings_for(identities, cameras, seed or 0)
    if benchmark not in BENCHMARKS:
        raise InputError(f"there is no benchmark {benchmark!r}; known: {', '.join(BENCHMARKS)}")
    if (identities, cameras, seed) != (None, None, None):
        raise InputError(f"{benchmark} fixes identities, cameras and seed: leave these options out")
    return BENCHMARKS[benchmark]
