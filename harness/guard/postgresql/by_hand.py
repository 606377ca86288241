"""Back up, verify and restore one database by hand: to and from another on the same server."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from harness import registry
from harness.databases import Differences
from harness.databases.engine import Given
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.alone import NotAlone
from harness.databases.postgresql.errors import describe
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import reached
from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.guard.by_hand import Restored, Saved
from harness.guard.postgresql import archive
from harness.guard.postgresql.said import as_refusal
from harness.guard.postgresql.snapshot import SERVERS_OWN, Snapshot, connected, named
from harness.guard.postgresql.target import DatabaseTarget, made
from harness.guard.voiding import Intent
from harness.printable import printed
from harness.recovery.postgresql.database_backup import DatabaseBackup
from harness.system.files import Files

_TRIES = 5  # how often others may write between a backup and its verification


def backup(address: PostgresDatabase, backup: Given, files: Files, busy_timeout_ms: int) -> Saved:
    """Copy a database into a new one beside it, and verify the copy."""
    started, copy = time.perf_counter(), named(address, backup)
    with _seat(address, busy_timeout_ms) as seat:
        _refuse_absent(seat, address)
        with as_refusal(f"{address}: no backup was made"):
            _claim(seat, copy)
            taken = _copied(seat, copy, files)
    return Saved(copy, taken.size_bytes, _since(started))


def verify(address: PostgresDatabase, backup: Given, busy_timeout_ms: int) -> Differences:
    """Find every difference between a database and a backup."""
    source = named(address, backup)
    with _seat(address, busy_timeout_ms) as seat, as_refusal(f"{address}: cannot be verified"):
        _refuse_absent(seat, address)
        return Snapshot(seat, source).differences()


def restore(
    address: PostgresDatabase, backup: Given, files: Files, busy_timeout_ms: int, *, force: bool
) -> Restored:
    """Put a backup in a database's place; what is thrown away is kept as an archive."""
    started, source = time.perf_counter(), named(address, backup)
    if address.name in SERVERS_OWN:
        raise UsageError(f"{address} is the server's own: nothing is restored there")
    target = made(address, files, busy_timeout_ms=busy_timeout_ms, state=None)
    try:
        with as_refusal(f"{address}: cannot be looked at, so it was not touched"):
            snapshot = Snapshot(target.seat, source)
            if not force:
                snapshot.refuse_another()
            intent = Intent(target)
            target.journal.hold()
        how, kept = _restored(target, snapshot)
        not_sure = f"{address} is {source}, but it is not sure to last a power cut"
        with as_refusal(not_sure, RestoreError):
            target.make_durable()
        still = f"{address} is {source}, but what a killed guard left is still there"
        with as_refusal(still, RestoreError):
            put_away = intent.end(source, busy_timeout_ms=busy_timeout_ms)
        archive.thin(target.seat, address)
    finally:
        target.seat.close()
    return Restored(how, kept, _since(started), put_away, intent.damaged)


def discard(address: PostgresDatabase, files: Files) -> str:
    """Give up what a killed guard meant to bring back; a sentence about what became of it."""
    target = made(address, files, busy_timeout_ms=0, state=None)
    try:
        with as_refusal(f"{address}: what a killed guard left is still there"):
            kept = Intent(target, restoring=False).give_up()
    finally:
        target.seat.close()
    if kept is None:
        return f"no guard left anything at {address}: nothing to do"
    archived = f"; what was backed up is kept as {', '.join(map(str, kept))}" if kept else ""
    return f"{address} stays as it is, and no guard will bring anything back{archived}"


def archives(address: PostgresDatabase) -> str:
    """List the archives of a database to people, the oldest first."""
    with _seat(address, 0) as seat, as_refusal(f"{address}: its archives cannot be listed"):
        listed = archive.listed(seat, address)
    if not listed:
        return f"{address}: no restore has thrown anything away"
    return printed(
        f"{one.made_at:%Y-%m-%d %H:%M:%S} UTC {_size(one.size_bytes):>15} {one.database.name}"
        for one in listed
    )


# The steps.


@contextmanager
def _seat(address: PostgresDatabase, busy_timeout_ms: int) -> Iterator[Seat]:
    seat = Seat(address, busy_timeout_ms=busy_timeout_ms)
    try:
        yield seat
    finally:
        seat.close()


def _refuse_absent(seat: Seat, address: PostgresDatabase) -> None:
    if not seat.exists(address.name):
        reached(address).close()  # the server says why not
        raise UsageError(f"{address}: there is no such database")


def _claim(seat: Seat, copy: PostgresDatabase) -> None:
    """Keep another backup of that name away until this one is there; UsageError: it is taken."""
    digest = hashlib.sha256(f"backup {copy.name}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    query = "SELECT pg_try_advisory_lock(%s)"  # of the session, with which it goes
    ((free,),) = seat.session.execute(query, [key]).fetchall()
    if not free or seat.exists(copy.name):
        raise UsageError(
            f"{copy.name} is there already and was not touched: choose another name ({copy})"
        )


def _copied(seat: Seat, copy: PostgresDatabase, files: Files) -> DatabaseBackup:
    """Make the copy by the first recovery that can, proven to be the database."""
    refused: Exception | None = None
    for name in ("template", "dump"):
        who = connected(seat, seat.database.name)
        if name == "template" and who and "dump" in registry.names("recovery"):
            continue  # nobody is disconnected for a copy's sake
        if name not in registry.names("recovery"):
            continue
        if name == "template" and who:
            raise UsageError(
                f"{seat.database}: no backup was made, because others are connected, and a clone "
                f"needs it alone: {', '.join(who)}. Close them"
            )
        recovery = registry.find("recovery", name)(
            seat.database, copy, files=files, busy_timeout_ms=seat.busy_timeout_ms
        )
        recovery.seat = seat
        try:
            _proven(recovery)
            # people remove it as any other: dropdb
            seat.write(f"ALTER DATABASE {quoted(copy.name)} IS_TEMPLATE false")
            return recovery  # type: ignore[no-any-return]
        except (psycopg.Error, RecoveryRefused) as error:
            reason = describe(error)
            in_use = isinstance(error.__cause__, NotAlone) or (reason is not None and reason.lock)
            if not in_use:
                raise
            refused = error  # somebody has connected meanwhile
    assert refused is not None  # noqa: S101 - for mypy: else it was returned
    raise refused


def _proven(recovery: DatabaseBackup) -> None:
    remaining = Differences()
    try:
        for _ in range(_TRIES):
            recovery.capture()
            if recovery.untouched():
                return
            remaining = recovery.differences()
            if remaining.clean("exact"):
                return
    except BaseException:
        recovery.discard()  # what was not proven is no backup
        raise
    recovery.discard()
    raise UsageError(
        f"{recovery.database}: no backup was made, because after {_TRIES} copies the database "
        f"still was not the same as its copy ({'; '.join(remaining.sentences())}): close what "
        "writes to it"
    )


def _restored(target: DatabaseTarget, snapshot: Snapshot) -> tuple[str, PostgresDatabase | None]:
    """Put the backup in place where it is not there already: how, and the archive."""
    address, source = target.address, snapshot.backup
    with as_refusal(f"{address}: cannot be looked at, so it was not touched"):
        if target.is_there and _is_equal(snapshot):
            return "", None
        kept = target.archive()
    snapshot.keep_as = target.keep_as
    try:
        with as_refusal(f"{address}: not restored", RestoreError):
            snapshot.restore()
            snapshot.dispose()
            remaining = snapshot.differences()
    except RestoreError as error:
        raise RestoreError(f"{error}; {_kept(target.archived(kept), address)}") from error
    if not remaining.clean("exact"):
        raise RestoreError(
            f"{address} is not {source} after the restore ({'; '.join(remaining.sentences())}): "
            f"close what writes to it and try again; {_kept(target.archived(kept), address)}"
        )
    return snapshot.name, target.archived(kept)


def _is_equal(snapshot: Snapshot) -> bool:
    with suppress(psycopg.errors.DataError, psycopg.errors.InternalError):
        return snapshot.differences().clean("exact")
    return False  # it cannot be read


def _kept(kept: PostgresDatabase | None, address: PostgresDatabase) -> str:
    return f"what it held is in {kept.name}" if kept else f"{address} is what it was"


def _size(size_bytes: int | None) -> str:
    return "?" if size_bytes is None else f"{size_bytes:,}"


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
