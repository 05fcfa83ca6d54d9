"""The documents name files that are there, and link to what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "ctl/README.md", ".github/CONTRIBUTING.md", ".github/CHANGELOG.md", "assets/SOURCES.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_and_links_of_a_document_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:ctl|tests|assets|weights|\.github)/[\w/.-]+)`", text))
    linked = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", text))
    missing = {path for path in named if not (ROOT / path).exists()}
    missing |= {path for path in linked if not (ROOT / name).parent.joinpath(path).exists()}
    assert not missing


def test_walk_through_the_code_names_a_file_of_every_package_that_serves() -> None:
    text = (ROOT / "ctl" / "README.md").read_text(encoding="utf-8")
    packages = {folder.name for folder in (ROOT / "ctl").iterdir() if (folder / "__init__.py").is_file()}
    assert not {name for name in packages - {"bench", "export"} if f"ctl/{name}/" not in text}
