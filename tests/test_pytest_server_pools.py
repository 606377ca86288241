"""Libraries that people's tests use with a server, and plugins that bring databases of their own.

Their pools stay open over all tests: the session that a test gets is the one before's.
"""

from __future__ import annotations

import textwrap
from urllib.parse import urlsplit

import pytest

from tests.postgres import Databases

pytest_plugins = ["pytester"]

_COUNT = "SELECT count(*) FROM person"
_WRITE = "INSERT INTO person (team, name) VALUES (1, 'test')"
_SAME = "SELECT pg_backend_pid()"

POOLS = {
    "sqlalchemy": f"""
        import pytest, sqlalchemy
        @pytest.fixture(scope="session")
        def engine(guarded_database):
            address = guarded_database.replace("postgresql://", "postgresql+psycopg://")
            made = sqlalchemy.create_engine(address, pool_size=2, max_overflow=0)
            yield made
            made.dispose()
        @pytest.mark.parametrize("n", range(3))
        def test_it(database_restored, engine, n, seen):
            with engine.connect() as one, engine.connect() as other:
                for connection in (one, other):
                    seen.add(connection.execute(sqlalchemy.text("{_SAME}")).scalar())
                assert one.execute(sqlalchemy.text("{_COUNT}")).scalar() == 20
                one.execute(sqlalchemy.text("{_WRITE}"))
                one.commit()
                assert other.execute(sqlalchemy.text("{_COUNT}")).scalar() == 21
            assert len(seen) == 2
    """,
    "psycopg_pool": f"""
        import psycopg_pool, pytest
        @pytest.fixture(scope="session")
        def pool(guarded_database):
            with psycopg_pool.ConnectionPool(guarded_database, min_size=2, max_size=2) as made:
                yield made
        @pytest.mark.parametrize("n", range(3))
        def test_it(database_restored, pool, n, seen):
            with pool.connection() as one, pool.connection() as other:
                for connection in (one, other):
                    seen.add(connection.info.backend_pid)
                assert one.execute("{_COUNT}").fetchone() == (20,)
                one.execute("{_WRITE}")
            assert len(seen) == 2
    """,
    "asyncpg": f"""
        import asyncio, asyncpg, pytest
        loop = asyncio.new_event_loop()
        @pytest.fixture(scope="session")
        def pool(guarded_database):
            async def opened():
                return await asyncpg.create_pool(guarded_database, min_size=2, max_size=2)
            made = loop.run_until_complete(opened())
            yield made
            loop.run_until_complete(made.close())
        @pytest.mark.parametrize("n", range(3))
        def test_it(database_restored, pool, n, seen):
            async def use():
                async with pool.acquire() as one, pool.acquire() as other:
                    for connection in (one, other):
                        seen.add(await connection.fetchval("{_SAME}"))
                    assert await one.fetchval("{_COUNT}") == 20
                    await one.execute("{_WRITE}")
                    assert await other.fetchval("{_COUNT}") == 21
            loop.run_until_complete(use())
            assert len(seen) == 2
    """,
    "django": f"""
        import django, pytest
        from django.conf import settings
        from urllib.parse import urlsplit
        @pytest.fixture(scope="session")
        def connection(guarded_database):
            at = urlsplit(guarded_database)
            settings.configure(DATABASES={{"default": {{
                "ENGINE": "django.db.backends.postgresql", "NAME": at.path[1:],
                "HOST": at.hostname, "PORT": at.port, "USER": at.username,
                "OPTIONS": {{"pool": {{"min_size": 1, "max_size": 1}}}},
            }}}})
            django.setup()
            from django.db import connection
            yield connection
            connection.close_pool()
        @pytest.mark.parametrize("n", range(3))
        def test_it(database_restored, connection, n, seen):
            with connection.cursor() as cursor:
                seen.add(cursor.execute("{_SAME}").fetchone()[0])
                assert cursor.execute("{_COUNT}").fetchone() == (20,)
                cursor.execute("{_WRITE}")
            connection.close()  # back into the pool, as at the end of a request
            assert len(seen) == 1
    """,
}
_SEEN = """
    import pytest
    @pytest.fixture(scope="session")
    def seen():
        return set()
"""


def run(pytester: pytest.Pytester, address: str, tests: str, *options: str) -> pytest.RunResult:
    """Run real tests in a session of their own."""
    pytester.makepyfile(textwrap.dedent(tests))
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ["harness.pytest_plugin", *(["xdist.plugin"] if "-n2" in options else [])]
    given = [word for plugin in plugins for word in ("-p", plugin)]
    return pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", *given, f"--guard-database={address}", *options, timeout=100
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("library", "workers"), [*((library, ()) for library in POOLS), ("sqlalchemy", ("-n2",))]
)
def test_a_pool_stays_open_over_all_tests(
    databases: Databases, pytester: pytest.Pytester, library: str, workers: tuple[str, ...]
) -> None:
    """Every test finds every row as it was, by the very sessions that the one before had."""
    pytest.importorskip(library)
    if library == "django":
        pytest.importorskip("psycopg_pool")
    address = databases.make()
    pytester.makeconftest(textwrap.dedent(_SEEN))
    done = run(pytester, address, POOLS[library], *workers)
    done.assert_outcomes(passed=3)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["3 x undone by its log*", "left by the tests: nothing"])
    assert databases.run("app_dev", _COUNT) == [(20,)]
    assert databases.left("app_dev") == set()


_SETTINGS = """
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "NAME": "app_dev",
    "HOST": "{host}", "PORT": {port}, "USER": "postgres"}}}}
INSTALLED_APPS = []
"""
_OTHERS = """
from pytest_postgresql import factories
other = factories.postgresql_noproc(host="{host}", port={port}, user="postgres", dbname="others")
postgresql = factories.postgresql("other")
"""
_TOGETHER = f"""
    import pytest
    from django.db import connection
    def test_django(db):
        with connection.cursor() as cursor:
            name, = cursor.execute("SELECT current_database()").fetchone()
            assert name.startswith("test_app_dev")
            cursor.execute("CREATE TABLE made (x int)")
    def test_pytest_postgresql(postgresql):
        assert postgresql.info.dbname.startswith("others")
        postgresql.execute("CREATE TABLE made (x int)")
        postgresql.commit()
    @pytest.mark.parametrize("n", range(4))
    def test_ours(n, database_connection):
        assert database_connection.execute("{_COUNT}").fetchone() == (20,)
        database_connection.execute("{_WRITE}")
        database_connection.commit()
    @pytest.mark.parametrize("n", range(2))
    def test_all(n, database_connection, db, postgresql):
        assert database_connection.execute("{_COUNT}").fetchone() == (20,)
        database_connection.execute("{_WRITE}")
        database_connection.commit()
        for made in (postgresql.execute, connection.cursor().execute):
            made("CREATE TABLE made (x int)")
        postgresql.commit()
"""


@pytest.mark.long
def test_beside_other_plugins(databases: Databases, pytester: pytest.Pytester) -> None:
    """pytest-django and pytest-postgresql make their databases on the same server, in one suite."""
    for plugin in ("pytest_django", "pytest_postgresql"):
        pytest.importorskip(plugin)
    address = databases.make()
    at = urlsplit(address)
    pytester.makepyfile(its_settings=_SETTINGS.format(host=at.hostname, port=at.port))
    pytester.makeconftest(_OTHERS.format(host=at.hostname, port=at.port))
    others = ("-p", "pytest_django.plugin", "-p", "pytest_postgresql.plugin", "--ds=its_settings")
    done = run(pytester, address, _TOGETHER, *others, "-n2")
    done.assert_outcomes(passed=8)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["6 x undone by its log*", "left by the tests: nothing"])
    assert databases.run("app_dev", _COUNT) == [(20,)]
    assert databases.left("app_dev") == set()


_CONFTEST = """
import pytest
from urllib.parse import urlsplit
@pytest.fixture(scope="session")
def django_db_setup(guarded_database):
    from django.db import connections
    connections["default"].settings_dict["NAME"] = urlsplit(guarded_database).path[1:]
"""
_ON_OURS = f"""
    import pytest
    from django.db import connection, transaction
    @pytest.fixture
    def shop(database_restored, transactional_db):
        return connection
    @pytest.mark.parametrize("n", range(4))
    def test_commits(n, shop):
        with shop.cursor() as cursor:
            assert cursor.execute("{_COUNT}").fetchone() == (20,)
            with transaction.atomic():
                cursor.execute("{_WRITE}")
    @pytest.mark.parametrize("n", range(4))
    def test_rolls_back(n, db):
        with connection.cursor() as cursor:
            assert cursor.execute("{_COUNT}").fetchone() == (20,)
            cursor.execute("{_WRITE}")
"""


@pytest.mark.long
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_pytest_django_on_the_guarded_database(
    databases: Databases, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """What commits is undone, what rolls back needs nothing, in a worker's own database too."""
    pytest.importorskip("pytest_django")
    address = databases.make()
    at = urlsplit(address)
    pytester.makepyfile(its_settings=_SETTINGS.format(host=at.hostname, port=at.port))
    pytester.makeconftest(_CONFTEST)
    others = ("-p", "pytest_django.plugin", "--ds=its_settings")
    done = run(pytester, address, _ON_OURS, *others, *workers)
    done.assert_outcomes(passed=8)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["4 x undone by its log*"])
    assert databases.run("app_dev", _COUNT) == [(20,)]
    assert databases.left("app_dev") == set()
