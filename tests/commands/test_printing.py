"""What the verbs print, and where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw

from tests.command_line import CHECKOUT, Call


def test_a_reader_who_left_is_no_verdict(harness: Call, experiment: Path, folder: Path) -> None:
    """A closed pipe leaves the status as it is; a full device is a harness error, said so."""
    harness("run", experiment, "--output", folder / "run", "--workers", 1)
    command = [sys.executable, "-m", "harness", "check", str(folder / "run")]
    status = subprocess.run(
        command, check=False, cwd=CHECKOUT, stdout=subprocess.DEVNULL
    ).returncode
    reader, writer = os.pipe()
    os.close(reader)
    piped = subprocess.run(
        command, check=False, cwd=CHECKOUT, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (piped.returncode, piped.stderr) == (status, b"")
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            command, check=False, cwd=CHECKOUT, stdout=full, stderr=subprocess.PIPE
        )
    assert ended.returncode == 4
    assert b"Traceback" not in ended.stderr
    assert b"standard output cannot be written" in ended.stderr
    again = [*command[:3], "run", str(experiment), "--output", str(folder / "unread")]
    reader, writer = os.pipe()
    os.close(reader)
    unread = subprocess.run(again, check=False, cwd=CHECKOUT, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert unread.returncode == status
    assert b"Traceback" not in unread.stderr
    assert (folder / "unread" / "report.html").exists()


NAMES = ("\x1b]0;title\x07", "a\nguard: it is proven\n::error::b", "\u202eleft", "##vso[task]")


def test_names_speak_to_no_terminal_and_to_no_ci(harness: Call, folder: Path) -> None:
    """Whatever tests call their tables, and whatever they put into a cell; JSON has the names."""
    database, kept, told = folder / "d.db", folder / "kept", folder / "told.json"
    sql = "; ".join(f'CREATE TABLE "{name}" (x)' for name in NAMES)
    insert = "; ".join(f"INSERT INTO \"{name}\" VALUES ('{name}')" for name in NAMES)
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(sql)
    assert harness("backup", database, kept)[0] == 0
    tests = f"import sqlite3; c = sqlite3.connect('d.db'); c.executescript({insert!r}); c.commit()"
    (folder / "tests.py").write_text(tests)
    words = ["--json", told, "--", "sh", "-c", f"cd {folder}; {sys.executable} tests.py"]
    status, out, err = harness("guard", "--verbose", "--database", database, *words)
    assert status == 0, err
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(insert)
    status, out, _ = harness("verify", database, kept)
    assert status == 1
    for said in (out, err):
        assert not set("\x1b\x07\u202e") & set(said)
        assert "##vso[" not in said
        assert r"\x1b]0;title\x07: 1 added" in said
        lines = said.splitlines()
        assert not [line for line in lines if line.startswith(("::", "guard: it is proven"))]
    for name in NAMES:  # words that are given and not understood, too
        status, _, said = harness("recover", f"word {name}")
        assert status == 2
        assert not set("\x1b\x07\u202e") & set(said)
        assert "##vso[" not in said
        assert "\n::" not in said
    assert set(json.loads(told.read_text())["found"]["tables"]) == set(NAMES)
    assert set(json.loads(harness("verify", database, kept, "--json")[1])["tables"]) == set(NAMES)
