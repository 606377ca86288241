"""On which settings of a session it depends how the values of a type are written."""

from __future__ import annotations

import pytest

from harness.databases.postgresql.undo.types import settings_of, types
from tests.databases.postgresql.undo.given import opened
from tests.postgres import Databases

SCRIPT = """
CREATE DOMAIN day AS date; CREATE TYPE mood AS ENUM ('x'); CREATE TYPE pair AS (a int, d day[]);
CREATE TYPE stay AS RANGE (subtype = interval); CREATE TYPE duo AS (p pair, f float8)"""


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("int8", set()),
        ("text[]", set()),
        ("jsonb", set()),
        ("mood", set()),
        ("timestamptz", {"DateStyle"}),
        ("tstzmultirange", {"DateStyle"}),
        ("day", {"DateStyle"}),
        ("day[]", {"DateStyle"}),
        ("pair", {"DateStyle"}),
        ("stay", {"IntervalStyle"}),
        ("point", {"extra_float_digits"}),
        ("duo[]", {"DateStyle", "extra_float_digits"}),
        ("money", {"lc_monetary"}),
    ],
)
def test_what_a_type_is_made_of_counts(databases: Databases, name: str, settings: set[str]) -> None:
    """Through arrays, ranges, domains and rows of columns."""
    databases.make(script=SCRIPT)
    with opened(databases) as session:
        session.execute("SET search_path = public")
        ((oid,),) = session.execute(f"SELECT '{name}'::regtype::oid::int8").fetchall()
        assert settings_of(int(oid), types(session)) == settings


def test_every_builtin_type_is_read_back(databases: Databases) -> None:
    """Of those that are said to depend on nothing none is written otherwise by another session."""
    databases.make(script="")
    with opened(databases) as session:
        known = types(session)
        free = [one.name for oid, one in known.items() if one.is_builtin and one.kind == "b"
                and not settings_of(oid, known)]  # fmt: skip
        assert {"int4", "numeric", "time", "timetz", "uuid"} <= set(free)
        for value in ("time '04:05:06.789'", "timetz '04:05:06+02'", "numeric 'NaN'", "bit '101'"):
            query = f"SELECT format('%s', {value})"
            plain = session.execute(query).fetchall()
            session.execute("BEGIN; SET LOCAL datestyle = 'German'; SET LOCAL intervalstyle ="
                            " 'sql_standard'; SET LOCAL extra_float_digits = -15")  # fmt: skip
            assert session.execute(query).fetchall() == plain
            session.execute("ROLLBACK")


def test_of_a_type_that_somebody_made_nobody_knows() -> None:
    """It may be written by any of them."""
    assert settings_of(99, {}) == {"DateStyle", "IntervalStyle", "extra_float_digits"}
