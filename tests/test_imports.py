"""Dependencies point one way: the order of the layers, read from the import statements themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = (
    {"ctl.skeleton", "ctl.errors", "ctl.types", "ctl.config", "ctl.files", "ctl.processes"},
    {"ctl.graph"},
    {"ctl.model", "ctl.losses"},
    {"ctl.checkpoint", "ctl.hub"},
    {"ctl.keypoints"},
    {"ctl.video"},
    {"ctl.inference"},
    {"ctl.data"},
    {"ctl.gallery", "ctl.explain"},
    {"ctl.draw"},
    {"ctl.evaluate"},  # says what decides a model's rankings, by what explains one embedding
    {"ctl.pipeline", "ctl.precomputed"},
    {"ctl.options", "ctl.results", "ctl.enrol"},
    {"ctl"},  # ctl/__init__.py: the names that Python users import
    {"ctl.web"},
    {"app"},
    # above all that serves: nothing that serves imports them
    {"ctl.bench", "ctl.export", "ctl.space", "ctl.train", "ctl.walkers"},
    {"ctl.__main__"},
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = [ROOT / "app.py", *sorted((ROOT / "ctl").rglob("*.py"))]


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer_of(module: str) -> str:
    """ "ctl.graph.conv3d" -> "ctl.graph"; `from ctl import CTL` and the like -> "ctl"."""
    part = ".".join(module.split(".")[:2])
    folder = ROOT / part.replace(".", "/")
    return part if folder.is_dir() or folder.with_suffix(".py").is_file() else "ctl"


def imports(node: ast.AST, *, lazy: bool = True) -> Iterator[str]:
    """Full names of the modules and names that a file imports; without `lazy`, only those imported with the file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING" and not lazy:
            continue
        if isinstance(child, ast.Import):
            yield from (name.name for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, "imports are absolute here"
            yield from (f"{child.module}.{name.name}" for name in child.names)
        elif lazy or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(child, lazy=lazy)


def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", [pytest.param(file, id=module_name(file)) for file in FILES])
def test_file_imports_only_its_own_layer_and_those_below(file: Path) -> None:
    own = layer_of(module_name(file))
    for name in imports(parse(file)):
        package = name.split(".")[0]
        if package == "ctl":
            assert LEVELS[layer_of(name)] <= LEVELS[own], f"{own} must not import {name}"
        elif package in ("gradio", "gradio_client", "spaces"):
            assert own in ("ctl.web", "app"), f"only the page knows {package}"


@pytest.mark.parametrize("file", [pytest.param(file, id=module_name(file)) for file in FILES])
def test_optional_packages_are_imported_where_they_are_used(file: Path) -> None:
    with_the_file = {name.split(".")[0] for name in imports(parse(file), lazy=False)}
    optional = {"accelerate", "anny", "h5py", "pyvista", "spaces", "transformers", "vtkmodules"}
    assert not with_the_file & optional
