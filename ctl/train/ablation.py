"""The paper's ablations: every row, every seed, one schedule. Stopped at any time, it goes on where it was.

A run's folder is named by its config and its seed, so tables that share a row (all have the full model) share its runs
if they are written to the same folder. Rows are scored on the test with their last weights: the test chooses nothing.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from ctl.checkpoint import load_checkpoint
from ctl.config import ablation_rows
from ctl.errors import InputError
from ctl.evaluate.embedding import Feature
from ctl.evaluate.report import evaluate, tracklets_to_embed
from ctl.files import read_json, require_writable, to_json, write_atomic
from ctl.processes import available_cores, run_beside
from ctl.runtime import runs_onnx
from ctl.train.config import TrainConfig
from ctl.train.data import load_task
from ctl.train.engine import LAST, fill_heatmaps, make_accelerator, train
from ctl.train.start import initial_model
from ctl.train.table import Results, Rows, differences, table_json, table_markdown, table_svg, to_rows
from ctl.train.toml import MAY_CHANGE, to_values

RESULT: Final = "result.json"
MESSAGES: Final = "messages.log"
"""What a run that shares the machine with others would have said on stderr."""

IMAGENET: Final = "ImageNet only"


@dataclass(frozen=True)
class Planned:
    """One run of a table.

    Args:
        row: of the table.
        config: with the row's model and the run's seed.
        folder: of the run.
        feature: "backbone" scores the backbone that training starts from, and trains nothing.
    """

    row: str
    config: TrainConfig
    folder: Path
    feature: Feature = "embedding"

    @property
    def result(self) -> dict[str, Any] | None:
        """What the run scored; None if it isn't through, or an earlier version wrote down less."""
        values = read_json(self.folder / RESULT) if (self.folder / RESULT).exists() else {}
        return values if "average_precision" in values else None


def ablate(
    tables: Sequence[str], config: TrainConfig, seeds: int, out: Path, say: Callable[[str], None], jobs: int = 1
) -> dict[str, Rows]:
    """Train and score the runs of some tables that are missing; write the tables at once, and anew after each run.

    Args:
        tables: of "3", "4", "5", "fig7a" and "fig7b". "3" begins with the backbone that training starts from, alone.
        config: its model is the full one, which the rows vary.
        seeds: how many, beginning with `config.run.seed`. One of all tables is made before the next.
        out: gets `runs`, and each table as .json, .md and .svg.
        say: told of each run that comes next, or that ended if several go on at once.
        jobs: runs at once, each in a process with its share of the cores; they share a GPU.
    Raises:
        InputError: no such table; otherwise as `train`.
    """
    planned = {table: plan(table, config, seeds, out) for table in tables}
    accelerator = make_accelerator(config)
    if jobs > 1 and accelerator.num_processes > 1:
        raise InputError("--jobs starts processes of its own: leave it out under accelerate or torchrun")
    if accelerator.is_main_process:
        require_writable(out)

    def write() -> None:
        for table, runs in planned.items():
            if accelerator.is_main_process and (results := _results(runs)):
                write_table(table, config, results, out)

    by_folder: dict[Path, Planned] = {}
    for run in sorted(chain(*planned.values()), key=lambda run: run.config.run.seed):
        by_folder.setdefault(run.folder, run)
    missing = [run for run in by_folder.values() if run.result is None]
    write()
    for _ in _run_beside(missing, jobs, say) if jobs > 1 else _run_in_turn(missing, say):
        write()
    return {table: to_rows(_results(runs)) for table, runs in planned.items()}


def plan(table: str, config: TrainConfig, seeds: int, out: Path) -> list[Planned]:
    """All runs of a table in the order they are made: the whole table early, then ever surer."""
    models, runs = ablation_rows(table, config.model), list[Planned]()
    if table == "3" and config.start.checkpoint:
        runs.append(Planned(IMAGENET, config, out / "runs" / f"{fingerprint(config)}-start", "backbone"))
    for seed in range(config.run.seed, config.run.seed + seeds):
        for row, model in models.items():
            variant = replace(config, model=model, run=replace(config.run, seed=seed))
            runs.append(Planned(row, variant, out / "runs" / f"{fingerprint(variant)}-seed{seed}"))
    return runs


def fingerprint(config: TrainConfig) -> str:
    """Short hash of all that decides a run but its seed."""
    values = to_values(config)
    for section, key in (*MAY_CHANGE, ("run", "seed")):
        del values[section][key]
    return hashlib.sha256(to_json(values)).hexdigest()[:10]


def _run_in_turn(runs: Sequence[Planned], say: Callable[[str], None]) -> Iterator[Planned]:
    for run in runs:
        say(f"{run.row}, seed {run.config.run.seed}: {run.folder}")
        make(run)
        yield run


def _run_beside(runs: Sequence[Planned], jobs: int, say: Callable[[str], None]) -> Iterator[Planned]:
    """Raises InputError if a process is ended from outside; what the others have saved isn't lost."""
    if runs:  # the runs share the heat maps: they are computed once
        task = load_task(runs[0].config.data)
        shared = (*task.train, *tracklets_to_embed(task.test), *tracklets_to_embed(task.validation))
        fill_heatmaps(runs[0].config, shared, make_accelerator(runs[0].config))
    for ended in run_beside(_make_quietly, [(run,) for run in runs], jobs, max(1, available_cores() // jobs), "trains"):
        say(f"{runs[ended].row}, seed {runs[ended].config.run.seed}: {runs[ended].folder}")
        yield runs[ended]


def _make_quietly(run: Planned) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    with (
        (run.folder / MESSAGES).open("a", encoding="utf-8", errors="backslashreplace") as messages,
        redirect_stderr(messages),
    ):
        make(run)


def make(run: Planned) -> None:
    """Train a run, or what is left of it, and score its last weights on the test."""
    if run.feature == "backbone":
        model = initial_model(run.config, identities=0).eval()
    else:
        train(run.config, run.folder, resume=True)
        model = load_checkpoint(run.folder / LAST)[0]
    accelerator = make_accelerator(run.config)
    if runs_onnx("auto", accelerator.device):
        model.backbone.run_in_onnx()
    test = load_task(run.config.data).test
    maps = fill_heatmaps(run.config, tracklets_to_embed(test), accelerator)
    report = evaluate(model.to(accelerator.device), test, maps, feature=run.feature, accelerator=accelerator)
    if accelerator.is_main_process:
        queries = {
            "average_precision": report.scores.average_precision.tolist(),
            "persons": report.scores.persons.tolist(),
        }
        write_atomic(run.folder / RESULT, to_json(report.to_json() | queries))
    accelerator.wait_for_everyone()


def _results(runs: Sequence[Planned]) -> Results:
    """Row -> seed -> what the run scored, of the runs that are through, in the order of the table."""
    by_row: dict[str, dict[int, dict[str, Any]]] = {run.row: {} for run in runs}
    for run in runs:
        if (result := run.result) is not None:
            by_row[run.row][run.config.run.seed] = result
    return {row: results for row, results in by_row.items() if results}


def write_table(table: str, config: TrainConfig, results: Results, out: Path) -> None:
    """The table so far, in its three forms; its first trained row is what the others are compared with."""
    rows, reference = to_rows(results), next(row for row in results if row != IMAGENET or len(results) == 1)
    over = differences(results, reference)
    kind, number = ("Figure", table.removeprefix("fig")) if table.startswith("fig") else ("Table", table)
    title = f"{kind} {number} on {config.data.name}, {config.schedule.steps} steps"
    protocol = next(iter(next(iter(results.values())).values()))["protocol"]
    values = {"table": table, "title": title, "protocol": protocol, "rows": table_json(rows, over)}
    write_atomic(out / f"table-{table}.json", to_json(values))
    write_atomic(out / f"table-{table}.md", table_markdown(title, rows, over).encode())
    write_atomic(out / f"table-{table}.svg", table_svg(title, rows).encode())
