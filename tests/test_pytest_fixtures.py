from __future__ import annotations

import fnmatch
import os
import re
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.test_pytest_plugin import beside, database, rows, run

__all__ = ["database"]  # a fixture
pytest_plugins = ["pytester"]


def test_each_test_begins_with_the_baseline(pytester: pytest.Pytester, database: Path) -> None:
    """After a commit, a drop, a failure with a cursor half read, the next test sees no trace."""
    done = run(
        pytester,
        """
        import pytest
        def test_open_before(database_restored): add(database_restored)
        @pytest.mark.parametrize("n", range(5))
        def test_it(n, database_connection):
            assert database_connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
            database_connection.execute("INSERT INTO t(x) VALUES ('test')")
            database_connection.commit()
            if n == 1:
                cursor = database_connection.execute("SELECT * FROM t")
                cursor.fetchone()
                assert 0
            if n == 2:
                database_connection.execute("DROP TABLE t")
            if n == 3:  # never committed
                database_connection.execute("DELETE FROM t")
        """,
    )
    done.assert_outcomes(passed=5, failed=1)
    done.stdout.fnmatch_lines(
        ["* x restored by a pin in the main file", "left by the tests: nothing"]
    )
    assert rows(database) == ["a", "b"]
    assert beside(database) == []


def test_a_module_and_its_tests(pytester: pytest.Pytester, database: Path) -> None:
    """What a module's fixture seeds is each test's baseline; the next module sees none of it."""
    pytester.makepyfile(
        test_after="""
        def test_it(database_connection):
            assert database_connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
        """
    )
    done = run(
        pytester,
        """
        import pytest
        @pytest.fixture(scope="module")
        def seeded(database_restored_module):
            add(database_restored_module, 5)
        @pytest.mark.parametrize("n", range(3))
        def test_it(n, seeded, database_restored):
            assert count(database_restored) == 7
            add(database_restored)
        """,
        "-p",
        "no:randomly",
    )
    done.assert_outcomes(passed=4)
    done.stdout.fnmatch_lines(["left by the tests: nothing"])
    assert beside(database) == []


def test_a_connection_left_open(pytester: pytest.Pytester, database: Path) -> None:
    """A lasting connection of Python's sqlite3 stays open and sees the baseline again."""
    done = run(
        pytester,
        """
        import sqlite3
        kept = []
        def test_one(database_restored):
            kept.append(sqlite3.connect(database_restored))
            kept[0].execute("INSERT INTO t(x) VALUES ('test')")
            kept[0].commit()
        def test_two(database_restored):
            assert kept[0].execute("SELECT count(*) FROM t").fetchone() == (2,)
            kept[0].close()
        """,
    )
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["1 x restored row by row*", "left by the tests: nothing"])
    assert rows(database) == ["a", "b"]


KEPT = """
    import sqlite3
    kept = []
    def test_one(database_restored):
        kept.extend(sqlite3.connect(database_restored) for _ in range({count}))
        kept[0].execute("INSERT INTO t(x) VALUES ('test')")
        kept[0].commit()
    def test_two(database_restored):
        assert kept[-1].execute("SELECT count(*) FROM t").fetchone() == (2,)
"""


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_mode_that_the_fixtures_set_is_not_held_against_the_tests(
    pytester: pytest.Pytester, database: Path, count: int
) -> None:
    """A pool that outlives the session: proven all the same, and rollback mode comes back.

    With one connection before the session ends, with more when its process has ended.
    """
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("PRAGMA journal_mode=delete")
    done = run(pytester, KEPT.format(count=count))
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        ["left by the tests: nothing", "no restore was needed", "*is proven back*"]
    )
    deadline = time.monotonic() + (30 if count > 1 else 0)
    while database.read_bytes()[18:20] != b"\1\1" or os.path.exists(f"{database}-journal"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    told = "*rollback mode comes back when this process and they have ended*"
    assert any(map(re.compile(fnmatch.translate(told)).match, done.outlines)) == (count > 1)
    assert rows(database) == ["a", "b"]
    assert beside(database) == []


def test_what_is_not_proven_spoils_the_rest(pytester: pytest.Pytester, database: Path) -> None:
    """A keeper that died fails its test and all later ones; the session still restores."""
    done = run(
        pytester,
        """
        def test_one(database_restored, harness_each_test):
            add(database_restored)
            harness_each_test._keeper.kill()
        def test_two(database_restored): pass
        """,
    )
    done.assert_outcomes(passed=1, errors=2)
    done.stdout.fnmatch_lines(["*helper process, died (status -9)*", "*left the database dirty"])
    assert rows(database) == ["a", "b"]


def test_rollback_mode_comes_back(pytester: pytest.Pytester, database: Path) -> None:
    """A database in rollback mode is in WAL mode for the tests, and in its own again after them."""
    with closing(apsw.Connection(str(database))) as connection:
        connection.pragma("journal_mode", "delete")
    done = run(pytester, "def test_it(database_restored): add(database_restored)")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*in WAL mode while*", "left by the tests: nothing"])
    with closing(apsw.Connection(str(database))) as connection:
        assert connection.pragma("journal_mode") == "delete"
    assert beside(database) == []


def test_a_glob_over_the_database(pytester: pytest.Pytester, database: Path) -> None:
    """A test that removes it and all beside it takes nothing along: the next has the baseline."""
    done = run(
        pytester,
        """
        import glob, os, pytest
        @pytest.mark.parametrize("n", range(4))
        def test_it(n, database_restored):
            assert count(database_restored) == 2
            add(database_restored)
            for name in glob.glob(f"{database_restored}*"):
                os.unlink(name)
            if n == 1:
                connection = apsw.Connection(str(database_restored))
                connection.execute("CREATE TABLE another(x)")
                connection.close()
        """,
    )
    done.assert_outcomes(passed=4)
    assert done.ret == 0
    assert rows(database) == ["a", "b"]
    assert beside(database) == []


def test_a_glob_in_a_session(pytester: pytest.Pytester, database: Path) -> None:
    """Also where the session alone is guarded."""
    done = run(
        pytester,
        """
        import glob, os
        def test_it(guarded_database):
            add(guarded_database)
            for name in glob.glob(f"{guarded_database}*"):
                os.unlink(name)
        """,
    )
    assert done.ret == 0
    assert rows(database) == ["a", "b"]
    assert beside(database) == []
