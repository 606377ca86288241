"""What SQLite itself finds wrong, and did not find wrong with the baseline."""

from contextlib import closing
from pathlib import Path

import apsw

from harness.databases.sqlite.second_opinion import new_damage
from tests.databases.sqlite.garbling import GARBLINGS, Garbled


def opinion(file: Garbled) -> dict[str, str] | None:
    """Ask about the live file as it is."""
    file.live.write_bytes(file.data)
    with (
        closing(apsw.Connection(str(file.baseline))) as base,
        closing(apsw.Connection(str(file.live))) as live,
    ):
        return new_damage(base, live)


def test_only_what_is_new_is_told(folder: Path) -> None:
    """Damage is told once; that of the baseline's is not."""
    file = Garbled(folder)
    assert opinion(file) == {}
    GARBLINGS["an index's entry lost"][0](file)
    found = opinion(file)
    assert found is not None
    assert found["index n"] == "no longer matches its table"
    file.baseline.write_bytes(file.data)
    assert opinion(file) == {}
    GARBLINGS["the free list's length"][0](file)
    assert opinion(file) == {"the file": "is damaged: Freelist: size is 61 but should be 1"}


def test_what_sqlite_cannot_check_it_does_not_tell(folder: Path) -> None:
    """Without a collation of the application's there is no opinion."""
    path = folder / "own.db"
    with closing(apsw.Connection(str(path))) as own:
        own.create_collation("own", lambda a, b: (a > b) - (a < b))
        own.execute("CREATE TABLE t(a COLLATE own); CREATE INDEX i ON t(a)")
    with closing(apsw.Connection(str(path))) as one, closing(apsw.Connection(str(path))) as other:
        assert new_damage(one, other) is None
