"""Who a walker is: body, skin, hair, clothes and gait, as numbers and words that fit in a JSON file.

Body, age, skin tone, hair colour and gait are drawn independently of each other and of the clothes. Only what streets
tell apart by sex (stature, skirts, beards, haircuts) is drawn given the body's sex.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ctl.walkers.accessories import Extra
from ctl.walkers.footwear import Shoes
from ctl.walkers.gait import Gait
from ctl.walkers.patterns import Colour
from ctl.walkers.template import sample_phenotypes
from ctl.walkers.wardrobe import (
    Clothes,
    as_colour,
    bare_legs,
    choose,
    near,
    sample_clothes,
    sample_extras,
    sample_shoes,
)

SKIN: Final = (
    (247, 214, 191),
    (231, 190, 163),
    (213, 165, 133),
    (188, 136, 101),
    (152, 102, 71),
    (112, 72, 50),
    (74, 48, 36),
)
HAIR: Final = (
    (18, 15, 14),
    (36, 26, 20),
    (62, 42, 28),
    (98, 68, 42),
    (150, 112, 66),
    (196, 160, 104),
    (124, 58, 32),
    (128, 124, 120),
    (205, 203, 200),
)
HAIR_ODDS: Final = (0.24, 0.2, 0.16, 0.1, 0.07, 0.06, 0.05, 0.07, 0.05)


@dataclass(frozen=True)
class Look:
    """A person to be.

    Args:
        phenotypes: 11 numbers in 0..1 as in `template.sample_phenotypes`; stature: metres; skin, hair_colour: RGB;
        hair: a key of `head.STYLES`; beard: 0..1; seed: of details that nobody chooses.
    """

    phenotypes: tuple[float, ...]
    stature: float
    skin: Colour
    hair: str
    hair_colour: Colour
    beard: float
    glasses: bool
    clothes: Clothes
    shoes: Shoes
    extras: tuple[Extra, ...]
    gait: Gait
    seed: int


def sample_gait(rng: np.random.Generator) -> Gait:
    """A way of walking of a healthy adult; every number on its own."""
    u = rng.uniform
    return Gait(
        cycles_per_s=float(u(0.75, 1.08)),
        stride=float(u(0.78, 1.12)),
        knee=float(u(0.95, 1.08)),
        arm_swing=float(u(5, 27)),
        elbow=float(u(10, 38)),
        arm_out=float(u(5, 12)),
        lean=float(u(-2, 7)),
        stoop=float(rng.beta(1.5, 3) * 22),
        pelvis=float(u(2, 7)),
        shoulders=float(u(1, 7)),
        sway=float(u(0.008, 0.028)),
        track=float(u(0.07, 0.19)),
        toe_out=float(u(0, 14)),
        arm_lag=float(u(-0.03, 0.05)),
    )


MALE_HAIR: Final = {
    "bald": 1,
    "shaved": 1.5,
    "short": 5,
    "crop": 4,
    "quiff": 3,
    "receding": 2,
    "fringe of hair": 1,
    "curly": 1.5,
    "afro": 0.6,
    "bob": 0.3,
    "shoulder": 0.4,
    "bun": 0.3,
}
FEMALE_HAIR: Final = {
    "shaved": 0.2,
    "short": 1,
    "crop": 0.8,
    "curly": 1.2,
    "afro": 0.8,
    "bob": 3,
    "shoulder": 3.5,
    "long": 4,
    "bun": 1.5,
    "high bun": 1.2,
    "pony tail": 3,
}


def is_female(look: Look) -> bool:
    """Whether the body is a woman's, as far as clothes and hair are drawn by it."""
    return look.phenotypes[3] > 0.5


def sample_look(rng: np.random.Generator) -> Look:
    """A person drawn at random."""
    phenotypes = sample_phenotypes(rng, 1)[0]
    female = bool(rng.random() < 0.5)
    phenotypes[3] = rng.uniform(0.75, 1) if female else rng.uniform(0, 0.25)
    phenotypes[5:7] = rng.beta(2, 2, 2)  # muscle, weight: extremes are rare
    stature = np.clip(rng.normal(1.64, 0.07) if female else rng.normal(1.77, 0.075), 1.46, 2.02)
    low, share = divmod(rng.uniform(0, len(SKIN) - 1), 1)
    tone = (1 - share) * np.array(SKIN[int(low)]) + share * np.array(SKIN[int(low) + 1])
    clothes = sample_clothes(rng, female)
    return Look(
        phenotypes=tuple(float(value) for value in phenotypes),
        stature=float(stature),
        skin=near(rng, as_colour(tone), 4),
        hair=choose(rng, FEMALE_HAIR if female else MALE_HAIR),
        hair_colour=near(rng, HAIR[rng.choice(len(HAIR), p=HAIR_ODDS)], 6),
        beard=0.0 if female or rng.random() < 0.5 else float(rng.uniform(0.1, 0.9)),
        glasses=bool(rng.random() < 0.1),
        clothes=clothes,
        shoes=sample_shoes(rng, bare_legs(clothes)),
        extras=sample_extras(rng),
        gait=sample_gait(rng),
        seed=int(rng.integers(2**31)),
    )


def similar_look(look: Look, rng: np.random.Generator) -> Look:
    """Another person of the same sex, in the same clothes: body, skin, hair, gait, shoes and bags are their own."""
    stranger = sample_look(rng)
    while is_female(stranger) != is_female(look):
        stranger = sample_look(rng)
    return replace(stranger, clothes=look.clothes, shoes=sample_shoes(rng, bare_legs(look.clothes)))
