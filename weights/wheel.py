"""How a wheel is built: the bundled weights, samples and demo gallery go into it, as `ctl/_bundled`."""

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent.parent
NOT_PACKED = shutil.ignore_patterns("*.py", "__pycache__", "ctl-preview", "walkers")


class BuildWithBundled(build_py):
    """The package, and beside its code what it finds in a clone's `weights` and `assets`."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in ("weights", "assets"):
            target = Path(self.build_lib) / "ctl" / "_bundled" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / name, target, ignore=NOT_PACKED)
