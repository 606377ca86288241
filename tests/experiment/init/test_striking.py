from __future__ import annotations

from pathlib import Path

import pytest

from harness.experiment.cycle.grounds.sqlite.private_copy import private_copy
from harness.experiment.init.looking import look
from harness.experiment.init.striking import Chances, chances_of
from tests.experiment.init.test_looking import made

PARENT = "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent DEFAULT VALUES;"
CHILD = "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent{});"


def chances(folder: Path, sql: str) -> Chances:
    """Look at a database made of ``sql``."""
    path = made(folder / "a.db", sql)
    with private_copy(path) as copy:
        return chances_of(copy, look(copy, path, rows=1))


def test_a_restricting_key_makes_the_unseen_child(folder: Path) -> None:
    """With a restricting foreign key ``unseen_child`` can strike a cleanup of the user's own."""
    found = chances(folder, PARENT + CHILD.format(""))
    for kinds in (found.command, found.function, found.sql):
        assert {"timeout", "unseen_child", "io_error"} <= set(kinds)
    assert "unseen_child" not in found.none
    assert "cleanup_killed" in found.command
    assert "cleanup_killed" not in found.function


@pytest.mark.parametrize("sql", [PARENT, PARENT + CHILD.format(" ON DELETE CASCADE")])
def test_without_one_it_cannot_strike(folder: Path, sql: str) -> None:
    """Without a restricting foreign key it is among those that never strike, with the reason."""
    found = chances(folder, sql)
    assert "unseen_child" not in found.command
    assert any("unseen_child" in kinds and "restrict" in why for why, kinds in found.never.items())


@pytest.mark.parametrize(
    ("mode", "chain"), [("wal", ("online_backup", "wal_pin")), ("delete", ("online_backup",))]
)
def test_the_chain_fits_the_journal(folder: Path, mode: str, chain: tuple[str, ...]) -> None:
    """A recovery that needs WAL is offered for a database in WAL mode only."""
    assert chances(folder, f"PRAGMA journal_mode={mode}; {PARENT}").recoveries == chain
