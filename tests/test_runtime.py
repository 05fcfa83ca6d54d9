"""Networks in ONNX Runtime against the same in PyTorch, on real clips; and the cache of their graphs."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from torch import nn

from ctl import runtime
from ctl.errors import InputError
from ctl.files import ROOT
from ctl.keypoints.centernet import CenterNet
from ctl.keypoints.load import load_estimator
from ctl.model import CTL
from ctl.pipeline import Engine
from ctl.runtime import OnnxModule, Unfilled, each, runs_onnx
from ctl.types import Analysis
from ctl.video.reader import open_clip

pytestmark = pytest.mark.slow

SAMPLES = ROOT / "assets" / "samples"
CLIPS = ("man-lab1", "woman-lab4", "walker-0010")


@pytest.fixture(scope="module")
def engines() -> dict[str, Engine]:
    return {backend: Engine.load(device="cpu", backend=backend) for backend in ("torch", "onnx")}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    """A cache of our own, empty at first."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def analyses(engines) -> dict[str, list[Analysis]]:
    return {name: [engine.analyze(SAMPLES / f"{clip}.mp4") for clip in CLIPS] for name, engine in engines.items()}


@pytest.mark.parametrize("number", range(len(CLIPS)), ids=CLIPS)
def test_both_backends_embed_pose_and_rank_a_clip_alike(analyses, number: int) -> None:
    (slow,), (fast,) = analyses["torch"][number].people, analyses["onnx"][number].people
    np.testing.assert_allclose(fast.embedding, slow.embedding, atol=1e-4)
    np.testing.assert_allclose(fast.trace.keypoints.xy, slow.trace.keypoints.xy, atol=0.05)
    np.testing.assert_allclose(fast.trace.keypoints.scores, slow.trace.keypoints.scores, atol=1e-3)
    assert [hit.key for hit in fast.ranking] == [hit.key for hit in slow.ranking]


def test_both_backends_explain_a_similarity_alike(engines, analyses) -> None:
    (man,), (woman,) = analyses["torch"][0].people, analyses["torch"][1].people
    maps = [engine.grad_cam(man.tracklet.crops, woman.embedding) for engine in engines.values()]
    assert maps[0].max() == pytest.approx(1)
    np.testing.assert_allclose(maps[1], maps[0], atol=5e-3)


def test_both_backends_see_the_same_people_in_a_frame(engines) -> None:
    with open_clip(SAMPLES / "street.mp4") as clip:
        images = [frame.image for frame in clip][:4]
    found = {name: engine.detector(images) for name, engine in engines.items()}
    for slow, fast in zip(found["torch"], found["onnx"], strict=True):
        np.testing.assert_allclose(fast.boxes, slow.boxes, atol=0.05)
        np.testing.assert_allclose(fast.scores, slow.scores, atol=1e-3)


def test_a_model_that_runs_in_onnx_keeps_its_weights(engines) -> None:
    (same, again) = (engine.model.state_dict() for engine in engines.values())
    assert same.keys() == again.keys()
    assert all(torch.equal(values, again[name]) for name, values in same.items())


def small(bias: float) -> nn.Module:
    net = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU())
    nn.init.constant_(net[0].bias, bias)
    return net.eval()


def test_a_graph_takes_any_batch_and_size_and_leaves_its_module_alone() -> None:
    net = small(0.5)
    fast = OnnxModule(net, torch.zeros(1, 3, 8, 8))
    assert not any(part.training for part in net.modules())
    for shape in ((1, 3, 8, 8), (5, 3, 40, 24)):
        pictures = torch.rand(shape).contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(fast(pictures), net(pictures), atol=1e-5, rtol=1e-5)


def test_batches_run_beside_each_other_and_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    net = small(0.5)
    fast = OnnxModule(net, torch.zeros(1, 3, 8, 8))
    run, three, taken = fast._run, Barrier(3, timeout=30), 0
    pictures = torch.rand(12, 3, 8, 8)

    def run_together(batch: np.ndarray) -> list[np.ndarray]:
        three.wait()  # fails if fewer run at a time
        return run(batch)

    def batches() -> Iterator[torch.Tensor]:
        nonlocal taken
        for batch in pictures.split(1):
            taken += 1
            yield batch

    monkeypatch.setattr(fast, "_run", run_together)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for number, got in enumerate(each(fast, batches())):
        torch.testing.assert_close(got, net(pictures[number : number + 1]), atol=1e-5, rtol=1e-5)
        assert taken <= number + 4, "a long clip would fill the memory"
    torch.testing.assert_close(fast(pictures), net(pictures), atol=1e-5, rtol=1e-5)


def test_a_forked_process_computes_too() -> None:
    script = """
import os, torch
from ctl.runtime import OnnxModule
torch.set_num_threads(2)
fast, pictures = OnnxModule(torch.nn.Conv2d(3, 2, 3).eval(), torch.zeros(1, 3, 8, 8)), torch.rand(60, 3, 8, 8)
before = fast(pictures)
if os.fork() == 0:
    os._exit(0 if torch.equal(fast(pictures), before) else 1)
assert os.wait()[1] == 0
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, timeout=60)


def test_nothing_is_reported_and_no_device_gets_a_number(tmp_path: Path) -> None:
    """ONNX Runtime's own builds keep an identifier in the home and a session's number beside temporary files."""
    script = """
import torch
from ctl.runtime import OnnxModule
OnnxModule(torch.nn.Conv2d(3, 2, 3).eval(), torch.zeros(1, 3, 8, 8))
"""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "TMPDIR": str(temporary)}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=environment | places)
    assert list(temporary.iterdir()) == []
    assert [path.name for path in (home / ".cache").iterdir()] == ["ctl-explorer"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as Linux tells it")
def test_memory_for_large_pictures_is_given_back() -> None:
    code = """
from pathlib import Path
import torch
from ctl.keypoints.centernet import load_bundled
from ctl.runtime import release_memory
def held():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)
net, pictures = load_bundled("movenet-multipose", onnx=True, device="cpu"), torch.zeros(1, 3, 736, 1280)
before = net(pictures)["center"]
most = held()
release_memory()
assert most - held() > 100_000, (most, held())
assert torch.equal(net(pictures)["center"], before)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_layers_whose_weights_are_read_draw_none() -> None:
    def draws(make: Callable[[], object]) -> bool:
        before = torch.random.get_rng_state()
        make()
        return not torch.equal(torch.random.get_rng_state(), before)

    assert draws(lambda: CTL.from_config("mobile"))
    with Unfilled():
        assert not draws(lambda: CTL.from_config("mobile"))
        assert not draws(lambda: CenterNet(1.0, {"center": 1}))


def test_other_weights_have_another_graph(cache: Path) -> None:
    before = set(cache.rglob("*.onnx"))
    first, second = (OnnxModule(small(bias), torch.zeros(1, 3, 8, 8)) for bias in (1.0, 2.0))
    assert len(set(cache.rglob("*.onnx")) - before) == 2
    assert not torch.allclose(first(torch.zeros(1, 3, 8, 8)), second(torch.zeros(1, 3, 8, 8)))


def test_a_graph_is_made_once_however_many_want_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, pictures = small(3.0), torch.rand(2, 3, 8, 8)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: OnnxModule(net, torch.zeros(1, 3, 8, 8)), range(4)))
    monkeypatch.setattr(runtime, "_graph", lambda *_: pytest.fail("it was kept"))
    for fast in (*together, OnnxModule(net, torch.zeros(1, 3, 8, 8))):
        torch.testing.assert_close(fast(pictures), net(pictures), atol=1e-5, rtol=1e-5)


def test_a_damaged_graph_is_made_again(cache: Path) -> None:
    before = set(cache.rglob("*.onnx"))
    net, pictures = small(4.0), torch.rand(2, 3, 8, 8)
    OnnxModule(net, torch.zeros(1, 3, 8, 8))
    (path,) = set(cache.rglob("*.onnx")) - before
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    torch.testing.assert_close(OnnxModule(net, torch.zeros(1, 3, 8, 8))(pictures), net(pictures), atol=1e-5, rtol=1e-5)
    assert path.read_bytes() == whole


def test_the_cache_keeps_what_was_used_last(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [nn.Conv2d(3, channels, 1) for channels in (10, 30, 20)]
    files = []
    for hours, layer in enumerate(layers[:2]):
        before = set(cache.rglob("*.onnx"))
        OnnxModule(layer, torch.zeros(1, 3, 4, 4))
        (file,) = set(cache.rglob("*.onnx")) - before
        os.utime(file, (hours, hours))  # of 1970
        files.append(file)
    OnnxModule(layers[0], torch.zeros(1, 3, 4, 4))  # used again
    room = sum(file.stat().st_size for file in cache.rglob("*.onnx"))
    monkeypatch.setattr(runtime, "KEPT", room)
    OnnxModule(layers[2], torch.zeros(1, 3, 4, 4))
    assert [file.exists() for file in files] == [True, False]
    assert sum(file.stat().st_size for file in cache.rglob("*.onnx")) <= room


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    net, pictures = small(5.0), torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(OnnxModule(net, torch.zeros(1, 3, 8, 8))(pictures), net(pictures), atol=1e-5, rtol=1e-5)


def test_without_the_package_everything_runs_in_torch() -> None:
    script = """
import sys
from ctl import runtime
runtime.find_spec = lambda name: None
from ctl import analyze
analyze(sys.argv[1], device="cpu")
assert "onnxruntime" not in sys.modules
"""
    command = [sys.executable, "-c", script, str(SAMPLES / "walker-0010.mp4")]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ)


def test_a_backend_that_cannot_be_had_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_onnx("auto", torch.device("cpu"))
    assert not runs_onnx("auto", torch.device("cuda"))
    assert not runs_onnx("torch", torch.device("cpu"))
    with pytest.raises(InputError, match="runs on a CPU, and the device is cuda"):
        runs_onnx("onnx", torch.device("cuda"))
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install onnx onnxruntime"):
        runs_onnx("onnx", torch.device("cpu"))


def test_an_estimator_in_onnx_checks_its_frames_as_ever() -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        load_estimator(onnx=True)(torch.zeros(1, 3, 60, 32))
