"""Real processes that write one gallery at once and are killed in the middle: `python -m tests.gallery.processes DIR`.

They are forked from here, not from pytest, which has threads of its own. Prints what was seen as JSON.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from ctl.gallery import Gallery, GalleryFolder, MemoryGallery, read_gallery
from tests.gallery.cases import SHA256, key, record, records, some_embeddings


def killed_at_each_step(root: Path) -> list[tuple[int, str]]:
    """(exit code, which gallery is found) of writers that end, as by a kill, at the first, second, … file that they
    rename or remove."""
    rows = some_embeddings()
    old = MemoryGallery.empty(SHA256).add(records(rows[:3]))
    again = replace(record(2, rows[1]), evidence=b"of other weights")
    new = old.remove([key(1), key(2)]).add([record(4, rows[3]), again])
    seen: list[tuple[int, str]] = []
    while not seen or seen[-1][0]:
        folder = root / f"step-{len(seen)}"
        GalleryFolder(folder).replace(old)
        child = os.fork()
        if not child:
            _die_at_step(len(seen) + 1)
            GalleryFolder(folder).update(lambda gallery: new)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = read_gallery(folder)
        which = [name for name, gallery in (("old", old), ("new", new)) if _same(found, gallery)]
        seen.append((code, " and ".join(which)))
        shutil.rmtree(folder)
    return seen


def _die_at_step(step: int) -> None:
    left = [step]

    def hook(event: str, args: object) -> None:
        if event in ("os.rename", "os.remove"):
            left[0] -= 1
            if not left[0]:
                os._exit(9)

    sys.addaudithook(hook)


def _same(a: MemoryGallery, b: MemoryGallery) -> bool:
    return (a.entries, a.evidence) == (b.entries, b.evidence) and torch.equal(a.embeddings, b.embeddings)


def two_writers(folder: Path) -> dict[str, list[int]]:
    """The sizes that a reader beside them found, and the numbers that are there in the end."""
    running = {_start_writer(folder, first, 25)[0] for first in (1, 1001)}
    sizes = []
    while running:
        if (folder / "gallery.json").exists():
            sizes.append(len(read_gallery(folder)))
        running -= {child for child in running if os.waitpid(child, os.WNOHANG)[0]}
    return {"sizes": sizes, "numbers": _numbers(folder)}


def killed_at_any_time(folder: Path) -> list[dict[str, object]]:
    """For each of some writers: its first number, those it told of, those found, and files that it left unfinished.

    Every other one is killed in the middle of a file, the rest whenever it is.
    """
    seen: list[dict[str, object]] = []
    for attempt in range(16):
        first = 1000 * attempt + 1
        child, told = _start_writer(folder, first, 999)
        begun = os.read(told, 1)
        if attempt % 2:
            _stop_in_the_middle_of_a_file(child, folder)
        else:
            time.sleep(0.003 * attempt)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(told) as pipe:
            done = [int(number) for number in (begun.decode() + pipe.read()).split()]
        unfinished = _unfinished(folder)
        GalleryFolder(folder).update(_rename_first(f"after {attempt + 1}"))
        seen.append({"first": first, "told": done, "found": _numbers(folder, first), "unfinished": unfinished})
    return seen


def _stop_in_the_middle_of_a_file(child: int, folder: Path) -> None:
    while True:
        os.kill(child, signal.SIGSTOP)
        os.waitpid(child, os.WUNTRACED)
        if _unfinished(folder):
            return
        os.kill(child, signal.SIGCONT)
        time.sleep(0.0005)


def _unfinished(folder: Path) -> int:
    return sum(file.name != ".lock" for file in folder.rglob(".*"))


def _rename_first(name: str) -> Callable[[Gallery], Gallery]:
    return lambda gallery: gallery.rename([key(1)], person=name)


def _start_writer(folder: Path, first: int, count: int) -> tuple[int, int]:
    """A process that adds tracklets one by one: its number, and a pipe in which it tells of each one added."""
    told, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        return child, told
    store = GalleryFolder(folder, SHA256)
    for number in range(first, first + count):
        new = record(number, torch.randn(512, generator=torch.Generator().manual_seed(number)))
        store.update(lambda gallery, new=new: gallery.add([new]))
        os.write(tell, b"%d " % number)
    os._exit(0)


def _numbers(folder: Path, least: int = 0) -> list[int]:
    numbers = (int(entry.key[:12], 16) for entry in read_gallery(folder).entries)
    return sorted(number for number in numbers if number >= least)


if __name__ == "__main__":
    torch.set_num_threads(1)
    root = Path(sys.argv[1])
    seen = {
        "steps": killed_at_each_step(root),
        "two": two_writers(root / "two"),
        "killed": killed_at_any_time(root / "killed"),
    }
    print(json.dumps(seen))
