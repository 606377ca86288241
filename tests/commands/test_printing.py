"""What the verbs print, and where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

from tests import forked
from tests.command_line import CHECKOUT, Call
from tests.commands.pseudo_terminal import COLOUR, on_a_terminal, piped


def test_a_reader_who_left_is_no_verdict(harness: Call, experiment: Path, folder: Path) -> None:
    """A closed pipe leaves the status as it is; a full device is a harness error, said so."""
    harness("run", experiment, "--output", folder / "run", "--workers", 1)
    check = ["check", folder / "run"]
    status = forked.run(check).returncode
    with _nobody_reads() as pipe:
        assert _status_and_errors(check, pipe) == (status, "")
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "harness", *map(str, check)],
            check=False, cwd=CHECKOUT, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert ended.returncode == 4
    assert b"Traceback" not in ended.stderr
    assert b"standard output cannot be written" in ended.stderr
    run = ["run", experiment, "--workers", 1, "--output", folder / "unread"]
    with _nobody_reads() as pipe:
        ended, said = _status_and_errors(run, pipe)
    assert ended == status
    assert "Traceback" not in said
    assert (folder / "unread" / "report.html").exists()


@contextmanager
def _nobody_reads() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def _status_and_errors(words: list[object], out: int) -> tuple[int, str]:
    with tempfile.TemporaryFile() as said, open(os.devnull) as nothing:
        status = forked.start(words, (nothing.fileno(), out, said.fileno()))()
        said.seek(0)
        return status, said.read().decode()


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


CHINOOK, SHOP = Path("results") / "chinook", Path("results") / "shop"
READING = {
    "check": ["check", CHINOOK],
    "compare": ["compare", SHOP, SHOP],
    "report": ["report", CHINOOK],
    "brief": ["report", CHINOOK, "--format", "brief"],
}


@pytest.mark.parametrize(
    ("verb", "width"),
    [*((verb, 60) for verb in READING), pytest.param("report", 120, marks=pytest.mark.long)],
)
def test_on_a_terminal_in_colour_and_between_words(verb: str, width: int) -> None:
    """What is found has its colour, no line is wider, and the text is that of a pipe."""
    status, said = on_a_terminal(READING[verb], width)
    plain = piped(READING[verb], {"COLUMNS": str(width), "CI": "1", "FORCE_COLOR": "1"})
    assert "\x1b[" in said
    assert max(map(len, COLOUR.sub("", said).splitlines())) <= width
    assert plain == (status, plain[1], "")
    assert "\x1b" not in plain[1]
    assert COLOUR.sub("", said).split() == plain[1].split()


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("verb", ["check", "brief"])
def test_no_colour_where_none_is_wanted(verb: str, environment: dict[str, str]) -> None:
    """Lines end between words all the same."""
    _, said = on_a_terminal(READING[verb], 70, environment)
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) <= 70


def test_rows_that_differ_are_shown_as_they_are(folder: Path) -> None:
    """`verify` colours a difference as a diff does, and breaks no row: its blanks are data."""
    database, kept = folder / "d.db", folder / "kept"
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("CREATE TABLE notes (x)")
        assert piped(["backup", database, kept], {})[0] == 0
        assert "\x1b[1;32mno differences" in on_a_terminal(["verify", database, kept], 60)[1]
        connection.execute("INSERT INTO notes VALUES (?)", (f"a{' ' * 50}b",))
    status, said = on_a_terminal(["verify", database, kept], 60)
    assert status == 1
    assert f"a{' ' * 50}b" in said
    assert "\x1b[32m  + " in said
    assert "\x1b" not in piped(["verify", database, kept], {"FORCE_COLOR": "1"})[1]


def test_a_replay_ends_with_a_sentence(harness: Call, experiment: Path, folder: Path) -> None:
    """On a terminal in colour, and beside the values what has no room on a line."""
    assert harness("run", experiment, "--output", folder / "run", "--workers", 1)[0] == 0
    status, said = on_a_terminal(["replay", folder / "run", "--condition", "a", "--cycle", 3], 60)
    assert status == 0
    assert said.splitlines()[-2].startswith("\x1b[1;32mthe same: cycle 3 of 'a' ended cleaned ")
