"""Databases for workers of pytest-xdist: made, seen by their worker alone, and gone afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.server import Server
from harness.errors import BackupError
from harness.guard import Guard
from harness.guard.entrance import Asked, finished, made
from harness.guard.target import target_of
from harness.guard.worker_copies import worker_copies_of
from tests.command_line import Call
from tests.guard.postgresql.striking import (
    Case,
    Countdown,
    Moment,
    counted,
    forked_status,
    uncounted,
)
from tests.guard.postgresql.test_server_dies import own_server
from tests.postgres import TWO_TABLES, Databases, quoted
from tests.small_process import SmallProcess

__all__ = ["own_server"]  # a fixture
pytest_plugins = ["pytester"]

COPY = "app_dev_e2e_gw0"
_WORKERS = """
import psycopg, pytest
def people(address):
    with psycopg.connect(address) as session:
        return session.execute("SELECT count(*) FROM person").fetchone()[0]
def deletes(address):
    with psycopg.connect(address) as session:
        session.execute("DELETE FROM person WHERE id = (SELECT min(id) FROM person)")
@pytest.fixture(scope="module")
def seen(guarded_database):
    return [people(guarded_database)]
@pytest.mark.parametrize("n", range(8))
def test_it(n, guarded_database, worker_id, seen):
    assert guarded_database.endswith(f"/app_dev_e2e_{worker_id}?application_name=web")
    assert people(guarded_database) == seen[-1] == 20 - len(seen) + 1  # nobody else deletes here
    deletes(guarded_database)
    seen.append(people(guarded_database))
"""


def test_every_worker_has_its_own(databases: Databases, pytester: pytest.Pytester) -> None:
    """Each sees a clone that no other worker writes; the address is written as it was given.

    A backend stays connected to the guarded database, which holds every row, all along.
    """
    address = databases.make()
    pytester.makepyfile(_WORKERS)
    with closing(databases.connect("app_dev")) as backend:
        option = f"--guard-database={address}?application_name=web"
        done = pytester.runpytest_subprocess(option, "-n2", "--dist=load")
        done.assert_outcomes(passed=8)
        assert done.ret == 0
        done.stdout.fnmatch_lines(["*the recovery is dump*", "left by the tests: nothing"])
        assert backend.execute("SELECT count(*) FROM person").fetchone() == (20,)
    assert databases.left("app_dev") == set()


def test_a_clone_has_what_belongs_to_a_database(databases: Databases) -> None:
    """Owner, rights, settings and comment are the guarded one's, however long its name is."""
    name = "ä" * 31  # 62 bytes
    databases.make(name, TWO_TABLES)
    databases.admin(
        "CREATE ROLE web LOGIN",
        f"ALTER DATABASE {quoted(name)} OWNER TO web",
        f"REVOKE CONNECT ON DATABASE {quoted(name)} FROM PUBLIC",
        f"ALTER DATABASE {quoted(name)} SET search_path = 'a b', public",
        f"COMMENT ON DATABASE {quoted(name)} IS 'the shop''s'",
    )
    query = (
        "SELECT pg_get_userbyid(datdba), datacl::text, shobj_description(d.oid, 'pg_database'),"
        " setconfig::text FROM pg_database d LEFT JOIN pg_db_role_setting s ON setdatabase = d.oid"
        " WHERE datname = '{}'"
    )
    address = databases.address(name)
    target = target_of(address)
    copies = worker_copies_of(target, address)
    with Guard(target, recoveries=("template",)):
        addresses = [copies.make(worker, absent=False) for worker in ("gw0", "gw1")]
        names = [address_of(one).name for one in addresses]  # type: ignore[attr-defined] # PostgreSQL's
        assert len({name, *names}) == 3
        for copy in names:
            assert databases.admin(query.format(copy)) == databases.admin(query.format(name))
            assert databases.run(copy, "SELECT count(*) FROM public.person") == [(20,)]
        assert copies.remove() == []
    assert databases.left(name, "web") == set()


def test_what_has_the_name_of_a_copy_stays(databases: Databases, pytester: pytest.Pytester) -> None:
    """A database of somebody's is named, no test runs, and it is as it was afterwards."""
    address = databases.make()
    databases.make(COPY, "CREATE TABLE precious (x int)")
    pytester.makepyfile("def test_it(): pass")
    done = pytester.runpytest_subprocess(f"--guard-database={address}", "-n2")
    assert done.ret == 125
    said = done.stdout.str() + done.stderr.str()
    assert f"gw0 gets no copy of the database: there is a database {COPY}" in said
    assert databases.run(COPY, "SELECT count(*) FROM precious") == [(0,)]
    assert databases.left("app_dev", COPY) == set()


def test_one_that_another_session_uses_is_left_to_it(databases: Databases) -> None:
    """Two sessions below one guard do not share a worker's database, nor remove each other's."""
    address = databases.make()
    with Guard(target_of(address), recoveries=("template",)):
        first, second = (worker_copies_of(target_of(address), address) for _ in range(2))
        first.make("gw0", absent=False)
        with pytest.raises(BackupError, match="in use by another session"):
            second.make("gw0", absent=False)
        second.remove()
        second.remove_of_the_dead()
        assert databases.run(COPY, "SELECT count(*) FROM person") == [(20,)]
        assert first.remove() == []
    assert databases.left("app_dev") == set()


def test_without_a_backup_that_is_a_database_none_is_made(databases: Databases) -> None:
    """It says which recoveries make one."""
    address = databases.make()
    target = target_of(address)
    copies = worker_copies_of(target, address)
    with pytest.raises(BackupError, match="back up by another recovery"):
        copies.make("gw0", absent=False)
    assert copies.remove() == []
    target.journal.release()
    assert databases.left("app_dev") == set()


@pytest.mark.long
def test_workers_whose_tests_make_the_database(
    databases: Databases, pytester: pytest.Pytester
) -> None:
    """With --guard-absent-ok each finds none at an address of its own; what it makes is removed."""
    address = databases.address("app_dev")
    pytester.makepyfile(
        f"""
        import psycopg, pytest
        @pytest.mark.parametrize("n", range(4))
        def test_it(n, guarded_database, worker_id):
            assert guarded_database.endswith(f"/app_dev_e2e_{{worker_id}}")
            admin = psycopg.connect({databases.address("postgres")!r}, autocommit=True)
            name = guarded_database.rpartition("/")[2]
            there = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if not there.fetchall():
                admin.execute(f"CREATE DATABASE {{name}}")
            admin.close()
            psycopg.connect(guarded_database).close()
        """
    )
    options = (f"--guard-database={address}", "--guard-absent-ok", "-n2")
    done = pytester.runpytest_subprocess(*options)
    done.assert_outcomes(passed=4)
    assert done.ret == 0
    assert databases.left() == set()


@pytest.mark.parametrize("who", ["controller", pytest.param("worker", marks=pytest.mark.long)])
def test_a_session_that_is_killed(
    databases: Databases, pytester: pytest.Pytester, who: str
) -> None:
    """Of a killed controller the next session removes the clones; a killed worker gets another."""
    address = databases.make()
    pid = "os.getppid()" if who == "controller" else "os.getpid()"
    test = pytester.makepyfile(
        f"""
        import os, pathlib, psycopg, pytest, signal
        @pytest.mark.parametrize("n", range(6))
        def test_it(n, guarded_database):
            with psycopg.connect(guarded_database) as session:
                session.execute("DELETE FROM person")
            if n == 3 and not os.path.exists("killed"):
                pathlib.Path("killed").touch()
                os.kill({pid}, signal.SIGKILL)
        """
    )
    options = [f"--guard-database={address}", "-n2", "-p", "no:cacheprovider"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, str(test)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    status = process.wait(60)
    if who == "worker":
        assert status == 1  # the test that it was at
        assert databases.left("app_dev") == set()
        return
    assert status == -signal.SIGKILL
    assert f"database {COPY}" in databases.left("app_dev")
    done = pytester.runpytest_subprocess(*options, str(test))
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*had been killed*"])
    assert databases.left("app_dev") == set()


def test_whoever_is_connected_to_a_clone_at_the_end_is_ended(databases: Databases) -> None:
    """A pool of the tests' application that outlives them keeps no clone there."""
    address = databases.make()
    target = target_of(address)
    copies = worker_copies_of(target, address)
    with Guard(target, recoveries=("template",)):
        copies.make("gw0", absent=False)
        with closing(databases.connect(COPY)) as pool:
            pool.execute("BEGIN")
            assert copies.remove() == []
    assert databases.left("app_dev") == set()


@pytest.mark.long
def test_a_server_that_crashes_meanwhile(own_server: Server) -> None:
    """The clones are there again with it, another can be made, and all are removed."""
    databases = Databases(own_server)
    address = databases.make()
    target = target_of(address)
    copies = worker_copies_of(target, address)
    with Guard(target, recoveries=("template",)):
        copies.make("gw0", absent=False)
        own_server.stop("immediate")
        own_server.start()
        assert databases.run(COPY, "SELECT count(*) FROM person") == [(20,)]
        copies.make("gw1", absent=False)
        assert copies.remove() == []
    assert databases.left("app_dev") == set()
    databases.wipe()


# Killed at whatever it asks of the server.


def with_workers(case: Case, countdown: Countdown) -> int:
    """Guard a session with two workers in a process that the countdown may strike."""

    def run() -> int:
        with counted(countdown):
            asked = Asked(recoveries=case.recoveries, archives=False)
            target = target_of(case.address)
            guard = made(target, asked, remark=lambda _: None)
            with uncounted(countdown):  # that is tested elsewhere
                guard.begin()
            copies = worker_copies_of(target, case.address)
            for worker in ("gw0", "gw1"):
                copies.make(worker, absent=False)
            left = copies.remove()
            with uncounted(countdown):
                result = finished(guard, apart=False)
            return 0 if result.says_clean and not left else 125

    return forked_status(run)


def all_along(server: object, moment: Moment, step: int) -> int:
    """Kill it at every ``step``-th exchange until it lives; how often it was killed."""
    case = Case(server, tests="nothing")  # type: ignore[arg-type] # a server, out of a pickle
    nth, killed = step, 0
    try:
        while (status := with_workers(case, Countdown(nth, moment))) != 0:
            assert status == -signal.SIGKILL, f"exchange {nth}: status {status}"
            killed += 1
            back = case.next_guard() if nth % 2 else case.recovered(Countdown(0))
            assert back == 0, f"exchange {nth}: not recovered"
            assert not (wrong := case.wrong()), f"exchange {nth}: {wrong}"
            nth += step
    finally:
        case.databases.wipe()
    return killed


@pytest.fixture(scope="module")
def small() -> Iterator[SmallProcess]:
    """A process that is forked from."""
    process = SmallProcess()
    yield process
    process.close()


@pytest.mark.parametrize(
    ("moment", "step"),
    [
        pytest.param("sent", 25),
        pytest.param("sent", 11, marks=pytest.mark.long),
        pytest.param("before", 17, marks=pytest.mark.long),
    ],
)
def test_killed_anywhere(
    postgres_server: object, small: SmallProcess, moment: Moment, step: int
) -> None:
    """Whatever it was about: the next guard, or recover, leaves no database of a worker's."""
    assert small.run(all_along, postgres_server, moment, step) >= 3


def test_a_role_that_is_no_superuser(databases: Databases) -> None:
    """It needs for workers what it needs to guard, and no more."""
    databases.admin("CREATE ROLE tester LOGIN CREATEDB")
    databases.make()
    databases.admin("ALTER DATABASE app_dev OWNER TO tester", "GRANT pg_read_all_data TO tester")
    databases.run("app_dev", "ALTER TABLE person OWNER TO tester")
    address = databases.address("app_dev", "tester")
    target = target_of(address)
    copies = worker_copies_of(target, address)
    with Guard(target, recoveries=("template",)):
        copies.make("gw0", absent=False)
        assert databases.run(COPY, "SELECT count(*) FROM person", user="tester") == [(20,)]
        assert copies.remove() == []
    assert databases.left("app_dev", "tester") == set()


def test_a_second_session_harms_no_worker_of_the_first(
    databases: Databases, pytester: pytest.Pytester
) -> None:
    """It is refused while the first is at work, whose databases stay; or it waits, as asked."""
    address = databases.make()
    target = target_of(address)
    copies = worker_copies_of(target, address)
    pytester.makepyfile("def test_it(guarded_database): pass")
    with Guard(target, recoveries=("template",)):
        copies.make("gw0", absent=False)
        done = pytester.runpytest_subprocess(f"--guard-database={address}", "-n2")
        assert done.ret == pytest.ExitCode.USAGE_ERROR
        done.stderr.fnmatch_lines(["*another guard is at work*"])
        assert databases.run(COPY, "SELECT count(*) FROM person") == [(20,)]
        copies.remove()
    assert databases.left("app_dev") == set()


@pytest.mark.long
def test_workers_below_a_guard_of_the_whole_command(
    databases: Databases, folder: Path, harness: Call
) -> None:
    """One guard is enough, also where it records in the database itself; each worker gets a clone.

    That of a session killed below the same guard is made anew.
    """
    address = databases.make()
    (folder / "pyproject.toml").write_text(f'[tool.reliability-harness]\ndatabase = "{address}"\n')
    (folder / "test_it.py").write_text(
        "import os, pathlib, psycopg, signal\n"
        "def test_it(database_connection, worker_id):\n"
        "    name = database_connection.info.dbname\n"
        "    assert name == f'app_dev_e2e_{worker_id}'\n"
        "    count, = database_connection.execute('SELECT count(*) FROM person').fetchone()\n"
        "    assert count == 20\n"
        "    if not os.path.exists('killed'):\n"
        "        pathlib.Path('killed').touch()\n"
        "        os.kill(os.getppid(), signal.SIGKILL)\n"
    )
    pytest_once = f"{sys.executable} -m pytest -p no:cacheprovider -n2 test_it.py"
    both = f"cd {folder} && ! {pytest_once} >/dev/null 2>&1 && {pytest_once}"
    with closing(databases.connect("app_dev")) as backend:
        status, out, said = harness("guard", "--database", address, "--", "sh", "-c", both)
        assert status == 0, out + said
        assert "undo_log" in said
        assert backend.execute("SELECT count(*) FROM person").fetchone() == (20,)
    assert (folder / "killed").exists()
    assert databases.left("app_dev") == set()
