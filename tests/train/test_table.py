"""An ablation's table: means and deviations by hand, and what the picture draws."""

from xml.etree import ElementTree

import pytest

from ctl.train.table import Spread, differences, table_json, table_markdown, table_svg, to_rows

REPORTS = {
    "Basel": {
        0: {"rank1": 0.5, "rank5": 0.75, "mAP": 0.4, "gallery": 9, "average_precision": [0.2, 0.6], "persons": [1, 2]},
        1: {"rank1": 0.7, "rank5": 0.75, "mAP": 0.5, "average_precision": [0.4, 0.6], "persons": [1, 2]},
    },
    "A < B": {0: {"rank1": 0.8, "rank5": 1.0, "mAP": 0.61, "average_precision": [0.52, 0.7], "persons": [1, 2]}},
}
SVG = "{http://www.w3.org/2000/svg}"


def test_mean_and_sample_deviation() -> None:
    spread = Spread((0.5, 0.7, 0.9))
    assert (spread.mean, spread.std) == pytest.approx((0.7, 0.2))
    assert str(spread) == "70.0 ± 20.0"
    assert (Spread((0.5,)).std, str(Spread((0.5,)))) == (None, "50.0")


def test_markdown_and_json_hold_the_same_values() -> None:
    rows = to_rows(REPORTS)
    over = differences(REPORTS, "Basel")
    assert table_markdown("Table 3", rows, over).splitlines() == [
        "**Table 3**",
        "",
        "| | rank-1 | rank-5 | mAP | mAP over Basel | runs |",
        "| --- | --- | --- | --- | --- | --- |",
        "| Basel | 60.0 ± 14.1 | 75.0 ± 0.0 | 45.0 ± 7.1 |  | 2 |",
        "| A < B | 80.0 | 100.0 | 61.0 | +21.0 (+10.0 to +32.0) | 1 |",
    ]
    values = table_json(rows, over)
    assert values["Basel"]["rank1"] == {
        "mean": pytest.approx(0.6),
        "std": pytest.approx(0.02**0.5),
        "values": [0.5, 0.7],
    }
    assert values["A < B"]["difference"] == {
        "reference": "Basel",
        "mean": pytest.approx(0.21),
        "low": pytest.approx(0.1),
        "high": pytest.approx(0.32),
        "seeds": 1,
    }
    assert "difference" not in values["Basel"]
    assert table_markdown("Table 3", rows, {}).splitlines()[2] == "| | rank-1 | rank-5 | mAP | runs |"


def test_the_picture_puts_every_value_at_its_place_on_the_axis() -> None:
    tree = ElementTree.fromstring(table_svg("Table 3", to_rows(REPORTS)))
    texts = {text.text: float(text.get("x")) for text in tree.iter(f"{SVG}text")}
    assert {"Basel", "A < B", "mAP", "rank-1", "40 %"} <= texts.keys()
    ticks = {float(name.split()[0]) / 100: x for name, x in texts.items() if name.endswith("%")}
    (low, left), (high, right) = min(ticks.items()), max(ticks.items())
    assert low <= 0.4
    assert high >= 0.8

    def value_at(x: float) -> float:
        return low + (x - left) / (right - left) * (high - low)

    discs = [value_at(float(c.get("cx"))) for c in tree.iter(f"{SVG}circle") if float(c.get("cy")) > 40]
    assert discs == pytest.approx([0.4, 0.5, 0.45, 0.61, 0.61], abs=0.001)
    squares = [r for r in tree.iter(f"{SVG}rect") if r.get("x") and float(r.get("y")) > 40]
    middles = [value_at(float(r.get("x")) + float(r.get("width")) / 2) for r in squares]
    assert middles == pytest.approx([0.5, 0.7, 0.6, 0.8, 0.8], abs=0.001)


@pytest.mark.parametrize("value", [0.0, 0.049, 1.0])
def test_any_values_fit_the_axis(value: float) -> None:
    svg = table_svg("t", to_rows({"row": {0: {"rank1": value, "rank5": value, "mAP": value}}}))
    places = [float(c.get("cx")) for c in ElementTree.fromstring(svg).iter(f"{SVG}circle")]
    assert all(190 <= x <= 720 for x in places)
