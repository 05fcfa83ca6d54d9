"""How a body walks: joint angles as a few harmonics of the cycle, and where every bone is at a phase.

Phase 0 is the left heel's strike, 0.5 the right's. The mean curves follow the sagittal angles of level walking in
Winter, "Biomechanics and Motor Control of Human Movement" (4th ed. 2009, appendix A) and Perry, "Gait Analysis" (1992):
thigh against the vertical 29 to -16 degrees, knee 3 - 14 - 5 - 62, ankle +11 to -12; arms as in Murray et al. 1967
(shoulder about 30 degrees in all, elbow about 20 and largest in front). Pelvis: 4-5 degrees of rotation and list.

Assumed: feet decide where the body is. The pelvis stands at the height that puts the lower sole on the ground, and it
moves forward as fast as that sole moves back, so that a foot doesn't slide while it carries the body.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.walkers.body import COUNT, Body, bone, parent_of

TURN: Final = 2 * np.pi
THIGH: Final = ((9.7, 20.1, -5.3, 0.4, -0.1, 0.0), (-6.4, -2.2, 1.8, -0.2, 0.2))
KNEE: Final = ((23.1, -6.6, -11.8, -0.7, -0.9, -0.2), (-23.3, 8.9, 2.8, 1.0, 0.3))
ANKLE: Final = ((2.0, -1.3, -1.1, -2.8, 2.2, -0.5), (2.6, -7.2, 1.6, -0.9, -0.9))
"""Degrees: cosine coefficients of orders 0 to 5, sine coefficients of orders 1 to 5, of the leg that strikes at 0."""

SAMPLES: Final = 96
"""Phases at which the path of the feet is measured once per figure."""
PATH_ORDERS: Final = 8


@dataclass(frozen=True)
class Gait:
    """A person's way of walking. Angles in degrees.

    Args:
        cycles_per_s: full cycles (two steps) in a second.
        stride: factor on the thighs' swing; 1 is the mean of the literature.
        knee: factor on the knees' swing.
        arm_swing: how far an upper arm swings each way; elbow: its mean bend; arm_out: between upper arm and trunk.
        lean: trunk forward; stoop: neck and upper back forward;
        pelvis, shoulders: rotation each way about the vertical;
        sway: pelvis sideways each way, metres; track: between the feet's lines, metres; toe_out: of each foot.
        arm_lag: of the arms behind the legs, in cycles.
    """

    cycles_per_s: float
    stride: float
    knee: float
    arm_swing: float
    elbow: float
    arm_out: float
    lean: float
    stoop: float
    pelvis: float
    shoulders: float
    sway: float
    track: float
    toe_out: float
    arm_lag: float


def harmonics(coefficients: tuple[tuple[float, ...], tuple[float, ...]], phases: np.ndarray) -> np.ndarray:
    """Value of a Fourier series at phases in cycles."""
    cosines, sines = coefficients
    angle = TURN * np.asarray(phases, np.float64)[..., None]
    orders = np.arange(len(cosines))
    return np.cos(angle * orders) @ np.array(cosines) + np.sin(angle * orders[1:]) @ np.array(sines)


def turn(axis: np.ndarray | tuple[float, float, float], degrees: np.ndarray | float) -> np.ndarray:
    """(..., 3, 3) rotations about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(np.asarray(degrees, np.float64))[..., None, None]
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


X, Y, Z = np.eye(3)


def pitch_of(vector: np.ndarray) -> float:
    """Degrees by which a bone that points down is turned forward."""
    return float(np.degrees(np.arctan2(vector[0], -vector[2])))


def leg_rotations(body: Body, gait: Gait, side: str, phases: np.ndarray, hip_y: np.ndarray) -> dict[str, np.ndarray]:
    """World rotations (T, 3, 3) of thigh, shank, foot and toes, against the body at rest."""
    hip, knee, ankle = (body.head(f"{name}.{side}") for name in ("thigh", "shank", "foot"))
    sign = 1 if side == "L" else -1
    thigh = harmonics(THIGH, phases) * gait.stride
    bend = np.maximum(harmonics(KNEE, phases) * gait.knee, 1.0)
    flex = harmonics(ANKLE, phases)
    reach = hip[2] - ankle[2]
    rest_roll = np.degrees(np.arctan2(ankle[1] - hip[1], reach))
    roll = np.degrees(np.arctan2(sign * gait.track / 2 - hip_y, reach))
    out = turn(Z, np.full_like(phases, sign * gait.toe_out) - rest_toe_out(body, side))
    pitch_thigh, pitch_shank = thigh, thigh - bend
    pitch_foot = pitch_shank + flex
    late = np.clip(np.cos(TURN * (phases - 0.55)) * 3 - 1, 0, 1)  # around push-off the toes stay on the ground
    pitch_toes = pitch_foot + late * np.clip(-pitch_foot - 4, 0, 40)
    return {
        "thigh": turn(X, roll) @ turn(Y, pitch_of(knee - hip) - pitch_thigh) @ turn(X, -rest_roll),
        "shank": turn(X, roll) @ turn(Y, pitch_of(ankle - knee) - pitch_shank) @ turn(X, -rest_roll),
        "foot": turn(Y, -pitch_foot) @ out,
        "toes": turn(Y, -pitch_toes) @ out,
    }


def rest_toe_out(body: Body, side: str) -> float:
    """Degrees from straight ahead to where a foot points at rest, positive to the left."""
    along = body.head(f"toes.{side}") - body.head(f"foot.{side}")
    return float(np.degrees(np.arctan2(along[1], along[0])))


def between(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(T, 3, 3) the least rotations that take a vector (3,) to vectors (T, 3)."""
    a = source / np.linalg.norm(source)
    b = target / np.linalg.norm(target, axis=-1, keepdims=True)
    v = np.cross(a, b)
    cross = np.zeros((len(b), 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = v
    cross[:, [1, 2, 0], [2, 0, 1]] = -v
    return np.eye(3) + cross + cross @ cross / (1 + (b @ a))[:, None, None]


def arm_rotations(body: Body, gait: Gait, side: str, phases: np.ndarray, trunk: np.ndarray) -> dict[str, np.ndarray]:
    """World rotations (T, 3, 3) of upper arm, forearm and hand; the arm is back when the leg of its side strikes."""
    shoulder, elbow, wrist = (body.head(f"{name}.{side}") for name in ("upperarm", "forearm", "hand"))
    sign = 1 if side == "L" else -1
    swing = -np.cos(TURN * (phases - gait.arm_lag))
    upper, lower = elbow - shoulder, wrist - elbow
    hinge = np.cross(upper, lower)
    hinge /= np.linalg.norm(hinge)
    rest_bend = np.degrees(np.arccos(upper @ lower / np.linalg.norm(upper) / np.linalg.norm(lower)))
    bend = np.maximum(gait.elbow + 0.45 * gait.arm_swing * swing, 5.0)
    hang = between(upper, np.array([[0.0, 0.0, -1.0]]))[0]
    inward = -np.degrees(np.arctan2((hang @ lower)[1], (hang @ lower)[0]))  # the elbow bends to the front
    flex = gait.arm_swing * swing - 3
    arm = trunk @ turn(X, sign * gait.arm_out) @ turn(Y, -flex) @ turn(Z, inward - sign * 5) @ hang
    forearm = arm @ turn(hinge, bend - rest_bend)
    return {"upperarm": arm, "forearm": forearm, "hand": forearm}


def rotations(body: Body, gait: Gait, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World rotations of all bones (T, B, 3, 3) and the pelvis' sideways path (T,)."""
    T = len(phases)
    wave = TURN * phases
    side_y = gait.sway * np.cos(TURN * (phases - 0.3))
    pelvis = turn(Z, -gait.pelvis * np.cos(wave)) @ turn(X, 0.6 * gait.pelvis * np.cos(TURN * (phases - 0.15)))
    yaw = turn(Z, gait.shoulders * np.cos(wave))
    chest = yaw @ turn(Y, gait.lean + gait.stoop * 0.5)
    world = np.tile(np.eye(3), (T, COUNT, 1, 1))
    world[:, bone("pelvis")] = pelvis @ turn(Y, 0.4 * gait.lean)
    world[:, bone("belly")] = turn(Z, -gait.pelvis * 0.5 * np.cos(wave)) @ turn(Y, 0.6 * gait.lean)
    world[:, bone("waist")] = turn(Y, np.full(T, gait.lean))
    world[:, bone("chest")] = chest
    world[:, bone("neck")] = turn(Z, 0.4 * gait.shoulders * np.cos(wave)) @ turn(Y, gait.lean + gait.stoop * 1.4)
    world[:, bone("head")] = turn(Y, np.full(T, 0.4 * gait.stoop + 0.3 * gait.lean))
    for side, shift in (("L", 0.0), ("R", 0.5)):
        world[:, bone(f"clavicle.{side}")] = chest
        arms = arm_rotations(body, gait, side, phases - shift, chest)
        legs = leg_rotations(body, gait, side, phases - shift, side_y + body.head(f"thigh.{side}")[1])
        for name, value in (arms | legs).items():
            world[:, bone(f"{name}.{side}")] = value
    return world, side_y


def chain(body: Body, world: np.ndarray) -> np.ndarray:
    """(T, B, 3, 4) transforms of rest points, with the pelvis' head kept where it is at rest."""
    transforms = np.zeros((*world.shape[:2], 3, 4))
    transforms[..., :3] = world
    for index in range(COUNT):
        parent = parent_of(index)
        head = body.heads[index].astype(np.float64)
        placed = head if parent is None else transforms[:, parent, :, :3] @ head + transforms[:, parent, :, 3]
        transforms[:, index, :, 3] = placed - world[:, index] @ head
    return transforms


@dataclass(frozen=True, eq=False)
class Walk:
    """A gait fitted to a body and the soles under its feet.

    Args:
        stride_m: metres forward in a full cycle.
        ahead: Fourier coefficients of the pelvis' place ahead of its mean path, metres.
    """

    body: Body
    gait: Gait
    soles: tuple[np.ndarray, np.ndarray]
    stride_m: float
    ahead: tuple[tuple[float, ...], tuple[float, ...]]

    def transforms(self, phases: np.ndarray) -> np.ndarray:
        """(T, B, 3, 4) of rest points at phases in cycles."""
        phases = np.asarray(phases, np.float64)
        world, side_y = rotations(self.body, self.gait, phases)
        placed = chain(self.body, world)
        placed[..., 1, 3] += side_y[:, None]
        placed[..., 0, 3] += (harmonics(self.ahead, phases) - self.body.heads[0, 0])[:, None]
        placed[..., 2, 3] -= ground(placed, self.soles)[:, None]
        return placed


def sole_paths(transforms: np.ndarray, soles: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(T, S, 3) of the sole points: (points (S, 3), bone (S,))."""
    points, bones = soles
    on = transforms[:, bones]
    return np.einsum("tsij,sj->tsi", on[..., :3], points) + on[..., 3]


def ground(transforms: np.ndarray, soles: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(T,) height of the lowest sole point."""
    return sole_paths(transforms, soles)[..., 2].min(axis=1)


def fit_walk(body: Body, gait: Gait, soles: tuple[np.ndarray, np.ndarray]) -> Walk:
    """Measure how fast the sole that carries the body moves back, hence stride and the pelvis' uneven pace."""
    phases = np.arange(SAMPLES) / SAMPLES
    step = 1e-3
    world, _ = rotations(body, gait, np.concatenate((phases - step, phases, phases + step)))
    before, now, after = np.split(sole_paths(chain(body, world), soles), 3)
    left = np.isin(soles[1], (bone("foot.L"), bone("toes.L")))
    carries = left[None] == (phases < 0.5)[:, None]
    low = np.where(carries, now[..., 2], np.inf).argmin(axis=1)
    speed = (before - after)[np.arange(SAMPLES), low, 0] / (2 * step)  # metres a cycle
    spectrum = np.fft.rfft(speed) / SAMPLES
    path = spectrum[1:PATH_ORDERS] / (1j * TURN * np.arange(1, PATH_ORDERS))  # the integral of the uneven part
    ahead = ((0.0, *(2 * path.real).tolist()), tuple((-2 * path.imag).tolist()))
    return Walk(body, gait, soles, float(spectrum[0].real), ahead)
