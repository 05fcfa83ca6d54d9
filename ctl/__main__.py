"""The command line: `python -m ctl COMMAND`. Exit codes: 0 done, 2 input or usage; a bug keeps its traceback."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ctl.errors import CTLError

if TYPE_CHECKING:  # torch loads only when a command needs it
    from ctl.pipeline import Engine
    from ctl.types import ClipKind, Ranking

Commands = argparse._SubParsersAction
KINDS: Final[dict[str, "ClipKind | None"]] = {"auto": None, "crop": "crop", "detect": "scene"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin make a busy machine several times slower
    parser = argparse.ArgumentParser(prog="python -m ctl", description="Video person re-identification, explained.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_analyze, add_gallery, add_push, add_bench):
        add(commands)
    args = parser.parse_args(argv)
    try:
        return args.run(args)
    except CTLError as error:
        print(f"ctl: {error}", file=sys.stderr)
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
    from ctl.results import write_results
    from ctl.types import UNTRAINED

    engine = load_engine(args, args.gallery)
    with progress() as step:
        analysis = engine.analyze(args.clip, KINDS[args.tracklet], step)
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


def add_gallery(commands: Commands) -> None:
    parser = commands.add_parser("gallery", help="Build, extend, search and shrink a gallery of known people.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    build = actions.add_parser("build", help="Embed the clips that a JSON list names, into a new gallery.")
    build.add_argument(
        "list", type=Path, help='[{"file", "person", "camera", "kind", "tracklet"}], files beside the list'
    )
    add_gallery_folder(build)
    add_model_options(build, gallery=False)
    build.set_defaults(run=run_gallery_build)

    add = actions.add_parser("add", help="Embed one clip into a gallery.")
    add.add_argument("clip", type=Path)
    add.add_argument("--person", required=True)
    add.add_argument("--camera", required=True)
    add.add_argument("--id", type=int, default=1, help="number of the person within the clip (default: %(default)s)")
    add_kind(add)
    add_gallery_folder(add)
    add_model_options(add, gallery=False)
    add.set_defaults(run=run_gallery_add)

    search = actions.add_parser("search", help="Rank a gallery for the people of a clip.")
    search.add_argument("clip", type=Path)
    add_kind(search)
    add_model_options(search)
    search.set_defaults(run=run_gallery_search)

    remove = actions.add_parser("remove", help="Take tracklets out of a gallery.")
    remove.add_argument("keys", nargs="+", metavar="KEY", help="as `gallery search` prints them")
    add_gallery_folder(remove)
    remove.set_defaults(run=run_gallery_remove)


def run_gallery_build(args: argparse.Namespace) -> int:
    from ctl.enrol import build_gallery, read_list

    rows = read_list(args.list)
    engine = load_engine(args)
    with progress() as step:
        gallery = build_gallery(engine, rows, step)
    gallery.save(args.gallery)
    print(f"{len(gallery)} tracklets in {args.gallery}")
    return 0


def run_gallery_add(args: argparse.Namespace) -> int:
    from ctl.enrol import Row, enrol
    from ctl.gallery import INDEX, Gallery

    engine = load_engine(args)
    exists = (args.gallery / INDEX).exists()
    gallery = Gallery.load(args.gallery) if exists else Gallery.empty(engine.checkpoint.sha256)
    row = Row(args.clip, args.person, args.camera, KINDS[args.tracklet], args.id)
    gallery = enrol(engine, gallery, row)
    gallery.save(args.gallery)
    print(
        f"{gallery.entries[-1].key} is {args.person}, camera {args.camera}; {len(gallery)} tracklets in {args.gallery}"
    )
    return 0


def run_gallery_search(args: argparse.Namespace) -> int:
    engine = load_engine(args, args.gallery)
    with progress() as step:
        analysis = engine.analyze(args.clip, KINDS[args.tracklet], step)
    for person in analysis.people:
        print(f"person {person.tracklet.id}, {len(person.tracklet)} frames")
        print_ranking(person.ranking)
    return 0


def run_gallery_remove(args: argparse.Namespace) -> int:
    from ctl.gallery import Gallery

    gallery = Gallery.load(args.gallery).remove(args.keys)
    gallery.save(args.gallery)
    print(f"{len(gallery)} tracklets left in {args.gallery}")
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
    parser.set_defaults(run=run_bench)


def run_bench(args: argparse.Namespace) -> int:
    from ctl.bench.report import measure

    print(json.dumps(measure(args.rounds), indent=2))
    return 0


def add_model_options(parser: argparse.ArgumentParser, gallery: bool = True) -> None:
    parser.add_argument("--checkpoint", metavar="ID_OR_PATH", help="folder, Hub id or id@revision (default: bundled)")
    parser.add_argument("--keypoints", default="movenet-thunder", metavar="ID_OR_PATH", help="default: %(default)s")
    parser.add_argument("--detector", default="movenet-multipose", metavar="ID_OR_PATH", help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--fp32", action="store_true", help="no bfloat16 on CUDA")
    if gallery:
        parser.add_argument("--gallery", type=Path, metavar="DIR", help="default: the demo gallery")


def add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tracklet",
        choices=KINDS,
        default="auto",
        help="the clip is one person's crops, or a scene to detect people in (default: %(default)s)",
    )


def add_gallery_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gallery", type=Path, metavar="DIR", required=True)


def load_engine(args: argparse.Namespace, gallery: Path | None = None) -> "Engine":
    from ctl.pipeline import Engine

    return Engine.load(args.checkpoint, args.keypoints, args.device, gallery, not args.fp32, args.detector)


@contextmanager
def progress() -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr for `on_step`, silent where nobody watches."""
    from tqdm import tqdm

    with tqdm(total=100, disable=None, leave=False, bar_format="{desc:24}{bar}{percentage:4.0f} %") as bar:

        def step(done: float, label: str) -> None:
            bar.set_description_str(label, refresh=False)
            bar.update(100 * done - bar.n)

        yield step


def print_ranking(ranking: "Ranking") -> None:
    for hit in ranking:
        print(f"{hit.rank:4}  {hit.similarity:6.3f}  {hit.person:20} camera {hit.camera:10} {hit.key}")


if __name__ == "__main__":
    sys.exit(main())
