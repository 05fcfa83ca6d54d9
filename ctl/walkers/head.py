"""Skin with a face, and hair: what a street camera sees of a head. Nobody's face in particular."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ctl.walkers.anatomy import Anatomy
from ctl.walkers.body import bone, read_template
from ctl.walkers.garments import Part
from ctl.walkers.mesh import Surface, cut, join, push, smooth, unwrap
from ctl.walkers.patterns import SIZE, Colour, noise
from ctl.walkers.shapes import ball, loft, surface

PLAIN: Final = 0.16
"""Part of the skin's texture, from below, that shows no face: skin alone, and the eyes' patch at its right end."""


@dataclass(frozen=True)
class Style:
    """A haircut. Metres.

    Args:
        top, sides: thickness; hairline: degrees by which it starts higher (negative: lower) in front; ears: covered;
        curtain: how far hair falls below the ears; bun, tail: radius of a bun, length of a pony tail; curl: roughness;
        crown: degrees of elevation above which the head is bald.
    """

    top: float
    sides: float
    hairline: float = 0.0
    ears: bool = False
    curtain: float = 0.0
    bun: float = 0.0
    tail: float = 0.0
    curl: float = 0.0
    crown: float = 90.0


STYLES: Final[dict[str, Style | None]] = {
    "bald": None,
    "shaved": Style(0.004, 0.003, 2),
    "short": Style(0.018, 0.008),
    "crop": Style(0.028, 0.012, -3),
    "quiff": Style(0.042, 0.008, 2),
    "receding": Style(0.010, 0.008, 18),
    "fringe of hair": Style(0.006, 0.010, 0, crown=42),
    "curly": Style(0.040, 0.034, -4, curl=0.008),
    "afro": Style(0.075, 0.070, -2, ears=True, curl=0.010),
    "bob": Style(0.026, 0.022, -8, ears=True, curtain=0.13),
    "shoulder": Style(0.024, 0.020, -4, ears=True, curtain=0.22),
    "long": Style(0.022, 0.018, -2, ears=True, curtain=0.38, curl=0.002),
    "bun": Style(0.012, 0.010, bun=0.042),
    "high bun": Style(0.012, 0.010, bun=0.05),
    "pony tail": Style(0.013, 0.010, tail=0.30),
}
LINE_AZIMUTH: Final = (0, 40, 65, 88, 104, 122, 150, 180)
LINE_SHORT: Final = (47, 46, 36, 26, 18, -18, -40, -43)
LINE_EARS: Final = (47, 44, 26, -18, -34, -40, -43, -44)
"""Elevation in degrees, seen from between the ears, where hair starts, by azimuth from the face."""


def polar(points: np.ndarray, anatomy: Anatomy) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth (0 in front, -pi..pi) and elevation of points as seen from between the ears, radians."""
    away = points - head_center(anatomy)
    return np.arctan2(away[:, 1], away[:, 0]), np.arctan2(away[:, 2], np.hypot(away[:, 0], away[:, 1]))


def head_center(anatomy: Anatomy) -> np.ndarray:
    """(3,) between the ears, at eye level."""
    ears, eyes = anatomy.joints[3:5].mean(axis=0), anatomy.joints[1:3].mean(axis=0)
    return np.array([ears[0] + 0.004, 0.0, eyes[2]])


def over_hairline(points: np.ndarray, anatomy: Anatomy, style: Style) -> np.ndarray:
    """(V,) degrees above the hairline; negative on the face and neck."""
    azimuth, elevation = (np.degrees(angle) for angle in polar(points, anatomy))
    line = np.interp(np.abs(azimuth), LINE_AZIMUTH, LINE_EARS if style.ears else LINE_SHORT)
    front = np.clip(1 - np.abs(azimuth) / 85, 0, 1)
    return np.minimum(elevation - line - style.hairline * front, style.crown - elevation)


def make_skin(
    anatomy: Anatomy, tone: Colour, hair: Colour, style: Style | None, beard: float, glasses: bool, covered: np.ndarray
) -> Part:
    """The body's skin where it is bare.

    Args:
        beard: 0 none to 1 full; covered: (V,) over the body's vertices, metres from the edge of clothes into what they
        cover.
    """
    skin = anatomy.skin
    low, high = anatomy.neck - 0.02, float(skin.points[:, 2].max())
    v = np.clip(PLAIN + (1 - PLAIN) * (skin.points[:, 2] - low) / (high - low), PLAIN * 0.5, 1)
    v = np.where(skin.weights[:, [bone("head"), bone("neck")]].sum(axis=1) > 0.3, v, PLAIN * 0.5)
    marks = np.stack((read_template().eyes, covered, covered), axis=1).astype(np.float32)
    uv = np.stack((np.zeros_like(v), v), axis=1).astype(np.float32)
    hidden = np.clip(covered / 0.015, 0, 1)  # skin draws back under the edge of clothes
    skin = push(replace(skin, uv=uv, marks=marks), -0.009 * hidden)
    skin = cut(skin, 0.03 - covered)
    skin, angle = unwrap(skin, polar(skin.points, anatomy)[0])
    eyes = skin.marks[:, 0] > 0.99
    uv = np.stack((np.clip((angle + np.pi) / (2 * np.pi + 0.4), 0, 1), skin.uv[:, 1]), axis=1)
    for side in (1, -1):
        on = eyes & (np.sign(skin.points[:, 1]) == side)
        if on.any():
            middle = (skin.points[on].min(axis=0) + skin.points[on].max(axis=0)) / 2
            away = (skin.points[on, 1:] - middle[1:]) / 0.014
            uv[on] = np.stack(
                (0.92 + 0.06 * away[:, 0].clip(-1, 1), PLAIN * (0.35 + 0.3 * away[:, 1].clip(-1, 1))), axis=1
            )
    texture = paint_skin(anatomy, tone, hair, style, beard, glasses, (low, high))
    return Part("skin", replace(skin, uv=uv.astype(np.float32), marks=np.zeros((len(uv), 3), np.float32)), texture)


def paint_skin(
    anatomy: Anatomy,
    tone: Colour,
    hair: Colour,
    style: Style | None,
    beard: float,
    glasses: bool,
    span: tuple[float, float],
) -> np.ndarray:
    """(SIZE, SIZE, 3) uint8: azimuth from the back round to the back, height from the neck to the crown."""
    low, high = span
    center = head_center(anatomy)
    scale = (high - low) / 0.27
    azimuth = np.linspace(0, 2 * np.pi + 0.4, SIZE) - np.pi
    rows = np.linspace(1, 0, SIZE)
    across, z = np.meshgrid(azimuth * 0.085, low + (rows - PLAIN) / (1 - PLAIN) * (high - low))
    base, dark = np.array(tone, np.float64), np.array(hair, np.float64)
    picture = np.broadcast_to(base, (SIZE, SIZE, 3)).copy()

    def lay(mask: np.ndarray, colour: np.ndarray) -> None:
        picture[:] += np.clip(mask, 0, 1)[..., None] * (colour - picture)

    def spot(x: float, height: float, wide: float, tall: float) -> np.ndarray:
        return np.exp(-((((np.abs(across) - x) / wide) ** 2 + ((z - height) / tall) ** 2) ** 2))

    lips = anatomy.body.points[read_template().lips]
    mouth, eyes = float(lips[:, 2].mean()), anatomy.joints[1:3]
    eye_x = float(np.arctan2(np.abs(eyes[:, 1]).mean(), eyes[:, 0].mean() - center[0]) * 0.085)
    eye_z = float(eyes[:, 2].mean())
    lay(0.35 * spot(eye_x * 1.5, mouth + 0.035 * scale, 0.022, 0.02), base * (1.03, 0.86, 0.84))
    lay(0.45 * spot(eye_x, eye_z, 0.02, 0.011 * scale), base * 0.55)
    lay(0.3 * spot(0.008, mouth + 0.021 * scale, 0.007, 0.004), base * 0.4)
    brow = dark * 0.8 + base * 0.1
    lay(0.8 * spot(eye_x * 1.05, eye_z + 0.0185 * scale, 0.021, 0.0042 * scale), brow)
    if beard > 0:
        chin = np.clip((mouth + 0.013 * scale - z + 0.25 * (np.abs(across) - 0.05).clip(0)) / 0.008, 0, 1)
        jaw = chin * (np.abs(across) < 0.135) * np.clip((z - mouth + 0.075 * scale) / 0.02, 0, 1)
        lay(np.minimum(beard, 0.85) * jaw, dark * 0.9 + base * 0.1)
    lay(0.75 * spot(0, mouth, 0.025, 0.0085 * scale), base * (0.86, 0.62, 0.6) * 0.95)
    lay(0.6 * spot(0, mouth, 0.024, 0.0018 * scale), base * 0.35)
    if style is not None:
        ring = center + np.stack((0.085 * np.cos(across / 0.085), 0.085 * np.sin(across / 0.085), z - center[2]), -1)
        scalp = over_hairline(ring.reshape(-1, 3), anatomy, style).reshape(SIZE, SIZE)
        lay(0.9 * np.clip((scalp + 3) / 4, 0, 1) * (rows > PLAIN)[:, None], dark)
    if glasses:
        lay(spot(eye_x, eye_z - 0.002, 0.026, 0.019 * scale), np.array((25.0, 25, 28)))
        lay((np.abs(z - eye_z - 0.006) < 0.003) & (np.abs(across) < 0.14), np.array((25.0, 25, 28)))
    rng = np.random.default_rng(1)
    picture *= (1 + 0.025 * noise(rng, SIZE, azimuth, 14))[..., None]
    below = rows < PLAIN
    u = np.linspace(0, 1, SIZE)
    iris = ((u[None] - 0.92) / 0.06) ** 2 + ((rows[:, None] / PLAIN - 0.35) / 0.3) ** 2
    patch = below[:, None] & (u > 0.84)[None]
    picture[patch] = np.array((205.0, 200, 195))
    picture[patch & (iris < 0.22)] = np.array((50.0, 35, 25))
    return np.clip(picture, 0, 255).astype(np.uint8)


def paint_hair(colour: Colour, curl: float, seed: int) -> np.ndarray:
    """(64, 64, 3) uint8: strands along v, or curls."""
    rng = np.random.default_rng(seed)
    strands = noise(rng, 64, np.linspace(0, 2 * np.pi, 64), 22)
    if not curl:
        strands = np.broadcast_to(strands[:1], strands.shape) * 0.7 + 0.3 * strands
    shade = 1 + 0.16 * strands
    return np.clip(np.array(colour) * shade[..., None] + 4, 0, 255).astype(np.uint8)


def make_hair(anatomy: Anatomy, style: Style, name: str, colour: Colour, seed: int, hat: bool, ease: float) -> Part:
    """Hair as a surface on the scalp, with what hangs or is tied up.

    Args:
        hat: ends the hair where a hat sits; ease: metres that clothes stand off the back.
    """
    parts = [cap(anatomy, style, seed, hat)]
    center = head_center(anatomy)
    head = anatomy.skin.points[anatomy.skin.weights[:, bone("head")] > 0.6]
    back, half = float(head[:, 0].min()), float(np.abs(head[head[:, 2] > center[2] + 0.03][:, 1]).max())
    if style.curtain:
        parts.append(curtain(anatomy, style, back, half, ease, seed))
    if style.bun and not hat:
        high = 0.085 if name == "high bun" else 0.02
        place = np.array([back - 0.018 + 0.5 * high, 0.0, center[2] + high])
        parts.append(surface(ball(place, (style.bun, style.bun * 1.1, style.bun)), {"head": 1.0}))
    if style.tail:
        parts.append(tail(anatomy, style, back, ease))
    return Part("hair", join(*parts), paint_hair(colour, style.curl, seed))


def cap(anatomy: Anatomy, style: Style, seed: int, hat: bool) -> Surface:
    """The scalp, pushed out."""
    skin = anatomy.skin
    azimuth, elevation = polar(skin.points, anatomy)
    ear = np.abs(skin.points[:, 1]) > np.quantile(np.abs(anatomy.joints[3:5, 1]), 0.5) + 0.004
    on_head = skin.weights[:, bone("head")] + skin.weights[:, bone("neck")]
    field = np.where(on_head > 0.7, over_hairline(skin.points, anatomy, style), -30.0)
    if not style.ears:
        field = np.where(ear & (elevation < 0.5), -20.0, field)
    uv = np.stack((azimuth * 2 / np.pi, elevation * 2 / np.pi), axis=1)
    if hat:
        field = np.minimum(field, 30 - np.degrees(elevation))
    scalp = cut(replace(skin, uv=uv.astype(np.float32)), field)
    scalp = replace(scalp, points=smooth(scalp.points, scalp.faces, 4))
    _, up = polar(scalp.points, anatomy)
    height = np.clip(np.sin(up) * 1.4, 0, 1)
    thick = style.sides + (style.top - style.sides) * height
    edge = np.clip(over_hairline(scalp.points, anatomy, style) / 14, 0.15, 1)
    if hat:
        thick = np.minimum(thick, 0.008)
    rng = np.random.default_rng(seed)
    rough = style.curl * rng.standard_normal(len(thick)) * (not hat)
    return push(scalp, thick * edge + 0.003 + rough * edge)


def curtain(anatomy: Anatomy, style: Style, back: float, half: float, ease: float, seed: int) -> Surface:
    """Hair that falls round the back of the head, in front of nothing: from temple to temple."""
    center = head_center(anatomy)
    top = center[2] + 0.045
    z = np.linspace(top, center[2] - style.curtain, max(5, round((style.curtain + 0.05) / 0.03)))
    points = anatomy.body.points
    torso = (anatomy.trunk > 0.8) & (np.abs(points[:, 1]) < 0.09) & (points[:, 2] < anatomy.neck + 0.02)
    rear = np.array([(points[torso & (np.abs(points[:, 2] - h) < 0.04), 0].min(initial=back + 0.02)) for h in z])
    rear = np.minimum(back - style.sides * 0.9, np.where(z < anatomy.neck + 0.03, rear - ease - 0.02, back))
    for _ in range(3):
        rear[1:-1] = np.minimum(rear[1:-1], (rear[:-2] + rear[2:]) / 2)
    fall = np.clip((top - z) / max(style.curtain, 0.1), 0, 1)
    wide = half + style.sides + 0.012 * np.sin(np.pi * np.minimum(fall * 1.4, 1)) - 0.012 * fall
    theta = np.radians(np.linspace(78, 282, 18))
    front = center[0] + 0.002
    x = np.where(np.cos(theta) < 0, front + (front - rear)[:, None] * np.cos(theta), front + 0.05 * np.cos(theta))
    y = wide[:, None] * np.sign(np.sin(theta)) * np.abs(np.sin(theta)) ** 0.8
    rng = np.random.default_rng(seed)
    wave = 0.004 * np.sin(theta * 9 + rng.uniform(0, 6)) * fall[:, None]
    rings = np.stack((x - wave, y + wave * np.sin(theta), np.broadcast_to(z[:, None], x.shape)), axis=-1)
    shape = loft(rings, closed=False)
    stiff = np.clip((shape[0][:, 2] - anatomy.neck + 0.10) / 0.16, 0.0, 1)
    return surface(shape, {"head": stiff, "chest": 1 - stiff})


def tail(anatomy: Anatomy, style: Style, back: float, ease: float) -> Surface:
    """A pony tail."""
    center = head_center(anatomy)
    share = np.linspace(0, 1, 9)
    z = center[2] + 0.05 - style.tail * share
    points = anatomy.body.points
    torso = (anatomy.trunk > 0.8) & (np.abs(points[:, 1]) < 0.06) & (points[:, 2] < anatomy.neck + 0.02)
    rear = np.array([points[torso & (np.abs(points[:, 2] - h) < 0.04), 0].min(initial=back + 0.02) for h in z])
    out = np.where(z < anatomy.neck + 0.03, rear - ease - 0.03, back - 0.02 * np.sin(np.pi * np.minimum(share * 2, 1)))
    x = np.minimum(out, back + 0.004 - 0.03 * np.minimum(share * 6, 1))
    radius = 0.03 * np.interp(share, (0, 0.15, 0.5, 1), (0.5, 1, 1, 0.3))
    theta = np.arange(8) * np.pi / 4
    rings = np.stack(
        (
            x[:, None] + radius[:, None] * np.cos(theta),
            radius[:, None] * np.sin(theta),
            np.broadcast_to(z[:, None], (9, 8)),
        ),
        axis=-1,
    )
    shape = loft(rings, caps=True)
    stiff = np.clip((shape[0][:, 2] - anatomy.neck + 0.10) / 0.16, 0.0, 1)
    return surface(shape, {"head": stiff, "chest": 1 - stiff})
