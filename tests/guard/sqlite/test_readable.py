from __future__ import annotations

import hashlib
import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import BackupError, HarnessError, UsageError
from harness.guard import Guard
from harness.guard.by_hand import backup, restore, verify
from harness.guard.sqlite.readable import damage_in, refuse_unreadable, sentence_of, unreadable
from tests.guard.hard_databases import ONLY_THE_APPLICATION_READS, SQLITE_READS
from tests.recovery.helpers import content, execute, make


def encrypted(folder: Path) -> Path:
    """As an encrypting library leaves it with a plain header: the rest of the page is noise."""
    path = make(folder, "delete")
    data = path.read_bytes()
    noise = b"".join(hashlib.sha256(bytes([i])).digest() for i in range(64))
    path.write_bytes(data[:32] + noise[:4064] + data[4096:])
    return path


def with_foreign(folder: Path, suffix: str) -> Path:
    """A sound database beside a -wal or a hot journal of another one."""
    mode = "wal" if suffix == "-wal" else "delete"
    (folder / "other").mkdir()
    other = make(folder / "other", mode, rows=3)
    one = apsw.Connection(str(other))
    one.execute("PRAGMA cache_size=1; BEGIN; UPDATE bots SET body = randomblob(9000)")
    if suffix == "-wal":
        one.execute("COMMIT")
    path = make(folder, mode, rows=500)
    left = Path(f"{path}{suffix}")
    left.write_bytes(Path(f"{other}{suffix}").read_bytes())
    one.close()
    return path


def everything(folder: Path) -> dict[str, bytes]:
    """All files but SQLite's shared memory, which holds nothing."""
    return {
        p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and "-shm" not in p.name
    }


@pytest.mark.parametrize("recovery", ["online_backup", "file_copy", "wal_pin"])
@pytest.mark.parametrize("broken", ["encrypted", "-wal", "-journal"])
def test_what_was_never_readable_is_never_written(folder: Path, broken: str, recovery: str) -> None:
    """Guard and backup refuse, and every byte of database, -wal and -journal is what it was."""
    path = encrypted(folder) if broken == "encrypted" else with_foreign(folder, broken)
    before = everything(folder)
    kind = UsageError if broken == "encrypted" else BackupError
    with pytest.raises(kind, match=r"cannot read it|cannot be read"):
        Guard(path, recoveries=[recovery]).begin()
    assert everything(folder) == before
    with pytest.raises(UsageError, match="no backup was made"):
        backup(path, folder / "kept")
    assert everything(folder) == before
    assert "not an error" not in str(unreadable(path))


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize(
    "left", ["nothing", "unfolded", "hot journal", "kept journal", "connected"]
)
def test_a_sound_one_is_let_pass(folder: Path, mode: str, left: str) -> None:
    """Whatever stands beside it, if it is its own; and looking writes nothing."""
    path = make(folder, mode)
    holder = None
    if left == "unfolded":
        execute(path, "INSERT INTO users VALUES ('x')", fold=False)
    elif left == "connected":
        holder = apsw.Connection(str(path))
        holder.execute("INSERT INTO users VALUES ('x')")
    elif left == "kept journal" and mode == "delete":
        execute(path, "PRAGMA journal_mode=persist; INSERT INTO users VALUES ('x')")
    elif left == "hot journal" and mode == "delete":
        one = apsw.Connection(str(path))
        one.execute("PRAGMA cache_size=1; BEGIN; UPDATE bots SET body = randomblob(9000)")
        copies = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
        one.close()
        for name, data in copies.items():
            (folder / name).write_bytes(data)
    before = everything(folder)
    refuse_unreadable(path)
    assert everything(folder) == before
    if holder is not None:
        holder.close()


def test_an_empty_file_and_none_are_let_pass(folder: Path) -> None:
    """SQLite takes an empty file for a database; that there is none is said elsewhere."""
    assert unreadable(folder / "none") is None
    (folder / "empty").write_bytes(b"")
    assert unreadable(folder / "empty") is None


HARD = SQLITE_READS | ONLY_THE_APPLICATION_READS


@pytest.mark.parametrize("name", HARD)
def test_what_backup_verified_restore_accepts(folder: Path, name: str) -> None:
    """On every hard database that can be backed up by hand at all."""
    path = folder / "app.db"
    HARD[name](path)
    kept = folder / "kept"
    try:
        backup(path, kept)
    except HarnessError:
        pytest.skip("no backup of it can be verified")
    for left in folder.glob(f"{path.name}*"):
        left.unlink()
    assert restore(path, kept, force=True).how


@pytest.mark.parametrize("what", ["cut short", "a page of noise"])
def test_damage_is_seen(folder: Path, what: str) -> None:
    """A b-tree that is none is damage; an index that only another predicate explains is not."""
    path = make(folder, "delete", rows=200)
    data = path.read_bytes()
    page = 4 * 4096
    path.write_bytes(
        data[: -2 * 4096]
        if what == "cut short"
        else data[:page] + b"\x07" * 4096 + data[page + 4096 :]
    )
    with closing(apsw.Connection(f"file:{path}?immutable=1", flags=_READ)) as one:
        assert damage_in(one)


_READ = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI


def test_another_predicate_is_no_damage(folder: Path) -> None:
    """What stock SQLite calls a wrong number of entries the application's own may not."""
    path = make(folder, "delete")
    execute(
        path,
        "CREATE INDEX i ON bots(id) WHERE id > 1; PRAGMA writable_schema=ON;"
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON bots(id)' WHERE name = 'i'",
    )
    with closing(apsw.Connection(str(path))) as one:
        assert [row[0] for row in one.execute("PRAGMA quick_check")] != ["ok"]
        assert damage_in(one) == ""


def test_sqlites_words() -> None:
    """Where SQLite says that there was no error, its code is said in words."""
    error = apsw.CorruptError("not an error")
    assert sentence_of(error) == "the database disk image is malformed"
    assert sentence_of(apsw.SQLError("no such table: x")) == "no such table: x"


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_pipe_in_the_place_of_sqlites_own(folder: Path, suffix: str) -> None:
    """Nobody waits for who will never write it."""
    path = make(folder, "delete")
    os.mkfifo(f"{path}{suffix}")
    with pytest.raises(UsageError, match="it is a pipe"):
        Guard(path).begin()
    with pytest.raises(UsageError, match="it is a pipe"):
        backup(path, folder / "kept")


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_no_look_by_hand_lets_sqlite_take_anothers(folder: Path, suffix: str) -> None:
    """Verify refuses; restore keeps what was there as it was, and puts the backup in its place."""
    (folder / "kept").mkdir()
    kept = make(folder / "kept", "delete", rows=500)
    path = with_foreign(folder, suffix)
    before = everything(folder)
    with pytest.raises(UsageError, match="was not opened"):
        verify(path, kept)
    assert everything(folder) == before
    done = restore(path, kept, force=True)
    assert content(path) == content(kept)
    assert done.thrown_away is not None
    assert done.thrown_away.read_bytes() == before[path.name]


def test_a_look_folds_nothing(folder: Path) -> None:
    """Whatever stands in a -wal stays there: it may be another's, and nobody can tell."""
    path = make(folder, "wal")
    backup(path, folder / "kept")
    execute(path, "INSERT INTO users VALUES ('x')", fold=False)
    before = everything(folder)
    assert not verify(path, folder / "kept").clean("exact")
    assert everything(folder) == before


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_an_empty_file_beside_what_is_not(folder: Path, suffix: str) -> None:
    """SQLite would remove it unread."""
    path = with_foreign(folder, suffix)
    path.write_bytes(b"")
    before = everything(folder)
    with pytest.raises(BackupError, match="unread"):
        Guard(path).begin()
    with pytest.raises(UsageError, match="unread"):
        backup(path, folder / "kept")
    assert everything(folder) == before


def test_a_database_that_was_cut_short(folder: Path) -> None:
    """Is refused in words, and left as it is."""
    path = make(folder, "delete", rows=500)
    path.write_bytes(path.read_bytes()[: 10 * 4096])
    before = everything(folder)
    with pytest.raises(UsageError, match="malformed"):
        Guard(path).begin()
    assert everything(folder) == before
