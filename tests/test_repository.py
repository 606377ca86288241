"""What a repository owes its readers: licence, changes, how to take part, how to report a hole."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from harness import registry
from harness.cli import cli
from harness.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
PAPERS = ("LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def read(name: str) -> str:
    """A file of the repository's own folder."""
    return (ROOT / name).read_text(encoding="utf-8")


def paths(text: str) -> list[str]:
    """The places in the repository that a document names: in code, or as a link."""
    named = re.findall(r"`((?:harness|tests|docs|notebooks)/[\w./]*)`", text)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    return [place for place in [*named, *linked] if "NAME" not in place]


@pytest.mark.parametrize("name", PAPERS)
def test_what_they_name_is_there(name: str) -> None:
    """No file or folder that a document names has moved away."""
    assert [place for place in paths(read(name)) if not (ROOT / place).exists()] == []


def test_a_place_that_moved_is_seen() -> None:
    """The check itself is checked."""
    assert paths("see `harness/gone.py`, [docs](docs/gone.md), `harness run` and `NAME.py`") == [
        "harness/gone.py",
        "docs/gone.md",
    ]


def test_the_licence_is_the_one_that_is_declared() -> None:
    """The metadata and the file say the same licence, and whose it is."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert read("LICENSE").startswith(f"{project['license']} License\n")
    assert project["license-files"] == ["LICENSE"]
    assert project["authors"][0]["name"] in read("LICENSE")
    assert project["version"] == VERSION


def test_whoever_takes_part_finds_every_room() -> None:
    """Each room of the house stands in CONTRIBUTING, and how to add one of each."""
    text = read("CONTRIBUTING.md")
    rooms = {
        place.name for place in (ROOT / "harness").iterdir() if (place / "__init__.py").is_file()
    }
    aside = {"configured", "system"}  # helpers of the others
    assert [room for room in sorted(rooms - aside) if f"`harness/{room}/`" not in text] == []
    for package, base in registry.BASES.items():
        assert f"`{base}`" in text or package == "workloads"


def test_the_changes_name_every_verb_that_people_got() -> None:
    """Whoever reads what is new learns of each command by its name."""
    text = read("CHANGELOG.md")
    missing = [name for name in cli.commands if not re.search(rf"`(harness )?{name}\b", text)]
    assert missing == []
