"""The ablation command on the tiny data set: all rows, shared runs, and going on where it was stopped."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ctl.checkpoint import load_checkpoint, save_checkpoint
from ctl.config import ablation_rows
from ctl.errors import InputError
from ctl.evaluate.report import evaluate, tracklets_to_embed
from ctl.model import CTL
from ctl.train.ablation import IMAGENET, MESSAGES, RESULT, ablate
from ctl.train.config import TrainConfig
from ctl.train.data import load_task
from ctl.train.engine import LAST, SETTINGS, fill_heatmaps, make_accelerator, train
from ctl.train.log import LOG
from ctl.train.state import STATE
from ctl.train.table import Rows
from ctl.train.toml import read_config
from tests.conftest import randomise_

SHORT = ("schedule.epochs=1", "schedule.steps_per_epoch=1", "run.validate_every=0")
CONSTANT = ("schedule.epochs=1", "schedule.decay=step", "schedule.warmup_steps=0", "run.validate_every=0")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, settings: Path) -> Path:
    folder = tmp_path_factory.mktemp("start")
    save_checkpoint(folder, randomise_(CTL(read_config(settings).model)), trained=False)
    return folder


@dataclass(frozen=True)
class Table:
    """Rows of three runs, one after the other, their config, and where they lie; tests that change it take a copy."""

    config: TrainConfig
    rows: Rows
    folder: Path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, settings: Path) -> Table:
    folder = tmp_path_factory.mktemp("table")
    config = read_config(settings, (*CONSTANT, "schedule.steps_per_epoch=2"))
    return Table(config, ablate(["fig7b"], config, 1, folder, lambda line: None)["fig7b"], folder)


@pytest.mark.slow
def test_rows_and_seeds_are_run_once_and_shared_between_tables(start: Path, configure, tmp_path: Path) -> None:
    config, said = configure(*SHORT, f"start.checkpoint={start}"), []
    rows = ablate(["4"], config, 2, tmp_path, said.append)["4"]
    assert list(rows) == list(ablation_rows("4", config.model))
    assert len(said) == 6
    assert said[0].startswith("CTL-Ap, seed 0: ")

    table = json.loads((tmp_path / "table-4.json").read_text())
    runs = sorted((tmp_path / "runs").iterdir())
    models = {run: read_config(run / SETTINGS) for run in runs}
    for row, model in ablation_rows("4", config.model).items():
        folders = [run for run, found in models.items() if found.model == model]
        assert [models[run].run.seed for run in folders] == [0, 1]
        want = [json.loads((run / RESULT).read_text())["mAP"] for run in folders]
        assert table["rows"][row]["mAP"]["values"] == want
        assert list(rows[row]["mAP"].values) == want

    (runs[0] / RESULT).unlink()
    stamps = {run: (run / LAST / "model.safetensors").stat().st_mtime_ns for run in runs}
    said.clear()
    assert ablate(["4"], config, 2, tmp_path, said.append) == {"4": rows}
    assert [line.endswith(str(runs[0])) for line in said] == [True]
    assert {run: (run / LAST / "model.safetensors").stat().st_mtime_ns for run in runs} == stamps

    said.clear()
    three = ablate(["3"], config, 1, tmp_path, said.append)["3"]
    assert [line.split(",")[0] for line in said] == [IMAGENET, "Basel", "Basel+ContRe", "Basel+ContRe+3D"]
    assert list(three) == [IMAGENET, *ablation_rows("3", config.model)]
    task, accelerator = load_task(config.data), make_accelerator(config)
    maps = fill_heatmaps(config, tracklets_to_embed(task.test), accelerator)
    alone = evaluate(load_checkpoint(start)[0], task.test, maps, feature="backbone").scores.metrics
    assert {name: spread.mean for name, spread in three[IMAGENET].items()} == {
        name: alone[name] for name in three[IMAGENET]
    }
    assert (tmp_path / "table-3.md").read_text().count("\n| ") == 7
    assert "Table 3 on walkers, 1 steps" in (tmp_path / "table-3.svg").read_text()


@pytest.mark.slow
def test_a_half_run_is_resumed(configure, table: Table, tmp_path: Path) -> None:
    whole = min((table.folder / "runs").iterdir())
    model = read_config(whole / SETTINGS).model
    train(replace(configure(*CONSTANT, "schedule.steps_per_epoch=1"), model=model), tmp_path / "one")
    shutil.copytree(table.folder, tmp_path / "half")
    half = tmp_path / "half" / "runs" / whole.name
    shutil.rmtree(half)
    half.mkdir()
    shutil.copy(whole / SETTINGS, half)
    shutil.copy(tmp_path / "one" / STATE, half)

    assert ablate(["fig7b"], table.config, 1, tmp_path / "half", lambda line: None)["fig7b"] == table.rows
    assert [json.loads(line)["step"] for line in (half / LOG).read_text().splitlines()] == [2]
    assert (half / STATE).read_bytes() == (whole / STATE).read_bytes()


@pytest.mark.slow
def test_runs_beside_each_other_give_the_same_table(table: Table, tmp_path: Path) -> None:
    lines: list[str] = []
    config = replace(table.config, run=replace(table.config.run, workers=1))  # which are spawned there, not forked
    assert ablate(["fig7b"], config, 1, tmp_path, lines.append, jobs=2)["fig7b"] == table.rows
    assert len(lines) == len(table.rows)
    beside, in_turn = (json.loads((folder / "table-fig7b.json").read_text()) for folder in (tmp_path, table.folder))
    assert beside == in_turn
    assert all("difference" in row for row in list(beside["rows"].values())[1:])
    for run in (tmp_path / "runs").iterdir():
        assert (run / MESSAGES).exists()


@pytest.mark.slow
def test_a_result_without_its_queries_is_scored_again_and_not_trained(table: Table, tmp_path: Path) -> None:
    shutil.copytree(table.folder, tmp_path / "copy")
    run = min((tmp_path / "copy" / "runs").iterdir())
    whole = json.loads((run / RESULT).read_text())
    (run / RESULT).write_text(json.dumps({k: v for k, v in whole.items() if k not in ("persons", "average_precision")}))
    weights = (run / LAST / "model.safetensors").stat().st_mtime_ns
    assert ablate(["fig7b"], table.config, 1, tmp_path / "copy", lambda line: None)["fig7b"] == table.rows
    again = json.loads((run / RESULT).read_text())
    assert again["average_precision"] == pytest.approx(whole["average_precision"])
    assert sum(again["average_precision"]) / len(again["persons"]) == pytest.approx(again["mAP"])
    assert (run / LAST / "model.safetensors").stat().st_mtime_ns == weights


@pytest.mark.slow
def test_several_tables_are_made_seed_by_seed(table: Table, tmp_path: Path) -> None:
    shutil.copytree(table.folder / "runs", tmp_path / "runs")
    said: list[str] = []
    both = ablate(["fig7a", "fig7b"], table.config, 2, tmp_path, said.append)
    assert [line.split(": ")[0] for line in said] == [
        *("L=1, seed 0", "L=3, seed 0"),  # all of Fig. 7b is there, and its τ=3 is the L=2 of Fig. 7a
        *("L=1, seed 1", "L=2, seed 1", "L=3, seed 1", "τ=1, seed 1", "τ=5, seed 1"),
    ]
    assert both["fig7a"]["L=2"] == both["fig7b"]["τ=3"]
    for name, rows in both.items():
        written = json.loads((tmp_path / f"table-{name}.json").read_text())["rows"]
        assert {row: tuple(metrics["mAP"]["values"]) for row, metrics in written.items()} == {
            row: metrics["mAP"].values for row, metrics in rows.items()
        }
        assert all(len(metrics["mAP"].values) == 2 for metrics in rows.values())


def test_an_unknown_table_names_the_known_ones(configure, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ablation '9': choose one of 3, 4, 5, fig7a, fig7b"):
        ablate(["3", "9"], configure(), 1, tmp_path, print)
