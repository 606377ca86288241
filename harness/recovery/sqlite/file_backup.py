"""A backup that is one file: made under another name, sealed, put in the database's place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from harness.databases.sqlite.files import CHUNK_BYTES, beside, real
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery import Recovery
from harness.recovery.sqlite.in_place import put_in_place, write_like
from harness.recovery.sqlite.sealed import SealedFile
from harness.system.trusted import kind_of, owners_of


class Seal(NamedTuple):
    """What a backup file must be when it is put back."""

    size_bytes: int
    sha256: str


class FileBackup(Recovery):
    """A recovery whose backup is one file, made under another name and sealed by size and hash.

    The file is made beside its final name and renamed, so that under that name it is whole or
    absent. It has the database's permission bits, and its owner where the system allows that; these
    are what a database that must be replaced as a file gets. Kept out of reach, the file is held
    open as well, so that the backup outlives its names.
    """

    like: os.stat_result | None = None  # whose mode and owner count; None: the backup's own
    chosen = False  # whether people named the backup, and so answer for whose it is
    _seal: Seal | None = None
    _resumed = False
    _owner_unkept = False  # whether this user could not give the backup the database's owner
    _links = 1  # the names that the database had

    @cached_property
    def main(self) -> Path:
        """The database's file itself, links followed."""
        return real(self.database)

    @cached_property
    def file(self) -> SealedFile:
        """The backup, by whatever name it still has."""
        owners = None if self.chosen else owners_of(self.main)
        return SealedFile(self.backup, self.second, self.files, owners)

    @property
    def baseline(self) -> Path:
        """The backup file, under the name by which it was last found sound."""
        return self.file.path

    def describe(self) -> dict[str, Any]:
        """Add the seal once there is a backup; before, whether somebody else's file is there."""
        if self._seal:
            unkept = {"owner_unkept": True} if self._owner_unkept else {}
            return {**super().describe(), **self._seal._asdict(), **unkept}
        stood = {"stood_before": True} if os.path.lexists(self.backup) else {}
        return {**super().describe(), **stood}

    def resume(self, description: dict[str, Any]) -> None:
        """Take the seal back; without one, ``dispose`` removes what was left and no more.

        A file that stood there before the capture began is not ours: the capture refused it.
        """
        self._resumed = "stood_before" not in description
        self._seal = None
        size_bytes, sha256 = description.get("size_bytes"), description.get("sha256")
        if type(size_bytes) is int and isinstance(sha256, str):
            self._seal = Seal(size_bytes, sha256)

    def keep_out_of_reach(self) -> None:
        """Hold the file, and give it its second name: a reflink, a hard link, or a copy."""
        if self._seal is None:
            return
        self.file.hold()
        if self.second is not None:
            self.file.give_second_name(self.second, self._seal.size_bytes)

    def bring_back(self) -> None:
        """Give the held file a name again, if tests have removed all it had."""
        if self._seal is not None:
            self.file.bring_back()

    def dispose(self) -> None:
        """Remove the backup by all its names, and what a crash or an error left half made."""
        self.files.unlink(self._restoring)
        if self._seal is None and not self._resumed:
            return  # a file that stands there is somebody else's
        self.files.unlink(self._part)
        self.file.remove()
        self.files.sync_folder(self.backup.parent)
        self._seal, self._resumed = None, False

    def release(self) -> None:
        """Let go of the open file; its names stay."""
        self.file.let_go()
        super().release()

    def check(self) -> None:
        """Read the whole backup: the tests could reach it, and a copy of their own may stand there.

        Raises:
            RestoreError: it is missing, truncated or altered, by every name it had.
        """
        with self._opened():
            return

    @property
    def _part(self) -> Path:
        return beside(self.backup, ".part")

    @property
    def _restoring(self) -> Path:
        return beside(self.main, ".restoring")

    def _opened(self) -> Any:
        """Open the backup, proven to be what was captured; a context manager of a descriptor."""
        if self._seal is None:
            raise RestoreError(f"{self.name} has captured no backup of {self.database}")
        return self.file.proven(*self._seal)

    def _look_before(self) -> os.stat_result:
        """Refuse what must not be overwritten or cannot be copied; stat of the database."""
        if os.path.lexists(self.backup) and self._seal is None and not self._resumed:
            what = "a symbolic link" if self.backup.is_symlink() else "a file"
            raise RecoveryRefused(f"{self.backup}: {what} stands where the backup would be written")
        try:
            return os.stat(self.main)
        except FileNotFoundError:
            raise RecoveryRefused(f"{self.database}: there is no such database") from None

    def _adopt(self, part: Path, seal: Seal, like: os.stat_result) -> None:
        """Give a finished file the backup's name, and keep its seal; ``like``: the database."""
        try:
            self.file.let_go()  # of an earlier capture's
            self.files.replace(part, self.backup)
        except BaseException:
            self._sweep(part)
            raise
        self._seal = seal  # from here on the file there is ours
        self._links = like.st_nlink
        backup = os.stat(self.backup)
        self._owner_unkept = (backup.st_uid, backup.st_gid) != (like.st_uid, like.st_gid)
        self.files.sync_folder(self.backup.parent)

    def _write_new(self, path: Path, chunks: Iterable[bytes], like: os.stat_result) -> Seal:
        """Write ``chunks`` to ``path``, to last, with the mode and owner of ``like``; seal it.

        Whatever half-made file stands under that name is removed, before and on any error.
        """
        try:
            return Seal(*write_like(path, chunks, like, self.files))
        except BaseException:
            self._sweep(path)
            raise

    def _put_whole(self) -> None:
        """Put a copy of the backup in the database's place; nothing is touched before it is whole.

        Raises:
            RestoreError: the backup was altered, or what stands in the database's place is no file.
            apsw.BusyError: others have the database open.
        """
        self._refuse_what_is_no_file()
        with self._opened() as backup:
            try:
                like = self.like or os.fstat(backup)
                copied = self._write_new(self._restoring, self._read(backup), like)
                if copied != self._seal:
                    raise RestoreError(f"the backup {self.backup} was altered while it was read")
                put_in_place(
                    self._restoring,
                    self.main,
                    self.files,
                    vfs=self.vfs,
                    busy_timeout_ms=self.busy_timeout_ms,
                )
            except BaseException:
                self._sweep(self._restoring)
                raise

    def _read(self, descriptor: int) -> Iterator[bytes]:
        """Yield the bytes of an open file from its beginning."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        while data := self.files.read(descriptor, CHUNK_BYTES):
            yield data

    def _refuse_what_is_no_file(self) -> None:
        """Leave alone what tests put in the database's place, if it is a link, a folder or such."""
        try:
            status = os.lstat(self.main)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(status.st_mode):
            raise RestoreError(
                f"where the database was, {self.main} is {kind_of(status)} now: it was left alone; "
                "move it away and recover again"
            )

    def _sweep(self, path: Path) -> None:
        """Remove what is half made, while another error is on its way up; dispose tries again."""
        with suppress(OSError):
            self.files.unlink(path)
