"""`python -m ctl train`."""

import argparse
from pathlib import Path


def add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "train", help="Train a model; under `accelerate launch -m ctl train ...` on several GPUs or machines."
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="a file, or paper-mars or walkers-mobile")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder, if there is one")
    parser.set_defaults(run=run_train)


def run_train(args: argparse.Namespace) -> int:
    from ctl.train.config import read_config
    from ctl.train.engine import train

    outcome = train(read_config(args.config, args.overrides), args.out, args.resume)
    score = "" if outcome.mean_ap is None else f"validation mAP {outcome.mean_ap:.1%}  ->  "
    print(f"{score}{outcome.weights}")
    return 0
