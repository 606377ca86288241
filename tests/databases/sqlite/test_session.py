"""Connections to SQLite files."""

import shutil
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.session import connect
from tests.databases.guarded import Guarded


def test_connect_makes_no_missing_file(folder: Path) -> None:
    """A path with no file is an error that names it, and stays without a file."""
    for immutable in (False, True):
        with pytest.raises(FileNotFoundError, match="nothing here"):
            connect(folder / "nothing here.db", immutable=immutable)
    assert list(folder.iterdir()) == []


def test_connect_checks_foreign_keys_and_can_be_read_only(folder: Path) -> None:
    """Foreign keys are on; read-only and immutable connections refuse to write."""
    path = folder / "a b?c#d%41&e=f.db"
    baseline = "CREATE TABLE fact(id INTEGER PRIMARY KEY); INSERT INTO fact VALUES (1), (2), (3);"
    shutil.copyfile(Guarded(folder / "x.db", "copy of delete", baseline).database, path)
    assert connect(path).pragma("foreign_keys") == 1
    for options in ({"read_only": True}, {"immutable": True}):
        connection = connect(path, **options)
        assert connection.execute("SELECT count(*) FROM fact").get == 3
        with pytest.raises(apsw.ReadOnlyError):
            connection.execute("DELETE FROM fact")
        connection.close()
