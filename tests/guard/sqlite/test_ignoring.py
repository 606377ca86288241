from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.guard import Guard
from harness.guard.sqlite.ignoring import PATTERNS, bring_rule
from tests.recovery.helpers import execute, make


def git(folder: Path, *words: str) -> str:
    """Run the real git."""
    done = subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("kind", ["repository", "work tree"])
def test_git_takes_up_nothing_of_the_guards(folder: Path, kind: str) -> None:
    """Backup, journal and archive are ignored, the database is not; once is enough."""
    place = folder / "repo"
    place.mkdir()
    git(place, "init", "-q")
    if kind == "work tree":
        git(place, "commit", "-q", "--allow-empty", "-m", "x")
        git(place, "worktree", "add", "-q", "../tree")
        place = folder / "tree"
    (place / "data").mkdir()
    path = make(place / "data", "delete")
    with Guard(path, archives=True, recoveries=["online_backup"]):
        assert git(place, "status", "--porcelain", "-uall").split() == ["??", "data/app.sqlite3"]
        execute(path, "DELETE FROM users")
    assert git(place, "status", "--porcelain", "-uall").split() == ["??", "data/app.sqlite3"]
    exclude = place / git(place, "rev-parse", "--git-path", "info/exclude").strip()
    before = exclude.read_text()
    bring_rule(path)
    assert exclude.read_text() == before
    assert all(before.splitlines().count(pattern) == 1 for pattern in PATTERNS)


def test_what_is_no_file_of_ours_is_left_alone(folder: Path) -> None:
    """A link in the place of the file, or no repository at all: nothing is written anywhere."""
    path = make(folder, "delete")
    bring_rule(path)
    assert os.listdir(folder) == [path.name]
    git(folder, "init", "-q")
    exclude = folder / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.unlink(missing_ok=True)
    exclude.symlink_to(folder / "victim")
    bring_rule(path)
    assert not (folder / "victim").exists()
