"""`python -m ctl gallery ACTION`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ctl.errors import Remedy
from ctl.options import KINDS, PLACE, Commands, add_kind, add_model_options, engine_options
from ctl.progress import progress_bar

if TYPE_CHECKING:
    from ctl.gallery import Filter, Gallery
    from ctl.types import Ranking


def add_gallery(commands: Commands) -> None:
    parser = commands.add_parser("gallery", help="Keep a gallery of known people, and search it.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for add in (_add_build, _add_add, _add_search, _add_list, _add_rename, _add_remove, _add_export, _add_import):
        add(actions)


def _add_build(actions: Commands) -> None:
    parser = actions.add_parser("build", help="Embed the clips that a JSON list names, in place of a gallery.")
    parser.add_argument(
        "list", type=Path, help='[{"file", "person", "camera", "kind", "tracklet"}], files beside the list'
    )
    _add_place(parser)
    add_model_options(parser, gallery=False)
    parser.set_defaults(run=run_build)


def run_build(args: argparse.Namespace) -> int:
    from ctl.enrol.clips import build_gallery, read_list
    from ctl.gallery import open_store
    from ctl.pipeline import Engine

    rows = read_list(args.list)
    engine = Engine.load(**engine_options(args))
    with progress_bar() as step:
        gallery = build_gallery(engine, rows, step)
    open_store(args.gallery, engine.checkpoint.sha256).replace(gallery)
    print(f"{len(gallery)} tracklets in {args.gallery}")
    return 0


def _add_add(actions: Commands) -> None:
    parser = actions.add_parser("add", help="Embed one clip into a gallery.")
    parser.add_argument("clip", type=Path)
    parser.add_argument("--person", required=True)
    parser.add_argument("--camera", required=True)
    parser.add_argument("--id", type=int, default=1, help="number of the person within the clip (default: %(default)s)")
    add_kind(parser)
    _add_place(parser)
    add_model_options(parser, gallery=False)
    parser.set_defaults(run=run_add)


def run_add(args: argparse.Namespace) -> int:
    from ctl.enrol.clips import Row, embed_row
    from ctl.gallery import open_store
    from ctl.pipeline import Engine

    row = Row(args.clip, args.person, args.camera, KINDS[args.tracklet], args.id)
    engine = Engine.load(**engine_options(args))
    store = open_store(args.gallery, engine.checkpoint.sha256)
    store.read()  # a gallery that can't be used is named before the clip is analysed
    record = embed_row(engine, row)
    gallery = store.update(lambda gallery: gallery.add([record]))
    print(f"{record.entry.key} is {args.person}, camera {args.camera}; {len(gallery)} tracklets in {args.gallery}")
    return 0


def _add_search(actions: Commands) -> None:
    parser = actions.add_parser("search", help="Rank a gallery for the people of clips.")
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument(
        "--combine", action="store_true", help="the clips show one person: one ranking, for the first of each clip"
    )
    parser.add_argument("--top", type=int, default=20, metavar="K", help="hits at most (default: %(default)s)")
    parser.add_argument("--at-least", type=float, default=-1.0, metavar="S", help="smallest similarity, -1 to 1")
    parser.add_argument("--camera", action="append", default=[], metavar="NAME", help="only this camera; repeatable")
    parser.add_argument(
        "--not-camera", action="append", default=[], metavar="NAME", help="not this camera, say the query's; repeatable"
    )
    parser.add_argument("--person", action="append", default=[], metavar="NAME", help="only this person; repeatable")
    add_kind(parser)
    add_model_options(parser)
    parser.set_defaults(run=run_search)


def run_search(args: argparse.Namespace) -> int:
    import numpy as np
    import torch

    from ctl.gallery import clip_sha256, tracklet_key
    from ctl.pipeline import Engine

    engine = Engine.load(gallery=args.gallery, **engine_options(args))
    queries: dict[str, tuple[str, np.ndarray]] = {}  # key -> what is said of it, (D,)
    for clip in args.clips:
        with progress_bar() as step:
            analysis = engine.analyze(clip, KINDS[args.tracklet], step)
        digest = clip_sha256(clip)
        for person in analysis.people[: 1 if args.combine else None]:
            about = f"{clip.name}, person {person.tracklet.id}, {len(person.tracklet)} frames"
            queries[tracklet_key(digest, person.tracklet.id)] = about, person.embedding
    groups = [list(queries)] if args.combine else [[key] for key in queries]
    for keys in groups:
        print("\n".join(queries[key][0] for key in keys))
        query = torch.from_numpy(np.stack([queries[key][1] for key in keys]))
        print_ranking(engine.gallery.search(query, args.top, args.at_least, _filter(args, keys)))
    return 0


def _filter(args: argparse.Namespace, own: list[str]) -> "Filter":
    from ctl.gallery import Filter

    return Filter(frozenset(args.camera), frozenset(args.not_camera), frozenset(args.person), frozenset(own))


def print_ranking(ranking: "Ranking") -> None:
    for hit in ranking:
        print(f"{hit.rank:4}  {hit.similarity:6.3f}  {hit.person:20} camera {hit.camera:10} {hit.key}")


def _add_list(actions: Commands) -> None:
    parser = actions.add_parser("list", help="Say who is in a gallery.")
    _add_place(parser)
    parser.set_defaults(run=run_list)


def run_list(args: argparse.Namespace) -> int:
    from ctl.gallery import open_store

    entries = tuple(open_store(args.gallery).read().entries)
    for entry in entries:
        print(f"{entry.key:22}  {entry.person:20} camera {entry.camera}")
    people, cameras = {entry.person for entry in entries}, {entry.camera for entry in entries}
    print(f"{len(entries)} tracklets, {len(people)} people, {len(cameras)} cameras in {args.gallery}")
    return 0


def _add_rename(actions: Commands) -> None:
    parser = actions.add_parser("rename", help="Give tracklets another person or camera.")
    _add_chosen(parser)
    parser.add_argument("--person", metavar="NAME", help="new name; one that is taken makes the two one person")
    parser.add_argument("--camera", metavar="NAME", help="new camera")
    _add_place(parser)
    parser.set_defaults(run=run_rename)


def run_rename(args: argparse.Namespace) -> int:
    from ctl.gallery import open_store

    open_store(args.gallery).update(lambda gallery: gallery.rename(_chosen(args, gallery), args.person, args.camera))
    return run_list(args)


def _add_remove(actions: Commands) -> None:
    parser = actions.add_parser("remove", help="Take tracklets out of a gallery.")
    _add_chosen(parser)
    _add_place(parser)
    parser.set_defaults(run=run_remove)


def run_remove(args: argparse.Namespace) -> int:
    from ctl.gallery import open_store

    gallery = open_store(args.gallery).update(lambda gallery: gallery.remove(_chosen(args, gallery)))
    print(f"{len(gallery)} tracklets left in {args.gallery}")
    return 0


def _add_export(actions: Commands) -> None:
    parser = actions.add_parser("export", help="Write a gallery into one file to hand on.")
    parser.add_argument("file", type=Path, metavar="FILE.zip")
    _add_place(parser)
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    from ctl.gallery import open_store, write_bundle

    gallery = open_store(args.gallery).read()
    write_bundle(gallery, args.file)
    print(f"{len(gallery)} tracklets in {args.file}")
    return 0


def _add_import(actions: Commands) -> None:
    parser = actions.add_parser("import", help="Add the tracklets of an exported gallery, or of a gallery folder.")
    parser.add_argument("source", type=Path, metavar="FILE_OR_DIR")
    parser.add_argument(
        "--on-clash",
        choices=("refuse", "keep", "replace"),
        default="refuse",
        help="a tracklet that the gallery holds under other names: refuse the import, keep the gallery's, "
        "or replace it by the import's (default: %(default)s)",
    )
    parser.set_defaults(remedies={Remedy.SETTLE_CLASH: "give --on-clash keep or --on-clash replace"})
    _add_place(parser)
    parser.set_defaults(run=run_import)


def run_import(args: argparse.Namespace) -> int:
    from ctl.gallery import merge, open_store, read_bundle

    incoming = read_bundle(args.source)
    store = open_store(args.gallery, incoming.checkpoint_sha256)
    gallery = store.update(lambda gallery: merge(gallery, incoming, args.on_clash))
    print(f"{len(gallery)} tracklets in {args.gallery}")
    return 0


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gallery", metavar=PLACE, required=True, help="folder, or http(s)://HOST[:PORT]/COLLECTION of a Qdrant server"
    )


def _add_chosen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("keys", nargs="*", metavar="KEY", help="as `gallery list` prints them")
    parser.add_argument("--of", metavar="PERSON", help="all tracklets of this person")


def _chosen(args: argparse.Namespace, gallery: "Gallery") -> list[str]:
    from ctl.errors import InputError
    from ctl.gallery import keys_of

    keys = [*args.keys, *(keys_of(gallery, args.of) if args.of is not None else ())]
    if not keys:
        raise InputError("name the tracklets by their keys, or a person with --of")
    return list(dict.fromkeys(keys))
