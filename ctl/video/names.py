"""Names of files as people and machines number them: their order, and which of them are nobody's pictures."""

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Final, TypeVar

Item = TypeVar("Item")
Key = tuple[tuple[int, int, str, str], ...]

SYSTEM: Final = frozenset(
    {"__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information", "thumbs.db"}
)
"""What operating systems, network drives and packers leave in folders, in lower case."""

_DECIMAL: Final = re.compile(r"(?<![\d.])\d+\.(\d+)(?!\.?\d)")


def is_system(path: str) -> bool:
    """Whether a path leads to, or through, something hidden or of the system: no person, camera or picture."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return any(part.lower() in SYSTEM or (part.startswith(".") and part not in (".", "..")) for part in parts)


def natural_order(items: Iterable[Item], name: Callable[[Item], str] = str) -> list[Item]:
    """Items by the numbers in their names: frame2 before frame10, and 0.04 before 0.2 where numbers are decimals.

    "1.10" is a decimal or the tenth of the first. Names count as decimals where their digits after the point differ in
    number and none of them ends in a superfluous 0, as numbers are printed.

    >>> natural_order(["f10.jpg", "f2.jpg"])
    ['f2.jpg', 'f10.jpg']
    >>> natural_order(["0.2.jpg", "0.04.jpg", "1.0.jpg"])
    ['0.04.jpg', '0.2.jpg', '1.0.jpg']
    >>> natural_order(["1.10.jpg", "1.9.jpg"])
    ['1.9.jpg', '1.10.jpg']
    """
    listed = list(items)
    digits = {run for item in listed for run in _DECIMAL.findall(name(item))}
    decimals = len({len(run) for run in digits}) > 1 and not any(run.endswith("0") and len(run) > 1 for run in digits)
    return sorted(listed, key=lambda item: natural_key(name(item), decimals))


def natural_key(name: str, decimals: bool = False) -> Key:
    """Sort key under which frame2 comes before frame10; digits come before letters."""
    key: list[tuple[int, int, str, str]] = []
    at = 0
    for decimal in _DECIMAL.finditer(name) if decimals else ():
        whole, _, fraction = decimal[0].partition(".")
        key += [*_runs(name[at : decimal.start()]), _number(whole, fraction)]
        at = decimal.end()
    return (*key, *_runs(name[at:]))


def _runs(text: str) -> list[tuple[int, int, str, str]]:
    return [_number(run) if run[0].isdigit() else (1, 0, run, "") for run in re.findall(r"[0-9]+|[^0-9]+", text)]


def _number(digits: str, fraction: str = "") -> tuple[int, int, str, str]:
    whole = digits.lstrip("0")
    return 0, len(whole), whole, fraction
