"""The server, or a session of the guard's, dies at whatever the guard is about."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from harness.databases.postgresql.server import Server
from harness.errors import UsageError
from tests.guard.killing import die
from tests.guard.postgresql.striking import Case, Countdown, Moment
from tests.small_process import SmallProcess

KILLED, REFUSED, NOT_PROVEN = -9, 2, 125
_connect = psycopg.connect  # the guard's own is counted


@pytest.fixture(scope="module")
def own_server(postgres_server: Server) -> Iterator[Server]:
    """A server that a test may end: nobody else's tests run on it."""
    folder = Path(os.environ["HARNESS_STATE_DIR"]).parent / "dying"
    server = Server.made(folder)
    yield server
    server.stop("immediate")
    shutil.rmtree(folder)


def struck(server: Server, how: str, moment: Moment, step: int, recovers: bool) -> int:
    """Strike all along a guard, or ``recover``; whatever it says, ``recover`` then does it all."""
    case, nth = Case(server), 0
    came = mmap.mmap(-1, 1)  # of a process, whether it was struck: it cannot say when it is killed

    def strike(connection: Connection[Any] | None) -> None:
        came[0] = 1
        if how in ("crash", "restart"):
            server.stop("immediate")
        if how == "crash":
            die()
        if how == "restart":
            server.start()
        elif connection is not None:
            with closing(_connect(server.address(), autocommit=True)) as other:
                other.execute(f"SELECT pg_{how}_backend({connection.info.backend_pid})")

    try:
        while True:
            nth, came[0] = nth + step, 0
            if recovers:
                assert case.guarded(Countdown(0), killed_after_tests=True) == KILLED
            countdown = Countdown(nth, moment, strike)
            status = case.recovered(countdown) if recovers else case.guarded(countdown)
            if status == KILLED:
                server.start()
            recovered_from(case, status, nth)
            if not came[0]:
                return nth // step - 1
    finally:
        case.databases.wipe()


def recovered_from(case: Case, status: int, nth: int) -> None:
    """See that what was said is true, and that ``recover`` does the rest."""
    assert status in (0, REFUSED, NOT_PROVEN, KILLED), f"exchange {nth}: {status}"
    wrong = case.wrong(but_journal=True) if status == 0 else ""
    assert not wrong, f"exchange {nth}: said to be proven, but {wrong}"
    assert case.recovered(Countdown(0)) == 0, f"exchange {nth}"
    wrong = case.wrong()
    assert not wrong, f"exchange {nth}: {wrong}"


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "moment", "recovers"),
    [
        ("terminate", "before", False),
        ("terminate", "sent", True),
        ("cancel", "sent", False),
        ("cancel", "before", True),
    ],
)
def test_sessions_struck(
    postgres_server: Server, how: str, moment: Moment, recovers: bool, small_process: SmallProcess
) -> None:
    """Sessions of guard or ``recover`` ended or cancelled: proven or said not to be, recovered."""
    assert small_process.run(struck, postgres_server, how, moment, 17, recovers) >= 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "recovers"), [("crash", False), ("restart", False), ("crash", True)]
)
def test_the_server_dies(
    own_server: Server, how: str, recovers: bool, small_process: SmallProcess
) -> None:
    """A server that ends as in a crash, with the guard or without: the baseline comes back."""
    assert small_process.run(struck, own_server, how, "sent", 13, recovers) >= 5


def test_a_server_that_is_gone(own_server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Tests that stop the server: not proven, said so, and put right once it runs again."""
    case = Case(own_server)

    def tests() -> None:
        case.databases.run("app_dev", "DELETE FROM person")
        own_server.stop("immediate")

    case.test = tests  # type: ignore[method-assign]
    assert case.guarded(Countdown(0)) == NOT_PROVEN
    assert case.recovered(Countdown(0)) == REFUSED
    said = capfd.readouterr().err
    assert "Connection refused" in said
    assert "Traceback" not in said
    own_server.start()
    assert case.recovered(Countdown(0)) == 0
    assert not case.wrong()
    case.databases.wipe()


def test_no_connection_left(own_server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Tests that keep every connection of a server: not proven, until there are some again."""
    case = Case(own_server)
    with ExitStack() as stack:

        def tests() -> None:
            case.databases.run("app_dev", "DELETE FROM person")
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(closing(_connect(own_server.address())))

        case.test = tests  # type: ignore[method-assign]
        assert case.guard(Countdown(0)) == NOT_PROVEN  # in this process, which keeps them
    assert "too many clients" in capfd.readouterr().err
    deadline = time.monotonic() + 5
    while case.databases.admin(_OTHERS) != [(0,)]:  # and the guard keeps none either
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert case.recovered(Countdown(0)) == 0
    assert not case.wrong()
    case.databases.wipe()


_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND pid <> pg_backend_pid()"
)


def test_a_role_that_may_not_log_in_any_more(
    own_server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    """Tests that lock out the guard's own role: said so, and put right once it may again."""
    case = Case(own_server)
    case.databases.admin("CREATE ROLE app SUPERUSER LOGIN")
    case.address = case.databases.address("app_dev", "app")

    def tests() -> None:
        case.databases.run("app_dev", "DELETE FROM person")
        case.databases.admin("ALTER ROLE app NOLOGIN")

    case.test = tests  # type: ignore[method-assign]
    assert case.guarded(Countdown(0)) == NOT_PROVEN
    assert case.recovered(Countdown(0)) == REFUSED
    said = capfd.readouterr().err
    assert 'role "app" is not permitted to log in' in said
    assert "Traceback" not in said
    case.databases.admin("ALTER ROLE app LOGIN")
    assert case.recovered(Countdown(0)) == 0
    assert case.wrong() == "left behind: role app"
    case.databases.wipe()


@pytest.fixture
def small_disk(postgres_server: Server, tmp_path: Path) -> Iterator[Path]:
    """A file system of its own for a server, of 160 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts a file system")
    disk = Path(os.environ["HARNESS_STATE_DIR"]).parent / "disk"
    disk.mkdir()
    _mount("-t", "tmpfs", "-o", "size=160m", "tmpfs", str(disk))
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
    disk.rmdir()


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False)
    if done.returncode:
        pytest.skip("nothing may be mounted here")


@pytest.mark.long
def test_a_full_disk(small_disk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Tests that fill the server's disk: said not to be proven; with room again it is put right."""
    server = Server.made(small_disk / "pg")
    try:
        case = Case(server)

        def tests() -> None:
            case.databases.run("app_dev", "DELETE FROM person", "CREATE TABLE filler (t text)")
            with suppress(psycopg.Error):
                while True:
                    case.databases.run("app_dev", _FILLS)

        case.test = tests  # type: ignore[method-assign]
        assert case.guarded(Countdown(0)) == NOT_PROVEN
        assert "Traceback" not in capfd.readouterr().err
        _mount("-o", "remount,size=600m", str(small_disk))
        with suppress(UsageError):  # it may live, or have ended when it could not write its log
            server.stop("immediate")
        server.start()
        assert case.recovered(Countdown(0)) == 0
        assert not case.wrong()
    finally:
        server.stop("immediate")


_FILLS = "INSERT INTO filler SELECT repeat(md5(n::text), 200) FROM generate_series(1, 500) n"
