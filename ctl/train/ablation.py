"""The paper's ablations: every row, every seed, one schedule. Stopped at any time, it goes on where it was.

A run's folder is named by its config and its seed, so tables that share a row (all have the full model) share its runs
if they are written to the same folder. Rows are scored on the test with their last weights: the test chooses nothing.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ctl.checkpoint import load_checkpoint
from ctl.config import ablation_rows
from ctl.evaluate.embedding import Feature
from ctl.evaluate.report import evaluate, tracklets_to_embed
from ctl.files import read_json, to_json, write_atomic
from ctl.model import CTL
from ctl.train.config import MAY_CHANGE, TrainConfig, to_values
from ctl.train.data import load_task
from ctl.train.engine import LAST, fill_heatmaps, make_accelerator, train
from ctl.train.start import initial_model
from ctl.train.table import Rows, table_json, table_markdown, table_svg, to_rows

RESULT: Final = "result.json"
IMAGENET: Final = "ImageNet only"


def ablate(table: str, config: TrainConfig, seeds: int, out: Path, say: Callable[[str], None]) -> Rows:
    """Train and score the runs of a table that are missing; write the table anew after each.

    Args:
        table: "3", "4", "5", "fig7a" or "fig7b". "3" begins with the backbone that training starts from, alone.
        config: its model is the full one, which the rows vary.
        seeds: how many, beginning with `config.run.seed`.
        out: gets `runs`, and the table as .json, .md and .svg.
        say: told which run comes next.
    Raises:
        InputError: no such table; otherwise as `train`.
    """
    models = ablation_rows(table, config.model)
    reports: dict[str, list[dict[str, Any]]] = {}
    if table == "3" and config.start.checkpoint:
        reports[IMAGENET] = [score_start(config, out / "runs" / f"{fingerprint(config)}-start")]
    for seed in range(config.run.seed, config.run.seed + seeds):  # the whole table early, then ever surer
        for row, model in models.items():
            variant = replace(config, model=model, run=replace(config.run, seed=seed))
            folder = out / "runs" / f"{fingerprint(variant)}-seed{seed}"
            if not (folder / RESULT).exists():
                say(f"{row}, seed {seed}: {folder}")
            reports.setdefault(row, []).append(score_run(variant, folder))
            if make_accelerator(config).is_main_process:
                write_table(table, config, reports, out)
    return to_rows(reports)


def fingerprint(config: TrainConfig) -> str:
    """Of all that decides a run but its seed."""
    values = to_values(config)
    for section, key in (*MAY_CHANGE, ("run", "seed")):
        del values[section][key]
    return hashlib.sha256(to_json(values)).hexdigest()[:10]


def score_run(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """Test metrics of a run's last weights; trains it first, or what is left of it."""
    if not (folder / RESULT).exists():
        train(config, folder, resume=True)
        _score(config, load_checkpoint(folder / LAST)[0], "embedding", folder)
    return read_json(folder / RESULT)


def score_start(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """Test metrics of the mean feature map of the backbone before training."""
    if not (folder / RESULT).exists():
        _score(config, initial_model(config, identities=0).eval(), "backbone", folder)
    return read_json(folder / RESULT)


def write_table(table: str, config: TrainConfig, reports: dict[str, list[dict[str, Any]]], out: Path) -> None:
    """The table so far, in its three forms."""
    rows = to_rows(reports)
    kind, number = ("Figure", table.removeprefix("fig")) if table.startswith("fig") else ("Table", table)
    title = f"{kind} {number} on {config.data.name}, {config.schedule.steps} steps"
    protocol = next(iter(reports.values()))[0]["protocol"]
    values = {"table": table, "title": title, "protocol": protocol, "rows": table_json(rows)}
    write_atomic(out / f"table-{table}.json", to_json(values))
    write_atomic(out / f"table-{table}.md", table_markdown(title, rows).encode())
    write_atomic(out / f"table-{table}.svg", table_svg(title, rows).encode())


def _score(config: TrainConfig, model: CTL, feature: Feature, folder: Path) -> None:
    accelerator = make_accelerator(config)
    test = load_task(config.data).test
    maps = fill_heatmaps(config, tracklets_to_embed(test), accelerator)
    report = evaluate(model.to(accelerator.device), test, maps, feature=feature, accelerator=accelerator)
    if accelerator.is_main_process:
        write_atomic(folder / RESULT, to_json(report.to_json()))
    accelerator.wait_for_everyone()
