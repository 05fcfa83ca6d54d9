"""The command `walkers`: make a set of rendered pedestrians."""

import argparse
from pathlib import Path


def add_walkers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("walkers", help="Make a synthetic multi-camera set of walking people.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the set; an interrupted one is finished")
    parser.add_argument(
        "--benchmark",
        metavar="NAME",
        help="a fixed set, with no other options: walkers-v1, walkers-wide, walkers-many or walkers-sample",
    )
    parser.add_argument("--identities", type=int, metavar="N", help="persons in all, a third of them to test on")
    parser.add_argument("--cameras", type=int, metavar="K", help="cameras; from 4 on the test has cameras of its own")
    parser.add_argument("--seed", type=int, metavar="S", help="of every draw (default: 0)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")
    parser.set_defaults(run=run_walkers)


def run_walkers(args: argparse.Namespace) -> int:
    from ctl.walkers.generate import generate
    from ctl.walkers.settings import choose_settings

    settings = choose_settings(args.benchmark, args.identities, args.cameras, args.seed)
    meta = generate(settings, args.out, args.workers)
    print(f"{meta['frames']} frames in {meta['tracklets']} tracklets of {len(meta['persons'])} persons in {args.out}")
    return 0
