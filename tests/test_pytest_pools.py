"""Libraries that people's tests really use, and that keep their connections to themselves."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.test_pytest_plugin import database, rows, run

__all__ = ["database"]  # a fixture
pytest_plugins = ["pytester"]

POOLS = {
    "sqlalchemy": """
        import pytest, sqlalchemy
        engines = []
        @pytest.mark.parametrize("i", range(2))
        def test_it(database_restored, i):
            if not engines:
                engines.append(sqlalchemy.create_engine(f"sqlite:///{database_restored}"))
            with engines[0].connect() as one, engines[0].connect() as other:
                one.execute(sqlalchemy.text("INSERT INTO t(x) VALUES ('test')"))
                one.commit()
                assert other.execute(sqlalchemy.text("SELECT count(*) FROM t")).scalar() == 3
    """,
    "peewee": """
        import peewee, pytest
        pool = peewee.SqliteDatabase(None)
        @pytest.mark.parametrize("i", range(2))
        def test_it(database_restored, i):
            if i == 0:
                pool.init(str(database_restored))
            pool.execute_sql("INSERT INTO t(x) VALUES ('test')")
            assert pool.execute_sql("SELECT count(*) FROM t").fetchone() == (3,)
    """,
    "django": """
        import django, pytest
        from django.conf import settings
        @pytest.mark.parametrize("i", range(2))
        def test_it(database_restored, i):
            if not settings.configured:
                engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database_restored)}
                settings.configure(DATABASES={"default": engine})
                django.setup()
            from django.db import connection
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO t(x) VALUES ('test')")
                assert cursor.execute("SELECT count(*) FROM t").fetchone() == (3,)
    """,
    "aiosqlite": """
        import aiosqlite, asyncio, pytest
        loop = asyncio.new_event_loop()
        @pytest.fixture(scope="session")
        def connection(guarded_database):
            async def opened():
                return await aiosqlite.connect(guarded_database)
            kept = loop.run_until_complete(opened())
            yield kept
            loop.run_until_complete(kept.close())
        @pytest.mark.parametrize("i", range(2))
        def test_it(connection, database_restored, i):
            async def use():
                await connection.execute("INSERT INTO t(x) VALUES ('test')")
                await connection.commit()
                async with connection.execute("SELECT count(*) FROM t") as cursor:
                    assert await cursor.fetchone() == (3,)
            loop.run_until_complete(use())
    """,
}


@pytest.mark.long
@pytest.mark.parametrize("library", POOLS)
def test_a_pool_that_stays_is_no_trouble(
    pytester: pytest.Pytester, database: Path, library: str
) -> None:
    """A green suite on a database in rollback mode ends with 0, every row and the mode back."""
    pytest.importorskip(library)
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("PRAGMA journal_mode=delete")
    done = run(pytester, POOLS[library])
    done.assert_outcomes(passed=2)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["left by the tests: nothing"])
    deadline = time.monotonic() + 30
    while database.read_bytes()[18:20] != b"\1\1" or os.path.exists(f"{database}-journal"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert rows(database) == ["a", "b"]
