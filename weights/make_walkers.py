r"""Make weights/ctl-walkers of a trained run: its last weights without the classifiers, matrices as float16.

python -m ctl walkers --out walkers-v1 --benchmark walkers-v1
python -m ctl walkers --out walkers-wide --benchmark walkers-wide
python -m ctl walkers --out walkers-many --benchmark walkers-many
python -m ctl train walkers-mobile --set data.root=walkers-v1 --set model.shrink=1 --set run.validate_every=0 \
    --out first
python -m ctl train walkers-graph --set data.root=walkers-wide --set start.checkpoint=first/last --out second
python -m ctl train walkers-many --set data.root=walkers-many --set start.checkpoint=second/last --out run
python weights/make_walkers.py run/last
python -m ctl evaluate --dataset walkers --root walkers-v1 --checkpoint weights/ctl-walkers --rerank --calibrate \
    --decides --json report.json --out pictures

The last command writes the calibration into config.json. The card is written by hand from report.json.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from ctl.checkpoint import BUNDLED, load_checkpoint, save_checkpoint
from ctl.model import CTL


def without_classifiers(model: CTL) -> CTL:
    """The same model for people it wasn't trained on: identities of the training set mean nothing to them."""
    bare = CTL(replace(model.config, identities=0))
    kept = bare.state_dict().keys()
    bare.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if name in kept})
    return bare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="checkpoint of a run, e.g. run/last")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="checkpoint folder (default: %(default)s)")
    args = parser.parse_args()
    model, _ = load_checkpoint(args.run)
    info = save_checkpoint(args.out, without_classifiers(model), trained=True, half=True)
    print(f"{args.out}  model.safetensors SHA-256 {info.sha256}")


if __name__ == "__main__":
    main()
