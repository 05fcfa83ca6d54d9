"""A Hugging Face Space as a folder: what the page needs of this repository, and nothing else.

The bundled weights travel with it, through git LFS, so a Space fetches no checkpoint when it starts, and its header
preloads none.
"""

import argparse
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ctl.errors import InputError
from ctl.files import ROOT, folder_for_results, read_bytes
from ctl.options import Commands

PLATFORM: Final = frozenset({"gradio", "spaces", "huggingface-hub"})
"""What a Space has already, in versions of its own; naming them again makes the two fight."""

NOT_SERVED: Final = frozenset({"__main__.py", "bench", "data", "evaluate", "export", "space.py", "train", "walkers"})
"""Of `ctl`: what nothing that serves imports."""

LFS: Final = ("jpg", "mp4", "npz", "png", "safetensors", "webp")
PLAIN: Final = ("README.md", "LICENSE", "app.py")
KEPT: Final = ".git"


def add_space(commands: Commands) -> None:
    parser = commands.add_parser("space", help="Lay out a Hugging Face Space of the page in a folder, ready to upload.")
    parser.add_argument(
        "--out", type=Path, required=True, help="new folder, or the clone of a Space, which it replaces"
    )
    parser.set_defaults(run=run_space)


def run_space(args: argparse.Namespace) -> int:
    lay_out(args.out)
    files = [file for file in args.out.rglob("*") if file.is_file() and KEPT not in file.parts]
    print(f"{len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.0f} MB in {args.out}")
    return 0


def lay_out(out: Path) -> None:
    """Write the Space; a former one in the folder is replaced, its `.git` stays.

    Raises InputError if the folder holds anything else, or can't be written.
    """
    if not (ROOT / "app.py").exists():
        raise InputError("a Space is laid out from a clone of the project, not from an installed package")
    try:
        with folder_for_results(out), TemporaryDirectory(prefix=".space-", dir=out.parent) as folder:
            draft = Path(folder)
            _write(draft)
            made = {entry.name for entry in draft.iterdir()}
            if foreign := sorted({entry.name for entry in out.iterdir()} - made - {KEPT}):
                raise InputError(f"{out} isn't a Space of ours, it holds {foreign[0]}: choose a new folder with --out.")
            for entry in draft.iterdir():
                _remove(out / entry.name)
                entry.rename(out / entry.name)
    except OSError as error:
        reason = error.strerror or "the disk may be full"
        raise InputError(f"{out} can't be written: {reason}. Choose another folder with --out.") from error


def space_requirements(requirements: str) -> str:
    """Lines of a requirements.txt without what the platform brings."""
    kept = [line for line in requirements.splitlines() if _package(line) not in PLATFORM]
    return "".join(f"{line}\n" for line in kept)


def _package(requirement: str) -> str:
    """ "huggingface_hub>=1,<2" -> "huggingface-hub"."""
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0].replace("_", "-").lower()


def _write(draft: Path) -> None:
    from ctl.checkpoint import BUNDLED
    from ctl.keypoints.base import MOVENET
    from ctl.people.detect import MULTIPOSE

    for name in PLAIN:
        shutil.copy(ROOT / name, draft / name)
    requirements = read_bytes(ROOT / "requirements.txt").decode()
    (draft / "requirements.txt").write_text(space_requirements(requirements), encoding="utf-8")
    attributes = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS)
    (draft / ".gitattributes").write_text(attributes, encoding="utf-8")
    _copy(ROOT / "ctl", draft / "ctl", NOT_SERVED)
    _copy(ROOT / "assets", draft / "assets", frozenset({"walkers"}), scripts=False)
    for name in (BUNDLED.name, MOVENET, MULTIPOSE):
        _copy(ROOT / "weights" / name, draft / "weights" / name)


def _copy(source: Path, target: Path, left_out: frozenset[str] = frozenset(), *, scripts: bool = True) -> None:
    """Copy a folder without hidden files and caches; `left_out` names entries of the folder itself."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        hidden = {name for name in names if name.startswith((".", "__pycache__"))}
        made_with = {name for name in names if name.endswith(".py") and not scripts}
        return hidden | made_with | (left_out if Path(folder) == source else set())

    shutil.copytree(source, target, ignore=ignore)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
