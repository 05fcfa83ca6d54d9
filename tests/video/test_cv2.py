"""`cv2` must be the headless build: it needs no libraries of a desktop."""

import subprocess
import sys
from importlib.metadata import distributions


def test_only_the_headless_build_is_installed():
    names = {(each.metadata["Name"] or "").lower().replace("_", "-") for each in distributions()}
    assert {name for name in names if name.startswith("opencv-")} == {"opencv-python-headless"}


def test_cv2_imports_in_a_process_of_its_own():
    code = "import cv2; print([line for line in cv2.getBuildInformation().splitlines() if 'GUI:' in line])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "NONE" in result.stdout
