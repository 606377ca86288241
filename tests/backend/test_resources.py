"""What a request's body may be."""

from __future__ import annotations

from typing import Any

import apsw
import pytest

from harness.backend.resources import RESOURCES, Invalid
from harness.backend.schema import SCHEMA

USERS, BOTS, INTEGRATIONS = RESOURCES


def test_the_columns_are_the_tables_own() -> None:
    """Every resource shows the columns of its table, and gives or sets all but the id."""
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    for resource in RESOURCES:
        columns: list[Any] = connection.execute(f"PRAGMA table_info({resource.table})").fetchall()
        names = tuple(row[1] for row in columns)
        assert resource.order == names
        given = tuple(column.name for column in resource.columns)
        assert ("id", *given, *resource.clock) == names or sorted(
            ("id", *given, *resource.clock)
        ) == sorted(names)


def test_defaults_are_filled_in() -> None:
    """What need not be given has a value, and a flag may be true or 1."""
    assert BOTS.values({"user_id": 3, "name": "n", "is_default": True}) == {
        "user_id": 3,
        "name": "n",
        "description": "",
        "status": "draft",
        "is_default": 1,
    }
    assert BOTS.values({"user_id": 3, "name": "n", "is_default": 1})["is_default"] == 1
    assert INTEGRATIONS.values({"bot_id": 1, "channel": "web"})["config"] == "{}"


@pytest.mark.parametrize(
    ("body", "column", "says"),
    [
        ([], "", "JSON object"),
        ({"user_id": 1}, "name", "missing"),
        ({"user_id": 1, "name": "n", "id": 5}, "id", "known: user_id"),
        ({"user_id": 1, "name": "n", "updated_at": 5}, "updated_at", "known"),
        ({"user_id": 1, "name": "n", "\ud800": 5}, "?", "known"),
        ({"user_id": "1", "name": "n"}, "user_id", "an integer"),
        ({"user_id": True, "name": "n"}, "user_id", "an integer"),
        ({"user_id": 1.0, "name": "n"}, "user_id", "an integer"),
        ({"user_id": 2**63, "name": "n"}, "user_id", "an integer"),
        ({"user_id": None, "name": "n"}, "user_id", "an integer"),
        ({"user_id": 1, "name": 7}, "name", "a string"),
        ({"user_id": 1, "name": "\ud800"}, "name", "a string"),
        ({"user_id": 1, "name": "n", "status": "gone"}, "status", "one of draft, live, paused"),
        ({"user_id": 1, "name": "n", "is_default": 2}, "is_default", "true or false"),
    ],
)
def test_what_does_not_fit_is_named(body: Any, column: str, says: str) -> None:
    """Every wrong value names its column and says what is wanted."""
    with pytest.raises(Invalid, match=says) as caught:
        BOTS.values(body)
    assert caught.value.column == column
