"""`python -m ctl bench`: everything that is promised about speed and memory, measured in one run."""

import platform
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from ctl.bench.model import head_costs
from ctl.bench.ranking import ranking_costs
from ctl.bench.timing import ratio, seconds, spread
from ctl.files import ROOT
from ctl.inference import frames_at_once, to_tensor
from ctl.pipeline import ANALYSIS_FPS, Engine
from ctl.types import Tracklet
from ctl.video.reader import open_clip
from ctl.video.writer import write_video

SAMPLES: Final = ROOT / "assets" / "samples"
SCENE: Final = SAMPLES / "street.mp4"
HD: Final = (1280, 720)

MEASURED: Final = """
import sys
from ctl.__main__ import main
from ctl.bench.memory import peak_mb
failed = main(sys.argv[1:])
print(peak_mb())
sys.exit(failed)
"""
"""`python -m ctl` that says last how much memory it took."""


def measure(rounds: int) -> dict[str, Any]:
    """All measurements, as JSON values. Each ratio is a median with the lowest and highest of `rounds` rounds.

    Takes a few minutes on two cores. Nothing else should run meanwhile.
    """
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "scene.mp4", Path(folder) / "minute.mp4"
        write_hd_scene(short, 5.0)
        write_hd_scene(long, 60.0)
        return {
            "machine": {
                "cpu": platform.processor() or platform.machine(),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            },
            "mobile": head_costs("mobile", clips=4, rounds=rounds),
            "paper": head_costs("paper", clips=4, rounds=rounds),
            **clip_costs(short, rounds),
            **ranking_costs(),
            "peak_memory_of_analyze_on_60_s_scene_mb": peak_memory(long),
            "app_start_to_first_page_s": spread([app_start() for _ in range(3)]),
        }


def clip_costs(scene: Path, rounds: int) -> dict[str, Any]:
    """What a whole clip and a whole scene cost, with the bundled models."""
    engine = Engine.load()
    backbone = engine.model.backbone
    people = engine.analyze(scene).people
    start = _first_frames(people[0].tracklet, 48)
    frames = to_tensor(start.crops, engine.device)

    def whole_clip() -> object:
        return engine.extract([start], lambda done: None)

    def backbone_alone() -> object:
        with torch.inference_mode():
            return [backbone(few.unsqueeze(0)) for few in frames.split(frames_at_once(engine.device))]

    def cam() -> object:
        return engine.grad_cam(people[0].tracklet.crops)

    def forward() -> object:
        return engine.extract([people[0].tracklet], lambda done: None)

    with open_clip(scene, max_fps=ANALYSIS_FPS) as clip:
        length = clip.info.duration
    return {
        "whole_clip_over_backbone_time": ratio(whole_clip, backbone_alone, rounds),
        "grad_cam_over_forward_time": ratio(cam, forward, rounds),
        "scene_time_over_scene_length": spread(
            [seconds(lambda: engine.analyze(scene)) / length for _ in range(rounds)]
        ),
        "people_in_scene": len(people),
    }


def _first_frames(tracklet: Tracklet, count: int) -> Tracklet:
    per_frame = (tracklet.crops, tracklet.boxes, tracklet.frames, tracklet.times, tracklet.detection_scores)
    return Tracklet(tracklet.id, *(values[:count] for values in per_frame))


def write_hd_scene(path: Path, length: float) -> None:
    """The sample scene at 1280 x 720, repeated until it lasts `length` seconds."""
    with open_clip(SCENE) as clip:
        fps = clip.info.fps

    def frames() -> Iterator[np.ndarray]:
        for _ in cycle([None]):
            with open_clip(SCENE) as clip:
                for frame in clip:
                    yield np.asarray(Image.fromarray(frame.image).resize(HD))

    write_video(path, islice(frames(), round(length * fps)), fps)


def peak_memory(clip: Path) -> int:
    """Resident memory in MB (10⁶ bytes) of a process that analyses one clip and ends."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-c", MEASURED, "analyze", str(clip), "--out", out]
        run = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return int(run.stdout.split()[-1])


def app_start(patience: float = 120.0) -> float:
    """Seconds from `python app.py` to the first page it serves."""
    port = 7950
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - start < patience:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                    page.read()
                return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        raise TimeoutError(f"app.py served no page within {patience:.0f} s")
    finally:
        server.terminate()
        server.wait()
