from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.configured.project_file import find
from harness.errors import ConfigurationError

TABLE = '[tool.reliability-harness]\ndatabase = "a.db"\n'
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def write(folder: Path, text: str = TABLE) -> Path:
    """Write a pyproject.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_nearest_that_has_the_table_holds(folder: Path) -> None:
    """One without it, also one that only depends on the tool, is no reason to stop looking."""
    top = write(folder / "a")
    write(folder / "a" / "b", '[project]\ndependencies = ["reliability-harness"]\n')
    write(folder / "a" / "b" / "c", "not TOML at all [[\n")
    deep = folder / "a" / "b" / "c" / "d"
    deep.mkdir()
    assert find(deep).path == top
    assert find(deep).table == {"database": "a.db"}
    nearer = write(folder / "a" / "b", "[tool.reliability-harness]\n")
    assert find(deep).path == nearer


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_the_look_ends_at_a_repository(folder: Path, kind: str) -> None:
    """What lies above it, or above a worktree (whose .git is a file), is another project's."""
    write(folder)
    repository = folder / "repository"
    inner = repository / "inner"
    inner.mkdir(parents=True)
    assert find(inner).path == folder / "pyproject.toml"
    if kind == "folder":
        (repository / ".git").mkdir()
    else:
        (repository / ".git").write_text("gitdir: elsewhere")
    assert find(inner).path is None
    own = write(repository)
    assert find(inner).path == own


@needs_root
def test_a_file_of_another_user_does_not_count(folder: Path) -> None:
    """What anybody left in a common folder above is passed by, and named; the look goes on."""
    top = write(folder)
    foreign = write(folder / "common", '[tool.reliability-harness]\ncleanup = "rm -rf /"\n')
    work = folder / "common" / "work"
    work.mkdir()
    os.chown(foreign, NOBODY, NOBODY)
    found = find(work)
    assert (found.path, found.passed_by) == (top, (foreign,))
    os.chown(work, NOBODY, NOBODY)  # as in a container: the folder's own user has written it
    assert find(work).path == foreign


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[tool.reliability-harness\n", "not TOML: .*line 1"),
        (b"[tool.reliability-harness]\na = \xff\n", "not in UTF-8"),
        (b"tool.reliability-harness = 3\n", r"write \[tool.reliability-harness\]"),
    ],
)
def test_what_cannot_be_read_is_refused(folder: Path, content: bytes, told: str) -> None:
    """Where the table is named and cannot be had, nobody can say what holds."""
    path = folder / "pyproject.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=told) as raised:
        find(folder)
    assert str(raised.value).startswith(str(path))


def test_what_is_no_file_is_none(folder: Path) -> None:
    """A folder or a pipe of that name is never read, and a pipe not waited for."""
    for make in (os.mkdir, os.mkfifo):
        make(folder / "pyproject.toml")
        assert find(folder).path is None
        (folder / "pyproject.toml").rename(folder / make.__name__)
