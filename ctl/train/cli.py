"""`python -m ctl train` and `python -m ctl ablate`."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from ctl.options import Commands

_CONFIGS: Final = "a file, or paper-mars, walkers-graph, walkers-many or walkers-mobile"


def add_train(commands: Commands) -> None:
    parser = commands.add_parser(
        "train", help="Train a model; under `accelerate launch -m ctl train ...` on several GPUs or machines."
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help=f"the recipe: {_CONFIGS}")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder, if there is one")
    parser.set_defaults(run=run_train)


def run_train(args: argparse.Namespace) -> int:
    from ctl.errors import require_packages
    from ctl.train.engine import train
    from ctl.train.toml import read_config

    require_packages("train", "accelerate")
    outcome = train(read_config(args.config, args.overrides), args.out, args.resume)
    score = "" if outcome.mean_ap is None else f"validation mAP {outcome.mean_ap:.1%}  ->  "
    print(f"{score}{outcome.weights}")
    return 0


def add_ablate(commands: Commands) -> None:
    parser = commands.add_parser(
        "ablate", help="Train and score every row of the paper's tables; goes on where it was stopped."
    )
    parser.add_argument(
        "--table", nargs="+", choices=("3", "4", "5", "fig7a", "fig7b"), required=True, help="one or several"
    )
    parser.add_argument("--dataset", required=True, metavar="NAME", help="walkers, mars, ilids-vid, prid2011, ls-vid")
    parser.add_argument("--root", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--config", type=Path, required=True, metavar="CONFIG.toml", help=f"full model and schedule: {_CONFIGS}"
    )
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=3, help="runs per row (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs and the tables")
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="runs at once, which share the cores or the GPU (default: %(default)s)",
    )
    parser.set_defaults(run=run_ablate)


def run_ablate(args: argparse.Namespace) -> int:
    from ctl.errors import InputError, require_packages
    from ctl.train.ablation import ablate
    from ctl.train.toml import read_config

    require_packages("train", "accelerate")
    if args.seeds < 1:
        raise InputError(f"--seeds must be ≥ 1, got {args.seeds}")
    if args.jobs < 1:
        raise InputError(f"--jobs must be ≥ 1, got {args.jobs}")
    config = read_config(args.config, args.overrides)
    config = replace(config, data=replace(config.data, name=args.dataset, root=args.root))
    ablate(args.table, config, args.seeds, args.out, lambda line: print(line, file=sys.stderr), args.jobs)
    for table in args.table:
        print((args.out / f"table-{table}.md").read_text(encoding="utf-8"))
    return 0
