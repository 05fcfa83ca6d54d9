"""The command line: `python -m ctl COMMAND`. Exit codes: 0 done, 2 input or usage; a bug keeps its traceback."""

import argparse
import errno
import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from ctl.enrol.cli import add_gallery
from ctl.errors import CTLError, InputError, printable
from ctl.evaluate.cli import add_evaluate
from ctl.export.cli import add_export
from ctl.options import KINDS, Commands, add_kind, add_model_options, engine_options
from ctl.progress import progress_bar
from ctl.space import add_space
from ctl.train.cli import add_ablate, add_train
from ctl.walkers.cli import add_walkers
from ctl.web.app import add_app

SYSTEM_REFUSES: Final = frozenset(
    {errno.ENAMETOOLONG, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)
"""Names too long, disks that are full, read-only or broken, files of others: wherever a command meets one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin make a busy machine several times slower
    parser = argparse.ArgumentParser(prog="python -m ctl", description="Video person re-identification, explained.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        add_app,
        add_analyze,
        add_gallery,
        add_walkers,
        add_train,
        add_evaluate,
        add_ablate,
        add_export,
        add_push,
        add_space,
        add_bench,
    ):
        add(commands)
    args = parser.parse_args(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    try:
        return args.run(args)
    except CTLError as error:
        print(f"ctl: {error.told(getattr(args, 'remedies', {}))}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in SYSTEM_REFUSES:
            raise
        named = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        print(f"ctl: {printable(named)}{error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ctl: stopped", file=sys.stderr)
        return 2


def add_analyze(commands: Commands) -> None:
    parser = commands.add_parser("analyze", help="Explain a clip: graphs, matrices, Grad-CAM and ranking as files.")
    parser.add_argument("clip", type=Path, help="video file, or folder or zip of frames")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    add_kind(parser)
    add_model_options(parser)
    parser.set_defaults(run=run_analyze)


def run_analyze(args: argparse.Namespace) -> int:
    from ctl.files import require_writable
    from ctl.pipeline import Engine
    from ctl.results import write_results
    from ctl.runtime import release_memory
    from ctl.types import UNTRAINED

    require_writable(args.out)
    engine = Engine.load(gallery=args.gallery, **engine_options(args))
    release_memory()
    with progress_bar() as step:
        analysis = engine.analyze(args.clip, KINDS[args.tracklet], step)
    release_memory()
    files = write_results(engine, args.clip, analysis, args.out)
    notices = [*([] if analysis.checkpoint.trained else [UNTRAINED]), *engine.notices, *analysis.video.notices]
    for notice in (*notices, *analysis.dropped):
        print(f"note: {notice}", file=sys.stderr)
    for person in analysis.people:
        best = person.ranking[0] if person.ranking else None
        nearest = (
            f", nearest in the gallery: {best.person}, camera {best.camera} ({best.similarity:.3f})" if best else ""
        )
        print(f"person {person.tracklet.id}: {len(person.tracklet)} frames{nearest}")
    print(", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in analysis.timings_s.items()))
    print(f"{len(files)} files in {args.out}")
    return 0


def add_push(commands: Commands) -> None:
    parser = commands.add_parser("push", help="Send a checkpoint folder with its card to the Hugging Face Hub.")
    parser.add_argument("repo_id", metavar="OWNER/NAME")
    parser.add_argument("--checkpoint", type=Path, help="folder to send (default: the bundled checkpoint)")
    parser.add_argument("--private", action="store_true")
    parser.set_defaults(run=run_push)


def run_push(args: argparse.Namespace) -> int:
    from ctl.checkpoint import BUNDLED
    from ctl.hub import push

    print(push(args.checkpoint or BUNDLED, args.repo_id, private=args.private))
    return 0


def add_bench(commands: Commands) -> None:
    parser = commands.add_parser("bench", help="Measure speed as ratios, and memory, on this machine; prints JSON.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds per ratio (default: %(default)s)")
    parser.add_argument("--gallery", action="store_true", help="instead: searches of 10^4 to 10^6 made-up tracklets")
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="instead: training and analysis on that device, and its agreement with a CPU",
    )
    parser.add_argument("--qdrant", metavar="URL", help="with --gallery: a Qdrant server to measure too")
    parser.set_defaults(run=run_bench)


def run_bench(args: argparse.Namespace) -> int:
    if args.rounds < 1:
        raise InputError(f"--rounds must be ≥ 1, got {args.rounds}")
    if args.gallery:
        from ctl.bench.gallery import gallery_costs

        print(json.dumps(gallery_costs(args.qdrant), indent=2))
        return 0
    if args.device:
        from ctl.bench.device import device_costs

        print(json.dumps(device_costs(args.device, args.rounds), indent=2))
        return 0
    from ctl.bench.report import measure

    print(json.dumps(measure(args.rounds), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
