"""What a set is made of: identities, cameras, groups of look-alikes, and what the command refuses."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ctl.__main__ import main
from ctl.errors import InputError
from ctl.walkers.generate import look_of, takes_of
from ctl.walkers.settings import BENCHMARKS, Hardness, choose_settings, settings_for
from ctl.walkers.view import place_of

V1 = BENCHMARKS["walkers-v1"]


def test_walkers_v1_is_the_benchmark_described() -> None:
    assert (V1.train_identities, V1.test_identities, V1.tracklets, V1.frames) == (400, 200, 2, (8, 24))
    assert not set(V1.train_cameras) & set(V1.test_cameras)
    assert len(V1.train_cameras) == len(V1.test_cameras) == 3
    assert len({place_of(V1, camera) for camera in (*V1.train_cameras, *V1.test_cameras)}) == 6


def test_walkers_v2_is_harder_in_every_way_and_has_more_cameras() -> None:
    v2 = BENCHMARKS["walkers-v2"]
    assert (len(v2.train_cameras), len(v2.test_cameras)) == (6, 6)
    assert not set(v2.train_cameras) & set(v2.test_cameras)
    assert v2.seed != V1.seed
    harder = {name for name in Hardness.__dataclass_fields__ if getattr(v2.hardness, name) > getattr(V1.hardness, name)}
    assert {"look_alikes", "hidden_share", "crossing_share", "light_change", "partial_share"} <= harder
    added = v2.to_json()["hardness"].keys() - V1.to_json()["hardness"].keys()
    assert added == {"light_change", "partial_share"}  # so that sets made before are known again


def test_every_query_of_walkers_v1_has_a_match_in_another_camera() -> None:
    takes = [take for person in range(1, 601) for take in takes_of(V1, person)]
    cameras = {person: {t.camera for t in takes if t.person == person} for person in range(1, 601)}
    assert min(len(seen) for seen in cameras.values()) >= 2
    assert Counter(take.part for take in takes if take.person <= 400).keys() == {"train"}
    queries = {(t.person, t.camera) for t in takes if t.part == "query"}
    assert queries == {(t.person, t.camera) for t in takes if t.part == "gallery"}
    assert 0.9 < len(takes) / (600 * 3 * 2) < 1
    assert len({take.folder + str(take.number) for take in takes}) == len(takes)


def test_look_alikes_share_clothes_but_not_bodies_and_groups_do_not_reach_into_the_test() -> None:
    settings = replace(settings_for(9, 4, seed=3), hardness=Hardness(look_alikes=4))  # 6 to train on, 3 to test on
    looks = [look_of(settings, person) for person in range(1, 10)]
    groups = [looks[0:4], looks[4:6], looks[6:9]]
    for group in groups:
        assert all(look.clothes == group[0].clothes for look in group)
        assert len({look.gait for look in group}) == len(group)
        assert len({look.stature for look in group}) == len(group)
    assert looks[0].clothes != looks[4].clothes != looks[6].clothes


def test_people_of_walkers_many_pass_a_few_cameras_once_each() -> None:
    many = BENCHMARKS["walkers-many"]
    persons = range(1, many.train_identities + many.test_identities + 1)
    takes = [take for person in persons for take in takes_of(many, person)]
    train = Counter((take.person, take.camera) for take in takes if take.part == "train")
    assert set(train.values()) == {1}
    assert 3 < len(train) / len({person for person, _ in train}) < 4
    assert len({person for person, _ in train}) == 2400
    tested = [Counter((t.person, t.camera) for t in takes if t.part == part) for part in ("query", "gallery")]
    assert tested[0] == tested[1]
    assert "train_tracklets" not in V1.to_json()  # so that sets made before are known again


def test_few_cameras_see_everybody_and_many_are_divided() -> None:
    assert settings_for(12, 2, 0).train_cameras == settings_for(12, 2, 0).test_cameras == (1, 2)
    six = settings_for(12, 6, 0)
    assert (six.train_cameras, six.test_cameras) == ((1, 2, 3), (4, 5, 6))
    assert (six.train_identities, six.test_identities) == (8, 4)


def test_benchmarks_are_fixed() -> None:
    assert choose_settings("walkers-v1", None, None, None) is V1
    with pytest.raises(InputError, match="leave these options out"):
        choose_settings("walkers-v1", None, None, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--identities", "4"], "needs --identities and --cameras", id="no-cameras"),
        pytest.param(["--identities", "1", "--cameras", "2"], "at least 2 identities", id="one-person"),
        pytest.param(["--identities", "4", "--cameras", "1"], "at least 2 cameras", id="one-camera"),
        pytest.param(["--identities", "4", "--cameras", "2", "--seed", "-1"], "seed must be 0 or more", id="seed"),
        pytest.param(["--benchmark", "walkers-v0"], "known: walkers-v1", id="unknown"),
        pytest.param(["--identities", "4", "--cameras", "2", "--workers", "0"], "at least 1 process", id="workers"),
    ],
)
def test_what_can_not_be_made_is_refused_in_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert main(["walkers", "--out", str(out), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_no_opengl_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_DIRS", str(tmp_path))  # where no driver is
    command = ["walkers", "--out", str(tmp_path / "set"), "--identities", "2", "--cameras", "2", "--workers", "1"]
    assert main(command) == 2
    assert "no OpenGL for off-screen rendering: install Mesa" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_makes_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    command = ["walkers", "--out", str(out), "--identities", "2", "--cameras", "2", "--seed", "5", "--workers", "2"]
    assert main(command) == 0
    assert "8 tracklets of 2 persons" in capsys.readouterr().out
    assert (out / "meta.json").exists()
