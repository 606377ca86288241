from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.guard import Guard
from harness.log import NAME, Log

ADD = """
import apsw, harness, sys
with harness.guard(sys.argv[1]) as g:
    apsw.Connection(sys.argv[1]).execute("INSERT INTO t VALUES ('s3cret-cell')")
assert g.result.ended == "restored"
"""


@pytest.fixture
def database(folder: Path) -> Path:
    """A database of one table."""
    with closing(apsw.Connection(str(folder / "dev.db"))) as connection:
        connection.execute("CREATE TABLE t (a)")
    return folder / "dev.db"


@pytest.fixture
def ours() -> Iterator[logging.Logger]:
    """The logger that everything is below, as it was afterwards."""
    logger = logging.getLogger(NAME)
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def said(database: Path, before: str = "") -> str:
    """What a program that guards a block says on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", before + ADD, str(database)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr


def test_a_program_hears_nothing_unless_it_asks(database: Path) -> None:
    """Nothing is printed, and ``logging`` is not even imported by the package."""
    assert said(database) == ""
    assert said(database, "import logging\n") == ""
    (database.parent / "look.py").write_text(ADD + "print('logging' in sys.modules)")
    done = subprocess.run(
        [sys.executable, str(database.parent / "look.py"), str(database)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["False"]


def test_a_program_that_asks_hears_every_step(database: Path) -> None:
    """By the standard library's own set-up, under one name; no row of the database is in it."""
    heard = said(database, "import logging; logging.basicConfig(level='INFO')\n")
    lines = [line for line in heard.splitlines() if line.startswith(f"INFO:{NAME}.guard.")]
    assert heard.splitlines() == lines
    trip = f"INFO:{NAME}.guard.trip:"
    assert [line.removeprefix(trip) for line in lines if line.startswith(trip)] == [
        f"guarding {database}",
        "backed up by online_backup, 8192 bytes",
        "verified: t: 1 added, 0 missing, 0 changed",
        "verified: nothing differs",
        "backups removed",
    ]
    assert f"INFO:{NAME}.guard.chain:restored by online_backup" in lines
    assert "s3cret" not in heard


def test_what_a_handler_raises_is_its_own_business(database: Path, ours: logging.Logger) -> None:
    """The baseline comes back all the same."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError(record)

    ours.addHandler(Broken())
    ours.setLevel(logging.DEBUG)
    with Guard(database, recoveries=("online_backup",)) as guard:
        apsw.Connection(str(database)).execute("INSERT INTO t VALUES (1)")
    assert guard.result.ended == "restored"


def test_what_is_told_is_safe_to_print(
    caplog: pytest.LogCaptureFixture, ours: logging.Logger
) -> None:
    """One line each, no terminal is spoken to, no password is in it, the place is the caller's."""
    ours.setLevel(logging.INFO)
    Log("x").info("%s at %s", "\x1b[2J", "postgresql://u:s3cret@h/d\n::error::b")
    Log("x").debug("not asked for: %s", pytest.fail)
    (record,) = caplog.records
    assert (record.name, record.filename) == (f"{NAME}.x", "test_log.py")
    assert record.getMessage() == r"\x1b[2J at postgresql://u@h/d; \x3a:error::b"


def test_a_function_is_called_only_if_somebody_listens(ours: logging.Logger) -> None:
    """What takes time to put into words costs nothing otherwise."""
    called: list[int] = []
    ours.setLevel(logging.WARNING)
    Log("x").info("%s", lambda: called.append(1))
    assert called == []
    ours.setLevel(logging.INFO)
    Log("x").info("%s", lambda: called.append(1))
    assert called == [1]
