from __future__ import annotations

from pathlib import Path

from harness.guard.sqlite import worker_copies
from harness.guard.target import target_of
from harness.guard.worker_copies import worker_copies_of
from tests.postgres import Databases


def test_a_file_s_are_files(folder: Path) -> None:
    """What makes a file's copies is the SQLite engine's."""
    (folder / "d").touch()
    database = folder / "d"
    assert isinstance(worker_copies_of(target_of(database), database), worker_copies.WorkerCopies)


def test_those_on_a_server_are_databases_there(databases: Databases) -> None:
    """What makes those of a database on a server is that engine's."""
    address = databases.make()
    made = worker_copies_of(target_of(address), address)
    assert type(made).__module__ == "harness.guard.postgresql.worker_copies"
