"""`python -m ctl export`."""

import argparse
from pathlib import Path

from ctl.options import Commands


def add_export(commands: Commands) -> None:
    parser = commands.add_parser("export", help="Write a checkpoint as one file that runs without this package.")
    parser.add_argument("--format", choices=("onnx", "torch-export"), required=True)
    parser.add_argument("--checkpoint", metavar="ID_OR_PATH", help="folder, Hub id or id@revision (default: bundled)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="such as ctl.onnx or ctl.pt2")
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    from ctl.checkpoint import load_checkpoint
    from ctl.errors import InputError
    from ctl.export.program import export
    from ctl.files import require_writable

    if args.out.is_dir():
        raise InputError(f"{args.out} is a folder: give a file with --out, such as {args.out / 'ctl.onnx'}")
    require_writable(args.out.parent)
    model, info = load_checkpoint(args.checkpoint, fall_back=False)
    export(model, info, args.format, args.out)
    print(f"{info.id} -> {args.out}, {args.out.stat().st_size / 1e6:.1f} MB")
    return 0
