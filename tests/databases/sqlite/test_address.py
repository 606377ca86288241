from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.databases.sqlite.address import path_of
from harness.errors import UsageError

ODD = [
    "x" * 201,
    "x" * 300 + "/db",
    "",
    " ",
    ".",
    "..",
    "/",
    "a/..",
    "a\0b",
    os.fsdecode(b"a\xff.db"),
    "postgres://x/y",
]


@pytest.mark.parametrize("given", ODD)
def test_what_cannot_be_a_database(given: str) -> None:
    """An empty word, a folder, a zero byte, a name in no UTF-8: a sentence, never a traceback."""
    with pytest.raises(UsageError):
        path_of(given)


def test_what_can_be() -> None:
    """Whether it is there is another question; bytes and paths do as well."""
    assert path_of("db") == path_of(b"db") == path_of(Path("db")) == Path("db")


@pytest.mark.parametrize(
    "verb",
    ["guard --database X -- true", "recover --database X", "verify X b", "backup X b",
     "restore X b", "init X", "verify d.db X", "backup d.db X", "restore d.db X"],
)  # fmt: skip
@pytest.mark.parametrize("given", ["", ".", "/", os.fsdecode(b"a\xff.db")])
def test_every_verb_refuses_it(folder: Path, verb: str, given: str) -> None:
    """With status 2 and one sentence."""
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sqlite3; sqlite3.connect('d.db').execute('create table t(x)')",
        ],
        cwd=folder,
        check=True,
    )
    words = [given if word == "X" else word for word in verb.split()]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder, capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
