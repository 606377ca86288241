"""A database that nobody can open for writing, and can again."""

from __future__ import annotations

import os

import pytest

from tests.faults.conftest import Stage


def test_closed_and_open_again(stage: Stage) -> None:
    """What the kernel says is the evidence; modes are as before afterwards."""
    mode = stage.database.stat().st_mode
    closed = stage.reach.read_only()
    closed.end()  # never begun
    assert closed.begin().startswith("open(O_RDWR) of the database: [Errno ")
    with pytest.raises(OSError, match=r"\[Errno (1|13|30)\]"):
        os.open(stage.database, os.O_RDWR)
    closed.end()
    os.close(os.open(stage.database, os.O_RDWR))
    assert stage.database.stat().st_mode == mode


def test_nothing_there_is_nothing_closed(stage: Stage) -> None:
    """Without a file nothing is struck, and nothing has to be undone."""
    closed = stage.reach.read_only()
    kept = stage.database.rename(stage.folder / "kept")
    assert closed.begin() == ""
    closed.end()
    kept.rename(stage.database)
