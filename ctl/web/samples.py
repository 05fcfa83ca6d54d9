"""The sample clips that the page offers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SAMPLES: Final = Path(__file__).resolve().parents[2] / "assets" / "samples"


@dataclass(frozen=True)
class Sample:
    """One clip to try.

    Args:
        title: under its thumbnail.
        clip: the file.
        poster: a picture of it.
    """

    title: str
    clip: Path
    poster: Path


def read_samples() -> tuple[Sample, ...]:
    return ()
