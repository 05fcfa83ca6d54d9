"""What is written down while a run goes on: log.jsonl always, TensorBoard if it is installed, a bar on stderr."""

import json
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from ctl.errors import InputError
from ctl.files import write_atomic

LOG: Final = "log.jsonl"


class RunLog:
    """Records of a run, one JSON object a line: {"step", ...}. Only the main process of a run keeps one.

    Args:
        folder: of the run. Lines of an earlier attempt beyond `step` are dropped, so that every step is there once.
        step: steps done so far.
        steps: of the whole run.
    """

    def __init__(self, folder: Path, step: int, steps: int) -> None:
        path = folder / LOG
        write_atomic(path, _lines_up_to(path, step))
        self._file = path.open("a", encoding="utf-8", buffering=1)  # a line is written when it ends
        self._board = _tensorboard(folder, step)
        self._bar = tqdm(total=steps, initial=step, unit="step", disable=None, dynamic_ncols=True)

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Values of one training step; step 1 is the first."""
        self._write({"step": step, **values})
        self._bar.set_postfix_str(_short(values), refresh=False)
        self._bar.update()
        self._plot("train", step, values)

    def validation(self, step: int, values: Mapping[str, float]) -> None:
        """What a validation after so many steps found."""
        self._write({"step": step, "validation": dict(values)})
        self.say(f"step {step}: " + "  ".join(f"{name} {value:.1%}" for name, value in values.items()))
        self._plot("validation", step, values)

    def say(self, line: str) -> None:
        """A line on stderr, above the bar if there is one."""
        self._bar.write(line, file=sys.stderr)

    def close(self) -> None:
        self._bar.close()
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _write(self, record: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise InputError(f"{self._file.name} can't be written: {error.strerror}") from error

    def _plot(self, group: str, step: int, values: Mapping[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{group}/{name}", value, step)


def _lines_up_to(path: Path, step: int) -> bytes:
    """The log's whole lines of steps up to `step`. A line that a crash cut off is later than any save."""
    kept = b""
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if not line.endswith(b"\n") or json.loads(line)["step"] > step:
            break
        kept += line
    return kept


def _tensorboard(folder: Path, step: int) -> Any:
    """None where it isn't installed, or can't write to a folder whose name is no text."""
    if find_spec("tensorboard") is None or os.fsencode(folder) != str(folder).encode(errors="replace"):
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder / "tensorboard", purge_step=step + 1)


def _short(values: Mapping[str, float]) -> str:
    """What the bar shows besides time: loss parts and throughput."""
    parts = [f"{name[:3]} {values[name]:.2f}" for name in ("triplet", "identification", "diversity") if name in values]
    return "  ".join([*parts, f"{values['frames_per_s']:.0f} frames/s"])
