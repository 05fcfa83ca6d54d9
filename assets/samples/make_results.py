"""Analyse the samples that the page offers with the default models, so that it shows them at once: results/.

python assets/samples/make_results.py

To be run again whenever a sample, the checkpoint, the key-point estimator, the detector or the demo gallery was
replaced. What other models made is never shown.
"""

import json
from pathlib import Path
from typing import Final

from ctl.pipeline import Engine
from ctl.precomputed import write_checks, write_precomputed

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results"


def main() -> None:
    """Write the results of all samples that are shown, in place of those that are there."""
    engine = Engine.load(device="cpu")
    samples = json.loads((HERE / "samples.json").read_text(encoding="utf-8"))
    clips = [HERE / sample["file"] for sample in samples if sample["shown"]]
    files = [write(RESULTS, engine, clip) for clip in clips for write in (write_precomputed, write_checks)]
    for stale in set(RESULTS.iterdir()) - set(files):
        stale.unlink()
    print(f"{len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB in {RESULTS}")


if __name__ == "__main__":
    main()
