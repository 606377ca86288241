"""A server of one's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from harness.databases.postgresql import server as module
from harness.databases.postgresql.server import PROGRAMS, Server, programs
from harness.errors import UsageError
from tests.postgres import Databases


@pytest.fixture
def own(folder: Path, databases: Databases) -> Iterator[Path]:
    """A folder that the server's user can reach, where there are programs at all."""
    folder.chmod(0o711)
    yield folder / "pg"
    shutil.rmtree(folder / "pg", ignore_errors=True)


def test_it_starts_ends_crashes_and_starts_again(own: Path) -> None:
    """On loopback alone, with what it held; as nobody where this process is root."""
    server = Server.made(own)
    with closing(psycopg.connect(server.address(), autocommit=True)) as connection:
        connection.execute("CREATE TABLE kept (a int)")
        ((listens,),) = connection.execute("SHOW listen_addresses").fetchall()
        ((version,),) = connection.execute("SHOW server_version_num").fetchall()
    assert listens == "127.0.0.1"
    assert int(version) >= 150000
    if os.geteuid() == 0:
        assert own.joinpath("data").owner() == module.USER
    for how in ("immediate", "fast"):
        server.stop(how)  # type: ignore[arg-type]
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.address())
        server.start()
        with closing(psycopg.connect(server.address())) as connection:
            connection.execute("SELECT a FROM kept")
    server.stop()


def test_what_does_not_start_says_why(own: Path) -> None:
    """In the program's own words."""
    with pytest.raises(UsageError, match=r"pg_ctl of .* failed"):
        Server.made(own, settings={"shared_buffers": "nonsense"})


def test_programs_are_named_or_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the variable go first; where there are none, what to install is said."""
    monkeypatch.setenv(PROGRAMS, str(folder))
    assert programs() == folder
    monkeypatch.delenv(PROGRAMS)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    with pytest.raises(UsageError, match=r"reliability-harness\[postgres\]"):
        programs()


def test_a_path_too_long_for_a_socket_has_none(tmp_path: Path) -> None:
    """The system takes some hundred bytes; loopback must do there."""
    assert Server(tmp_path / ("long" * 20), tmp_path, 1).sockets == ""
    assert Server(Path("/short"), tmp_path, 1).sockets == "/short"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as somebody else")
def test_programs_that_its_user_cannot_reach_are_copied(own: Path, tmp_path: Path) -> None:
    """Those of an environment in a folder of root's own, with the libraries that they need."""
    there = programs()
    package = tmp_path / "private" / "package" / "installed"
    shutil.copytree(there.parent, package, ignore=shutil.ignore_patterns("include"))
    libraries = there.parents[2] / module._LIBRARIES
    if libraries.is_dir():
        shutil.copytree(libraries, tmp_path / "private" / module._LIBRARIES)
    (tmp_path / "private").chmod(0o700)
    server = Server.made(own, bin=package / "bin")
    assert server.bin.is_relative_to(own)
    server.stop()
