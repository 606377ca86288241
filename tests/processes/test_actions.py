"""Actions: how a thing is written says what it is; SQL and functions do as told."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from harness.errors import CommandFailed, UsageError
from harness.processes.actions import Callback, Sql
from harness.processes.context import Context


def test_statements_are_numbered_and_bound(tmp_path: Path) -> None:
    """Each is an operation of its own, on one connection, and may bind cycle and seed."""
    database = tmp_path / "db"
    action = Sql(("CREATE TABLE t (a, b)", "INSERT INTO t VALUES (:cycle, :seed)"))
    connections = []

    def connect(path: Path) -> apsw.Connection:
        connections.append(apsw.Connection(str(path)))
        return connections[-1]

    done = []
    for part in action.parts(Context(database, 3, 4), connect):
        part.run()
        done.append(part.operation)
    assert tuple(done) == action.operations == ("statement 1", "statement 2")
    (connection,) = connections
    with pytest.raises(apsw.ConnectionClosedError):
        connection.execute("SELECT 1")
    assert apsw.Connection(str(database)).execute("SELECT * FROM t").fetchall() == [(3, 4)]
    assert not action.worth(apsw.ConstraintError())


def test_a_function_is_given_the_context(tmp_path: Path) -> None:
    """It is found beside the experiment's file."""
    (tmp_path / "own_e2e_steps.py").write_text("def seen(context): seen.by = context.cycle\n")
    action = Callback("own_e2e_steps:seen", tmp_path)
    (part,) = action.parts(Context(tmp_path / "db", 5, 0), lambda path: None)
    part.run()
    assert vars(action.function())["by"] == 5
    assert action.operations == ("own_e2e_steps:seen",)
    assert not action.attempts


def call(folder: Path, name: str, body: str) -> None:
    """Write a module with the function ``go``, and call it as a cycle does."""
    (folder / f"{name}.py").write_text(f"import os, sys\ndef go(context):\n    {body}\n")
    (part,) = Callback(f"{name}:go", folder).parts(Context(folder / "db", 0, 0), lambda path: None)
    part.run()


@pytest.mark.parametrize(
    ("body", "status"),
    [("sys.exit()", 0), ("sys.exit(0)", 0), ("sys.exit(3)", 3), ("sys.exit('oh')", 1)],
)
def test_an_entry_point_ends_as_a_program_does(body: str, status: int, tmp_path: Path) -> None:
    """SystemExit is how it ended, with its status, and no end of the run."""
    name = f"own_e2e_exit_{status}_{len(body)}"
    if not status:
        call(tmp_path, name, body)
        return
    with pytest.raises(CommandFailed) as raised:
        call(tmp_path, name, body)
    assert raised.value.status == status


def test_other_endings_are_failures(tmp_path: Path) -> None:
    """Also what is no Exception."""
    with pytest.raises(CommandFailed, match="GeneratorExit"):
        call(tmp_path, "own_e2e_generator_exit", "raise GeneratorExit")


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    """Folder and environment: else the next cycle depended on who ran this one."""
    before = os.getcwd(), dict(os.environ)
    call(tmp_path, "own_e2e_moving", "os.chdir('/'); os.environ.clear()")
    assert (os.getcwd(), dict(os.environ)) == before


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("async def go(context): pass", "async"),
        ("def go(context): yield", "generator"),
        ("def go(): pass", "one argument"),
        ("def go(context, more): pass", "more"),
        ("raise SystemExit(1)", "SystemExit"),
    ],
)
def test_what_cannot_do_anything_is_refused(written: str, said: str, tmp_path: Path) -> None:
    """A function whose call would run nothing, or fail each time, is no cleanup."""
    name = f"own_e2e_wrong_{said}_{len(written)}".replace(" ", "_")
    (tmp_path / f"{name}.py").write_text(written + "\n")
    with pytest.raises(UsageError, match=said):
        Callback(f"{name}:go", tmp_path).function()


@pytest.mark.parametrize(
    ("name", "said"),
    [("own_e2e_none:x", "No module"), ("os:nothing", "nothing"), ("os:sep", "is no function")],
)
def test_a_function_that_is_not_there(name: str, said: str, tmp_path: Path) -> None:
    """The user's mistake, in one sentence."""
    with pytest.raises(UsageError, match=said):
        Callback(name, tmp_path).function()
