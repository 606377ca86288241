"""pg_dump into pg_restore: the content of one database poured into another that is empty.

Both programs end with this process, whatever ends it: its death is a signal to them (on Linux),
and what one writes for the other goes through this process. Neither has a password in its
arguments. https://www.postgresql.org/docs/current/app-pgdump.html
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import IO, NoReturn, cast

from psycopg.conninfo import make_conninfo

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.parameters import SECRETS
from harness.databases.postgresql.programs import Clients
from harness.databases.postgresql.session import APPLICATION
from harness.errors import RecoveryRefused
from harness.hidden import without_passwords

Program = subprocess.Popen[bytes]

_PR_SET_PDEATHSIG = 1
_CHUNK_BYTES = 1 << 20
_SHOWN = 1000  # characters of what a program said
# What a role or a database may have set, and the programs do not set themselves at once.
_SETTINGS = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_read_only": "off",
    "client_min_messages": "warning",
    "client_connection_check_interval": "500ms",  # where its client was killed it ends, too
}
# Nothing is lost by it: whoever notes that the backup is there waits for all before it.
_RELOAD = {"synchronous_commit": "off"}
_FAILED = re.compile(r"^pg_restore: error: (.*)$", re.MULTILINE)
# pg_restore 17 and newer set it on every server; one that is older does not know it
_HARMLESS = 'parameter "transaction_timeout"'


def pour(
    source: PostgresDatabase,
    target: PostgresDatabase,
    programs: Clients,
    *,
    snapshot: str,
    settings: dict[str, str],
    lock_timeout_ms: int,
) -> None:
    """Unload one database and reload it into another.

    Args:
        source: whose content; others may stay connected, and write.
        target: that is empty.
        programs: to do it with.
        snapshot: of an open transaction in ``source``: what it sees is unloaded.
        settings: of the sessions of both.
        lock_timeout_ms: how long to wait for somebody's lock on a table.

    Raises:
        RecoveryRefused: what a program or the server said.
    """
    environment = _environment(source)
    unload = [
        programs.dump, "--format=custom", "--compress=0", "--no-password",
        f"--lock-wait-timeout={max(1, lock_timeout_ms)}", f"--snapshot={snapshot}",
        f"--dbname={_connection(source, _SETTINGS | settings)}",
    ]  # fmt: skip
    reload = [
        programs.restore, "--format=custom", "--no-password",
        f"--dbname={_connection(target, _SETTINGS | _RELOAD | settings)}",
    ]  # fmt: skip
    with (
        tempfile.TemporaryFile() as dump_says,
        tempfile.TemporaryFile() as restore_says,
        _running(unload, environment, stdout=subprocess.PIPE, stderr=dump_says) as dump,
        _running(reload, environment, stdin=subprocess.PIPE, stderr=restore_says) as restore,
    ):
        _relay(dump, restore)
        restored, dumped = restore.wait(), dump.wait()
        _refuse_failed(dumped, _said(dump_says), restored, _said(restore_says))


def _connection(database: PostgresDatabase, settings: Mapping[str, str]) -> str:
    """Give all that leads to a database, but for what is secret."""
    given = {key: value for key, value in database.parameters.items() if key not in SECRETS}
    options = [given.get("options", ""), *(f"-c {key}={value}" for key, value in settings.items())]
    own = {"options": " ".join(options).strip(), "application_name": APPLICATION}
    given.pop("client_encoding", None)  # the database's own, so that nothing is converted
    return make_conninfo(**(given | own))


def _environment(database: PostgresDatabase) -> dict[str, str]:
    """Give the environment, with the password; libpq takes no other secret from there."""
    secret = {key for key in SECRETS & database.parameters.keys() if key != "password"}
    if secret:
        raise RecoveryRefused(
            f"pg_dump takes {' and '.join(sorted(secret))} only as an argument, where everybody on "
            "this machine could read it: give a key without one, or take the recovery template"
        )
    own = {"LC_ALL": "C"}  # what they say is read here
    if password := database.parameters.get("password"):
        own["PGPASSWORD"] = password
    return {**os.environ, **own}


@contextmanager
def _running(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: IO[bytes],
) -> Iterator[Program]:
    """Run a program; it is gone afterwards, however that comes."""
    program = subprocess.Popen(  # noqa: S603 - PostgreSQL's own
        command,
        env=environment,
        preexec_fn=_ends_with(os.getpid()),  # noqa: PLW1509 - it takes no lock
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )
    try:
        yield program
    finally:
        for pipe in (program.stdin, program.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        if program.poll() is None:
            program.kill()
        program.wait()


def _ends_with(parent: int) -> Callable[[], None] | None:
    """Give what a program does first, so that it does not outlive its parent."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it has died already

    return ask


def _relay(source: Program, target: Program) -> None:
    reading, writing = cast(BufferedReader, source.stdout), cast(IO[bytes], target.stdin)
    with suppress(BrokenPipeError):  # the other has said why
        while chunk := reading.read1(_CHUNK_BYTES):
            writing.write(chunk)
        writing.close()
    reading.close()


def _said(file: IO[bytes]) -> str:
    file.seek(0)
    return without_passwords(file.read().decode(errors="replace").strip())


def _refuse_failed(dumped: int, dump_said: str, restored: int, restore_said: str) -> None:
    """Refuse by the words of the one that failed first: the other has lost its pipe by that."""
    lost_its_pipe = dumped == -signal.SIGPIPE or "Broken pipe" in dump_said
    if dumped and not lost_its_pipe:
        _refuse("pg_dump", dumped, dump_said)
    failed = [what for what in _FAILED.findall(restore_said) if _HARMLESS not in what]
    if restored and (failed or _HARMLESS not in restore_said):
        _refuse("pg_restore", restored, failed[0] if failed else restore_said)
    if dumped:
        _refuse("pg_dump", dumped, dump_said)


def _refuse(program: str, status: int, said: str) -> NoReturn:
    how = f"was ended by signal {-status}" if status < 0 else "failed"
    why = " ".join(said[-_SHOWN:].removeprefix(f"{program}: error: ").split())
    raise RecoveryRefused(f"{program} {how}" + (f": {why}" if why else ""))
