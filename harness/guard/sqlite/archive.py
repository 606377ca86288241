"""What a restore throws away is first kept beside the database, and put back like any backup.

``api_db_dev.sqlite3.e2e-archive-20260131-235959`` (UTC; ``-2`` and so on for others of the same
second) is a consistent copy by SQLite's backup API, with the mode of the database. At most
five are kept, together at most ten times as large as the database; the oldest go first, the
newest always stays. Only files of exactly such names are ever removed.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import apsw

from harness.databases.sqlite.files import CHUNK_BYTES, beside, real, size_of
from harness.guard.sqlite.backups import ARCHIVE_SUFFIX as SUFFIX
from harness.guard.sqlite.ignoring import bring_rule
from harness.guard.sqlite.opening import DAMAGED, unfolded
from harness.guard.sqlite.readable import unreadable
from harness.recovery.online_backup import OnlineBackup
from harness.recovery.sqlite.in_place import write_like
from harness.system.files import Files
from harness.system.trusted import opened, owners_of

MOST = 5
MOST_TIMES_THE_DATABASE = 10

_STAMP = "%Y%m%d-%H%M%S"
_NAMES = re.compile(r"(\d{8}-\d{6})(?:-([1-9]\d{0,5}))?")
# What a killed process left half made; "-wal" and "-journal" only beside a raw copy.
_PARTS = re.compile(r"part-(?:(\d{1,10})-)?[0-9a-f]{16}(\.part)?(-wal|-journal)?")
_PART_LIVES_S = 3600  # nothing was written to it for so long: whoever made it is gone
_BESIDE = ("-wal", "-journal")


class Archive(NamedTuple):
    """One archive."""

    path: Path
    made_at: datetime  # UTC, to the second
    size_bytes: int  # with the -wal and -journal of a file that SQLite could not read
    place: int = 1  # among those of the same second


def keep(
    database: Path,
    *,
    files: Files,
    size_bytes: int = 0,
    spare: Path | None = None,
    busy_timeout_ms: int = 1000,
) -> Path | None:
    """Keep what the database holds now; None when there is no file or nothing in it.

    A file that SQLite cannot read is copied as it is, with its -wal and -journal; then the caller
    answers for nobody writing it.

    Args:
        database: the live database.
        files: the file operations.
        size_bytes: the database's size before it was damaged, where the caller knows it; the
            bound is by this or by the size now, whichever is greater.
        spare: an archive that must stay, because it is about to be put back.
        busy_timeout_ms: how long to wait for a writer.

    Raises:
        apsw.Error, OSError: nothing was kept, so nothing may be thrown away.
    """
    size = size_of(real(database))  # -1: a -wal alone is nothing that anybody could read
    if size < 0 or size + max(0, size_of(beside(real(database), "-wal"))) == 0:
        return None
    part = _new_part(database)
    copy = OnlineBackup(database, part, files=files, busy_timeout_ms=busy_timeout_ms)
    try:
        if _is_readable(real(database), busy_timeout_ms):
            copy.capture()
        else:
            _copy_as_it_is(real(database), part, files)
        archive = _give_name(database, part, files)
    except BaseException:
        for suffix in ("", *_BESIDE):
            with suppress(OSError):  # the first error is the one to tell
                files.unlink(beside(part, suffix))
        raise
    with suppress(OSError):  # one archive too many is no reason to refuse a restore
        _thin_out(database, files, size_bytes=size_bytes, staying={archive, spare})
    return archive


def keep_file(database: Path, file: Path, *, files: Files) -> Path:
    """Keep a copy of a file that nobody writes, as an archive of ``database``; its name.

    No other archive goes for it. Raises Untrusted for what is no file of a trusted user.
    """
    part = _new_part(database)
    descriptor = opened(file, owners_of(database))
    try:
        write_like(part, _read(descriptor), os.fstat(descriptor), files)
        return _give_name(database, part, files)
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell
            files.unlink(part)
        raise
    finally:
        os.close(descriptor)


def sweep(database: Path, files: Files | None = None) -> None:
    """Remove archives that processes which are dead have left half made."""
    files = files or Files()
    with suppress(OSError):  # what cannot be removed now the next one may
        for path, name_end in list(_own_files(database)):
            match = _PARTS.fullmatch(name_end)
            if match and not _is_being_made(path, match[1]):
                files.unlink(path)


def _new_part(database: Path) -> Path:
    """Name a file to be made, after the process that makes it."""
    name = f"{database.name}{SUFFIX}part-{os.getpid()}-{os.urandom(8).hex()}"
    return database.with_name(name)


def _is_being_made(part: Path, maker: str | None) -> bool:
    """Whether its maker may still be at work; a number says nothing for longer than an hour."""
    status = os.stat(part)
    if maker is None:  # of a version that did not say whose it is
        return time.time() - status.st_mtime <= _PART_LIVES_S
    if time.time() - status.st_ctime > _PART_LIVES_S:  # mtime is the database's own
        return False
    try:
        os.kill(int(maker), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # another user's
    return int(maker) != os.getpid()


def list_archives(database: Path) -> list[Archive]:
    """List the archives of one database, the oldest first."""
    archives = []
    for path, name_end in _own_files(database):
        match = _NAMES.fullmatch(name_end)
        made_at = _time_of(match[1]) if match else None
        if match is None or made_at is None:
            continue
        size_bytes = sum(max(0, size_of(beside(path, suffix))) for suffix in ("", *_BESIDE))
        if size_bytes:  # an empty one is a name that was taken and never filled
            archives.append(Archive(path, made_at, size_bytes, int(match[2] or 1)))
    return sorted(archives, key=lambda archive: (archive.made_at, archive.place))


def claim_and_fill(name: Path, made: Path, files: Files) -> None:
    """Give a finished file its name; FileExistsError where anything stands, also a dead link.

    A rename alone would overwrite what came to stand there meanwhile, so the name is taken first.
    """
    descriptor = files.create(name, 0o600)
    try:
        files.close(descriptor)
        files.replace(made, name)
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell
            files.unlink(name)
        raise
    files.sync_folder(name.parent)


def _own_files(database: Path) -> Iterator[tuple[Path, str]]:
    """Give every regular file that is named as an archive, or a part of one, would be."""
    prefix = database.name + SUFFIX
    with os.scandir(database.parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.is_file(follow_symlinks=False):
                yield database.with_name(entry.name), entry.name[len(prefix) :]


def _time_of(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:  # digits, but no date: not ours
        return None


def _give_name(database: Path, part: Path, files: Files) -> Path:
    stamp = datetime.now(UTC).strftime(_STAMP)
    made_at = _time_of(stamp)
    # beyond the last, not the first that is free: the oldest of this second may be gone already
    places = [archive.place for archive in list_archives(database) if archive.made_at == made_at]
    place = max(places, default=0) + 1
    while True:
        number = f"-{place}" if place > 1 else ""
        name = database.with_name(f"{database.name}{SUFFIX}{stamp}{number}")
        try:
            claim_and_fill(name, part, files)
        except FileExistsError:
            place += 1
            continue
        for suffix in _BESIDE:
            if size_of(beside(part, suffix)) >= 0:
                files.replace(beside(part, suffix), beside(name, suffix))
        bring_rule(database)
        return name


def _is_readable(main: Path, busy_timeout_ms: int) -> bool:
    """Whether SQLite reads the file, together with what stands beside it."""
    if unreadable(main, busy_timeout_ms=busy_timeout_ms) is not None:
        return False
    try:
        with unfolded(main, busy_timeout_ms=busy_timeout_ms):
            return True
    except DAMAGED:
        return False


def _copy_as_it_is(main: Path, part: Path, files: Files) -> None:
    """Copy a file that SQLite cannot read; through SQLite's own VFS, which guards our locks."""
    status = os.stat(main)
    flags = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY
    source = apsw.VFSFile("", str(main), [flags, 0])
    try:
        size = source.xFileSize()
        chunks = (  # one after the other, so that memory holds one
            source.xRead(min(CHUNK_BYTES, size - offset), offset)
            for offset in range(0, size, CHUNK_BYTES)
        )
        write_like(part, chunks, status, files)
    finally:
        source.xClose()
    for suffix in _BESIDE:  # nobody ever locks these
        if size_of(beside(main, suffix)) > 0:
            write_like(beside(part, suffix), _chunks(beside(main, suffix)), status, files)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            yield data


def _read(descriptor: int) -> Iterator[bytes]:
    while data := os.read(descriptor, CHUNK_BYTES):
        yield data


def _thin_out(database: Path, files: Files, *, size_bytes: int, staying: set[Path | None]) -> None:
    """Remove the oldest archives beyond the bounds, and what was never finished."""
    archives = list_archives(database)
    unit_bytes = max(size_bytes, size_of(real(database)))
    for archive in archives.copy():
        total_bytes = sum(standing.size_bytes for standing in archives)
        if len(archives) <= MOST and total_bytes <= MOST_TIMES_THE_DATABASE * unit_bytes:
            break
        if archive.path not in staying:
            for suffix in ("", *_BESIDE):
                files.unlink(beside(archive.path, suffix))
            archives.remove(archive)
    sweep(database, files)
