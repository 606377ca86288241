"""A database on a server, brought back after every test while everybody stays connected."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.databases.postgresql.server import Server
from harness.errors import BackupError, RestoreError
from harness.guard import Guard
from harness.guard.per_test.on_server import EachTestOnServer
from harness.guard.target import target_of
from tests.guard.killing import forked
from tests.guard.postgresql.test_server_dies import own_server
from tests.postgres import Databases

__all__ = ["own_server"]  # a fixture
pytest.importorskip("psycopg")
pytest_plugins = ["pytester"]

_USE = """
import psycopg, pytest
def ask(address, *statements):
    with psycopg.connect(address, autocommit=True) as session:
        for statement in statements:
            cursor = session.execute(statement)
        return cursor.fetchall() if cursor.description else None
def people(address):
    return ask(address, "SELECT count(*) FROM person")[0][0]
ADD = "INSERT INTO person (team, name) VALUES (1, 'test')"
"""

WORKERS = [
    pytest.param((), id="alone"),
    pytest.param(("-n2",), id="xdist", marks=pytest.mark.long),
]


@pytest.fixture
def each(databases: Databases) -> Iterator[EachTestOnServer]:
    """What brings a database of 20 people back."""
    made = EachTestOnServer(databases.make())
    yield made
    made.end()


def run(pytester: pytest.Pytester, address: str, tests: str, *options: str) -> pytest.RunResult:
    """Run real tests in a session of their own."""
    pytester.makepyfile(_USE + textwrap.dedent(tests))
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ["harness.pytest_plugin", *(["xdist.plugin"] if "-n2" in options else [])]
    given = [word for plugin in plugins for word in ("-p", plugin)]
    return pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", *given, f"--guard-database={address}", *options, timeout=60
    )


def people(databases: Databases) -> int:
    """Count them."""
    ((count,),) = databases.run("app_dev", "SELECT count(*) FROM person")
    return int(count)


def test_baselines_nest(databases: Databases, each: EachTestOnServer) -> None:
    """A test comes back to what its module has seeded, the module to what was there before it."""
    address = "app_dev"
    before = databases.run(address, "SELECT last_value FROM person_id_seq")
    each.begin()
    databases.run(address, "INSERT INTO person (name) VALUES ('seeded')")
    for _ in range(3):
        each.begin()
        assert people(databases) == 21
        databases.run(address, "DELETE FROM team", "INSERT INTO person (name) VALUES ('test')")
        each.finish()
    assert people(databases) == 21
    each.finish()
    assert people(databases) == 20
    assert databases.run(address, "SELECT last_value FROM person_id_seq") == before
    assert each.ways == {"undo_log": 4}
    each.end()
    assert databases.run(address, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == [
        (0,)
    ]
    assert databases.left("app_dev") == set()


def test_who_is_connected_stays(databases: Databases, each: EachTestOnServer) -> None:
    """A session that was there before, with a statement prepared, sees the baseline again."""
    with closing(databases.connect("app_dev")) as pool:
        for _ in range(3):
            each.begin()
            pool.execute("DELETE FROM person WHERE id = %s", [1], prepare=True)
            assert pool.execute("SELECT count(*) FROM person").fetchone() == (19,)
            each.finish()
            assert pool.execute("SELECT count(*) FROM person").fetchone() == (20,)


def test_who_is_in_the_way_is_named(databases: Databases, each: EachTestOnServer) -> None:
    """A transaction that a test has left open fails it; when that has ended all comes back."""
    each.begin()
    with closing(databases.connect("app_dev")) as forgotten:
        each.begin()
        forgotten.execute("SET application_name = 'forgotten'")
        forgotten.execute("BEGIN")
        forgotten.execute("DELETE FROM person")
        with pytest.raises(RestoreError, match=r"session \d+ \(forgotten, of postgres, idle in tr"):
            each.finish()
        forgotten.execute("COMMIT")
    each.finish()
    assert people(databases) == 20


def test_a_test_that_ends_every_session(databases: Databases, each: EachTestOnServer) -> None:
    """Its own sessions, those of the log and of the guard: it is undone by new ones."""
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    for _ in range(3):
        each.begin()
        with closing(databases.connect("app_dev")) as test:
            test.execute("DELETE FROM person")
            test.execute(end)
            each.finish()
        assert people(databases) == 20


def test_a_server_that_crashes_within_a_test(own_server: Server) -> None:
    """What the test had committed is undone once the server is there again."""
    databases = Databases(own_server)
    each = EachTestOnServer(databases.make())
    for _ in range(2):
        each.begin()
        databases.run("app_dev", "DELETE FROM person")
        own_server.stop("immediate")
        own_server.start()
        each.finish()
        assert people(databases) == 20
    each.end()
    assert not each.left
    databases.wipe()


def test_a_server_that_is_not_there() -> None:
    """It is said in one sentence, without a password, that there is no backup."""
    each = EachTestOnServer("postgresql://me:s3cret@127.0.0.1:1/shop")
    with pytest.raises(BackupError, match=r"no backup of .*shop could be taken") as raised:
        each.begin()
    assert "s3cret" not in str(raised.value)
    each.end()


def test_a_forked_child_undoes_nothing(databases: Databases, each: EachTestOnServer) -> None:
    """What begins, finishes and ends in it is its parent's to do."""
    each.begin()
    databases.run("app_dev", "DELETE FROM person")

    def child() -> None:
        each.begin()
        each.finish()
        each.end()
        os._exit(0)

    assert forked(child) == 0
    assert people(databases) == 0
    each.finish()
    assert people(databases) == 20


def test_a_log_that_cannot_be_taken_away_is_told(
    databases: Databases, each: EachTestOnServer
) -> None:
    """Who reads a table in a transaction that is left open keeps its triggers where they are."""
    each.begin()
    each.finish()
    with closing(databases.connect("app_dev")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM person")
        each.end()
    assert "freed of the undo log while others are at work: session " in each.left


def test_rights_that_are_missing_are_named(databases: Databases) -> None:
    """With the statement that gives each, and nothing is put into the database."""
    databases.make()
    databases.admin("CREATE ROLE tester LOGIN", "ALTER DATABASE app_dev OWNER TO tester")
    each = EachTestOnServer(databases.address("app_dev", "tester"))
    with pytest.raises(BackupError) as raised:
        each.begin()
    assert "GRANT SET ON PARAMETER session_replication_role TO tester" in str(raised.value)
    assert "GRANT postgres TO tester" in str(raised.value)
    each.end()
    schemas = "SELECT 1 FROM pg_namespace WHERE nspname LIKE 'reliability%'"
    assert databases.run("app_dev", schemas) == []


def test_beside_a_guard_that_records_itself(databases: Databases) -> None:
    """There is room for one undo log: which recoveries the guard may have instead is told."""
    address = databases.make()
    with Guard(target_of(address), recoveries=("undo_log",)):
        each = EachTestOnServer(address)
        with pytest.raises(BackupError, match="give that guard another recovery"):
            each.begin()
        each.end()
    assert people(databases) == 20


# Sessions of pytest.


def test_each_test_begins_with_the_baseline(
    databases: Databases, pytester: pytest.Pytester
) -> None:
    """After a commit, a failure, an open transaction, TRUNCATE; what a module seeds is kept."""
    pytester.makepyfile(
        test_after="""
        def test_it(database_connection):
            count, = database_connection.execute("SELECT count(*) FROM person").fetchone()
            assert count == 20
        """
    )
    done = run(
        pytester,
        databases.make(),
        """
        @pytest.fixture(scope="module")
        def seeded(database_restored_module):
            ask(database_restored_module, ADD)
        @pytest.mark.parametrize("n", range(5))
        def test_it(n, seeded, database_connection, guarded_database):
            assert database_connection.info.dbname == "app_dev"
            assert people(guarded_database) == 21
            database_connection.execute(ADD)
            if n == 0:
                database_connection.commit()
            if n == 1:
                assert 0
            if n == 2:
                ask(guarded_database, "SELECT setval('person_id_seq', 1000)")
            if n == 3:
                database_connection.execute("TRUNCATE person, team")
                database_connection.commit()
        """,
    )
    done.assert_outcomes(passed=5, failed=1)
    done.stdout.fnmatch_lines(
        ["7 x undone by its log while others stayed connected", "left by the tests: nothing"]
    )
    assert people(databases) == 20
    assert databases.left("app_dev") == set()


@pytest.mark.parametrize("workers", WORKERS)
def test_what_cannot_be_undone_fails_its_test(
    databases: Databases, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """A changed definition is named, later tests are not run on it, and the session restores."""
    done = run(
        pytester,
        databases.make(),
        """
        def test_defines(database_restored):
            ask(database_restored, ADD, "ALTER TABLE person ADD COLUMN age int")
        def test_later(database_restored):
            pass
        """,
        *workers,
        *(("--dist=loadscope",) if workers else ()),
    )
    done.assert_outcomes(passed=1, errors=2)
    said = done.stdout.str()
    assert "ALTER TABLE public.person" in said
    assert "test_defines left the database dirty" in said
    if not workers:  # its own database is gone by then
        assert "column person.age added" in said
    assert "is proven back at its baseline" in said
    assert databases.run("app_dev", "SELECT * FROM person LIMIT 0") == []
    columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'person'::regclass AND attnum > 0"
    assert databases.run("app_dev", columns) == [(4,)]
    assert databases.left("app_dev") == set()


@pytest.mark.parametrize("workers", WORKERS)
def test_a_failure_shows_no_password(
    databases: Databases, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """Of the address that a test was given, whatever of it pytest prints."""
    address = databases.make().replace("postgres@", "postgres:s3cret@")
    done = run(
        pytester,
        address,
        """
        def test_it(database_restored, guarded_database):
            assert people(database_restored) == 20
            assert ":s3cret@" in guarded_database
            assert not guarded_database
        """,
        "--showlocals",
        *workers,
    )
    done.assert_outcomes(failed=1)
    assert "s3cret@" not in (done.stdout.str() + done.stderr.str()).replace('":s3cret@"', "")
    assert "guarded_database = 'postgresql://postgres@" in done.stdout.str()


def test_a_backend_that_stays_connected(databases: Databases, pytester: pytest.Pytester) -> None:
    """One that is there before the session and after it keeps its session all along."""
    address = databases.make()
    with closing(databases.connect("app_dev")) as backend:
        done = run(
            pytester,
            address,
            """
            @pytest.mark.parametrize("n", range(2))
            def test_it(n, database_restored):
                assert people(database_restored) == 20
                ask(database_restored, "DELETE FROM person")
            """,
        )
        done.assert_outcomes(passed=2)
        assert done.ret == 0
        done.stdout.fnmatch_lines(["*the recovery is dump*", "left by the tests: nothing"])
        assert backend.execute("SELECT count(*) FROM person").fetchone() == (20,)
    assert databases.left("app_dev") == set()


@pytest.mark.long
def test_a_session_that_is_killed_within_a_test(
    databases: Databases, pytester: pytest.Pytester
) -> None:
    """The next one finds the baseline, and no trigger of the killed one's."""
    address = databases.make()
    killed = run(
        pytester,
        address,
        """
        import os, signal
        def test_it(database_restored):
            ask(database_restored, "DELETE FROM person")
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert killed.ret == -9
    assert people(databases) == 0
    done = run(
        pytester,
        address,
        """
        def test_it(database_restored):
            assert people(database_restored) == 20
            ask(database_restored, "DELETE FROM person")
        """,
    )
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*had been killed; the baseline was brought back by template*"])
    assert people(databases) == 20
    triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
    assert databases.run("app_dev", triggers) == [(0,)]
    assert databases.left("app_dev") == set()
