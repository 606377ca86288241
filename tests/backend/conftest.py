"""A small platform database and a backend of its own in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.backend.process import Backend
from harness.databases.sqlite.session import connect
from tests.backend.talking import Talk

FOUNDER = 1  # the user whose token may do everything; all others may only read


@pytest.fixture
def database(pristine: Path, folder: Path) -> Path:
    """Copy the baseline."""
    return Path(shutil.copyfile(pristine, folder / "api.sqlite3"))


@pytest.fixture
def sql(database: Path) -> Iterator[apsw.Connection]:
    """Connect to the database as somebody else does."""
    connection = connect(database)
    yield connection
    connection.close()


@pytest.fixture
def token_of(database: Path) -> Callable[[int], str]:
    """Look up a user's token."""

    def find(user: int) -> str:
        connection = connect(database)
        try:
            rows: list[Any] = connection.execute(
                "SELECT token FROM api_tokens WHERE user_id = ?", (user,)
            ).fetchall()
        finally:
            connection.close()
        return str(rows[0][0])

    return find


@pytest.fixture
def backend(database: Path, folder: Path) -> Iterator[Backend]:
    """Start a backend; a request waits a second for the lock."""
    one = Backend(database, log=folder / "backend.log")
    one.start(limit_s=60)
    yield one
    one.close()


@pytest.fixture(scope="session")
def served(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Start one backend for all tests that leave it and the baseline's rows as they are."""
    folder = tmp_path_factory.mktemp("served")
    path = Path(shutil.copyfile(pristine, folder / "api.sqlite3"))
    one = Backend(path, log=folder / "backend.log")
    one.start(limit_s=60)
    yield one
    one.close()


@pytest.fixture
def talk(backend: Backend, token_of: Callable[[int], str]) -> Iterator[Talk]:
    """Speak to it as the founder."""
    one = Talk(backend.port, token_of(FOUNDER))
    yield one
    one.close()
