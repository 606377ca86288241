"""Back up, verify and restore one database by hand, with the parts the guard is made of."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw

from harness.databases import Differences
from harness.databases.engine import Given
from harness.databases.sqlite.address import SqliteFile, path_of
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.files import beside, real, size_of
from harness.errors import RestoreError, UsageError
from harness.guard.by_hand import Restored, Saved
from harness.guard.sqlite import archive
from harness.guard.sqlite.before_restore import (
    Identity,
    damage_of,
    identity_of,
    must_be_a_database,
    own_identity,
    pair_of,
    refuse_another,
    refuse_while_open,
    sound,
)
from harness.guard.sqlite.opening import DAMAGED, as_refusal
from harness.guard.sqlite.readable import unreadable
from harness.guard.sqlite.target import FileTarget, made
from harness.guard.sqlite.undisturbed import undisturbed
from harness.guard.voiding import Intent
from harness.printable import printed
from harness.recovery.file_copy import FileCopy
from harness.recovery.online_backup import OnlineBackup
from harness.recovery.sqlite.file_backup import FileBackup
from harness.system.attributes import apart, attributes_of
from harness.system.files import Files

_TRIES = 5  # how often others may write between a backup and its verification


def backup(address: SqliteFile, backup: Given, files: Files, busy_timeout_ms: int) -> Saved:
    """Copy a database while others may be connected, and verify the copy."""
    started, live = time.perf_counter(), address.path
    copy = path_of(backup, what="BACKUP")
    if copy.is_dir():
        raise UsageError(f"{copy} is a folder: give the name of a file")
    if real(copy) in [beside(real(live), suffix) for suffix in ("", "-wal", "-shm", "-journal")]:
        raise UsageError(f"{copy} is a name of the database's own: choose another")
    if os.path.lexists(copy):
        raise UsageError(f"{copy} is there already and was not touched: choose another name")
    part = copy.with_name(f"{copy.name}.e2e-part-{secrets.token_hex(8)}")
    through = OnlineBackup(live, part, files=files, busy_timeout_ms=busy_timeout_ms)
    target = made(address, files, busy_timeout_ms=busy_timeout_ms, state=None)
    with as_refusal(f"{live}: no backup was made", database=live), undisturbed(target):
        _refuse_what_cannot_be_read(live, busy_timeout_ms)
        try:
            _copy_and_verify(through, live)
            size_bytes = size_of(part)
            archive.claim_and_fill(copy, part, files)
        except FileExistsError:
            raise UsageError(f"{copy} came to be there meanwhile and was not touched") from None
        finally:
            with suppress(OSError):  # the first error is the one to tell
                files.unlink(part)
    return Saved(copy, size_bytes, _since(started))


def verify(address: SqliteFile, backup: Given, busy_timeout_ms: int) -> Differences:
    """Find every difference between a database and a backup."""
    live, source = pair_of(address.path, backup)
    must_be_a_database(source, immutable=True, busy_timeout_ms=busy_timeout_ms)
    target = made(address, Files(), busy_timeout_ms=busy_timeout_ms, state=None)
    with as_refusal(f"{live}: cannot be verified", database=live), undisturbed(target):
        _refuse_what_stands_beside(live, busy_timeout_ms)
        must_be_a_database(live, immutable=False, busy_timeout_ms=busy_timeout_ms)
        try:
            found = differences(live, source, busy_timeout_ms=busy_timeout_ms)
        except DAMAGED as error:
            found = Differences(unread={"the whole database": str(error)})
        return replace(found, attributes=_attributes(live, source))


def restore(
    address: SqliteFile, backup: Given, files: Files, busy_timeout_ms: int, *, force: bool
) -> Restored:
    """Put a backup's content into a database; what is thrown away is kept as an archive first."""
    started, target = (
        time.perf_counter(),
        made(address, files, busy_timeout_ms=busy_timeout_ms, state=None),
    )
    live, source = pair_of(address.path, backup)
    must_be_a_database(source, immutable=True, busy_timeout_ms=busy_timeout_ms)
    with as_refusal(f"{source}: cannot be read, so {live} was not touched"):
        seal = sound(source, live)
        source_identity = None  # is not asked for
        if not force:
            source_identity = identity_of(source, immutable=True, busy_timeout_ms=busy_timeout_ms)
    with as_refusal(f"{live}: cannot be looked at, so it was not touched", database=live):
        intent = Intent(target)
    try:
        step = _Restore(target, source, Path(os.fsdecode(backup)), seal, source_identity)
        how, archive_path = step.restored()
        with as_refusal(
            f"{live} is {source}, but it is not sure to last a power cut",
            RestoreError,
            database=live,
        ):
            target.make_durable()
        still = f"{live} is {source}, but what a killed guard left is still there"
        with as_refusal(still, RestoreError, database=live):
            put_away = intent.end(source, busy_timeout_ms=busy_timeout_ms)
    finally:
        intent.release()
    apart_from = _attributes(live, source)
    return Restored(how, archive_path, _since(started), put_away, intent.damaged, apart_from)


def discard(address: SqliteFile, files: Files) -> str:
    """Give up what a killed guard meant to bring back; a sentence about what became of it."""
    target = made(address, files, busy_timeout_ms=0, state=None)
    intent = Intent(target, restoring=False)
    try:
        with as_refusal(f"{address}: what a killed guard left is still there"):
            archive_paths = intent.give_up()
    finally:
        intent.release()
    if archive_paths is None:
        return f"no guard left anything at {address}: nothing to do"
    if not address.path.parent.is_dir():
        return f"{address}: its folder is gone, and what was backed up has been removed"
    archived = (
        f"; what was backed up is kept as {', '.join(map(str, archive_paths))}"
        if archive_paths
        else ""
    )
    return f"{address} stays as it is, and no guard will bring anything back{archived}"


def archives(address: SqliteFile) -> str:
    """List the archives of a database to people, the oldest first."""
    with as_refusal(f"{address}: its folder cannot be read"):
        listed = archive.list_archives(address.path)
    if not listed:
        return f"{address}: no restore has thrown anything away"
    return printed(
        f"{kept.made_at:%Y-%m-%d %H:%M:%S} UTC {kept.size_bytes:>15,} {kept.path}"
        for kept in listed
    )


# The steps.


def _copy_and_verify(through: OnlineBackup, live: Path) -> None:
    for _ in range(_TRIES):
        through.capture()
        remaining = differences(live, through.backup, busy_timeout_ms=through.busy_timeout_ms)
        if remaining.clean("exact"):
            if damage := damage_of(through.backup):
                raise UsageError(
                    f"{live}: no backup was made, because SQLite finds damage in it ({damage}) "
                    "and nobody could restore it; repair it first"
                )
            return
    raise UsageError(
        f"{live}: no backup was made, because after {_TRIES} copies the database still was not "
        f"the same as its copy ({'; '.join(remaining.sentences())}): close what writes to it"
    )


@dataclass(frozen=True)
class _Restore:
    """One restore by hand."""

    target: FileTarget
    source: Path  # the backup, links followed
    backup: Path  # as it was given
    seal: dict[str, Any]  # of the source, as a recovery takes it back
    other: Identity | None  # of the source; None: it is not asked for

    def restored(self) -> tuple[str, Path | None]:
        """Put the backup back where it is not in place already: how, and the archive."""
        live, source, wait_ms = self.target.given, self.source, self.target.busy_timeout_ms
        with as_refusal(f"{live}: cannot be looked at, so it was not touched", database=live):
            live_identity = own_identity(live, wait_ms)
            if live_identity is None:
                refuse_while_open(live)
            elif self.other is not None:
                refuse_another(live_identity, self.other, live, source)
            if live_identity is not None and self._is_equal():
                return "", None
        untouched = f"{live}: what would be thrown away could not be kept, so it was not touched"
        with as_refusal(untouched, database=live):
            archive_path = archive.keep(
                live,
                files=self.target.files,
                size_bytes=size_of(source),
                spare=_as_named_beside(live, self.backup),
                busy_timeout_ms=wait_ms,
            )
        with as_refusal(
            f"{live}: not restored; {_kept_sentence(archive_path)}", RestoreError, database=live
        ):
            how = self._put(readable=live_identity is not None)
            remaining = differences(live, source, busy_timeout_ms=wait_ms)
        if not remaining.clean("exact"):
            raise RestoreError(
                f"{live} is not {source} after the restore ({'; '.join(remaining.sentences())}): "
                f"close what writes to it and try again; {_kept_sentence(archive_path)}"
            )
        return how, archive_path

    def _put(self, *, readable: bool) -> str:
        """Put the backup back; the name of the recovery that did it."""
        if readable:
            try:
                return self._put_by(OnlineBackup)
            except DAMAGED:  # the transaction could not begin, so nothing was written
                refuse_while_open(self.target.given)
        return self._put_by(FileCopy)

    def _put_by(self, kind: type[FileBackup]) -> str:
        live, source = self.target.given, self.source
        recovery = kind(
            live,
            source,
            files=self.target.files,
            busy_timeout_ms=self.target.busy_timeout_ms,
        )
        recovery.like = os.stat(live if live.exists() else source)
        recovery.chosen = True
        recovery.resume(self.seal)
        recovery.restore()
        return recovery.name

    def _is_equal(self) -> bool:
        live, wait_ms = self.target.given, self.target.busy_timeout_ms
        try:
            return differences(live, self.source, busy_timeout_ms=wait_ms).clean("exact")
        except (apsw.SQLError, *DAMAGED):  # it can be written, but not be read
            return False


def _refuse_what_cannot_be_read(live: Path, busy_timeout_ms: int) -> None:
    wrong = unreadable(live, busy_timeout_ms=busy_timeout_ms)
    if wrong is not None:
        together = f" together with {beside(real(live), wrong.beside)}" if wrong.beside else ""
        raise UsageError(
            f"{live}: no backup was made, because SQLite cannot read it{together}: {wrong.why}"
        )


def _refuse_what_stands_beside(live: Path, busy_timeout_ms: int) -> None:
    """Refuse to open what SQLite would change by reading it."""
    wrong = unreadable(live, busy_timeout_ms=busy_timeout_ms)
    if wrong is not None and wrong.beside:
        raise UsageError(
            f"{live} was not opened: together with {beside(real(live), wrong.beside)} SQLite "
            f"cannot read it ({wrong.why}). If that file is of another database, move it away"
        )


def _attributes(live: Path, source: Path) -> dict[str, tuple[Any, Any]]:
    """Say in what mode and owner of a database are not its backup's."""
    now = attributes_of(real(live), thorough=False)
    was = attributes_of(source, thorough=False)
    if now is None or was is None:
        return {}
    return apart(was._replace(links=now.links), now)


def _as_named_beside(live: Path, backup: Path) -> Path | None:
    """Return the backup under the name that the list of archives gives it, if it is one."""
    for listed in archive.list_archives(live):
        if os.path.samefile(listed.path, backup):
            return listed.path
    return None


def _kept_sentence(archive_path: Path | None) -> str:
    return f"what it held is in {archive_path}" if archive_path else "it held nothing"


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
