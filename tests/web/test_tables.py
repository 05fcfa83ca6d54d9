"""The tables of the tour: the paper's as the paper has them, and a checkpoint's own, read from its folder."""

import json
import re
from pathlib import Path

import pytest

from ctl.errors import InputError
from ctl.web.tables import PAPER, bars_html, own_tables, tables_html


def test_the_papers_best_rows_are_ctl() -> None:
    for table in PAPER:
        assert all(len(row) == len(table.heads) for row in table.rows)
        best = max(table.rows, key=lambda row: float(row[1]))
        assert best[0].startswith(("CTL", "Basel + ContRe + 3D + CS"))
    assert [table.rows[-1][-1] for table in PAPER] == ["86.7", "100.0", "86.7"]


def test_bars_have_the_numbers_as_the_paper_prints_them() -> None:
    for table in PAPER:
        assert re.findall("<b>(.*?)</b>", bars_html(table)) == [row[1] for row in table.rows]


def test_a_checkpoint_without_results_has_no_table(tmp_path: Path) -> None:
    assert own_tables(tmp_path) == ()


def test_own_results_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    values = {"title": "Here", "note": "made up", "heads": ["Model", "mAP"], "rows": [["<b>full</b>", 64.1]]}
    (tmp_path / "results.json").write_text(json.dumps([values, values]))
    page = tables_html(own_tables(tmp_path))
    assert page.count("<table>") == 2
    assert "<td>64.1</td>" in page
    assert "&lt;b&gt;full" in page
    assert "MARS" not in page


@pytest.mark.parametrize(
    "content", ["{", "{}", "[[]]", '[{"title": 1}]', '[{"title":"","note":"","heads":["a"],"rows":[["b","c"]]}]']
)
def test_damaged_results_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(InputError, match=r"results\.json is not a list of tables"):
        own_tables(tmp_path)
