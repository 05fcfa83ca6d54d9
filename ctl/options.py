"""Options that several commands share, and what they make of them. Light: torch loads when a command runs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ctl.errors import Remedy

if TYPE_CHECKING:
    from ctl.pipeline import Engine
    from ctl.types import ClipKind

Commands = argparse._SubParsersAction
CLIP_KINDS: Final[dict[str, "ClipKind | None"]] = {"auto": None, "crop": "crop", "scene": "scene"}
"""What a clip shows, in the words of command line, page and endpoints; None lets the clip decide."""

KINDS: Final = CLIP_KINDS | {"detect": "scene"}
"""What the command line takes: "detect" is its former word for a scene."""

PLACE: Final = "DIR_OR_URL"


def add_model_options(parser: argparse.ArgumentParser, gallery: bool = True) -> None:
    parser.add_argument("--checkpoint", metavar="ID_OR_PATH", help="folder, Hub id or id@revision (default: bundled)")
    parser.add_argument("--keypoints", default="movenet-thunder", metavar="ID_OR_PATH", help="default: %(default)s")
    parser.add_argument("--detector", default="movenet-multipose", metavar="ID_OR_PATH", help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    add_backend(parser)
    parser.add_argument("--fp32", action="store_true", help="no bfloat16 on CUDA")
    if gallery:
        parser.add_argument("--gallery", metavar=PLACE, help="default: the demo gallery")


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


def load_engine(args: argparse.Namespace, gallery: str | Path | None = None) -> "Engine":
    from ctl.pipeline import Engine

    return Engine.load(
        args.checkpoint, args.keypoints, args.device, gallery, not args.fp32, args.detector, backend=args.backend
    )
