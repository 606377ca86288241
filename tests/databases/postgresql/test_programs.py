"""Which of PostgreSQL's programs are taken to unload and reload a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.databases.postgresql import programs
from harness.databases.postgresql.programs import PROGRAMS, clients
from harness.errors import RecoveryRefused


def _pretend(folder: Path, version: str, *names: str) -> Path:
    """Write programs that say of which version they are, and no more."""
    folder.mkdir(parents=True)
    for name in names or ("pg_dump", "pg_restore"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """A machine on which no programs are but those that a test puts there."""
    found: list[Path] = []
    monkeypatch.delenv(PROGRAMS, raising=False)
    monkeypatch.setattr(programs, "installed", lambda: found)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return found


def test_those_of_the_server_s_own_version_are_taken(alone: list[Path], tmp_path: Path) -> None:
    """Wherever they stand in the list; else the next newer, as an older one is refused by it."""
    alone += [_pretend(tmp_path / v, f"{v}.3") for v in ("18", "14", "16", "17")]
    assert clients(16) == programs.Clients(tmp_path / "16", 16)
    assert clients(15).major == 16
    assert clients(18).dump == str(tmp_path / "18" / "pg_dump")
    assert clients(18).restore == str(tmp_path / "18" / "pg_restore")


def test_a_folder_that_is_named_and_the_path_are_looked_at_first(
    alone: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The named one before the path, the path before packages; Debian's script is no program."""
    alone.append(_pretend(tmp_path / "package", "16.1"))
    on_path = _pretend(tmp_path / "path", "16.1")
    monkeypatch.setenv("PATH", str(on_path))
    assert clients(16).folder == on_path
    monkeypatch.setenv(PROGRAMS, str(_pretend(tmp_path / "named", "16.1")))
    assert clients(16).folder == tmp_path / "named"
    monkeypatch.delenv(PROGRAMS)
    script = _pretend(tmp_path / "debian", "16.1", "pg_wrapper", "pg_restore")
    (script / "pg_dump").symlink_to(script / "pg_wrapper")
    monkeypatch.setenv("PATH", str(script))
    assert clients(16).folder == tmp_path / "package"


def test_what_is_not_there_is_said(alone: list[Path], tmp_path: Path) -> None:
    """With what there is instead, and what to install; one of the two alone is none."""
    with pytest.raises(RecoveryRefused, match="install the package postgresql-client-16"):
        clients(16)
    old = _pretend(tmp_path / "old", "15.4")
    alone += [old, _pretend(tmp_path / "half", "16.1", "pg_dump")]
    with pytest.raises(RecoveryRefused, match=f"only those of version 15 in {old}"):
        clients(16)
