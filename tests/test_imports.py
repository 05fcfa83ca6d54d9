"""Dependencies point one way: the order of the layers, read from the import statements themselves."""

from pathlib import Path

import pytest

from tests.import_graph import (
    FILES,
    MODULES,
    find_circle,
    imports_of,
    module_name,
    modules_of,
    package_graph,
    package_of,
)

LAYERS = (
    {
        "ctl.skeleton",
        "ctl.errors",
        "ctl.types",
        "ctl.config",
        "ctl.files",
        "ctl.processes",
        "ctl.jpeg",
        "ctl.progress",
        "ctl.runtime",
        "ctl.options",
    },
    {"ctl.graph"},
    {"ctl.model", "ctl.losses"},
    {"ctl.checkpoint", "ctl.hub"},
    {"ctl.keypoints"},
    {"ctl.video"},
    {"ctl.people"},
    {"ctl.inference"},
    {"ctl.data"},
    {"ctl.gallery", "ctl.explain"},
    {"ctl.draw"},
    {"ctl.evaluate"},  # says what decides a model's rankings, by what explains one embedding
    {"ctl.pipeline", "ctl.precomputed"},
    {"ctl.results", "ctl.enrol"},
    {"ctl"},  # ctl/__init__.py: the names that Python users import
    {"ctl.web"},
    {"app"},
    # above all that serves: nothing that serves imports them
    {"ctl.bench", "ctl.export", "ctl.space", "ctl.train", "ctl.walkers"},
    {"ctl.__main__"},
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}


@pytest.mark.parametrize("file", [pytest.param(file, id=module_name(file)) for file in FILES])
def test_file_imports_only_its_own_layer_and_those_below(file: Path) -> None:
    own = package_of(module_name(file))
    for name in imports_of(file):
        package = name.split(".")[0]
        if package == "ctl":
            assert LEVELS[package_of(name)] <= LEVELS[own], f"{own} must not import {name}"
        elif package in ("gradio", "gradio_client", "spaces"):
            assert own in ("ctl.web", "app"), f"only the page knows {package}"


@pytest.mark.parametrize("file", [pytest.param(file, id=module_name(file)) for file in FILES])
def test_optional_packages_are_imported_where_they_are_used(file: Path) -> None:
    with_the_file = {name.split(".")[0] for name in imports_of(file, lazy=False)}
    optional = {"accelerate", "anny", "h5py", "pyvista", "spaces", "transformers", "vtkmodules"}
    assert not with_the_file & optional


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not even inside functions."""
    assert find_circle({module: modules_of(file) for module, file in MODULES.items()}) == []


def test_walkers_stands_nearly_alone() -> None:
    """The generator could be lifted out: it takes how files are read and written, and how processes are run."""
    assert package_graph(lazy=True)["ctl.walkers"] == {"ctl.errors", "ctl.files", "ctl.processes"}
