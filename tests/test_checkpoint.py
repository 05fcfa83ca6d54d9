"""Checkpoints on disk, from the Hub, and the bundled one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from ctl.checkpoint import BUNDLED, load_checkpoint, save_checkpoint
from ctl.config import PRESETS, ModelConfig
from ctl.errors import InputError
from ctl.files import write_atomic
from ctl.hub import CONFIG, WEIGHTS
from ctl.model import CTL
from ctl.train.toml import read_config as read_train_config
from tests.hub_server import HubServer
from tests.test_hub import QUICK, closed_port
from weights.make_preview import PREVIEW, make_model
from weights.make_walkers import without_classifiers

ROOT = Path(__file__).resolve().parent.parent
SMALL = ModelConfig(backbone="mobilenet_v2", channels=8, image_size=(32, 32), relation_width=4, layers=1)


@pytest.fixture(scope="module")
def model() -> CTL:
    torch.manual_seed(3)
    return CTL(SMALL).eval()


@pytest.fixture
def folder(model: CTL, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "small", model, trained=True)
    return tmp_path / "small"


def embed(model: CTL) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(1, 6, 3, 32, 32, generator=generator)
    maps = torch.randn(1, 6, 17, 8, 8, generator=generator)
    with torch.inference_mode():
        return model(frames, maps).embedding


def test_what_was_saved_is_what_is_loaded(model: CTL, tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path / "small", model, trained=True, card="# A card\n")
    loaded, info = load_checkpoint(tmp_path / "small")
    assert torch.equal(embed(loaded), embed(model))
    assert not loaded.training
    assert loaded.config == SMALL
    assert (info.id, info.revision, info.trained, info.notice) == ("small", None, True, "")
    assert info.sha256 == saved.sha256
    assert info.config == SMALL.to_json()
    assert (tmp_path / "small" / "README.md").read_text() == "# A card\n"
    assert sorted(p.name for p in (tmp_path / "small").iterdir()) == ["README.md", CONFIG, WEIGHTS]


def test_half_precision_is_half_the_size_and_loads_as_float32(model: CTL, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "full", model, trained=False)
    save_checkpoint(tmp_path / "half", model, trained=False, half=True)
    loaded, _ = load_checkpoint(tmp_path / "half")
    sizes = [(tmp_path / name / WEIGHTS).stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.55 * sizes[1]
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    stored = load_file(tmp_path / "half" / WEIGHTS)
    assert all(t.dtype == (torch.float16 if t.ndim >= 2 else t.dtype) for t in stored.values())
    assert stored["backbone.features.0.1.running_var"].dtype == torch.float32
    torch.testing.assert_close(embed(loaded), embed(model), rtol=0.02, atol=0.02)


def test_backbone_alone_is_filled_up_by_a_fresh_model_of_seed_0(model: CTL, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, model, trained=False, only_backbone=True)
    torch.manual_seed(0)
    fresh = CTL(SMALL).state_dict()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    loaded = load_checkpoint(tmp_path)[0].state_dict()
    assert torch.equal(torch.get_rng_state(), before), "whoever loads goes on with their own draws"
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded[name], tensor if name.startswith("backbone.") else fresh[name]), name
    assert all(name.startswith("backbone.") for name in load_file(tmp_path / WEIGHTS))
    with pytest.raises(ValueError, match="more than its backbone"):
        save_checkpoint(tmp_path, model, trained=True, only_backbone=True)


def test_config_json_says_what_the_folder_holds(folder: Path) -> None:
    assert json.loads((folder / CONFIG).read_text()) == {
        "format": 1,
        "library": "ctl-video-reid",
        "skeleton": "coco-17",
        "trained": True,
        "model": SMALL.to_json(),
    }


def test_a_pointer_of_git_lfs_is_told_from_a_damaged_file(folder: Path) -> None:
    (folder / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    with pytest.raises(InputError, match=r"only says where Git LFS keeps the weights: .*git lfs pull"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"format": 2}, "format must be 1, got 2", id="format"),
        pytest.param({"library": "other"}, "library must be 'ctl-video-reid', got 'other'", id="library"),
        pytest.param({"skeleton": "coco-18"}, "skeleton must be 'coco-17', got 'coco-18'", id="skeleton"),
        pytest.param({"trained": "yes"}, "'trained' must be true or false", id="trained"),
        pytest.param({"model": {"layer": 3}}, "unknown keys: layer", id="model-key"),
        pytest.param({"model": {"window": 2}}, "window must be an odd integer ≥ 1, got 2", id="model-value"),
        pytest.param({"extra": 1}, "unknown keys: extra", id="key"),
        pytest.param({"weights": "backbone"}, "only be 'backbone', of an untrained model", id="trained-backbone"),
        pytest.param({"trained": False, "weights": "all"}, "only be 'backbone'", id="other-weights"),
    ],
)
def test_config_of_another_kind_is_refused(folder: Path, change: dict, sentence: str) -> None:
    values = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(values | change))
    with pytest.raises(InputError) as error:
        load_checkpoint(folder)
    assert sentence in str(error.value)
    assert str(folder / CONFIG) in str(error.value)


def without_one(tensors: dict[str, Tensor]) -> None:
    del tensors["fuse.align"]


def with_one_more(tensors: dict[str, Tensor]) -> None:
    tensors["head.bias"] = torch.zeros(3)


def of_another_shape(tensors: dict[str, Tensor]) -> None:
    tensors["fuse.align"] = torch.zeros(2, 3)


def of_integers(tensors: dict[str, Tensor]) -> None:
    tensors["fuse.align"] = tensors["fuse.align"].int()


def not_finite(tensors: dict[str, Tensor]) -> None:
    tensors["fuse.align"].view(-1)[0] = torch.nan


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(without_one, "has no fuse.align", id="missing"),
        pytest.param(with_one_more, "has an unknown head.bias", id="extra"),
        pytest.param(of_another_shape, "got (2, 3)", id="shape"),
        pytest.param(of_integers, "fuse.align must be torch.float32, got torch.int32", id="dtype"),
        pytest.param(not_finite, "fuse.align holds values that aren't finite", id="nan"),
    ],
)
def test_weights_that_do_not_fit_name_their_key(
    folder: Path, spoil: Callable[[dict[str, Tensor]], None], sentence: str
) -> None:
    tensors = load_file(folder / WEIGHTS)
    spoil(tensors)
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(InputError) as error:
        load_checkpoint(folder)
    assert sentence in str(error.value)
    assert str(folder / WEIGHTS) in str(error.value)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("keep", [pytest.param(0, id="empty"), pytest.param(100, id="truncated")])
def test_damaged_file_is_named(folder: Path, name: str, keep: int) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:keep])
    with pytest.raises(InputError, match=name):
        load_checkpoint(folder)


def test_a_pickle_is_not_opened(folder: Path) -> None:
    torch.save({"fuse.align": torch.zeros(1)}, folder / WEIGHTS)
    with pytest.raises(InputError, match="is damaged"):
        load_checkpoint(folder)


def test_refs_that_are_not_there_say_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    for ref, sentence in (
        ("./nowhere", "no checkpoint folder ./nowhere"),
        (folder / "nowhere", "no checkpoint folder"),
        ("~/nowhere", "no checkpoint folder"),
        ("nowhere", "neither a folder here nor a Hub id"),
        ("small/model.safetensors", "is a file: give the folder"),
        ("a" * 5000, "checkpoint 'aaa"),
        ("small\0", "neither a folder here nor a Hub id"),
    ):
        with pytest.raises(InputError, match=sentence):
            load_checkpoint(ref)


def test_existing_folder_wins_over_a_hub_id(model: CTL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path / "team" / "ctl@v1", model, trained=True)
    monkeypatch.chdir(tmp_path)
    _, info = load_checkpoint("team/ctl@v1")
    assert (info.id, info.revision) == ("ctl@v1", None)


def test_default_is_the_environment_and_then_the_bundled_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CTL_CHECKPOINT", raising=False)
    assert load_checkpoint()[1].id == BUNDLED.name
    monkeypatch.setenv("CTL_CHECKPOINT", str(folder))
    assert load_checkpoint()[1].id == load_checkpoint("")[1].id == "small"


def test_file_is_not_needed_after_loading(folder: Path, model: CTL) -> None:
    loaded, _ = load_checkpoint(folder)
    (folder / WEIGHTS).write_bytes(b"\0" * (folder / WEIGHTS).stat().st_size)
    (folder / WEIGHTS).unlink()
    assert torch.equal(embed(loaded), embed(model))


LOAD = """
import dataclasses, json, sys, time
from ctl.checkpoint import load_checkpoint
start = time.perf_counter()
_, info = load_checkpoint(sys.argv[1])
print(json.dumps(dataclasses.asdict(info) | {"seconds": time.perf_counter() - start}))
"""


def python(*words: str, url: str, home: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A Python with a Hub and a cache of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=kept | {"HF_ENDPOINT": url, "HF_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def load_from(ref: str, url: str, home: Path) -> dict:
    run = python("-c", LOAD, ref, url=url, home=home)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.slow
def test_checkpoint_loads_from_the_hub(folder: Path, tmp_path: Path) -> None:
    with HubServer() as hub:
        commit = hub.add("team/ctl", {path.name: path.read_bytes() for path in folder.iterdir()})
        info = load_from("team/ctl", hub.url, tmp_path)
    assert (info["id"], info["revision"], info["notice"]) == ("team/ctl", commit, "")
    assert info["sha256"] == load_checkpoint(folder)[1].sha256


@pytest.mark.slow
def test_without_the_hub_the_bundled_checkpoint_serves_with_a_notice(tmp_path: Path) -> None:
    info = load_from("team/ctl", closed_port(), tmp_path)
    assert info["id"] == BUNDLED.name
    assert "can't be reached" in info["notice"]
    assert "team/ctl" in info["notice"]
    assert BUNDLED.name in info["notice"]
    assert info["seconds"] < QUICK


@pytest.mark.slow
def test_nothing_is_exported_or_measured_in_the_name_of_weights_that_could_not_be_fetched(tmp_path: Path) -> None:
    frame = tmp_path / "people" / "gallery" / "eva" / "hall" / "0.png"
    frame.parent.mkdir(parents=True)
    Image.new("RGB", (16, 32)).save(frame)
    (tmp_path / "people" / "query").symlink_to("gallery")
    for command in (
        ("export", "--format", "onnx", "--checkpoint", "team/ctl", "--out", "ctl.onnx"),
        ("evaluate", "--dataset", "folder", "--root", "people", "--checkpoint", "team/ctl", "--json", "report.json"),
    ):
        done = python("-m", "ctl", *command, url=closed_port(), home=tmp_path / "home", cwd=tmp_path)
        assert done.returncode == 2
        assert "team/ctl@main isn't cached" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*.*"))


def test_bundled_checkpoint_is_trained_calibrated_and_small_and_its_card_names_it() -> None:
    model, info = load_checkpoint(BUNDLED)
    recipe = read_train_config(Path("walkers-graph")).model
    assert model.config == recipe
    assert info.trained
    assert info.calibration is not None
    assert (BUNDLED / WEIGHTS).stat().st_size < 40e6
    assert info.sha256 in (BUNDLED / "README.md").read_text()


def test_classifiers_stay_behind_and_nothing_else() -> None:
    config = ModelConfig(backbone="mobilenet_v2", channels=8, relation_width=4, identities=5, bn_neck=True)
    model = CTL(config)
    bare = without_classifiers(model)
    assert bare.config == replace(config, identities=0)
    left_out = model.state_dict().keys() - bare.state_dict().keys()
    assert left_out == {f"classifiers.{n}.weight" for n in range(3)}
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in bare.state_dict().items())


def test_preview_is_what_its_script_makes() -> None:
    preview, info = load_checkpoint(PREVIEW)
    assert not info.trained
    assert "untrained graph layers: rankings are not meaningful" in (PREVIEW / "README.md").read_text()
    assert preview.config == PRESETS["mobile"]
    backbone = preview.backbone.features.state_dict()
    assert len(backbone) == 312
    remade = make_model(backbone).state_dict()
    for name, tensor in preview.state_dict().items():
        torch.testing.assert_close(tensor, remade[name], rtol=2e-3, atol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


def test_script_gives_the_same_bytes_again(tmp_path: Path) -> None:
    backbone = load_checkpoint(PREVIEW)[0].backbone.features.state_dict()
    made = save_checkpoint(tmp_path, make_model(backbone), trained=False, half=True, only_backbone=True)
    assert made.sha256 == load_checkpoint(PREVIEW)[1].sha256


def test_script_refuses_tensors_that_do_not_line_up() -> None:
    backbone = dict(load_checkpoint(PREVIEW)[0].backbone.features.state_dict())
    names = list(backbone)
    swapped = {names[1]: backbone[names[1]], names[0]: backbone[names[0]]} | {n: backbone[n] for n in names[2:]}
    with pytest.raises(ValueError, match=r"0\.0\.weight must be \(32, 3, 3, 3\)"):
        make_model(swapped)


WRITE = """
import itertools, sys
from pathlib import Path
from ctl.files import write_atomic
print("writing", flush=True)
for letter in itertools.cycle((b"a", b"b")):
    write_atomic(Path(sys.argv[1]), letter * 20_000_000)
"""


def test_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"a" * 20_000_000)
    for wait in (0.01, 0.02, 0.03, 0.05):
        with subprocess.Popen([sys.executable, "-c", WRITE, str(path)], cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(wait)
            writer.kill()
        data = path.read_bytes()
        assert data in (b"a" * 20_000_000, b"b" * 20_000_000)


def test_failed_write_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"a file where a folder should be")
    with pytest.raises(InputError, match="can't be written"):
        write_atomic(tmp_path / "folder" / "file", b"data")
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="taken can't be written"):
        write_atomic(tmp_path / "taken", b"data")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "taken"]
