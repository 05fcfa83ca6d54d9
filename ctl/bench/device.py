"""`python -m ctl bench --device cuda`: what training and analysis cost there, and whether it says what a CPU says."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ctl.bench.report import SAMPLES, write_hd_scene
from ctl.bench.timing import seconds, spread
from ctl.bench.training import training_costs
from ctl.inference import nodes_of, relate_tracklet
from ctl.pipeline import Engine
from ctl.runtime import synchronise
from ctl.types import PersonAnalysis

AGREEMENT_CLIPS: Final = ("man-lab1", "woman-lab4", "walker-0010", "street")
SCENE_SECONDS: Final = 5.0
CAM_FRAMES: Final = 50


def device_costs(device: str, rounds: int) -> dict[str, Any]:
    """Warm costs on a device, as medians with the lowest and highest of `rounds` rounds, and agreement with the CPU.

    Raises:
        InputError: there is no such device, or the extra [train] isn't installed.
    """
    training = training_costs(device, rounds)
    engine = Engine.load(device=device)
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.mp4"
        write_hd_scene(scene, SCENE_SECONDS)
        analysis = engine.analyze(scene)  # warms up
        person = analysis.people[0]
        over_length = [seconds(lambda: engine.analyze(scene)) / analysis.video.duration for _ in range(rounds)]
        stages = engine.analyze(scene).timings_s
    nodes, clip_length = nodes_of(person.trace), engine.model.config.clip_length
    one_clip = nodes[:clip_length]
    crops = person.tracklet.crops[np.arange(CAM_FRAMES) % len(person.tracklet)]

    def head() -> None:
        relate_tracklet(engine.model, one_clip)
        synchronise(engine.device)

    def cam() -> None:
        engine.grad_cam(crops, aspect=person.tracklet.aspect)

    head()
    cam()
    return {
        "device": torch.cuda.get_device_name(engine.device) if engine.device.type == "cuda" else str(engine.device),
        "analyze_over_scene_length": spread(over_length),
        "people_in_scene": len(analysis.people),
        "stages_s": {stage: round(value, 3) for stage, value in stages.items()},
        "graph_head_ms_a_clip": spread([1000 * seconds(head) for _ in range(rounds)]),
        f"grad_cam_of_{CAM_FRAMES}_frames_s": spread([seconds(cam) for _ in range(rounds)]),
        "agreement_with_cpu": agreement(device),
        "training": training,
    }


def agreement(device: str) -> dict[str, dict[str, dict[str, Any]]]:
    """ "fp32", "bf16" -> clip -> lowest cosine with what PyTorch embeds on a CPU, and whether rankings are the same."""
    reference = _people(Engine.load(device="cpu", backend="torch"))
    answers = {"fp32": Engine.load(device=device, mixed=False), "bf16": Engine.load(device=device, mixed=True)}
    return {
        name: {clip: _agreement(reference[clip], people) for clip, people in _people(engine).items()}
        for name, engine in answers.items()
    }


def _people(engine: Engine) -> dict[str, tuple[PersonAnalysis, ...]]:
    return {clip: engine.analyze(SAMPLES / f"{clip}.mp4").people for clip in AGREEMENT_CLIPS}


def _agreement(on_cpu: Sequence[PersonAnalysis], on_device: Sequence[PersonAnalysis]) -> dict[str, Any]:
    pairs = list(zip(on_cpu, on_device, strict=False))
    return {
        "people": [len(on_cpu), len(on_device)],
        "lowest_cosine": round(min(float(a.embedding @ b.embedding) for a, b in pairs), 6),
        "same_ranking": all([hit.key for hit in a.ranking] == [hit.key for hit in b.ranking] for a, b in pairs),
    }
