"""Recording and undoing, by the functions in the database."""

from __future__ import annotations

import psycopg
import pytest

from harness.databases.postgresql.undo import installing
from harness.databases.postgresql.undo.functions import Recorder
from tests.databases.postgresql.undo.given import held, install, opened, undo
from tests.postgres import Databases

LOGGED = "SELECT sign, image FROM reliability_harness_undo.log ORDER BY 1, 2"
TYPES = """
CREATE TABLE kept (id int PRIMARY KEY, at timestamptz, i interval, f float8, d date, m money,
  r regclass);
INSERT INTO kept VALUES (1, '2024-05-06 07:08:09.5+00', '-1 mon +2 days -03:04',
  0.1::float8 + 0.2::float8, '2024-02-01', 1234.5, 'kept')"""


@pytest.mark.parametrize(
    "chosen",
    [
        "SET datestyle = 'SQL, DMY'",
        "SET datestyle = 'German'; SET timezone = 'America/St_Johns'",
        "SET intervalstyle = 'sql_standard'",
        "SET intervalstyle = 'postgres_verbose'",
        "SET extra_float_digits = -15",
        "SET extra_float_digits = 0",
        "SET bytea_output = escape; SET xmlbinary = hex",
        "SET search_path = ''",
    ],
)
def test_however_a_session_writes_values(databases: Databases, chosen: str) -> None:
    """What it changes is recorded so that it can be read back, and its settings stay its own."""
    databases.make(script=TYPES)
    before = held(databases)
    with opened(databases) as session:
        install(session)
        with databases.connect("app_dev") as application:
            for setting in chosen.split(";"):
                application.execute(setting)
            names = [setting.split()[1] for setting in chosen.split(";")]
            was = [application.execute(f"SHOW {name}").fetchone() for name in names]
            application.execute("UPDATE public.kept SET id = 2; DELETE FROM public.kept")
            assert [application.execute(f"SHOW {name}").fetchone() for name in names] == was
        undo(session)
    assert held(databases) == before


def test_money_is_written_without_a_locale(databases: Databases) -> None:
    """Where there is a column of it, the session's own is not used."""
    databases.make(script=TYPES)
    with opened(databases) as session:
        install(session)
        databases.run("app_dev", "SET lc_monetary = 'C.UTF-8'", "DELETE FROM kept")
        ((_, image),) = session.execute(LOGGED).fetchall()
        assert '"$1,234.50"' in image


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_who_truncates_sees_what_is_there(databases: Databases, isolation: str) -> None:
    """A transaction that sees an earlier moment cannot say what it throws away."""
    databases.make()
    with opened(databases) as session, databases.connect("app_dev") as application:
        install(session)
        application.execute(f"BEGIN ISOLATION LEVEL {isolation}; SELECT count(*) FROM person")
        databases.run("app_dev", "DELETE FROM person WHERE id = 1")
        application.execute("TRUNCATE person")
        application.execute("COMMIT")
        with pytest.raises(psycopg.Error, match="that saw it as it once was"):
            undo(session)


def test_what_is_computed_must_be_what_it_was(databases: Databases) -> None:
    """A function that says it never changes, and does: the row is not the same then."""
    script = """
    CREATE FUNCTION hour(timestamptz) RETURNS text IMMUTABLE LANGUAGE sql AS
      $$ SELECT to_char($1, 'HH24') $$;
    CREATE TABLE t (at timestamptz, h text GENERATED ALWAYS AS (hour(at)) STORED);
    SET timezone = 'Asia/Tokyo'; INSERT INTO t VALUES ('2024-01-01 00:00:00+00')"""
    databases.make(script=script)
    with opened(databases) as session:
        install(session)
        databases.run("app_dev", "DELETE FROM t")
        with pytest.raises(psycopg.Error, match="not what was recorded"):
            undo(session)


def test_a_function_asks_for_what_its_tables_need() -> None:
    """Of a table whose rows are always written alike nothing is asked; each has its own name."""
    plain = Recorder("inserted", False, ())
    assert "current_setting" not in plain.written()
    dated = Recorder("inserted", False, ("DateStyle",))
    assert "DateStyle" in dated.written()
    assert "IntervalStyle" not in dated.written()
    every = ("DateStyle", "IntervalStyle", "extra_float_digits", "lc_monetary")
    names = {Recorder("inserted", of, every[:n]).name for of in (False, True) for n in range(5)}
    assert len(names) == 10


def test_what_came_and_went_is_nothing(databases: Databases) -> None:
    """Undoing writes no row where all was undone already."""
    databases.make()
    with opened(databases) as session:
        install(session)
        place = "SELECT ctid FROM team ORDER BY 1"
        before = databases.run("app_dev", place)
        databases.run(
            "app_dev", "INSERT INTO team VALUES (9, 'x')", "DELETE FROM team WHERE id = 9"
        )
        undo(session)
        assert databases.run("app_dev", place) == before
        assert session.execute(LOGGED).fetchall() == []


@pytest.mark.parametrize(
    "emptied",
    [
        "TRUNCATE reliability_harness_undo.log",
        "DELETE FROM reliability_harness_undo.log",
        "UPDATE reliability_harness_undo.log SET sign = 0",
        "TRUNCATE reliability_harness_undo.recorded, team CASCADE",
        "DELETE FROM reliability_harness_undo.sequences",
        "TRUNCATE reliability_harness_undo.state",
        "SET session_replication_role = replica; TRUNCATE reliability_harness_undo.log",
        "INSERT INTO reliability_harness_undo.sequences VALUES (0, 1, 1, true)",
        "TRUNCATE reliability_harness_undo.not_crashed",
    ],
)
def test_a_log_that_was_emptied_undoes_nothing(databases: Databases, emptied: str) -> None:
    """Whoever empties every table there is, as cleaners do, is not told that all is well."""
    databases.make()
    with opened(databases) as session:
        install(session)
        databases.run("app_dev", "DELETE FROM person", emptied)
        with pytest.raises(psycopg.Error, match="the log itself was changed") as raised:
            undo(session)
        assert raised.value.sqlstate == "RH001"


@pytest.mark.parametrize(
    ("defined", "noted"),
    [
        ("CREATE TABLE other (a int)", True),
        ("ALTER TABLE team ADD COLUMN more int", True),
        ("ALTER TABLE public.team DISABLE TRIGGER ALL", True),
        ("DROP TABLE person", True),
        ("GRANT SELECT ON team TO PUBLIC", True),
        ("COMMENT ON TABLE team IS 'x'", True),
        ("CREATE TEMP TABLE passing AS SELECT 1 AS a", False),
        ("CREATE TEMP TABLE passing (a serial PRIMARY KEY); DROP TABLE passing", False),
        ("ANALYZE team", False),
        ("REINDEX TABLE team", False),
        ("CREATE TABLE IF NOT EXISTS team (a int)", False),
        ("BEGIN; CREATE TABLE other (a int); ROLLBACK", False),
    ],
)
def test_what_is_defined_is_noted(databases: Databases, defined: str, noted: bool) -> None:
    """But for what is temporary, what is thrown away, and what changes no definition."""
    databases.make()
    with opened(databases) as session:
        install(session)
        databases.run("app_dev", defined)
        assert bool(session.execute(LOGGED).fetchall()) is noted


def test_rows_that_are_not_what_was_recorded_stay(databases: Databases) -> None:
    """Where somebody went round the triggers nothing is undone by halves."""
    databases.make()
    with opened(databases) as session:
        install(session)
        databases.run("app_dev", "INSERT INTO team VALUES (9, 'x')", "DELETE FROM person")
        session.execute("ALTER TABLE public.team DISABLE TRIGGER ALL")
        session.execute("DELETE FROM public.team WHERE id = 9")
        for does in ("deleted", "inserted", "updated", "truncated"):
            trigger = f"reliability_harness_undo_{does}"
            session.execute(f"ALTER TABLE public.team ENABLE ALWAYS TRIGGER {trigger}")
        with session.transaction():
            installing.alone(session)
            session.execute("DELETE FROM reliability_harness_undo.log WHERE relation = 0")
        with pytest.raises(psycopg.Error, match="1 rows are not what was recorded") as raised:
            undo(session)
        assert raised.value.sqlstate == "RH002"
        assert databases.run("app_dev", "SELECT count(*) FROM person") == [(0,)]


def test_the_log_stays_small(databases: Databases) -> None:
    """However often it is filled and emptied; what belongs to a level around is kept."""
    databases.make()
    with opened(databases) as session:
        install(session)
        before = held(databases)
        databases.run("app_dev", "DELETE FROM team WHERE id = 1")
        between = held(databases)
        for _ in range(12):
            session.execute("SELECT reliability_harness_undo.begin(1)")
            databases.run("app_dev", "UPDATE person SET name = repeat(id::text, 1000)")
            undo(session, level=1)
            assert held(databases) == between
        ((size_bytes,),) = session.execute(
            "SELECT pg_relation_size('reliability_harness_undo.log')"
        ).fetchall()
        assert size_bytes < 600_000
        undo(session)
        assert held(databases) == before
