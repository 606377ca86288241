from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner

import harness
from harness.cli import cli
from harness.databases.engines import engine_of
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
    "given", ["file:d.db", "sqlite:///d.db", "sqlite+aiosqlite:///d.db", "jdbc:sqlite:d.db"]
)
def test_the_address_of_an_orm_is_told_to_be_a_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Unless a file has that very name."""
    monkeypatch.chdir(folder)
    with pytest.raises(
        UsageError, match=r"BACKUP is an address .* give the path of the file, perhaps \./d\.db"
    ):
        path_of(given, what="BACKUP")
    Path(given).parent.mkdir(parents=True, exist_ok=True)
    Path(given).touch()
    assert path_of(given) == Path(given)


@pytest.mark.parametrize(("parts", "fits"), [((99,) * 4, True), ((99,) * 5, False)])
def test_a_path_beside_which_nothing_could_be_kept_is_too_long(
    parts: tuple[int, ...], fits: bool
) -> None:
    """SQLite opens a path of 512 bytes at most, those of backups and archives included."""
    path = Path("/", *("x" * length for length in parts), "d.db")
    if fits:
        assert path_of(path) == path
    else:
        with pytest.raises(UsageError, match=r"is too long .* path has 505 bytes"):
            path_of(path)
    with pytest.raises(
        UsageError, match=r"is too long .* name has 201 bytes, .* at most 200 bytes"
    ):
        path_of("x" * 201)


@pytest.mark.parametrize(
    "verb",
    ["guard --database X -- true", "recover --database X", "verify X b", "backup X b",
     "restore X b", "restore X --list", "init X", "backend --database X",
     "verify d.db X", "backup d.db X", "restore d.db X"],
)  # fmt: skip
@pytest.mark.parametrize(
    "given", ["", " ", ".", "/", os.fsdecode(b"a\xff.db"), "file:./a.db?x=y", "sqlite:///a.db"]
)
def test_every_verb_refuses_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, verb: str, given: str
) -> None:
    """With status 2 and a sentence that helps, and nothing is made."""
    monkeypatch.chdir(folder)
    with closing(apsw.Connection("d.db")) as connection:
        connection.execute("create table t(x)")
    words = [given if word == "X" else word for word in verb.split()]
    done = CliRunner().invoke(cli, words)
    error = done.exception
    assert isinstance(error, UsageError), (error, done.output)
    assert "give the path of the" in str(error).lower() or given.startswith("a"), error
    assert os.listdir() == ["d.db"]


def test_a_block_of_python_refuses_it() -> None:
    """As the commands do."""
    for given in ("", "file:./a.db", "sqlite:///a.db"):
        with pytest.raises(UsageError, match=r"database (is empty: give|is an address)"):
            harness.guard(given)


def test_an_address_is_the_path_as_it_was_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints so and stands for it; where it is asked for as a whole the folder is told too."""
    monkeypatch.chdir(folder)
    address = engine_of("d.db").address("data/../d.db", what="--database")
    assert (str(address), os.fspath(address), address.name) == (*("data/../d.db",) * 2, "d.db")
    assert address.whole == address.absolute().whole == str(address.absolute())
    assert address.whole == os.path.realpath(folder / "d.db")
