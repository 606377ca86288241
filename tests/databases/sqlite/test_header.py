"""Settings that the file's header keeps."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.databases import Differences
from tests.databases.guarded import MODES, Guarded
from tests.databases.sqlite.garbling import Garbled

SCRIPT = "CREATE TABLE t(a); PRAGMA user_version = 3"


@pytest.mark.parametrize("mode", MODES)
def test_what_counts_changes_is_no_setting(folder: Path, mode: str) -> None:
    """The change counter, the schema's cookie and SQLite's own version are no differences."""
    with closing(Guarded(folder / "x.db", mode, SCRIPT)) as guarded:
        assert guarded.find("PRAGMA schema_version = 99") == Differences()


def test_a_first_table_there_and_gone_is_no_difference(folder: Path) -> None:
    """The schema's format of a database that never had one is not known before its first table."""
    with closing(Guarded(folder / "x.db", "copy of delete", "PRAGMA user_version = 1")) as guarded:
        assert guarded.baseline.read_bytes()[44:48] == bytes(4)
        assert guarded.find("CREATE TABLE t(a)", "DROP TABLE t") == Differences()
        assert guarded.database.read_bytes()[44:48] != bytes(4)


SET: dict[str, tuple[Callable[[Garbled], None], tuple[object, object]]] = {
    "default_cache_size": (lambda file: file.put_number(48, 777), (0, 777)),
    "schema_format": (lambda file: file.put_number(44, 1), (4, 1)),
    "user_version": (lambda file: file.put_number(60, 8), (0, 8)),
    "application_id": (lambda file: file.put_number(68, 9), (0, 9)),
    "reserved_for_expansion": (
        lambda file: file.put(80, b"\x07"),
        ("00" * 20, "00" * 8 + "07" + "00" * 11),
    ),
}


@pytest.mark.parametrize("name", SET)
def test_a_setting_is_told_with_both_values(folder: Path, name: str) -> None:
    """Whatever of the header a connection can set is a difference, and so are bytes to be 0."""
    change, values = SET[name]
    file = Garbled(folder)
    change(file)
    assert file.found() == Differences(settings={name: values})


@pytest.mark.parametrize("mode", ["same file", "copy of wal"])
def test_the_cache_size_set_in_a_wal_is_told(folder: Path, mode: str) -> None:
    """What is set in the newest page 1 counts, wherever that stands."""
    statement = "PRAGMA default_cache_size = 777"  # apsw has no such pragma any more
    command = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])"
    with closing(Guarded(folder / "x.db", mode, SCRIPT)) as guarded:
        program = [sys.executable, "-c", command, str(guarded.database), statement]
        subprocess.run(program, check=True)
        assert guarded.find().sentences() == ["setting default_cache_size: 0 -> 777"]
