"""Back up, verify and restore one database by hand, with the parts the guard is made of."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from harness.databases import Differences, Row
from harness.databases.engines import engine_of
from harness.databases.sqlite.files import beside, real, size_of
from harness.errors import RestoreError, UsageError
from harness.guard import document
from harness.guard.leftovers import undisturbed
from harness.guard.paths import path_of
from harness.guard.sqlite import archive
from harness.guard.sqlite.before_restore import (
    DAMAGED,
    Identity,
    damage_of,
    identity_of,
    must_be_a_database,
    own_identity,
    pair_of,
    refuse_another,
    refuse_while_open,
    said,
    sound,
)
from harness.guard.sqlite.readable import unreadable
from harness.guard.voiding import Intent
from harness.recovery.file_copy import FileCopy
from harness.recovery.online_backup import OnlineBackup
from harness.system.files import Files

WAIT_MS = 5000  # for another's lock: a person would rather wait than be refused
_TRIES = 5  # how often others may write between a backup and its verification
_SHOWN = 160  # characters of one row


class Saved(NamedTuple):
    """A backup that was made and proven equal to the database."""

    backup: Path
    size_bytes: int
    took_ms: float

    def sentence(self, database: str | Path) -> str:
        """Say it to people."""
        return (
            f"{self.backup}: {self.size_bytes:,} bytes in {self.took_ms:.1f} ms, verified: "
            f"the same as {database}"
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    how: str  # the recovery that did it; "" when the database was equal already
    thrown_away: Path | None  # the archive of what was there before
    took_ms: float
    put_away: tuple[Path, ...] | None = None  # archives of what a killed guard had backed up
    damaged: Path | None = None  # a journal that nobody can read

    def sentence(self, database: str | Path, backup: str | Path) -> str:
        """Say it to people."""
        if not self.how:
            lines = [f"{database} is {backup} already; nothing was written"]
        else:
            lines = [
                f"{database}: restored by {self.how} in {self.took_ms:.1f} ms, verified: "
                f"the same as {backup}"
            ]
        if self.thrown_away:
            lines.append(f"what it held before is in {self.thrown_away}")
        if self.put_away is not None:
            lines.append("a guard had been killed; it has nothing to bring back any more")
        lines += [f"what it had backed up is kept as {path}" for path in self.put_away or ()]
        if self.damaged:
            lines.append(
                f"{self.damaged} is damaged, and no guard will begin before 'harness recover "
                f"--database {database} --discard'"
            )
        return "\n".join(lines)


def backup(
    database: str | Path,
    backup: str | Path,
    *,
    files: Files | None = None,
    busy_timeout_ms: int = WAIT_MS,
) -> Saved:
    """Copy a database while others may be connected, and verify the copy.

    Raises UsageError, with nothing left behind, where it cannot be done; also where anything, be
    it a dead link, stands in the backup's place.
    """
    files, started = files or Files(), time.perf_counter()
    live, target = path_of(database), path_of(backup, what="BACKUP")
    if target.is_dir():
        raise UsageError(f"{target} is a folder: give the name of a file")
    if real(target) in [beside(real(live), s) for s in ("", "-wal", "-shm", "-journal")]:
        raise UsageError(f"{target} is a name of the database's own: choose another")
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already and was not touched: choose another name")
    part = target.with_name(f"{target.name}.e2e-part-{secrets.token_hex(8)}")
    one = OnlineBackup(live, part, files=files, busy_timeout_ms=busy_timeout_ms)
    with said(f"{live}: no backup was made"), _looking_at(live, files, busy_timeout_ms):
        wrong = unreadable(live, busy_timeout_ms=busy_timeout_ms)
        if wrong is not None:
            together = f" together with {beside(real(live), wrong.beside)}" if wrong.beside else ""
            raise UsageError(
                f"{live}: no backup was made, because SQLite cannot read it{together}: {wrong.why}"
            )
        try:
            _copy_and_verify(one, live, busy_timeout_ms)
            size_bytes = size_of(part)
            archive.claim_and_fill(target, part, files)
        except FileExistsError:
            raise UsageError(f"{target} came to be there meanwhile and was not touched") from None
        finally:
            with suppress(OSError):  # the first error is the one to tell
                files.unlink(part)
    return Saved(target, size_bytes, _since(started))


def verify(
    database: str | Path, backup: str | Path, *, busy_timeout_ms: int = WAIT_MS
) -> Differences:
    """Find every difference between a database and a backup; UsageError for what is neither."""
    live, source = pair_of(database, backup)
    must_be_a_database(source, immutable=True, busy_timeout_ms=busy_timeout_ms)
    with said(f"{live}: cannot be verified"), _looking_at(live, Files(), busy_timeout_ms):
        _refuse_what_stands_beside(live, busy_timeout_ms)
        must_be_a_database(live, immutable=False, busy_timeout_ms=busy_timeout_ms)
        try:
            return _differences(live, source, busy_timeout_ms)
        except DAMAGED as error:
            return Differences(unread={"the whole database": str(error)})


def restore(
    database: str | Path,
    backup: str | Path,
    *,
    force: bool = False,
    files: Files | None = None,
    busy_timeout_ms: int = WAIT_MS,
) -> Restored:
    """Put a backup's content into a database; what is thrown away is kept as an archive first.

    What a killed guard meant to bring back is void then; its backups become archives too.
    Others may stay connected. Only a database that is missing, or so damaged that SQLite begins
    no transaction on it, is replaced as a file, and that only while nobody has it open.

    Raises:
        UsageError: refused; the database was not touched. ``force`` lifts one refusal only:
            of a backup that looks like another database's.
        RestoreError: tried, and the database is not proven to be the backup.
    """
    files, started = files or Files(), time.perf_counter()
    live, source = pair_of(database, backup)
    must_be_a_database(source, immutable=True, busy_timeout_ms=busy_timeout_ms)
    with said(f"{source}: cannot be read, so {live} was not touched"):
        seal = sound(source, live)
        other = None  # is not asked for
        if not force:
            other = identity_of(source, immutable=True, busy_timeout_ms=busy_timeout_ms)
    with said(f"{live}: cannot be looked at, so it was not touched"):
        intent = Intent(live, files)
    try:
        how, kept = _restored(live, source, Path(backup), seal, other, files, busy_timeout_ms)
        with said(f"{live} is {source}, but it is not sure to last a power cut", RestoreError):
            engine_of(live).make_durable(live, files)
        with said(f"{live} is {source}, but what a killed guard left is still there", RestoreError):
            put_away = intent.end(source, busy_timeout_ms=busy_timeout_ms)
    finally:
        intent.release()
    return Restored(how, kept, _since(started), put_away, intent.damaged)


def discard(database: Path, *, files: Files | None = None) -> str:
    """Give up what a killed guard meant to bring back; a sentence about what became of it.

    Raises:
        UsageError: the guard or its command is alive, or what it left cannot be removed.
    """
    intent = Intent(database, files or Files(), restoring=False)
    try:
        with said(f"{database}: what a killed guard left is still there"):
            kept = intent.give_up()
    finally:
        intent.release()
    if kept is None:
        return f"no guard left anything at {database}: nothing to do"
    if not database.parent.is_dir():
        return f"{database}: its folder is gone, and what was backed up has been removed"
    archived = f"; what was backed up is kept as {', '.join(map(str, kept))}" if kept else ""
    return f"{database} stays as it is, and no guard will bring anything back{archived}"


# What is said about differences.


def as_lines(found: Differences) -> list[str]:
    """Say every difference to people, row by row; a row begins with its rowid or its columns."""
    lines = [] if not found.clean("exact") else ["no differences"]
    for sentence in found.sentences():
        lines.append(sentence)
        table = found.tables.get(sentence.rsplit(": ", 1)[0])
        if table is not None:
            lines += [f"  + {_short(row)}" for row in table.added]
            lines += [f"  - {_short(row)}" for row in table.missing]
            lines += [f"  ~ {_short(was)} -> {_short(now)}" for was, now in table.changed]
    return lines


def as_json(found: Differences) -> str:
    """Say every difference to machines."""
    told = {"version": document.VERSION} | document.of(found, rows=True)
    return json.dumps(told, indent=2)


def archives(database: str | Path) -> str:
    """List the archives of a database to people, the oldest first."""
    live = path_of(database)
    with said(f"{live}: its folder cannot be read"):
        found = archive.list_archives(live)
    if not found:
        return f"{live}: no restore has thrown anything away"
    return "\n".join(
        f"{a.made_at:%Y-%m-%d %H:%M:%S} UTC {a.size_bytes:>15,} {a.path}" for a in found
    )


def _short(row: Row) -> str:
    text = repr(row)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


# The steps.


def _copy_and_verify(one: OnlineBackup, live: Path, busy_timeout_ms: int) -> None:
    for _ in range(_TRIES):
        one.capture()
        left = _differences(live, one.backup, busy_timeout_ms)
        if left.clean("exact"):
            if damage := damage_of(one.backup):
                raise UsageError(
                    f"{live}: no backup was made, because SQLite finds damage in it ({damage}) "
                    "and nobody could restore it; repair it first"
                )
            return
    raise UsageError(
        f"{live}: no backup was made, because after {_TRIES} copies the database still was not "
        f"the same as its copy ({'; '.join(left.sentences())}): close what writes to it"
    )


def _restored(
    live: Path,
    source: Path,
    backup: Path,
    seal: dict[str, Any],
    other: Identity | None,
    files: Files,
    wait: int,
) -> tuple[str, Path | None]:
    """Put the backup back where it is not in place already: how, and the archive."""
    with said(f"{live}: cannot be looked at, so it was not touched"):
        own = own_identity(live, wait)
        if own is None:
            refuse_while_open(live)
        elif other is not None:
            refuse_another(own, other, live, source)
        if own is not None and _is_equal(live, source, wait):
            return "", None
    with said(f"{live}: what would be thrown away could not be kept, so it was not touched"):
        kept = archive.keep(
            live,
            files=files,
            size_bytes=size_of(source),
            spare=_as_named_beside(live, backup),
            busy_timeout_ms=wait,
        )
    with said(f"{live}: not restored; {_kept_sentence(kept)}", RestoreError):
        how = _put(live, source, seal, readable=own is not None, files=files, wait=wait)
        left = _differences(live, source, wait)
    if not left.clean("exact"):
        raise RestoreError(
            f"{live} is not {source} after the restore ({'; '.join(left.sentences())}): close what "
            f"writes to it and try again; {_kept_sentence(kept)}"
        )
    return how, kept


def _put(
    live: Path, source: Path, seal: dict[str, Any], *, readable: bool, files: Files, wait: int
) -> str:
    """Put the backup back; the name of the recovery that did it."""
    like = os.stat(live if live.exists() else source)
    if readable:
        try:
            through = OnlineBackup(live, source, files=files, busy_timeout_ms=wait)
            through.like, through.chosen = like, True
            through.resume(seal)
            through.restore()
        except DAMAGED:  # the transaction could not begin, so nothing was written
            refuse_while_open(live)
        else:
            return through.name
    whole = FileCopy(live, source, files=files, busy_timeout_ms=wait)
    whole.like, whole.chosen = like, True
    whole.resume(seal)
    whole.restore()
    return whole.name


def _is_equal(live: Path, source: Path, busy_timeout_ms: int) -> bool:
    try:
        return _differences(live, source, busy_timeout_ms).clean("exact")
    except (apsw.SQLError, *DAMAGED):  # it can be written, but not be read
        return False


def _refuse_what_stands_beside(live: Path, busy_timeout_ms: int) -> None:
    """Refuse to open what SQLite would change by reading it."""
    wrong = unreadable(live, busy_timeout_ms=busy_timeout_ms)
    if wrong is not None and wrong.beside:
        raise UsageError(
            f"{live} was not opened: together with {beside(real(live), wrong.beside)} SQLite "
            f"cannot read it ({wrong.why}). If that file is of another database, move it away"
        )


@contextmanager
def _looking_at(live: Path, files: Files, busy_timeout_ms: int) -> Iterator[None]:
    with undisturbed(live, files, busy_timeout_ms=busy_timeout_ms):
        yield


def _differences(live: Path, source: Path, busy_timeout_ms: int) -> Differences:
    return engine_of(live).differences(live, source, busy_timeout_ms=busy_timeout_ms)


def _as_named_beside(live: Path, backup: Path) -> Path | None:
    """Return the backup under the name that the list of archives gives it, if it is one."""
    for one in archive.list_archives(live):
        if os.path.samefile(one.path, backup):
            return one.path
    return None


def _kept_sentence(kept: Path | None) -> str:
    return f"what it held is in {kept}" if kept else "it held nothing"


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
