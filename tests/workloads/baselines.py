"""Baselines of the platform, made once for all tests, and the hand that cleans test data up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.backend.schema import TABLES
from harness.steps import Entity
from harness.workloads.platform import Platform

SMALL = 80 * 4096
DEFAULT = 657 * 4096


@pytest.fixture(scope="session")
def small_baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a baseline of 80 pages; for reading only."""
    path = tmp_path_factory.mktemp("small") / "platform.sqlite3"
    Platform.build_baseline(path, size_bytes=SMALL, seed=1, journal_mode="wal")
    return path


@pytest.fixture(scope="session")
def default_baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a baseline of the default 657 pages; for reading only."""
    path = tmp_path_factory.mktemp("default") / "platform.sqlite3"
    Platform.build_baseline(path, size_bytes=DEFAULT, seed=1, journal_mode="wal")
    return path


@pytest.fixture
def open_copy(folder: Path) -> Iterator[Callable[[Path], apsw.Connection]]:
    """Open a copy of a baseline of its own, with foreign keys on."""
    opened: list[apsw.Connection] = []

    def copy(baseline: Path) -> apsw.Connection:
        path = folder / f"{len(opened)}.sqlite3"
        shutil.copyfile(baseline, path)
        opened.append(apsw.Connection(str(path)))
        opened[-1].execute("PRAGMA foreign_keys = ON")
        return opened[-1]

    yield copy
    for connection in opened:
        connection.close()


def contents(connection: apsw.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Read every row of every table."""
    return {t: connection.execute(f"SELECT * FROM {t} ORDER BY 1, 2").fetchall() for t in TABLES}


def undo(connection: apsw.Connection, entities: Iterable[Entity]) -> None:
    """Undo ``entities`` in reverse order, each by one statement that must find its row."""
    for entity in reversed(list(entities)):
        sign = ">" if entity.after else "="
        where = " AND ".join(f"{column} {sign} ?" for column, _ in entity.key)
        key = tuple(value for _, value in entity.key)
        if entity.before is None:
            connection.execute(f"DELETE FROM {entity.table} WHERE {where}", key)
        else:
            columns = ", ".join(f"{column} = ?" for column, _ in entity.before)
            values = tuple(value for _, value in entity.before)
            connection.execute(f"UPDATE {entity.table} SET {columns} WHERE {where}", values + key)
        assert entity.after or connection.changes() == 1, entity.label
