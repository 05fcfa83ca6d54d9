"""Files and folders of any names, in every command."""

import json
import os
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.commands.conftest import Command, Inputs, write_clip, write_list
from tests.train.world import write_world

pytestmark = pytest.mark.slow

NAMES = [
    pytest.param(b"line\nbreak", id="line-break"),
    pytest.param(b'it\'s "q" <script>alert(1)<.script> &amp; %s{0}', id="markup"),
    pytest.param(b"M\374ller", id="latin-1"),
    pytest.param(b"-dash \x1b[2J", id="dash-and-escape"),
    pytest.param("é".encode() * 90, id="long"),
]


class Scripts(HTMLParser):
    """Counts the scripts of a page."""

    count = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.count += tag == "script"


@pytest.fixture
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name, and the folder at hand is one in which it is used."""
    monkeypatch.chdir(tmp_path)
    return f"./{os.fsdecode(request.param)}"


@pytest.mark.parametrize("odd", NAMES, indirect=True)
def test_analyze_writes_valid_files(odd: str, inputs: Inputs, command: Command) -> None:
    write_clip(Path(f"{odd} clip"), Path(odd).name)
    shutil.copytree(inputs.checkpoint, f"{odd} model")
    options = ("--tracklet", "crop", "--checkpoint", f"{odd} model")
    assert command("analyze", f"{odd} clip", *options, "--out", f"{odd} out").code == 0
    assert command("analyze", inputs.clip, "--tracklet", "crop", "--checkpoint", inputs.checkpoint, "--out", "plain")
    analysis = json.loads((Path(f"{odd} out") / "analysis.json").read_text(encoding="utf-8"))
    assert "\n" not in analysis["source"] + analysis["checkpoint"]["id"]
    for page in ("ranking.html", "adjacency.html"):
        counted = []
        for folder in (f"{odd} out", "plain"):
            reader = Scripts()
            reader.feed((Path(folder) / page).read_text(encoding="utf-8"))
            counted.append(reader.count)
        assert counted[0] == counted[1]


@pytest.mark.parametrize("odd", NAMES, indirect=True)
def test_a_gallery_is_kept_searched_and_handed_on(odd: str, inputs: Inputs, command: Command) -> None:
    write_clip(Path(f"{odd} clip"), Path(odd).name)
    write_list(Path(f"{odd} list"), Path(f"{odd} clip"))
    model, known = ("--checkpoint", inputs.checkpoint), ("--gallery", f"{odd} gallery")
    assert command("gallery", "build", f"{odd} list", *known, *model).code == 0
    added = command(
        "gallery", "add", inputs.clip, "--person", "him", "--camera", "1", "--tracklet", "crop", *known, *model
    )
    assert added.code == 0
    found = command("gallery", "search", f"{odd} clip", "--tracklet", "crop", *known, *model)
    assert "him" in found.out
    assert command("gallery", "export", f"{odd}.zip", *known).code == 0
    assert command("gallery", "import", f"{odd}.zip", "--gallery", f"{odd} other").code == 0
    assert command("gallery", "remove", "--of", "eva", *known).out.startswith("1 tracklets")
    assert "2 tracklets" in command("gallery", "list", "--gallery", f"{odd} other").out


@pytest.mark.parametrize("odd", NAMES, indirect=True)
def test_a_data_set_is_evaluated_and_learned_from(odd: str, inputs: Inputs, command: Command) -> None:
    world = Path(f"{odd} world")
    write_world(world)
    for part in ("train", "query", "gallery"):
        for person in sorted((world / part).iterdir()):
            for picture in sorted(person.rglob("*.jpg")):
                picture.rename(picture.with_name(f"t0_{Path(odd).name}{picture.name}"))
            person.rename(person.with_name(f"{Path(odd).name}{person.name}"))
    shutil.copy(inputs.config, f"{odd}.toml")
    run = (f"{odd}.toml", "--set", f"data.root={world}", "--set", "data.heatmaps=", "--out", f"{odd} run")
    assert command("train", *run).code == 0
    assert command("train", *run, "--resume").code == 0
    report = f"{odd}.json"
    options = (
        "--dataset",
        "folder",
        "--root",
        f"./{world}",
        "--checkpoint",
        f"{odd} run/last",
        "--out",
        f"{odd} plots",
    )
    assert command("evaluate", *options, "--json", report).code == 0
    assert json.loads(Path(report).read_text(encoding="utf-8"))["queries"] == 2
    assert {file.name for file in Path(f"{odd} plots").iterdir()} == {"cmc.png", "rank-lists.png"}


@pytest.mark.parametrize("odd", NAMES[2:3], indirect=True)
def test_exports_and_spaces(odd: str, inputs: Inputs, command: Command) -> None:
    shutil.copytree(inputs.plain, f"{odd} model")
    options = ("--format", "torch-export", "--checkpoint", f"{odd} model")
    assert command("export", *options, "--out", f"{odd}.pt2").code == 0
    assert command("space", "--out", f"{odd} space").code == 0
