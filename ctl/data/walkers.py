"""Walkers, the project's own set of rendered pedestrians. Made by `python -m ctl walkers`; see `ctl.walkers`.

Paper: none. Licence: Apache-2.0, as the code that makes it; it shows nobody. Where to ask for it: nowhere, it is
generated. Counts of walkers-v1: 400 persons to train on and 200 others to test on, six cameras, three seen in training
and three others in the test, up to two tracklets per person and camera.

Layout: that of `ctl.data.folder`, ROOT/{train,query,gallery}/<person>/<camera>/t<k>_<frame>.jpg, and meta.json, which
says from what seed and parameters the set was made.
"""

from pathlib import Path
from typing import Final

from ctl.data.benchmark import Benchmark
from ctl.data.folder import TEST, read_split
from ctl.data.listing import require

PROTOCOL: Final = (
    "one tracklet per person and camera is the query, the gallery holds the rest; tracklets of the query's person and "
    "camera are removed from its ranking"
)


def read_walkers(root: Path) -> Benchmark:
    """Read a set that `python -m ctl walkers` made. Raises InputError, which names the part that is missing."""
    require("Walkers", root, "meta.json", *TEST)
    return Benchmark("walkers", PROTOCOL, (read_split(root),))
