"""The fixtures of the pytest plugin: the guarded database, and its baseline back after each test.

Loaded by every pytest of the environment: the package's other modules are imported when a fixture
is used.
"""

# ruff: noqa: PLC0415 - a session that guards nothing must cost nothing

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import sqlite3

    import psycopg

    from harness.configured.settings import Settings
    from harness.guard.per_test.each_test import EachTest
    from harness.guard.per_test.on_server import EachTestOnServer

BROUGHT_BACK = pytest.StashKey[Counter[str]]()  # how many were brought back, by how
# settings that the fixtures made and could not put back: name -> (baseline, now)
OWN_SETTINGS = pytest.StashKey[dict[str, tuple[Any, Any]]]()
_SPOILED = pytest.StashKey[str]()
_HOW = {
    "pin": "restored by a pin in the main file",
    "difference": "restored row by row while others stayed connected",
    "pages": "restored page by page while others stayed connected",
    "undo_log": "undone by its log while others stayed connected",
}


def named(config: pytest.Config) -> Path | str | None:
    """Return the database that an option, the ini file or pyproject.toml names; None without one.

    A file's is its path, on a server its address as it was given. pytest.UsageError for what can be
    neither. An option that is empty is no option left out: an
    unset variable must not let the tests run unguarded.
    """
    given = config.option.guard_database
    if given is not None:
        return _path(config.invocation_params.dir, given, "--guard-database")
    if given := config.getini("guard_database"):
        home = config.inipath.parent if config.inipath else config.rootpath
        return _path(home, given, "guard_database")
    return _in_project_file(config)


def said_by(config: pytest.Config) -> str:
    """Say what names the database, as messages begin."""
    return "--guard-database" if named_on_the_spot(config) else "pyproject.toml: database"


def named_on_the_spot(config: pytest.Config) -> bool:
    """Whether an option or the ini file names the database, and not pyproject.toml's own table."""
    return config.option.guard_database is not None or bool(config.getini("guard_database"))


def written(config: pytest.Config) -> Settings | None:
    """Return what [tool.reliability-harness] holds; None where no pyproject.toml is in sight.

    pytest.UsageError for what cannot be meant.
    """
    start = config.invocation_params.dir
    if not any(os.path.lexists(folder / "pyproject.toml") for folder in (start, *start.parents)):
        return None  # nothing is imported
    from harness.configured.settings import settings
    from harness.errors import ConfigurationError

    try:
        return settings(start)
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from None


def _in_project_file(config: pytest.Config) -> Path | str | None:
    held = written(config)
    if held is None or "database" not in held.values:
        return None
    from harness.errors import UsageError
    from harness.guard.configured import database_in

    try:
        database = database_in(held)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    text = os.fsdecode(database or "")
    path = Path(config.invocation_params.dir, text)
    return text if is_on_a_server(text) and not os.path.lexists(path) else path


def _path(home: Path, given: str, what: str) -> Path | str:
    from harness.databases.engines import address_of
    from harness.errors import UsageError

    path = home / given
    if given.strip() and os.path.lexists(path):
        return path
    try:
        address_of(given, what=what)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    return given if is_on_a_server(given) else path


def is_on_a_server(database: Path | str) -> bool:
    """Whether a database is named by an address, and is no file."""
    return "://" in str(database) and not isinstance(database, Path)


@pytest.fixture(scope="session")
def guarded_database(request: pytest.FixtureRequest) -> Path | str:
    """The database that is guarded: a file's path, on a server its address, as it was given.

    Under pytest-xdist it is this worker's own copy.
    """
    given = getattr(request.config, "workerinput", {}).get("guarded_database")
    if given:
        return given if is_on_a_server(given) else Path(given)
    database = named(request.config)
    if database is None:
        raise pytest.UsageError("no database is guarded: give --guard-database PATH")
    return database


@pytest.fixture(scope="session")
def harness_each_test(
    request: pytest.FixtureRequest, guarded_database: Path | str
) -> Iterator[EachTest | EachTestOnServer]:
    """What brings the database back; started by the first test that wants it. Not for tests."""
    each = _each_test(guarded_database)
    yield each
    each.end()
    found = Counter({_HOW[way]: times for way, times in each.ways.items() if way})
    if each.switched:
        found["in WAL mode while the tests ran, as a pin needs"] = 1
    if each.left:
        close = "close what is open before the session ends, in a fixture"
        found[f"the undo log is still there: {each.left}; {close}"] = 1
    if hasattr(request.config, "workeroutput"):  # a worker of pytest-xdist tells its controller
        request.config.workeroutput["harness_each_test"] = dict(found)
    else:
        request.config.stash[BROUGHT_BACK] = found
        request.config.stash[OWN_SETTINGS] = each.own_settings


def _each_test(database: Path | str) -> EachTest | EachTestOnServer:
    if isinstance(database, Path):
        from harness.guard.per_test.each_test import EachTest

        return EachTest(database)
    from harness.guard.per_test.on_server import EachTestOnServer

    return EachTestOnServer(database)


@pytest.fixture
def database_restored(
    request: pytest.FixtureRequest,
    guarded_database: Path | str,
    harness_each_test: EachTest | EachTestOnServer,
) -> Iterator[Path | str]:
    """The guarded database, brought back to where it was when this test began."""
    with _restored(request, harness_each_test):
        yield guarded_database


@pytest.fixture(scope="module")
def database_restored_module(
    request: pytest.FixtureRequest,
    guarded_database: Path | str,
    harness_each_test: EachTest | EachTestOnServer,
) -> Iterator[Path | str]:
    """The guarded database, brought back to where it was when this module's tests began."""
    with _restored(request, harness_each_test):
        yield guarded_database


@pytest.fixture
def database_connection(
    database_restored: Path | str,
) -> Iterator[sqlite3.Connection | psycopg.Connection]:
    """A connection to the guarded database, closed before the restore.

    Of Python's own sqlite3 to a file, of psycopg to a server.
    """
    with closing(_connected(database_restored)) as connection:
        yield connection


def _connected(database: Path | str) -> sqlite3.Connection | psycopg.Connection:
    # Here and nowhere else: the tests' own library is what the test is given. The baseline is kept
    # by another process, whose locks this library cannot drop.
    if isinstance(database, Path):
        import sqlite3

        return sqlite3.connect(database)
    import psycopg

    from harness.databases.engines import address_of

    given: Any = address_of(database)
    return psycopg.connect(**given.parameters)


@contextmanager
def _restored(request: pytest.FixtureRequest, each: EachTest | EachTestOnServer) -> Iterator[None]:
    from harness.errors import HarnessError

    spoiled = request.config.stash.get(_SPOILED, None)
    if spoiled is not None:
        pytest.fail(f"{spoiled} left the database dirty", pytrace=False)
    why = ""
    try:
        each.begin()
    except HarnessError as error:
        why = str(error)
    if why:  # not within: there pytest tells what came before as well
        pytest.fail(why, pytrace=False)
    yield
    try:
        each.finish()
    except HarnessError as error:
        request.config.stash.setdefault(_SPOILED, request.node.nodeid)
        why = str(error)
    if why:
        pytest.fail(why, pytrace=False)
