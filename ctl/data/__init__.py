"""Data sets, and training clips made of them."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from ctl.data.benchmark import Benchmark
from ctl.data.folder import read_folder
from ctl.data.ilids_vid import read_ilids_vid
from ctl.data.ls_vid import read_ls_vid
from ctl.data.mars import read_mars
from ctl.data.prid2011 import read_prid2011
from ctl.data.walkers import read_walkers
from ctl.errors import InputError

READERS: Final[Mapping[str, Callable[[Path], Benchmark]]] = {
    "walkers": read_walkers,
    "mars": read_mars,
    "ilids-vid": read_ilids_vid,
    "prid2011": read_prid2011,
    "ls-vid": read_ls_vid,
    "folder": read_folder,
}


def load_benchmark(name: str, root: Path, *, drop_queries: bool = False) -> Benchmark:
    """Read a data set under its protocol. Only names are read here, no pictures.

    Args:
        name: one of `READERS`.
        root: its folder.
        drop_queries: MARS only: take the queries out of the gallery, as many papers do.
    Raises:
        InputError: no such data set, a file of it is missing (the message names it), or drop_queries isn't for it.
    """
    if name not in READERS:
        raise InputError(f"no data set {name!r}: choose one of {', '.join(READERS)}")
    if not root.is_dir():
        holds = "query/ and gallery/" if name == "folder" else name
        raise InputError(f"there is no folder {root}: give the folder that holds {holds}")
    if drop_queries and name != "mars":
        raise InputError(f"only MARS has queries in its gallery to drop, not {name}")
    reader = partial(read_mars, drop_queries=True) if drop_queries else READERS[name]
    return reader(root)
