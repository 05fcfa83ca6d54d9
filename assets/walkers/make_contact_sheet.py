"""Draw the first people of both benchmarks, two frames of each walk, before six cameras.

contact-sheet.jpg shows walkers-v1, contact-sheet-v2.jpg four people of walkers-v2, who wear the same clothes.

python assets/walkers/make_contact_sheet.py
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ctl.walkers.contact_sheet import contact_sheet
from ctl.walkers.generate import generate
from ctl.walkers.settings import BENCHMARKS

CAMERAS = 6


def draw(benchmark: str, persons: int, out: str) -> None:
    """Film the first persons before the last six cameras of a benchmark, once each."""
    whole = BENCHMARKS[benchmark]
    settings = replace(
        whole,
        train_identities=0,
        test_identities=persons,
        test_cameras=(*whole.train_cameras, *whole.test_cameras)[-CAMERAS:],
        tracklets=1,
        seen_share=1.0,
    )
    with TemporaryDirectory() as folder:
        root = Path(folder) / "walkers"
        generate(settings, root)
        contact_sheet(root, Path(__file__).with_name(out), persons, frames=2)


if __name__ == "__main__":
    draw("walkers-v1", 8, "contact-sheet.jpg")
    draw("walkers-v2", 4, "contact-sheet-v2.jpg")
