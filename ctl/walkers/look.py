"""Who a walker is: body, skin, hair, clothes and gait, as numbers and words that fit in a JSON file."""

from dataclasses import dataclass, replace
import numpy as np
from ctl.walkers.gait import Gait
from ctl.walkers.template import sample_phenotypes

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Look:
    phenotypes: tuple[float, ...]
    stature: float
    skin: Colour
    upper: Colour
    lower: Colour
    shoes: Colour
    gait: Gait


def colour(rng: np.random.Generator) -> Colour:
    r, g, b = rng.integers(20, 236, 3)
    return int(r), int(g), int(b)


def sample_gait(rng: np.random.Generator) -> Gait:
    u = rng.uniform
    return Gait(
        u(0.75, 1.1),
        u(0.75, 1.1),
        u(0.9, 1.1),
        u(6, 30),
        u(10, 40),
        u(5, 14),
        u(-1, 8),
        u(0, 14),
        u(2, 7),
        u(1, 7),
        u(0.01, 0.03),
        u(0.06, 0.2),
        u(0, 14),
        u(-0.03, 0.05),
    )


def sample_look(rng: np.random.Generator) -> Look:
    p = tuple(float(v) for v in sample_phenotypes(rng, 1)[0])
    return Look(
        p, float(rng.uniform(1.5, 1.95)), (200, 150, 120), colour(rng), colour(rng), colour(rng), sample_gait(rng)
    )


def similar_look(look: Look, rng: np.random.Generator) -> Look:
    other = sample_look(rng)
    return replace(other, upper=look.upper, lower=look.lower, shoes=look.shoes)
