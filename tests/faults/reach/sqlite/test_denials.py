"""What the authorizer denies, and to whom."""

from __future__ import annotations

import apsw
import pytest

from tests.faults.conftest import Stage


def test_while_it_is_held(stage: Stage) -> None:
    """Connections opened before and after it, but nobody else's; each denial is told."""
    told: list[str] = []
    denial = stage.reach.deny("notes", told.append)
    before = stage.scene.connect(stage.database)
    assert denial.begin() == ""
    after = stage.scene.connect(stage.database)
    for number, connection in enumerate((before, after), 1):
        with pytest.raises(apsw.AuthError):
            connection.execute("DELETE FROM notes")
        assert told == ["authorizer denied DELETE on notes (SQLITE_AUTH)"] * number
        connection.execute("SELECT * FROM notes; UPDATE bots SET name = name").fetchall()
    other = stage.scene.other()
    other.execute("UPDATE notes SET body = body")
    other.close()
    denial.end()
    denial.end()
    for connection in (before, after):
        assert connection.authorizer is None
        connection.execute("DELETE FROM notes")
        connection.close()
