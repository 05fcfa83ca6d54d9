"""Plots and rank lists: what is drawn is where it belongs, and right and wrong differ in more than colour."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ctl.data.benchmark import Benchmark, Split, TrackletFiles
from ctl.draw.palette import SERIES
from ctl.evaluate.calibration import Reliability
from ctl.evaluate.plots import AXES, cmc_picture, reliability_picture
from ctl.evaluate.rank_lists import RIGHT, THUMBNAIL, WRONG, Ranked, rank_list_picture, rank_lists
from ctl.evaluate.ranking import rank_gallery


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def is_near(values: np.ndarray, colour: str) -> np.ndarray:
    return np.abs(values - rgb(colour)).max(axis=-1) < 12


def test_each_curve_passes_through_its_points():
    curves = {"cosine": np.linspace(0.55, 0.9, 20), "re-ranked": np.linspace(0.6, 1, 20)}
    picture = pixels(cmc_picture(curves))
    left, top, right, bottom = AXES
    for colour, curve in zip(SERIES, curves.values(), strict=True):
        for rank in (1, 7, 20):
            x = left + (rank - 1) / 19 * (right - left)
            y = bottom - (curve[rank - 1] - 0.5) / 0.5 * (bottom - top)
            assert is_near(picture[round(y), round(x) - 1], colour), (rank, x, y)


def test_reliability_shows_bins_against_the_diagonal():
    predicted, observed = np.full(10, np.nan), np.full(10, np.nan)
    share = np.zeros(10)
    predicted[[1, 8]], observed[[1, 8]], share[[1, 8]] = (0.15, 0.85), (0.4, 0.7), (0.3, 0.7)
    picture = pixels(reliability_picture(Reliability(predicted, observed, share, 0.1, 0.2, 5, 10, 20)))
    left, top, right, bottom = AXES
    for x, y in ((0.15, 0.4), (0.85, 0.7), (0.5, 0.55)):  # both bins, and the line between them
        assert is_near(picture[round(bottom - y * (bottom - top)), round(left + x * (right - left))], SERIES[0]), x
    bar = picture[bottom - 20 : bottom - 5, round(left + 0.12 * (right - left)) : round(left + 0.13 * (right - left))]
    empty = picture[bottom - 20 : bottom - 5, round(left + 0.42 * (right - left)) : round(left + 0.43 * (right - left))]
    assert bar.mean() < 230 < 240 < empty.mean()


def test_right_and_wrong_have_their_own_frame_and_mark():
    grey = np.full((128, 64, 3), 128, np.uint8)
    sheet = pixels(rank_list_picture([[Ranked(grey, "query"), Ranked(grey, "a", True), Ranked(grey, "b", False)]]))
    height, width = THUMBNAIL
    right, wrong = (sheet[8 : 8 + height, x : x + width] for x in (8 + 72 + 12, 8 + 2 * 72 + 12))
    for crop, colour in ((right, RIGHT), (wrong, WRONG)):
        assert is_near(crop[1, 5:40], colour).all()
        assert is_near(crop[-2, 5:40], colour).all()
        assert is_near(crop[40:90, 20:40], "#808080").all()
    marks = [crop[:16, -16:].min(axis=-1) > 150 for crop in (right, wrong)]  # the white strokes
    assert all(20 < mark.sum() < 120 for mark in marks)
    assert (marks[0] != marks[1]).sum() > 20
    assert not is_near(sheet[8:24, 8 + 48 : 8 + 64], "#ffffff").any(), "the query has no mark"


def test_a_sheet_runs_from_the_worst_query_to_the_best(benchmark: Benchmark) -> None:
    split = benchmark.splits[0]
    gallery = split.gallery
    rng = np.random.default_rng(2)
    retrieval = rank_gallery(
        rng.random((len(split.query), len(gallery))),
        [t.person for t in split.query],
        [t.person for t in gallery],
        [t.camera for t in split.query],
        [t.camera for t in gallery],
    )
    lists = rank_lists(split, retrieval, count=3)
    order = np.argsort(retrieval.average_precision)
    assert [row[0].caption.split("\n")[0] for row in lists] == [
        f"AP {retrieval.average_precision[q]:.2f}" for q in order[[0, 2, 5]]
    ]
    for row, q in zip(lists, order[[0, 2, 5]], strict=True):
        found = [gallery[g] for g in retrieval.nearest[q] if g >= 0]
        assert [ranked.right for ranked in row] == [None, *(t.person == split.query[q].person for t in found)]
        with Image.open(found[0].frames[len(found[0]) // 2]) as frame:
            mean = np.asarray(frame).mean(axis=(0, 1))
        np.testing.assert_allclose(row[1].picture.mean(axis=(0, 1)), mean, atol=2)


def test_a_gallery_without_matches_for_some_still_gives_a_sheet(benchmark: Benchmark) -> None:
    (query, *others), gallery = benchmark.splits[0].query, benchmark.splits[0].gallery
    stranger = TrackletFiles(query.frames, 99, query.camera)
    split = Split((), (stranger, *others), gallery)
    retrieval = rank_gallery(
        np.ones((len(split.query), len(gallery))),
        [t.person for t in split.query],
        [t.person for t in gallery],
        [t.camera for t in split.query],
        [t.camera for t in gallery],
    )
    assert len(rank_lists(split, retrieval)) == len(others)


def test_pictures_are_small_files(tmp_path: Path) -> None:
    assert len(cmc_picture({"cosine": np.linspace(0.2, 1, 20)})) < 60_000
