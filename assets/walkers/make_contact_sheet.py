"""Draw contact-sheet.jpg: the first people of walkers-v1 before all of its cameras, two frames of each walk.

python assets/walkers/make_contact_sheet.py
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ctl.walkers.contact_sheet import contact_sheet
from ctl.walkers.generate import generate
from ctl.walkers.settings import BENCHMARKS

PERSONS = 8


def main() -> None:
    benchmark = BENCHMARKS["walkers-v1"]
    settings = replace(
        benchmark,
        train_identities=0,
        test_identities=PERSONS,
        test_cameras=(*benchmark.train_cameras, *benchmark.test_cameras),
        tracklets=1,
        seen_share=1.0,
    )
    with TemporaryDirectory() as folder:
        root = Path(folder) / "walkers"
        generate(settings, root)
        contact_sheet(root, Path(__file__).with_name("contact-sheet.jpg"), PERSONS, frames=2)


if __name__ == "__main__":
    main()
