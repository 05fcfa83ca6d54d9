"""Options that several commands share. Light: torch loads when a command runs."""

import argparse
from typing import TYPE_CHECKING, Any, Final

from ctl.errors import Remedy

if TYPE_CHECKING:
    from ctl.types import ClipKind

Commands = argparse._SubParsersAction
CLIP_KINDS: Final[dict[str, "ClipKind | None"]] = {"auto": None, "crop": "crop", "scene": "scene"}
"""What a clip shows, in the words of command line, page and endpoints; None lets the clip decide."""

KINDS: Final = CLIP_KINDS | {"detect": "scene"}
"""What the command line takes: "detect" is its former word for a scene."""

PLACE: Final = "DIR_OR_URL"


def add_model_options(parser: argparse.ArgumentParser, gallery: bool = True) -> None:
    add_networks(parser)
    parser.add_argument("--detector", default="movenet-multipose", metavar="ID_OR_PATH", help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    add_backend(parser)
    parser.add_argument("--fp32", action="store_true", help="no bfloat16 on CUDA")
    if gallery:
        parser.add_argument("--gallery", metavar=PLACE, help="default: the demo gallery")


def add_networks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", metavar="ID_OR_PATH", help="folder, Hub id or id@revision (default: bundled)")
    parser.add_argument("--keypoints", default="movenet-thunder", metavar="ID_OR_PATH", help="default: %(default)s")


def add_backend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backend",
        choices=("auto", "onnx", "torch"),
        default="auto",
        help="what runs the networks on a CPU (default: onnx, if it is installed)",
    )


def add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tracklet",
        choices=KINDS,
        metavar="{auto,crop,scene}",
        default="auto",
        help="the clip is one person's crops, or a scene to detect people in (default: %(default)s)",
    )
    parser.set_defaults(remedies={Remedy.SAY_CROP: "if it shows one person cut out, give --tracklet crop"})


def engine_options(args: argparse.Namespace) -> dict[str, Any]:
    """What was given by `add_model_options`, as `Engine.load` takes it; a gallery isn't among it."""
    return {
        "checkpoint": args.checkpoint,
        "estimator": args.keypoints,
        "device": args.device,
        "mixed": not args.fp32,
        "detector": args.detector,
        "backend": args.backend,
    }
