"""What is in the wardrobe: colours, fabrics, clothes, shoes and bags, drawn at random as a street shows them."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ctl.walkers.accessories import BAGS, HATS, Extra
from ctl.walkers.footwear import Shoes
from ctl.walkers.garments import Bottom, Top
from ctl.walkers.patterns import Cloth, Colour

NEUTRAL: Final = (
    (22, 22, 25), (42, 44, 50), (78, 80, 84), (128, 128, 130), (178, 176, 172), (226, 224, 220),
    (28, 34, 58), (40, 54, 92), (66, 88, 122), (186, 166, 132), (122, 98, 72), (84, 80, 58), (96, 42, 44),
)  # fmt: skip
DENIM: Final = ((34, 44, 70), (58, 78, 112), (96, 118, 148), (30, 32, 40), (130, 148, 168))


@dataclass(frozen=True)
class Clothes:
    """What somebody wears. `bottom` is None under a dress; `tucked`: the top goes into the bottom."""

    top: Top
    bottom: Bottom | None
    outer: Top | None
    tucked: bool
    belt: Colour


def as_colour(values: np.ndarray) -> Colour:
    r, g, b = (int(v) for v in np.clip(np.round(values), 0, 255))
    return r, g, b


def near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """A colour close to another: a little lighter or darker, a little shifted."""
    return as_colour(np.array(colour) * rng.normal(1, spread / 100) + rng.normal(0, spread / 3, 3))


def sample_colour(rng: np.random.Generator, neutral: float = 0.6) -> Colour:
    """A colour that clothes have: mostly neutral, else any hue, rarely glaring."""
    if rng.random() < neutral:
        return near(rng, NEUTRAL[rng.integers(len(NEUTRAL))], 9)
    hue, strength, value = rng.random() * 6, rng.beta(2.5, 2.5), rng.uniform(0.25, 0.88)
    wheel = np.clip(np.abs((hue + np.array((0, 4, 2))) % 6 - 3) - 1, 0, 1)
    return as_colour(255 * value * (1 - strength * (1 - wheel)))


def choose(rng: np.random.Generator, odds: dict[str, float]) -> str:
    """One of the keys, with odds in proportion to the values."""
    shares = np.array(list(odds.values()))
    return list(odds)[rng.choice(len(odds), p=shares / shares.sum())]


def sample_cloth(rng: np.random.Generator, odds: dict[str, float]) -> Cloth:
    pattern = choose(rng, odds)
    scale = {"check": (0.03, 0.09), "tartan": (0.06, 0.14), "stripes": (0.03, 0.13), "pinstripes": (0.025, 0.06)}
    low, high = scale.get(pattern, (0.05, 0.12))
    return Cloth(
        pattern,
        (sample_colour(rng), sample_colour(rng), sample_colour(rng)),
        float(rng.uniform(low, high)),
        int(rng.integers(2**31)),
    )


TOP_ODDS: Final = {
    "plain": 10, "stripes": 3, "pinstripes": 1, "check": 2, "tartan": 2.5, "split": 2, "chest": 1.5, "print": 3,
    "dots": 1, "flowers": 1.2, "camouflage": 0.6, "sleeves": 1.2,
}  # fmt: skip
OUTER_ODDS: Final = {
    "plain": 10,
    "split": 2,
    "tartan": 1,
    "check": 1,
    "camouflage": 0.8,
    "sleeves": 1.5,
    "chest": 1,
    "pinstripes": 0.6,
}
BOTTOM_ODDS: Final = {"plain": 10, "faded": 6, "sides": 1.2, "camouflage": 0.6, "tartan": 0.6, "pinstripes": 0.6}
SKIRT_ODDS: Final = {"plain": 8, "tartan": 2, "flowers": 2, "stripes": 1, "dots": 1.2, "check": 1}


def sample_top(rng: np.random.Generator, dress: bool) -> Top:
    u = rng.uniform
    sleeve = (0.1, u(0.4, 0.75), u(1.2, 1.5), 1.92)[rng.choice(4, p=(0.08, 0.4, 0.06, 0.46))]
    return Top(
        cloth=sample_cloth(rng, SKIRT_ODDS if dress else TOP_ODDS),
        sleeve=float(sleeve),
        length=float(u(1.5, 2.5) if dress else u(0.45, 1.12)),
        neck=choose(rng, {"crew": 6, "v": 2, "high": 1, "wide": 1}),
        ease=float(u(0.012, 0.024)),
        taper=float(u(0.5, 1.0) if dress else u(0.0, 0.5)),
        flare=float(u(0.0, 0.22) if dress else u(-0.05, 0.1)),
        folds=float(u(0.005, 0.025) if dress else u(0, 0.01)),
        width=float(u(0.95, 1.2) if sleeve < 1.1 else u(0.6, 0.85)),
        opening=(0.0, 0.0),
    )


def sample_outer(rng: np.random.Generator) -> Top:
    """A jacket, a vest or a coat, closed or open."""
    u = rng.uniform
    kind = choose(rng, {"jacket": 5, "coat": 3, "vest": 0.7})
    opening = (float(u(8, 22)), float(u(16, 42))) if rng.random() < 0.6 else (0.0, 0.0)
    return Top(
        cloth=sample_cloth(rng, OUTER_ODDS),
        sleeve=0.1 if kind == "vest" else 1.95,
        length=float(u(1.45, 2.5) if kind == "coat" else u(0.5, 1.25)),
        neck=choose(rng, {"crew": 4, "v": 3, "high": 2}) if opening[0] else choose(rng, {"crew": 2, "high": 4, "v": 1}),
        ease=float(u(0.024, 0.034)),
        taper=float(u(0.0, 0.35)),
        flare=float(u(0.0, 0.22) if kind == "coat" else u(0, 0.05)),
        folds=float(u(0, 0.015)),
        width=float(u(0.68, 0.9)),
        opening=opening,
    )


def sample_bottom(rng: np.random.Generator, skirt: float) -> Bottom:
    u = rng.uniform
    if rng.random() < skirt:
        return Bottom(
            kind="skirt",
            cloth=sample_cloth(rng, SKIRT_ODDS),
            length=float(u(1.45, 2.5)),
            ease=float(u(0.012, 0.02)),
            width=1.0,
            flare=float(u(0.0, 0.26)),
            folds=float(u(0.005, 0.03)),
        )
    cloth = sample_cloth(rng, BOTTOM_ODDS)
    if cloth.pattern == "faded" or rng.random() < 0.4:
        ground = near(rng, DENIM[rng.integers(len(DENIM))], 7)
        cloth = replace(cloth, colours=(ground, as_colour(np.array(ground) * 0.5 + 105), cloth.colours[2]))
    short = rng.random() < 0.22
    return Bottom(
        "trousers",
        cloth,
        float(u(0.55, 1.05) if short else u(1.84, 1.96)),
        float(u(0.009, 0.018)),
        float(u(0.9, 1.25) if short else u(0.5, 1.05)),
        0.0,
        0.0,
    )


def sample_clothes(rng: np.random.Generator, female: bool) -> Clothes:
    dress = female and rng.random() < 0.18
    top = sample_top(rng, dress)
    bottom = None if dress else sample_bottom(rng, 0.28 if female else 0.0)
    outer = sample_outer(rng) if rng.random() < 0.42 else None
    if outer is not None:
        top = replace(
            top,
            ease=min(top.ease, 0.014),
            length=min(top.length, top.length if dress else outer.length - 0.1),
            taper=max(top.taper, 0.5),
        )
    tucked = not dress and rng.random() < (0.5 if bottom is not None and bottom.kind == "skirt" else 0.2)
    return Clothes(top, bottom, outer, tucked, sample_colour(rng, 0.9))


def bare_legs(clothes: Clothes) -> bool:
    """Whether there is room for the shaft of a boot."""
    return clothes.bottom is None or clothes.bottom.kind == "skirt" or clothes.bottom.length < 1.5


def sample_shoes(rng: np.random.Generator, bare: bool) -> Shoes:
    upper = sample_colour(rng, 0.75)
    sole = (235, 233, 228) if rng.random() < 0.4 else as_colour(np.array(upper) * 0.4)
    shaft = float(rng.uniform(0.2, 0.85)) if bare and rng.random() < 0.2 else 0.0
    sock = float(rng.uniform(0.08, 0.45)) if rng.random() < 0.6 else 0.0
    return Shoes(upper, sole, float(rng.uniform(0.018, 0.038)), shaft, sock, sample_colour(rng, 0.9))


def sample_extras(rng: np.random.Generator) -> tuple[Extra, ...]:
    def extra(kind: str) -> Extra:
        return Extra(
            kind,
            sample_colour(rng, 0.5),
            sample_colour(rng, 0.8),
            float(rng.uniform(0.8, 1.2)),
            int(rng.choice((-1, 1))),
        )

    extras = []
    if rng.random() < 0.18:
        extras.append(extra(str(rng.choice(HATS))))
    if rng.random() < 0.55:
        extras.append(extra(choose(rng, dict(zip(BAGS, (4, 2, 2, 1.5), strict=True)))))
    if rng.random() < 0.1:
        extras.append(extra("scarf"))
    return tuple(extras)
