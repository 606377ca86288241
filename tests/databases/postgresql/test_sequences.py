from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.databases.postgresql.reading import one_moment
from harness.databases.postgresql.sequences import differences, values
from tests.databases.postgresql.pairs import BASELINE, Pair, opened
from tests.postgres import Databases

SCRIPT = """
CREATE TABLE t (id serial); CREATE SEQUENCE free; CREATE SCHEMA s; CREATE SEQUENCE s.other;
CREATE SEQUENCE gone; CREATE SEQUENCE same; SELECT nextval('same')
"""


def found(pair: Pair, user: str = "postgres") -> tuple[dict[str, object], dict[str, str]]:
    """Compare."""
    with (
        opened(pair.address(BASELINE, user)) as was,
        opened(pair.address(user=user)) as now,
        one_moment(was),
        one_moment(now),
    ):
        moved, unread = differences(values(was), values(now))
    return dict(moved), unread


def test_every_sequence_is_compared_also_one_that_has_given_nothing(databases: Databases) -> None:
    """The first number given moves it, though its last value stays; owned by a column or not."""
    pair = Pair(databases, SCRIPT)
    assert found(pair) == ({}, {})
    pair.run(
        "INSERT INTO t DEFAULT VALUES",
        "SELECT setval('free', 7, false)",
        "SELECT nextval('s.other')",
        "DROP SEQUENCE gone",
        "CREATE SEQUENCE new",
    )
    assert found(pair) == (
        {
            "t_id_seq": ((1, False), (1, True)),
            "free": ((1, False), (7, False)),
            "s.other": ((1, False), (1, True)),
            "gone": ((1, False), None),
            "new": (None, (1, False)),
        },
        {},
    )


def test_a_sequence_that_may_not_be_read_is_said(databases: Databases) -> None:
    """It is no sequence that did not move."""
    databases.admin("CREATE ROLE app LOGIN")
    pair = Pair(databases, "CREATE SEQUENCE hidden; CREATE SEQUENCE seen; GRANT ALL ON seen TO app")
    pair.run("SELECT nextval('hidden'), nextval('seen')")
    moved, unread = found(pair, "app")
    assert moved == {"seen": ((1, False), (1, True))}
    assert unread == {"sequence hidden": "permission denied: it needs SELECT on the sequence"}
