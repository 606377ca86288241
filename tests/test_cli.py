"""The command line: what is printed, where, and with which status."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from harness.results.run_checks import checksum
from tests.command_line import CHECKOUT, ELSEWHERE, Call


def test_help_comes_at_once() -> None:
    """Nothing slow is imported before a verb needs it."""
    slow = "numpy", "scipy", "pandas", "apsw", "pydantic", "rich", "matplotlib"
    slow += "starlette", "uvicorn", "asyncio", "importlib.metadata", "shutil"
    code = f"import sys, harness.cli; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_guard_without_a_file_parses_none(folder: Path) -> None:
    """What reads TOML, or checks a table, costs a start only where there is a table to read."""
    (folder / ".git").mkdir()
    slow = "tomllib", "harness.configured.checks", "harness.hidden", "logging"
    code = (
        "import sys; from harness.cli import cli\n"
        "try: cli.main(['guard', '--database', 'none.db', '--', 'true'], standalone_mode=False)\n"
        "except Exception as error: print(error)\n"
        f"print([m for m in {slow} if m in sys.modules])"
    )
    for table, read in (("", "[]"), ("[tool.reliability-harness]", "['tomllib', 'harness.conf")):
        (folder / "pyproject.toml").write_text(table)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
        )
        told, imported = done.stdout.splitlines()
        assert "there is no such database" in told
        assert imported.startswith(read)


def test_a_guard_starts_with_what_it_needs_alone(folder: Path) -> None:
    """What compares, archives, or looks for other people's parts is loaded where there is any."""
    database = folder / "app.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE t (a)")
    time.sleep(0.15)  # a backup of what was written just now is compared: see the recovery's stamp
    slow = "importlib.metadata", "shutil", "tempfile", "secrets", "difflib", "psutil", "psycopg"
    slow += "harness.databases.sqlite.differences", "harness.guard.sqlite.archive"
    slow += "harness.guard.by_hand", "harness.guard.sqlite.restore_elsewhere"
    code = (
        "import sys; from harness.cli import cli\n"
        "try: cli.main(['guard', '--database', 'app.db', '--', *sys.argv[1:]])\n"
        f"except SystemExit as ended: print(ended.code, [m for m in {slow} if m in sys.modules])"
    )
    insert = "import sqlite3; sqlite3.connect('app.db').execute('CREATE TABLE u (a)')"
    for command, loaded in (
        (["true"], "[]"),
        # the check itself is checked
        ([sys.executable, "-c", insert], "'harness.databases.sqlite.differences'"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("0 "), done.stderr
        assert loaded in done.stdout


BAD = {
    "no verb": (["sing"], 2, "No such command"),
    "no such option": (["run", "x.toml", "--fast"], 2, "--fast"),
    "no file": (["run", "nowhere.toml"], 2, "harness: nowhere.toml: cannot be read"),
    "workers": (["run", "x.toml", "--workers", "0"], 2, "--workers"),
    "cycles": (["run", "{experiment}", "--cycles", "0"], 2, "harness: --cycles 0"),
    "set": (["run", "{experiment}", "--set", "defaults.polcy=1"], 2, "'policy'"),
    "check nothing": (["check", "{folder}"], 2, "not a run's folder"),
    "report nothing": (["report", "{folder}"], 2, "not a run's folder"),
    "report format": (["report", "{folder}", "--format", "htm"], 2, "'html'"),
    "backend nothing": (["backend", "--database", "x"], 2, "harness: x: there is no such file"),
    "backend port": (["backend", "--database", "x", "--port", "99999"], 2, "--port"),
    "guard nothing": (["guard", "--database", "x"], 2, "COMMAND"),
    "guard no file": (["guard", "--database", "{folder}/x", "--", "true"], 2, "no such database"),
    "guard address": (["guard", "--database", "mysql://x", "--", "true"], 2, "mysql://"),
    "guard busy": (
        ["guard", "--database", "x", "--busy-timeout-ms", "2147483648", "--", "true"],
        2,
        "--busy-timeout-ms",
    ),
    "guard recovery": (
        ["guard", "--database", "{experiment}", "--recovery", "x", "--", "true"],
        2,
        "'x'",
    ),
    "recover no file": (["recover", "--database", "{folder}/x"], 2, "no such file"),
    "backup nothing": (["backup", "x", "y"], 2, "harness: x: no backup was made"),
    "backup over": (["backup", "x", "{experiment}"], 2, "there already and was not touched"),
    "verify nothing": (["verify", "x", "{experiment}"], 2, "is no SQLite database"),
    "restore address": (["restore", "mysql://x/y", "z"], 2, "cannot be guarded yet"),
    "restore neither": (["restore", "x"], 2, "--list"),
    "restore both": (["restore", "x", "y", "--list"], 2, "--list"),
    "replay nothing": (["replay", "{folder}", "--condition", "a", "--cycle", "1"], 2, "not a run"),
}


@pytest.mark.parametrize(("arguments", "status", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_answered(
    harness: Call,
    experiment: Path,
    folder: Path,
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    """Each mistake gets one sentence on standard error, status 2, and no traceback."""
    filled = [one.format(experiment=experiment, folder=folder) for one in arguments]
    code, out, err = harness(*filled)
    assert code == status
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_a_closed_stream_is_no_reason_to_fail(folder: Path) -> None:
    """Nothing is said where standard error is closed; the command finds it closed, as given."""
    path = folder / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t(a)")
    command = f"{sys.executable} -m harness guard --database {path} -- sh -c 'echo {{}} >&2' 2>&-"
    ended = subprocess.run(["sh", "-c", command], check=False, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, b"")  # the shell's own, of what is closed


def test_a_defect_is_never_taken_for_a_verdict(harness: Call, folder: Path) -> None:
    """Anything unforeseen ends with 4, not with 1 for refuted, and shows where it was."""
    told = {"version": 1, "experiment": {"conditions": [{"name": "a", "claims": [1]}]}}
    sealed = told | {"sha256": checksum(told)}  # as if a run had written it
    (folder / "run.json").write_text(json.dumps(sealed))
    (folder / "cycles.sqlite").write_bytes(b"")
    status, _, err = harness("check", folder)
    assert status == 4
    assert "claimed.py" in err


@pytest.mark.parametrize(
    "words",
    ["guard --database x.db -- true", "recover --database x.db", "backup a b", "verify a b",
     "restore a b"],
)  # fmt: skip
def test_where_nothing_can_be_guarded_it_says_so(words: str) -> None:
    """Without fcntl every verb that guards answers with one sentence and 2."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *words.split()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "needs Linux or macOS" in done.stderr
