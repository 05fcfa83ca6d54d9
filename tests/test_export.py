"""The exported model gives the same embeddings as the model, whatever the number and length of the clips."""

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor
from torch.export import ExportedProgram

from ctl.__main__ import main
from ctl.checkpoint import load_checkpoint, save_checkpoint
from ctl.config import PRESETS, ModelConfig
from ctl.errors import InputError
from ctl.export.cli import add_export
from ctl.export.program import export, to_onnx, to_torch, trace_program
from ctl.model import CTL
from ctl.model.nodes import NodeExtractor

pytestmark = pytest.mark.slow

CONFIG = replace(PRESETS["mobile"], channels=20, relation_width=4, layers=1, image_size=(64, 32), fused_scales=("s1",))
ORIGIN = {"checkpoint": "small", "revision": "", "sha256": "ab" * 32}
SIZES = [(B, T) for B in (1, 2, 5) for T in (3, 6, 7)]


def make_model(config: ModelConfig, backbone: torch.nn.Module | None = None) -> CTL:
    """Random weights, learned links that aren't zero, and norms that know their inputs: no number runs away."""
    torch.manual_seed(0)
    model = CTL(config)
    if backbone is not None:
        model.backbone, model.extract = backbone, NodeExtractor(backbone.width, config.channels)
    for name, tensor in model.named_parameters():
        if name.endswith("topology.mask"):
            torch.nn.init.normal_(tensor, std=0.3)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.momentum = 1.0
    model.train()(*make_inputs(4, 6))
    return model.eval()


class SmallBackbone(torch.nn.Module):
    """In place of MobileNetV2, whose fifty layers take most of the time that exporters need."""

    width = 24

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(3, self.width, 16, stride=16)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, 3, H, W) -> (B, T, 24, H/16, W/16)."""
        return self.features(frames.flatten(0, 1)).relu().unflatten(0, frames.shape[:2])


@pytest.fixture(scope="module")
def model() -> CTL:
    """All that the graphs are made of. The command's test exports a real backbone."""
    return make_model(CONFIG, SmallBackbone())


@pytest.fixture(scope="module")
def program(model: CTL) -> ExportedProgram:
    return trace_program(model)


def make_inputs(B: int, T: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(10 * B + T)
    return torch.rand(B, T, 3, 64, 32, generator=generator), 3 * torch.randn(B, T, 17, 8, 4, generator=generator)


def embed(model: CTL, inputs: tuple[Tensor, Tensor]) -> np.ndarray:
    with torch.inference_mode():
        return model(*inputs).embedding.numpy()


def assert_same(got: np.ndarray, want: np.ndarray) -> None:
    assert got.shape == want.shape
    assert np.abs(want).max() > 1e-3
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())


def test_onnx_gives_the_same_embeddings(model: CTL, program: ExportedProgram) -> None:
    data = to_onnx(program, ORIGIN)
    whole = onnx.load_from_string(data)
    onnx.checker.check_model(whole, full_check=True)
    assert {entry.key: entry.value for entry in whole.metadata_props} == ORIGIN
    session = onnxruntime.InferenceSession(data)
    assert [entry.name for entry in (*session.get_inputs(), *session.get_outputs())] == [
        "frames",
        "heatmap_logits",
        "embedding",
    ]
    for B, T in SIZES:
        inputs = make_inputs(B, T)
        (got,) = session.run(None, {"frames": inputs[0].numpy(), "heatmap_logits": inputs[1].numpy()})
        assert_same(got, embed(model, inputs))


def test_a_torch_program_gives_the_same_embeddings(model: CTL, program: ExportedProgram) -> None:
    extra = {"origin.json": ""}
    loaded = torch.export.load(io.BytesIO(to_torch(program, ORIGIN)), extra_files=extra).module()
    assert json.loads(extra["origin.json"]) == ORIGIN
    for B, T in SIZES:
        inputs = make_inputs(B, T)
        assert_same(loaded(*inputs).detach().numpy(), embed(model, inputs))


def test_the_command_writes_what_the_checkpoint_computes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = replace(CONFIG, graph="none", fusion="add")  # traced in a third of the time; `model` has the graphs
    save_checkpoint(tmp_path / "small", make_model(plain), trained=True)
    file = tmp_path / "out" / "small.onnx"
    arguments = ["export", "--format", "onnx", "--checkpoint", str(tmp_path / "small"), "--out", str(file)]
    parser = argparse.ArgumentParser()
    add_export(parser.add_subparsers())
    args = parser.parse_args(arguments)
    assert args.run(args) == 0
    assert str(file) in capsys.readouterr().out
    session = onnxruntime.InferenceSession(file.read_bytes())
    model, info = load_checkpoint(tmp_path / "small")
    assert session.get_modelmeta().custom_metadata_map["sha256"] == info.sha256
    frames, maps = make_inputs(3, 4)
    (got,) = session.run(None, {"frames": frames.numpy(), "heatmap_logits": maps.numpy()})
    assert_same(got, embed(model, (frames, maps)))


def test_a_graph_that_onnx_can_not_hold_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "small", CTL(replace(CONFIG, graph="frame")), trained=True)
    with pytest.raises(InputError, match="choose torch-export"):
        export(*load_checkpoint(tmp_path / "small"), "onnx", tmp_path / "small.onnx")
    assert not (tmp_path / "small.onnx").exists()


@pytest.mark.parametrize("place", ["folder", "under a file"])
def test_a_place_that_can_not_be_written_is_told_before_the_model_is_loaded(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path if place == "folder" else tmp_path / "file" / "ctl.onnx"
    assert main(["export", "--format", "onnx", "--checkpoint", "/nowhere", "--out", str(out)]) == 2
    assert not list(tmp_path.rglob("*.onnx"))
    assert (
        main(["export", "--format", "onnx", "--checkpoint", "/nowhere", "--out", str(tmp_path / "a" / "b.onnx")]) == 2
    )
    assert not (tmp_path / "a").exists(), "nothing is left behind"
