"""Who imports whom in `ctl`, read from the import statements themselves.

`python -m tests.import_graph` prints a line for each package: the packages that it needs when it is loaded, and after a
tilde those that it loads later, inside a function. Run it before and after a change, and compare.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / "app.py", *sorted((ROOT / "ctl").rglob("*.py"))]


def module_name(file: Path) -> str:
    """ "…/ctl/graph/conv3d.py" -> "ctl.graph.conv3d"; a package's `__init__.py` -> the package."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(file): file for file in FILES}


def package_of(module: str) -> str:
    """ "ctl.graph.conv3d" -> "ctl.graph"; a module in `ctl` itself -> itself; `ctl.CTL` and the like -> "ctl"."""
    part = ".".join(module.split(".")[:2])
    return part if part in MODULES else part.split(".")[0]


def imported_names(node: ast.AST, *, lazy: bool = True) -> Iterator[str]:
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
            yield from imported_names(child, lazy=lazy)


def imports_of(file: Path, *, lazy: bool = True) -> set[str]:
    """Full names of what a file imports, as `imported_names` reads them."""
    return set(imported_names(ast.parse(file.read_text(encoding="utf-8")), lazy=lazy))


def modules_of(file: Path, *, lazy: bool = True) -> set[str]:
    """Modules of `ctl` that a file imports from: "ctl.types.Crops" counts as "ctl.types"."""
    names = {name for name in imports_of(file, lazy=lazy) if name.split(".")[0] == "ctl"}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names}


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """Nodes of one circle of a directed graph, the first again at the end; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def package_graph(*, lazy: bool) -> dict[str, set[str]]:
    """Package -> other packages that its files import."""
    graph: dict[str, set[str]] = defaultdict(set)
    for module, file in MODULES.items():
        graph[package_of(module)] |= {package_of(name) for name in modules_of(file, lazy=lazy)} - {package_of(module)}
    return dict(graph)


def main() -> None:
    whole, at_once = package_graph(lazy=True), package_graph(lazy=False)
    short = {package: package.removeprefix("ctl.") for package in whole}
    for package in sorted(whole):
        later = whole[package] - at_once[package]
        parts = [*sorted(short[name] for name in at_once[package]), *sorted(f"~{short[name]}" for name in later)]
        print(f"{short[package]:<12} {' '.join(parts) or '-'}")
    print(f"{len(whole)} packages, {sum(map(len, whole.values()))} arrows, {len(FILES)} files")


if __name__ == "__main__":
    main()
