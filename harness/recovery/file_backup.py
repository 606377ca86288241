"""A backup that is one file: made under another name, sealed, put in the database's place."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from harness.errors import RecoveryRefused, RestoreError
from harness.recovery import Recovery
from harness.recovery.holders import holders
from harness.recovery.sqlite_files import (
    CHUNK_BYTES,
    WAL_VERSIONS,
    alone,
    beside,
    busy,
    fold,
    own,
    real,
    sole_access,
)


class Seal(NamedTuple):
    """What a backup file must be when it is put back."""

    size_bytes: int
    sha256: str
    mode: int  # permission bits of the database
    uid: int
    gid: int


class FileBackup(Recovery):
    """A recovery whose backup is one file, made under another name and sealed by size and hash.

    The file is made beside its final name and renamed, so that under that name it is whole or
    absent. It has the database's permission bits, and its owner where the system allows that.
    """

    _seal: Seal | None = None
    _resumed = False

    @cached_property
    def main(self) -> Path:
        """The database's file itself, links followed."""
        return real(self.database)

    @property
    def baseline(self) -> Path:
        """The backup file."""
        return self.backup

    def describe(self) -> dict[str, Any]:
        """Add the seal once there is a backup; before, whether somebody else's file is there."""
        if self._seal:
            return {**super().describe(), **self._seal._asdict()}
        stood = {"stood_before": True} if os.path.lexists(self.backup) else {}
        return {**super().describe(), **stood}

    def resume(self, description: dict[str, Any]) -> None:
        """Take the seal back; without one, ``dispose`` removes what was left and no more.

        A file that stood there before the capture began is not ours: the capture refused it.
        """
        self._resumed = "stood_before" not in description
        self._seal = None
        if "sha256" in description:
            self._seal = Seal(*(description[name] for name in Seal._fields))

    def dispose(self) -> None:
        """Remove the backup, and what a crash or an error left half made."""
        self.files.unlink(self._restoring)
        if self._seal is None and not self._resumed:
            return  # a file that stands there is somebody else's
        self.files.unlink(self._part)
        self.files.unlink(self.backup)
        self.files.sync_folder(self.backup.parent)
        self._seal, self._resumed = None, False

    def check(self) -> None:
        """Read the whole backup: the tests could reach it, and a copy of their own may stand there.

        Raises:
            RestoreError: it is missing, truncated or altered.
        """
        seal, digest = self._sealed(), hashlib.sha256()
        for data in self._read(self.backup):
            digest.update(data)
        self._check_hash(digest.hexdigest(), seal)

    @property
    def _part(self) -> Path:
        return beside(self.backup, ".part")

    @property
    def _restoring(self) -> Path:
        return beside(self.main, ".restoring")

    def _look_before(self) -> os.stat_result:
        """Refuse what must not be overwritten or cannot be copied; stat of the database."""
        if os.path.lexists(self.backup) and self._seal is None and not self._resumed:
            what = "a symbolic link" if self.backup.is_symlink() else "a file"
            raise RecoveryRefused(f"{self.backup}: {what} stands where the backup would be written")
        try:
            return os.stat(self.main)
        except FileNotFoundError:
            raise RecoveryRefused(f"{self.database}: there is no such database") from None

    def _adopt(self, part: Path, seal: Seal) -> None:
        """Give a finished file the backup's name, and keep its seal."""
        try:
            self.files.replace(part, self.backup)
        except BaseException:
            self._sweep(part)
            raise
        self._seal = seal  # from here on the file there is ours
        self.files.sync_folder(self.backup.parent)

    def _sealed(self) -> Seal:
        """Return the seal if a file of the right size stands there; RestoreError says what not."""
        if self._seal is None:
            raise RestoreError(f"{self.name} has captured no backup of {self.database}")
        try:
            status = os.lstat(self.backup)
        except FileNotFoundError:
            raise RestoreError(f"the backup {self.backup} is missing") from None
        if not stat.S_ISREG(status.st_mode):
            raise RestoreError(f"the backup {self.backup} is not a regular file any more")
        if status.st_size != self._seal.size_bytes:
            raise RestoreError(
                f"the backup {self.backup} has {status.st_size} bytes where "
                f"{self._seal.size_bytes} were written"
            )
        return self._seal

    def _check_hash(self, sha256: str, seal: Seal) -> None:
        if sha256 != seal.sha256:
            raise RestoreError(f"the backup {self.backup} was altered: its SHA-256 is not the same")

    def _read(self, path: Path) -> Iterator[bytes]:
        """Yield the bytes of a file that is no live database."""
        descriptor = self.files.open(path)
        try:
            while data := self.files.read(descriptor, CHUNK_BYTES):
                yield data
        finally:
            self.files.close(descriptor)

    def _write_new(self, path: Path, chunks: Iterable[bytes], like: os.stat_result | Seal) -> Seal:
        """Write ``chunks`` to ``path``, to last, with the database's mode and owner; seal it.

        Whatever half-made file stands under that name is removed, before and on any error.
        """
        mode, uid, gid = _mode_and_owner(like)
        digest, size_bytes = hashlib.sha256(), 0
        self.files.unlink(path)
        descriptor = self.files.create(path, mode)
        try:
            try:
                own(descriptor, uid, gid, mode)
                for data in chunks:
                    digest.update(data)
                    size_bytes += len(data)
                    self.files.write(descriptor, data)
                self.files.sync(descriptor)
            finally:
                self.files.close(descriptor)
        except BaseException:
            self._sweep(path)
            raise
        return Seal(size_bytes, digest.hexdigest(), mode, uid, gid)

    def _put_whole(self, seal: Seal) -> None:
        """Put a copy of the backup in the database's place; nothing is touched before it is whole.

        Raises:
            RestoreError: the backup was altered, or what stands in the database's place is no file.
            apsw.BusyError: others have the database open.
        """
        self._refuse_what_is_no_file()
        try:
            copied = self._write_new(self._restoring, self._read(self.backup), seal)
            self._check_hash(copied.sha256, seal)
            self._put(self._restoring)
        except BaseException:
            self._sweep(self._restoring)
            raise

    def _refuse_what_is_no_file(self) -> None:
        """Leave alone what tests put in the database's place, if it is a link, a folder or such."""
        try:
            mode = os.lstat(self.main).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            kind = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}
            raise RestoreError(
                f"where the database was, {self.main} is {kind.get(stat.S_IFMT(mode), 'no file')} "
                "now: it was left alone; move it away and recover again"
            )

    def _put(self, copy: Path) -> None:
        main = self.main
        if not main.exists():  # the tests deleted it: there is no live state to protect
            self._swap(copy, main)
            return
        try:
            readable = os.path.getsize(main) > 0  # beside an empty one SQLite removes a -wal unread
            if readable:
                fold(main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
        except (apsw.NotADBError, apsw.CorruptError):
            readable = False  # damaged beyond SQLite: nothing in it can be folded or lost
        with sole_access(main, self.busy_timeout_ms) as file:
            if readable and not alone(main):
                raise busy(f"{main}: somebody wrote before it could be replaced")
            if file.header()[18:20] != WAL_VERSIONS and (others := holders(main) - {os.getpid()}):
                # idle connections in rollback mode hold no lock; they would read the old file on
                raise busy(f"{main} is open in process {', '.join(map(str, others))}")
            self._swap(copy, main)

    def _swap(self, copy: Path, main: Path) -> None:
        """Remove what must not meet the baseline, first and to last; then rename."""
        leftovers = [
            path for s in ("-wal", "-shm", "-journal") if os.path.lexists(path := beside(main, s))
        ]
        for path in leftovers:
            self.files.unlink(path)
        if leftovers:
            self.files.sync_folder(main.parent)
        self.files.replace(copy, main)
        self.files.sync_folder(main.parent)

    def _sweep(self, path: Path) -> None:
        """Remove what is half made, while another error is on its way up; dispose tries again."""
        with suppress(OSError):
            self.files.unlink(path)


def _mode_and_owner(like: os.stat_result | Seal) -> tuple[int, int, int]:
    if isinstance(like, Seal):
        return like.mode, like.uid, like.gid
    return stat.S_IMODE(like.st_mode), like.st_uid, like.st_gid
