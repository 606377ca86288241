"""What a run says of the machine it ran on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import apsw
import pytest

from harness.experiment.run.machine import filesystem, machine, revision, versions


def test_versions_are_those_loaded() -> None:
    """SQLite's version is that of the library in use, not of a header."""
    connection = apsw.Connection(":memory:")
    (loaded,) = connection.execute("SELECT sqlite_version()").fetchone()
    connection.close()
    assert versions()["sqlite"] == loaded
    assert all(versions().values())


def test_the_file_system_is_the_innermost_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest mount point that holds the path counts, the last where two are the same."""
    home = tmp_path / "a b" / "c"
    home.mkdir(parents=True)
    blank = str(tmp_path / "a b")
    listed = [("/", "ext4"), (blank, "xfs"), (blank, "tmpfs"), (f"{tmp_path}/a", "btrfs")]
    monkeypatch.setattr("harness.experiment.run.machine.mounts", lambda: listed)
    assert filesystem(home) == "tmpfs"
    assert filesystem(tmp_path) == "ext4"
    monkeypatch.setattr("harness.experiment.run.machine.mounts", list)
    assert filesystem(home) == "unknown"


def test_the_file_system_is_what_the_system_says(tmp_path: Path) -> None:
    """stat(1) agrees, where it uses the same names."""
    done = subprocess.run(
        ["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True
    )
    told = machine(tmp_path)
    assert told["cores"] == os.cpu_count()
    if done.stdout.strip() in ("tmpfs", "xfs", "btrfs", "overlayfs"):
        assert told["filesystem"] == done.stdout.strip().replace("overlayfs", "overlay")


def test_the_revision_is_the_checkouts() -> None:
    """The commit that git names, marked when something was changed since."""
    home = Path(__file__).parents[3]
    done = subprocess.run(
        ["git", "-C", str(home), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    said = revision()
    if done.returncode:
        assert said is None
    else:
        assert said is not None
        assert said.removesuffix("-dirty") == done.stdout.strip()
