"""`python app.py`: expected trouble is one line and exit code 2."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import app
from ctl.files import ROOT


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.slow
def test_busy_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert app.main(["--device", "cpu", "--port", str(port)]) == 2
    assert f"127.0.0.1:{port} can't be used" in one_line(capsys)


def test_missing_checkpoint_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert app.main(["--checkpoint", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in one_line(capsys)


def test_folder_of_other_things_is_not_taken_for_a_gallery(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    assert app.main(["--gallery", str(tmp_path)]) == 2
    assert "holiday.jpg" in one_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_no_place_for_temporary_files_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(**_: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    assert app.main([]) == 2
    assert "TMPDIR" in one_line(capsys)


def test_port_outside_the_range_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as usage:
        app.main(["--port", "80000"])
    assert usage.value.code == 2


def test_gradio_writes_no_stubs_while_the_page_is_loaded(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            "from gradio.components import Textbox\nclass Box(Textbox):\n    EVENTS = []\n"
        )
    code = "from ctl.web.app import without_stubs\nwith without_stubs():\n    import one\nimport two"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"})
    assert [stub.name for stub in tmp_path.glob("*.pyi")] == ["two.pyi"]
