"""The bundled weights are whole, their cards tell the truth, and the converter places every tensor."""

import hashlib
import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from ctl.errors import InputError
from ctl.keypoints import centernet
from ctl.keypoints.centernet import WEIGHTS, CenterNet, load_bundled

MODELS = ("movenet-thunder", "movenet-multipose")


@pytest.fixture(scope="module")
def converter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("convert_movenet", WEIGHTS / "convert_movenet.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", MODELS)
def test_card_names_the_file_it_describes(name: str) -> None:
    data = (WEIGHTS / name / "model.safetensors").read_bytes()
    card = (WEIGHTS / name / "README.md").read_text()
    assert re.search(r"`model\.safetensors` \| .*`([0-9a-f]{64})`", card)[1] == hashlib.sha256(data).hexdigest()  # type: ignore[index]
    assert "license: apache-2.0" in card


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_fp16_on_disk_and_fp32_in_use(name: str) -> None:
    on_disk = load_file(WEIGHTS / name / "model.safetensors")
    in_use = load_bundled(name, "cpu").state_dict()
    assert {tensor.dtype for tensor in on_disk.values()} == {torch.float16}
    for key, tensor in in_use.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, on_disk[key].float())


@pytest.mark.parametrize("name", MODELS)
def test_kernels_at_stride_2_reach_only_down_and_right(name: str) -> None:
    wide = [m for m in load_bundled(name, "cpu").modules() if isinstance(m, torch.nn.Conv2d) and m.stride == (2, 2)]
    assert len(wide) == 5
    for convolution in wide:
        assert not convolution.weight[..., 0, :].any()
        assert not convolution.weight[..., :, 0].any()


@pytest.mark.parametrize("name", MODELS)
def test_converter_has_one_source_for_every_tensor(converter: ModuleType, name: str) -> None:
    spec = converter.MODELS[name]
    pairs = list(converter.placement(spec["graph_heads"]))
    assert {ours for ours, _ in pairs} == set(CenterNet(spec["width"], spec["heads"]).state_dict())
    assert len({theirs for _, theirs in pairs}) == len(pairs)


def test_converter_turns_kernels_around(converter: ModuleType) -> None:
    kernel = torch.arange(3 * 3 * 5 * 2.0).view(3, 3, 5, 2)
    turned = converter.to_pytorch(kernel.numpy(), torch.empty(2, 5, 4, 4))
    assert turned[1, 4, 1, 3] == kernel[0, 2, 4, 1]
    assert turned[1, 4, 0, 3] == 0
    depthwise = torch.arange(3 * 3 * 5.0).view(3, 3, 5, 1)
    assert converter.to_pytorch(depthwise.numpy(), torch.empty(5, 1, 3, 3))[4, 0, 2, 1] == depthwise[2, 1, 4, 0]


@pytest.mark.parametrize("damage", ["missing", "truncated", "other-model"])
def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(centernet, "WEIGHTS", tmp_path)
    weights = shutil.copytree(WEIGHTS / "movenet-thunder", tmp_path / "movenet-thunder") / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:1000])
    else:
        shutil.copy(WEIGHTS / "movenet-multipose" / "model.safetensors", weights)
    with pytest.raises(InputError, match="bundled weights movenet-thunder can't be used, restore"):
        load_bundled("movenet-thunder", "cpu")
