"""What a CTL model is: one frozen config, two presets, and the paper's ablation rows as variations of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import inf
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from ctl.errors import InputError, require
from ctl.skeleton import Scale

BackboneName = Literal["resnet50", "mobilenet_v2"]
GraphKind = Literal["none", "frame", "spacetime"]
TopologyTerm = Literal["physical", "mask", "context"]
Fusion = Literal["add", "cross_scale"]
PixelScaling = Literal["paper", "imagenet"]
Relation = Literal["product", "cosine"]

TOPOLOGY_TERMS: Final[tuple[TopologyTerm, ...]] = get_args(TopologyTerm)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything that decides the shape of the network and of its checkpoint.

    Args:
        backbone: ImageNet network that gives the feature map; its last stride is 1.
        channels: C, width of a node and of each embedding. If the backbone's own width differs, one linear map
            brings the pooled features to it.
        image_size: height and width in pixels that frames are resized to.
        shrink: frames are averaged over squares of so many pixels before the backbone, which then costs that much less,
            squared; the key-point estimator and the page still see image_size.
        clip_length: T, frames in a clip. Other lengths run too.
        graph: "none" leaves nodes as they are (Basel), "frame" convolves each frame's graph (Basel+ContRe),
            "spacetime" is the paper's 3D-GCL.
        layers: L, number of graph convolution layers.
        window: τ, odd number of frames in a temporal window (Eq. 3).
        self_links: whether a node hears itself in the other frames of its window. Eq. 4 adds the identity to the whole
            window's matrix, so that in the paper a node hears itself in its own frame only.
        first_shortcut: whether the input is added to the result of the first graph layer too, as it is in the paper
            from the second on.
        topology: which terms of Eq. 2 add up to the adjacency.
        fusion: how s1 and s2 reach s3: "cross_scale" is the CS-GCL (Eq. 5-6), "add" the plain mean of a part's nodes.
        fused_scales: scales that Eq. 7 adds to s3, in its order.
        cross_scale_layers: M: 1 fuses after the last graph layer; 2 also after the first.
        alpha: α, balance weight of Eq. 7.
        relation_width: width of φ, ϕ, h and f in Eq. 5. Assumed: the paper gives none.
        relation: what the softmax of Eq. 5 is taken of: "product" is the paper's inner product, "cosine" bounds it.
        body_prior: added to the softmax of Eq. 5 if the source lies wholly within the target part; 0 in the paper.
        carry_norm: whether a norm stands before the ReLU of Eq. 6. Not in the paper.
        pixel_scaling: "paper" divides by 256; "imagenet" standardises with ImageNet's mean and deviation.
        identities: training identities, for the classifiers of the identification loss; 0 builds none.
        bn_neck: normalise each clip feature before its classifier and before clips are compared (Luo et al. 2019).
            Not in the paper.
    Raises:
        InputError: a value is outside what its field allows; the message names field and value.
    """

    backbone: BackboneName = "resnet50"
    channels: int = 2048
    image_size: tuple[int, int] = (256, 128)
    shrink: int = 1
    clip_length: int = 6
    graph: GraphKind = "spacetime"
    layers: int = 2
    window: int = 3
    self_links: bool = False
    first_shortcut: bool = False
    topology: tuple[TopologyTerm, ...] = TOPOLOGY_TERMS
    fusion: Fusion = "cross_scale"
    fused_scales: tuple[Scale, ...] = ("s1", "s2")
    cross_scale_layers: int = 1
    alpha: float = 0.3
    relation_width: int = 128
    relation: Relation = "product"
    body_prior: float = 0.0
    carry_norm: bool = False
    pixel_scaling: PixelScaling = "paper"
    identities: int = 0
    bn_neck: bool = False

    def __post_init__(self) -> None:
        choices = {
            "backbone": get_args(BackboneName),
            "graph": get_args(GraphKind),
            "fusion": get_args(Fusion),
            "pixel_scaling": get_args(PixelScaling),
            "relation": get_args(Relation),
        }
        for name, allowed in choices.items():
            _require(getattr(self, name) in allowed, name, getattr(self, name), f"one of {', '.join(allowed)}")
        for name in ("channels", "shrink", "clip_length", "layers", "relation_width"):
            value = getattr(self, name)
            _require(_is_integer(value) and value >= 1, name, value, "an integer ≥ 1")
        _require(_is_integer(self.identities) and self.identities >= 0, "identities", self.identities, "an integer ≥ 0")
        for name in ("bn_neck", "self_links", "first_shortcut", "carry_norm"):
            _require(isinstance(getattr(self, name), bool), name, getattr(self, name), "true or false")
        window_is_odd = _is_integer(self.window) and self.window >= 1 and self.window % 2 == 1
        _require(window_is_odd, "window", self.window, "an odd integer ≥ 1")
        _require(
            _is_integer(self.cross_scale_layers) and self.cross_scale_layers in (1, 2),
            "cross_scale_layers",
            self.cross_scale_layers,
            "1 or 2",
        )
        early_fusion_has_a_place = self.cross_scale_layers == 1 or (self.graph != "none" and self.layers >= 2)
        _require(
            early_fusion_has_a_place, "cross_scale_layers", self.cross_scale_layers, "1 where there is no second layer"
        )
        for name in ("alpha", "body_prior"):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            _require(is_number and 0 <= value < inf, name, value, "a number ≥ 0")
        _require(_are_some_of(self.topology, TOPOLOGY_TERMS), "topology", self.topology, f"some of {TOPOLOGY_TERMS}")
        _require(_are_some_of(self.fused_scales, ("s1", "s2")), "fused_scales", self.fused_scales, "some of s1, s2")
        height_and_width = (
            isinstance(self.image_size, tuple)
            and len(self.image_size) == 2
            and all(_is_integer(x) and x > 0 and x % (32 * self.shrink) == 0 for x in self.image_size)
        )
        _require(height_and_width, "image_size", self.image_size, f"height and width, multiples of {32 * self.shrink}")

    def to_json(self) -> dict[str, Any]:
        """As written under "model" in a checkpoint's config.json."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Inverse of `to_json`. Raises InputError if a key is unknown or a value isn't allowed."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(f"model config has unknown keys: {', '.join(sorted(unknown))}")
        arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**arguments)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_some_of(values: object, allowed: tuple[str, ...]) -> bool:
    """Whether values is a tuple of allowed names, none twice."""
    return isinstance(values, tuple) and all(v in allowed for v in values) and len(set(values)) == len(values)


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    require(holds, f"model config: {name}", value, wanted)


PRESETS: Final[Mapping[str, ModelConfig]] = MappingProxyType(
    {
        "paper": ModelConfig(),
        "mobile": ModelConfig(backbone="mobilenet_v2", channels=512, relation_width=64, pixel_scaling="imagenet"),
    }
)


def ablation_rows(table: str, base: ModelConfig) -> dict[str, ModelConfig]:
    """The rows of one of the paper's ablations as configs, in the paper's order and under its row names.

    Args:
        table: "3", "4", "5", "fig7a" or "fig7b".
        base: the full model that the rows vary.
    Raises:
        InputError: no such table; the message lists them.
    """
    tables: dict[str, dict[str, dict[str, Any]]] = {
        "3": {
            "Basel": {"graph": "none", "fusion": "add"},
            "Basel+ContRe": {"graph": "frame", "fusion": "add"},
            "Basel+ContRe+3D": {"fusion": "add"},
            "Basel+ContRe+3D+CS": {},
        },
        "4": {
            "CTL-Ap": {"topology": ("physical",)},
            "CTL-ApAm": {"topology": ("physical", "mask")},
            "CTL-ApAmAc": {"topology": TOPOLOGY_TERMS},
        },
        "5": {
            "CS-GCL(M=1)": {"cross_scale_layers": 1},
            "CS-GCL(M=2)": {"cross_scale_layers": 2},
            "CS-GCL-s3": {"fused_scales": ()},
            "CS-GCL-s3s1": {"fused_scales": ("s1",)},
            "CS-GCL-s3s1s2": {"fused_scales": ("s1", "s2")},
        },
        "fig7a": {f"L={layers}": {"layers": layers} for layers in (1, 2, 3)},
        "fig7b": {f"τ={window}": {"window": window} for window in (1, 3, 5)},
    }
    if table not in tables:
        raise InputError(f"no ablation {table!r}: choose one of {', '.join(tables)}")
    return {row: replace(base, **changes) for row, changes in tables[table].items()}
