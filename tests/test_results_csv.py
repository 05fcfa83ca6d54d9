"""matrices.zip: every entry of every matrix of a real clip, under its name."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ctl.results import write_csv
from ctl.skeleton import JOINTS, PARTS
from ctl.types import Analysis, PersonAnalysis, Tracklet
from tests.explain.traces import make_trace


@pytest.fixture(scope="module")
def man(analysis: Analysis) -> PersonAnalysis:
    return analysis.people[0]


@pytest.fixture(scope="module")
def tables(man: PersonAnalysis, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Rows of each file, by its name."""
    path = tmp_path_factory.mktemp("csv") / "matrices-1.zip"
    write_csv(path, man)
    return read(path)


def read(path: Path) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}


def test_every_matrix_is_there_with_every_entry_of_every_frame(
    tables: dict[str, list[dict[str, str]]], man: PersonAnalysis
) -> None:
    held = man.trace.adjacency | man.trace.cross_scale
    assert list(tables) == [f"{name}.csv" for name in held]
    assert {"A_s1_l1.csv", "Ap_s2_l2.csv", "Am_s3_l1.csv", "Ac_s1_l2.csv", "A_s1_s3.csv", "A_s2_s3.csv"} <= set(tables)
    for name, values in held.items():
        rows = tables[f"{name}.csv"]
        written = np.array([float(row["value"]) for row in rows]).reshape(values.shape)
        np.testing.assert_allclose(written, values, atol=5.1e-7)
        frames = np.array([int(row["frame"]) for row in rows]).reshape(values.shape)
        assert (frames == np.arange(1, len(values) + 1)[:, None, None]).all()
        assert all(len(row["value"].partition(".")[2]) == 6 for row in rows[:50])


def test_names_say_which_part_of_which_frame_receives_and_sends(
    tables: dict[str, list[dict[str, str]]], man: PersonAnalysis
) -> None:
    knee, nose = JOINTS.index("left knee"), JOINTS.index("nose")
    (row,) = (
        row
        for row in tables["Ac_s1_l2.csv"]
        if (row["frame"], row["receiver"], row["sender"]) == ("5", "left knee (t)", "nose (t+1)")
    )
    assert float(row["value"]) == pytest.approx(man.trace.adjacency["Ac_s1_l2"][4, 17 + knee, 34 + nose], abs=1e-6)
    (row,) = (
        row
        for row in tables["A_s2_s3.csv"]
        if (row["frame"], row["receiver"], row["sender"]) == ("2", "left arm", "left forearm")
    )
    place = list(PARTS["s3"]).index("left arm"), list(PARTS["s2"]).index("left forearm")
    assert float(row["value"]) == pytest.approx(man.trace.cross_scale["A_s2_s3"][1][place], abs=1e-6)
    before, after = (f"{JOINTS[0]} ({frame})" for frame in ("t−1", "t+1"))
    assert [row["receiver"] for row in tables["A_s1_l1.csv"]][:: 51 * 17][:3:2] == [before, after]


def made_up(**options: int) -> PersonAnalysis:
    trace = make_trace(**options)
    T = len(trace.keypoints.xy)
    crops = np.zeros((T, 256, 128, 3), np.uint8)
    tracklet = Tracklet(1, crops, np.zeros((T, 4)), np.arange(T), np.arange(T) / 10, np.ones(T))
    return PersonAnalysis(tracklet, trace, np.zeros(8), ())


def test_a_model_without_windows_or_with_two_fusions_is_told_as_well(tmp_path: Path) -> None:
    person = made_up(frames=2, window=1)
    person.trace.cross_scale["A_s1_s3_l1"] = person.trace.cross_scale["A_s1_s3"][::-1]
    write_csv(tmp_path / "a.zip", person)
    tables = read(tmp_path / "a.zip")
    assert [row["receiver"] for row in tables["A_s1_l1.csv"][:: 17 * 17]] == [JOINTS[0]] * 2
    rows = tables["A_s1_s3_l1.csv"]
    assert [row["sender"] for row in rows[:17]] == list(JOINTS)
    assert [row["receiver"] for row in rows[: 5 * 17 : 17]] == list(PARTS["s3"])


def test_the_same_person_gives_the_same_bytes_and_no_zero_is_negative(tmp_path: Path) -> None:
    person = made_up(frames=2)
    person.trace.adjacency["A_s3_l1"] = np.full_like(person.trace.adjacency["A_s3_l1"], -1e-9)
    for name in ("a.zip", "b.zip"):
        write_csv(tmp_path / name, person)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert {row["value"] for row in read(tmp_path / "a.zip")["A_s3_l1.csv"]} == {"0.000000"}
