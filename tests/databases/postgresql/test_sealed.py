"""What a backup says of itself."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.properties import Properties, Right
from harness.databases.postgresql.sealed import Sealed, sealed
from tests.postgres import Databases

PROPERTIES = Properties(
    owner='a"b',
    rights=(Right("", 'a"b', "CONNECT", grantable=False),),
    comment="it's \\ mine",
    limit=-1,
    is_template=False,
    allow_connections=True,
    encoding="UTF8",
    collate="C",
    ctype="C",
    provider="c",
    locale=None,
    icu_rules=None,
    collation_version=None,
    tablespace="pg_default",
).to_json()
SEAL = Sealed("it's \\ 50%", 12345, "ab12", PROPERTIES, {"snapshot": "1:2:"})


def test_it_is_read_as_it_was_written(databases: Databases) -> None:
    """Whatever stands in it, on a name that needs quoting, from any database of the server."""
    databases.make('b"k%', "")
    databases.admin(SEAL.statement('b"k%'))
    with closing(databases.connect()) as connection:
        assert sealed(connection, 'b"k%') == SEAL
        assert sealed(connection, "postgres") is None
        assert sealed(connection, "none") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "5; ALTER ROLE small SUPERUSER"},
        {"rights": [["", "a", "CONNECT ON DATABASE x TO y; DROP DATABASE x; --", False]]},
        {"rights": 7},
        {"unknown": 1},
    ],
)
def test_what_would_become_other_sql_is_no_backup(
    databases: Databases, wrong: dict[str, object]
) -> None:
    """Whoever wrote that comment wanted a more powerful role to run it."""
    databases.make("kept", "")
    databases.admin(replace(SEAL, properties=PROPERTIES | wrong).statement("kept"))
    with closing(databases.connect()) as connection:
        assert sealed(connection, "kept") is None


@pytest.mark.parametrize(
    "comment",
    [
        "my own words",
        "reliability-harness backup {",
        "reliability-harness backup []",
        'reliability-harness backup {"version": 99}',
        'reliability-harness backup {"version": 1, "of": "x"}',
    ],
)
def test_what_is_none_is_no_backup(databases: Databases, comment: str) -> None:
    """A comment of people's, half of one of ours, one of another version: nothing is believed."""
    databases.make("kept", "")
    databases.admin(f"COMMENT ON DATABASE {quoted('kept')} IS '{comment}'")
    with closing(databases.connect()) as connection:
        assert sealed(connection, "kept") is None
