from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

import psycopg

from harness.databases.postgresql.differences import differences
from harness.databases.postgresql.put_back import put_back
from tests.databases.postgresql.pairs import BASELINE, LIVE, Pair
from tests.postgres import TWO_TABLES, Databases

KEYED_AND_NOT = """
CREATE TABLE keyed (id int PRIMARY KEY, name text UNIQUE, n numeric);
CREATE TABLE loose (a int, b text);
INSERT INTO keyed SELECT n, 'k' || n, n / 3.0 FROM generate_series(1, 20) n;
INSERT INTO loose SELECT n % 4, NULLIF('l' || n % 3, 'l0') FROM generate_series(1, 24) n
"""
_KEY = st.integers(-2, 24)
_TEXT = st.sampled_from(["", "NULL", "a,b", '"', "\\", "(", "ü", "%s", "k3", None])
_EDITS = st.one_of(
    st.tuples(st.just("INSERT INTO keyed VALUES (%s, %s) ON CONFLICT DO NOTHING"), _KEY, _TEXT),
    st.tuples(st.just("DELETE FROM keyed WHERE id = %s"), _KEY),
    st.tuples(st.just("UPDATE keyed SET n = %s WHERE id = %s"), st.integers(0, 2), _KEY),
    st.tuples(st.just("UPDATE keyed SET n = n / %s WHERE id < %s"), st.just(1), _KEY),
    st.tuples(st.just("INSERT INTO loose VALUES (%s, %s)"), st.integers(0, 4), _TEXT),
    st.tuples(st.just("DELETE FROM loose WHERE a = %s AND ctid < '(0,9)'"), st.integers(0, 4)),
    st.tuples(st.just("UPDATE loose SET b = %s WHERE a = %s"), _TEXT, st.integers(0, 4)),
    st.tuples(st.sampled_from(["VACUUM FULL", "VACUUM FREEZE", "TRUNCATE loose", "ANALYZE"])),
)


def told_rows(databases: Databases, name: str) -> dict[str, Counter[Any]]:
    """Read all rows as texts, by a query of this test's own."""
    return {
        "keyed": Counter(databases.run(name, "SELECT id, name, n::text FROM keyed")),
        "loose": Counter(databases.run(name, "SELECT a, b FROM loose")),
    }


@pytest.mark.long
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(_EDITS, max_size=6))
def test_whatever_was_done_is_found_and_put_back(
    databases: Databases, edits: list[tuple[Any, ...]]
) -> None:
    """By the mark, by content and by an independent reading the same; put back, nothing differs."""
    databases.wipe()
    pair = Pair(databases, KEYED_AND_NOT)
    was = told_rows(databases, BASELINE)
    with databases.connect(LIVE) as connection:
        for statement, *values in edits:
            connection.execute(statement, values or None)
    now, found = told_rows(databases, LIVE), pair.same_both_ways()
    for name, rows in was.items():
        if name not in found:
            assert now[name] == rows
            continue
        told, changed = found[name], found[name].changed
        made = rows - Counter(told.missing) - Counter(before for before, _ in changed)
        assert made + Counter(told.added) + Counter(after for _, after in changed) == now[name]
        assert not Counter(told.added) & Counter(told.missing)
        assert all(before != after and before[0] == after[0] for before, after in changed)
    assert back(pair) == {}
    assert pair.same_both_ways() == {}
    assert told_rows(databases, LIVE) == was


def back(pair: Pair, user: str = "postgres") -> dict[str, str]:
    """Compare and put back, as a cleanup does; what was refused."""
    live, baseline = pair.address(user=user), pair.address(BASELINE, user)
    found = differences(live, baseline)
    return put_back(live, baseline, found, connect=live.engine.connect)


def left(pair: Pair, user: str = "postgres") -> list[str]:
    """Say what still differs."""
    found = differences(pair.address(user=user), pair.address(BASELINE, user))
    return found.sentences()


def test_rows_and_sequences_come_back(databases: Databases) -> None:
    """Through cascades, unique values that changed places, and a sequence that moved."""
    pair = Pair(databases, TWO_TABLES)
    pair.run(
        "INSERT INTO person (team, name) VALUES (1, 'new')",
        "DELETE FROM team WHERE id = 1",
        "UPDATE team SET name = 'red' WHERE id = 2",
    )
    assert back(pair) == {}
    assert left(pair) == []


@pytest.mark.parametrize(
    ("script", "statement", "refused"),
    [
        ("CREATE TABLE t (a int)", "ALTER TABLE t ADD b int; INSERT INTO t VALUES (1)", "columns"),
        ("CREATE TABLE t (a int)", "DROP TABLE t; CREATE VIEW t AS SELECT 1", ""),
        (
            "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE FUNCTION f() RETURNS trigger"
            " LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER x BEFORE DELETE ON t"
            " FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t ENABLE ALWAYS TRIGGER x",
            "UPDATE t SET a = 2",
            "trigger x would act on the rows",
        ),
        (
            "CREATE TABLE s (a int); CREATE MATERIALIZED VIEW t AS TABLE s",
            "INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW t",
            "materialised view",
        ),
        (
            "CREATE TABLE t (a int); INSERT INTO t VALUES (-1)",
            "DELETE FROM t; ALTER TABLE t ADD CHECK (a > 0)",
            "check constraint",
        ),
    ],
)
def test_what_cannot_be_put_back_is_refused_by_name(
    databases: Databases, script: str, statement: str, refused: str
) -> None:
    """Its table is left as the tests left it, and it is said why."""
    pair = Pair(databases, script)
    pair.run(statement)
    before = databases.run(LIVE, "SELECT * FROM t")
    why = back(pair)
    assert refused in why["t"]
    assert databases.run(LIVE, "SELECT * FROM t") == before


def test_a_computed_and_an_identity_column_come_back(databases: Databases) -> None:
    """GENERATED ALWAYS of both kinds: the one computes itself, the other is given."""
    pair = Pair(
        databases,
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int,"
        " b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO t (a) VALUES (1), (2)",
    )
    pair.run("DELETE FROM t WHERE id = 1", "UPDATE t SET a = 5")
    assert back(pair) == {}
    assert left(pair) == []


def test_more_rows_than_are_held_come_back(databases: Databases) -> None:
    """A table of which too much differs is brought back as a whole."""
    script = "CREATE TABLE t (a int PRIMARY KEY, b text);"
    script += "INSERT INTO t SELECT n, E'x\\t\\\\' || n FROM generate_series(1, 12000) n"
    pair = Pair(databases, script)
    pair.run("UPDATE t SET b = NULL")
    assert back(pair) == {}
    assert left(pair) == []


def test_a_foreign_key_is_never_left_broken(databases: Databases) -> None:
    """A table that is refused and refers to a row that would go: nothing at all is put back."""
    pair = Pair(databases, TWO_TABLES)
    pair.run(
        "INSERT INTO team VALUES (3, 'new')",
        "ALTER TABLE person ADD extra int",
        "UPDATE person SET team = 3 WHERE id = 1",
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="1 rows of person"):
        back(pair)
    assert "team: 1 added, 0 missing, 0 changed" in left(pair)


def test_a_row_that_somebody_changed_meanwhile_is_not_taken(databases: Databases) -> None:
    """What was compared is there no longer: all is as it was, and another attempt may pass."""
    pair = Pair(databases, TWO_TABLES)
    pair.run("UPDATE team SET name = 'x' WHERE id = 1")
    live, baseline = pair.address(), pair.address(BASELINE)
    found = differences(live, baseline)
    pair.run("UPDATE team SET name = 'y' WHERE id = 1")
    with pytest.raises(psycopg.errors.SerializationFailure) as raised:
        put_back(live, baseline, found, connect=live.engine.connect)
    reason = live.engine.describe(raised.value)
    assert reason is not None
    assert reason.transient
    assert pair.run("SELECT name FROM team WHERE id = 1") == [("y",)]


OWNED = """
CREATE TABLE org (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE member (id int PRIMARY KEY, org int REFERENCES org ON DELETE CASCADE,
  boss int REFERENCES member);
CREATE TABLE plain (a int);
INSERT INTO org VALUES (1, 'one'), (2, 'two');
INSERT INTO member VALUES (1, 1, NULL), (2, 1, 1), (3, 2, 2); INSERT INTO plain VALUES (1), (1);
"""


def owned(databases: Databases, script: str = OWNED) -> Pair:
    """Make a pair whose tables are of a role that may do nothing else."""
    databases.admin("CREATE ROLE app LOGIN")
    owns = "ALTER SCHEMA public OWNER TO app; SET ROLE app;"
    return Pair(databases, owns + script)


def test_an_owner_puts_back_in_the_order_of_foreign_keys(databases: Databases) -> None:
    """Without the right to silence triggers: parents first, nothing cascades to what stays."""
    pair = owned(databases)
    pair.run(
        "INSERT INTO org VALUES (3, 'three')",
        "UPDATE member SET org = 3 WHERE id = 3",
        "DELETE FROM org WHERE id = 2",
        "INSERT INTO member VALUES (4, 3, 3)",
        "DELETE FROM plain WHERE ctid = '(0,1)'",
        "UPDATE org SET name = 'ONE' WHERE id = 1",
    )
    assert back(pair, "app") == {}
    assert left(pair, "app") == []


def test_an_owner_puts_back_what_an_added_row_holds(databases: Databases) -> None:
    """The unique value of a missing row is another's: that one goes first."""
    pair = owned(databases)
    pair.run("DELETE FROM org WHERE id = 2", "INSERT INTO org VALUES (7, 'two')")
    assert back(pair, "app") == {}
    assert left(pair, "app") == []


def test_an_owner_leaves_a_table_with_triggers(databases: Databases) -> None:
    """Its triggers would act on the rows; nor is anything deleted that cascades to it."""
    script = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    script += "CREATE TRIGGER x BEFORE UPDATE ON member FOR EACH ROW EXECUTE FUNCTION f();"
    pair = owned(databases, OWNED + script)
    pair.run("INSERT INTO org VALUES (3, '3')", "UPDATE member SET org = 3 WHERE id = 3")
    assert set(back(pair, "app")) == {"member", "org"}
    assert left(pair, "app") == [
        "member: 0 added, 0 missing, 1 changed", "org: 1 added, 0 missing, 0 changed",
    ]  # fmt: skip
