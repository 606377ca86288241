"""What is looked at before a backup or a restore by hand: everything that is a reason to refuse."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from harness.databases.engine import Given
from harness.databases.sqlite.address import path_of
from harness.databases.sqlite.files import CHUNK_BYTES, beside, connect, real, size_of
from harness.databases.sqlite.stored import names
from harness.errors import UsageError
from harness.guard.sqlite.opening import DAMAGED, as_refusal, unfolded
from harness.guard.sqlite.readable import damage_in, sentence_of, unreadable
from harness.system import processes


class Identity(NamedTuple):
    """By what two files are taken for the same database."""

    application_id: int
    user_version: int
    tables: frozenset[str] | None  # None where the schema cannot be read


def pair_of(live: Path, backup: Given) -> tuple[Path, Path]:
    """Return both paths, links to the backup followed; refuse one file, and a backup in use."""
    source = real(path_of(backup, what="BACKUP"))
    if os.path.exists(live) and os.path.exists(source) and os.path.samefile(live, source):
        raise UsageError(f"{live} and {os.fsdecode(backup)} are the same file")
    for suffix in ("-wal", "-journal"):
        if size_of(beside(source, suffix)) > 0:
            raise UsageError(
                f"{beside(source, suffix)} stands beside the backup: it is in use or was changed, "
                "and what it holds is not in the file alone. Close what has it open, or back it up"
            )
    return live, source


def must_be_a_database(path: Path, *, immutable: bool, busy_timeout_ms: int) -> None:
    """Refuse what is no SQLite file at all; ``immutable`` for a backup, which nobody writes."""
    if not path.exists():
        raise UsageError(f"{path}: there is no such file")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise UsageError(f"{path} is no file that could hold a database")
    if immutable and size_of(path) == 0:
        raise UsageError(f"{path} is empty: that is no backup")
    with as_refusal(f"{path}: cannot be opened", database=path):
        try:
            with unfolded(path, immutable=immutable, busy_timeout_ms=busy_timeout_ms):
                return
        except apsw.NotADBError:
            raise UsageError(f"{path} is no SQLite database") from None
        except apsw.CorruptError:
            return  # a database, if a damaged one; whoever asked says what that means


def sound(source: Path, live: Path) -> dict[str, Any]:
    """Check the backup from its first page to its last; what a recovery needs to put it back.

    Only what no SQLite could read is damage: ``backup`` asks the same before it says "verified".
    """
    damage = damage_of(source)
    if damage:
        raise UsageError(
            f"{source} was cut short or altered ({damage}): "
            f"{live} was not touched; give another backup"
        )
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            digest.update(data)
        size_bytes = file.tell()
    return {"size_bytes": size_bytes, "sha256": digest.hexdigest()}


def damage_of(backup: Path) -> str:
    """Give the first thing that is wrong with the b-trees of a backup; "" for nothing."""
    try:
        with closing(connect(real(backup), immutable=True)) as connection:
            return damage_in(connection)
    except apsw.Error as error:
        return sentence_of(error)


def identity_of(path: Path, *, immutable: bool, busy_timeout_ms: int) -> Identity | None:
    """Return by what a database is known; None for a file SQLite begins no transaction on."""
    try:
        with unfolded(path, immutable=immutable, busy_timeout_ms=busy_timeout_ms) as connection:
            numbers = (
                int(connection.pragma("application_id")),
                int(connection.pragma("user_version")),
            )
            try:
                tables = names(connection, "table")
            except (apsw.SQLError, apsw.CorruptError):
                return Identity(*numbers, None)
            return Identity(
                *numbers, frozenset(name for name in tables if not name.startswith("sqlite_"))
            )
    except DAMAGED:
        return None


def own_identity(live: Path, busy_timeout_ms: int) -> Identity | None:
    """Return by what the live database is known; None where it is missing or damaged."""
    if not os.path.lexists(live):
        return None
    if not live.exists() or not live.is_file():
        raise UsageError(f"{live} is no file that could hold a database")
    if unreadable(live, busy_timeout_ms=busy_timeout_ms) is not None:
        return None  # SQLite would write, or remove, what stands beside it
    return identity_of(live, immutable=False, busy_timeout_ms=busy_timeout_ms)


def refuse_another(own: Identity, other: Identity, live: Path, source: Path) -> None:
    """Refuse a backup of another database, and let through what tests do to their own.

    Tests add and drop tables, and a migration changes ``user_version`` as well; so half of the
    smaller set of tables must be in both, whatever the ``user_version``.
    """
    if not own.tables or not other.tables:
        return  # emptied or unreadable: there is nothing to tell them apart by
    signs = []
    if own.application_id != other.application_id:
        signs.append(f"application_id {own.application_id} and {other.application_id}")
    shared, smaller = len(own.tables & other.tables), min(len(own.tables), len(other.tables))
    moved = own.user_version != other.user_version
    if 2 * shared < smaller:
        signs.append(f"{shared} tables of {len(own.tables)} and {len(other.tables)} in common")
        if moved:
            signs.append(f"user_version {own.user_version} and {other.user_version}")
    if signs:
        raise UsageError(
            f"{source} looks like a backup of another database than {live} ({'; '.join(signs)}): "
            "nothing was touched. Give --force to restore it all the same"
        )


def refuse_while_open(live: Path) -> None:
    """Refuse to replace a file that a process has open: its writes would go to the old one."""
    holding = processes.holders(live)
    if holding:
        raise UsageError(
            f"{live} is damaged or missing and can only be replaced as a file, which process "
            f"{processes.named(holding)} has open: end it and try again; nothing was touched"
        )
