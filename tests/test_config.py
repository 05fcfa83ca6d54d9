"""The model config: what it accepts, what it says when it doesn't, and the paper's rows."""

import json
from dataclasses import fields, replace
from math import inf, nan
from typing import Any

import pytest

from ctl.config import PRESETS, ModelConfig, ablation_rows
from ctl.errors import InputError

PAPER = PRESETS["paper"]


def differences(config: ModelConfig, base: ModelConfig = PAPER) -> dict[str, Any]:
    """The fields in which a config differs from another."""
    pairs = {field.name: (getattr(config, field.name), getattr(base, field.name)) for field in fields(ModelConfig)}
    return {name: value for name, (value, usual) in pairs.items() if value != usual}


def test_paper_preset_is_the_papers_section_4_1() -> None:
    assert (PAPER.backbone, PAPER.channels, PAPER.image_size, PAPER.clip_length) == ("resnet50", 2048, (256, 128), 6)
    assert (PAPER.layers, PAPER.window, PAPER.cross_scale_layers, PAPER.alpha) == (2, 3, 1, 0.3)
    assert (PAPER.graph, PAPER.fusion, PAPER.pixel_scaling) == ("spacetime", "cross_scale", "paper")
    assert PAPER.topology == ("physical", "mask", "context")
    assert PAPER.fused_scales == ("s1", "s2")


def test_mobile_preset_differs_in_backbone_widths_and_pixels_only() -> None:
    changed = differences(PRESETS["mobile"])
    assert set(changed) == {"backbone", "channels", "relation_width", "pixel_scaling"}
    assert changed["backbone"] == "mobilenet_v2"


@pytest.mark.parametrize("config", [*PRESETS.values(), replace(PAPER, fused_scales=(), topology=("mask",), alpha=0)])
def test_config_survives_json(config: ModelConfig) -> None:
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_keys_that_are_left_out_take_the_papers_value() -> None:
    assert ModelConfig.from_json({"layers": 3}) == replace(PAPER, layers=3)


def test_unknown_keys_are_all_named() -> None:
    with pytest.raises(InputError, match="unknown keys: depth, widow"):
        ModelConfig.from_json({"widow": 3, "layers": 2, "depth": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backbone", "resnet18"),
        ("backbone", ["resnet50"]),
        ("channels", 0),
        ("channels", 512.0),
        ("channels", True),
        ("channels", "512"),
        ("bn_neck", 1),
        ("image_size", [256]),
        ("image_size", [250, 128]),
        ("image_size", [256, 0]),
        ("image_size", 256),
        ("image_size", None),
        ("clip_length", -1),
        ("graph", "3d"),
        ("layers", 0),
        ("layers", None),
        ("window", 4),
        ("window", -1),
        ("window", 3.0),
        ("topology", ["physical", "learned"]),
        ("topology", ["mask", "mask"]),
        ("topology", "mask"),
        ("topology", [["mask"]]),
        ("topology", 1),
        ("fusion", ""),
        ("fused_scales", ["s3"]),
        ("fused_scales", ["s1", "s1"]),
        ("fused_scales", None),
        ("cross_scale_layers", 3),
        ("cross_scale_layers", 1.0),
        ("alpha", -0.1),
        ("alpha", "0.3"),
        ("alpha", nan),
        ("alpha", inf),
        ("relation_width", 0),
        ("pixel_scaling", "none"),
        ("identities", -1),
        ("identities", None),
    ],
)
def test_bad_value_is_named_with_its_field(name: str, value: object) -> None:
    shown = tuple(value) if isinstance(value, list) else value
    with pytest.raises(InputError) as error:
        ModelConfig.from_json({name: value})
    assert str(error.value).startswith(f"model config: {name} must be ")
    assert str(error.value).endswith(f"got {shown!r}")


@pytest.mark.parametrize("place", [{"layers": 1}, {"graph": "none"}])
def test_early_fusion_needs_a_second_graph_layer(place: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="cross_scale_layers must be 1 where there is no second layer, got 2"):
        ModelConfig.from_json({"cross_scale_layers": 2, **place})


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        pytest.param(
            "3",
            {
                "Basel": {"graph": "none", "fusion": "add"},
                "Basel+ContRe": {"graph": "frame", "fusion": "add"},
                "Basel+ContRe+3D": {"fusion": "add"},
                "Basel+ContRe+3D+CS": {},
            },
            id="components",
        ),
        pytest.param(
            "4",
            {"CTL-Ap": {"topology": ("physical",)}, "CTL-ApAm": {"topology": ("physical", "mask")}, "CTL-ApAmAc": {}},
            id="topology",
        ),
        pytest.param(
            "5",
            {
                "CS-GCL(M=1)": {},
                "CS-GCL(M=2)": {"cross_scale_layers": 2},
                "CS-GCL-s3": {"fused_scales": ()},
                "CS-GCL-s3s1": {"fused_scales": ("s1",)},
                "CS-GCL-s3s1s2": {},
            },
            id="scales",
        ),
        pytest.param("fig7a", {"L=1": {"layers": 1}, "L=2": {}, "L=3": {"layers": 3}}, id="layers"),
        pytest.param("fig7b", {"τ=1": {"window": 1}, "τ=3": {}, "τ=5": {"window": 5}}, id="window"),
    ],
)
def test_ablation_rows_are_the_papers(table: str, rows: dict[str, dict[str, Any]]) -> None:
    made = ablation_rows(table, PAPER)
    assert list(made) == list(rows)
    assert {name: differences(config) for name, config in made.items()} == rows


def test_ablation_varies_the_config_that_it_is_given() -> None:
    mobile = PRESETS["mobile"]
    assert all(row.backbone == "mobilenet_v2" for row in ablation_rows("4", mobile).values())


def test_unknown_ablation_lists_the_known() -> None:
    with pytest.raises(InputError, match="no ablation '6': choose one of 3, 4, 5, fig7a, fig7b"):
        ablation_rows("6", PAPER)
