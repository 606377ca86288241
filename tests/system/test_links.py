"""A path with its links followed is the one that the standard library gives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.system.links import followed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a folder with files, links to files, folders and nothing, and a circle."""
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "to-folder").symlink_to("folder")
    (tmp_path / "to-file").symlink_to(tmp_path / "folder" / "file")
    (tmp_path / "to-nothing").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "folder/file",
        "folder/below",
        "folder/below/",
        "folder//below",
        "folder/./file",
        "folder/below/../file",
        "to-folder",
        "to-folder/file",
        "to-folder/below/../file",
        "to-file",
        "to-file/",
        "to-nothing",
        "to-nothing/more",
        "gone",
        "gone/more",
        "folder/file/more",
        "circle",
        "circle/more",
        "..",
        ".",
        "",
    ],
)
def test_it_is_that_of_the_standard_library(
    tree: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is there, tidy, relative, a circle or not."""
    monkeypatch.chdir(tree)
    for given in (name, f"{tree}/{name}", Path(name), tree / name):
        assert followed(given) == os.path.realpath(given)


def test_a_link_that_is_put_there_later_is_seen(tree: Path) -> None:
    """Nothing of an earlier look is kept."""
    (tree / "folder").rename(tree / "moved")
    assert followed(tree / "folder" / "file") == str(tree / "folder" / "file")
    (tree / "folder").symlink_to("moved")
    assert followed(tree / "folder" / "file") == str(tree / "moved" / "file")


def test_the_root_and_a_name_in_it() -> None:
    """They have no folder above that could be a link."""
    assert followed("/") == "/"
    assert followed("/nothing-of-this-name") == "/nothing-of-this-name"
