"""A backup that is one file: made under another name, sealed, put in the database's place."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import apsw

from harness.databases.sqlite.files import CHUNK_BYTES, beside, own, real
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery import Recovery
from harness.recovery.sqlite.clones import cloned, may_clone
from harness.recovery.sqlite.in_place import PERMISSIONS, give_times, put_in_place, write_like
from harness.recovery.sqlite.seal import Seal, seal_in, seal_of_clones
from harness.recovery.sqlite.sealed import SealedFile
from harness.recovery.sqlite.stamp import Stamp, is_racy, stamp_of, still_bears
from harness.recovery.sqlite.steady import copy_steady
from harness.system.extents import digest_of
from harness.system.trusted import kind_of, owners_of


class FileBackup(Recovery):
    """A recovery whose backup is one file, made under another name and sealed by size and hash.

    Where blocks can be shared it is a reflink of the database's file, known by them and not by its
    hash. The file is made beside its final name and renamed, so that under that name it is whole or
    absent. It has the database's permission bits, and its owner where the system allows that; these
    are what a database that must be replaced as a file gets. Kept out of reach, the file is held
    open as well, so that the backup outlives its names.
    """

    like: os.stat_result | None = None  # whose mode and owner count; None: the backup's own
    chosen = False  # whether people named the backup, and so answer for whose it is
    kernel_from_bytes: ClassVar[int] = 16 << 20  # below, another process costs more than it gains
    _seal: Seal | None = None
    _stamp: Stamp | None = None  # of the main file that the copy equals to the byte
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
            return {**super().describe(), **self._seal.described(), **unkept}
        stood = {"stood_before": True} if os.path.lexists(self.backup) else {}
        return {**super().describe(), **stood}

    def resume(self, description: dict[str, Any]) -> None:
        """Take the seal back; without one, ``dispose`` removes what was left and no more.

        A file that stood there before the capture began is not ours: the capture refused it.
        """
        self._resumed = "stood_before" not in description
        self._seal = seal_in(description)

    def keep_out_of_reach(self) -> None:
        """Hold the file, and give it its second name: a reflink, a hard link, or a copy."""
        if self._seal is None:
            return
        self.file.hold()
        try:
            if self.second is not None:
                self.file.give_second_name(self.second, self._seal.size_bytes)
        finally:  # also where there is none: then nobody vouches for a reflink
            if not self._seal.sha256:
                self._seal = self.file.sealed(self._seal.size_bytes)

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

    def untouched(self) -> bool:
        """Whether the main file is to the inode and its times what was copied."""
        if self._stamp is None:
            return False
        with suppress(apsw.Error, OSError):  # whoever compares will say what is wrong
            return still_bears(self.main, self._stamp, self.busy_timeout_ms)
        return False

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
        return self.file.proven(self._seal)

    def _look_before(self) -> os.stat_result:
        """Refuse what must not be overwritten or cannot be copied; stat of the database."""
        if os.path.lexists(self.backup) and self._seal is None and not self._resumed:
            what = "a symbolic link" if self.backup.is_symlink() else "a file"
            raise RecoveryRefused(f"{self.backup}: {what} stands where the backup would be written")
        try:
            return os.stat(self.main)
        except FileNotFoundError:
            raise RecoveryRefused(f"{self.database}: there is no such database") from None

    def _adopt(self, part: Path, seal: Seal | None, like: os.stat_result) -> None:
        """Give a finished file the backup's name, and keep its seal; ``like``: the database.

        None: it is a reflink, sealed when it has its name, which changes its times.
        """
        try:
            self.file.let_go()  # of an earlier capture's
            self.files.replace(part, self.backup)
        except BaseException:
            self._sweep(part)
            raise
        self._seal = seal or self._seal_of_clone()  # from here on the file there is ours
        self._links = like.st_nlink
        backup = os.stat(self.backup)
        self._owner_unkept = (backup.st_uid, backup.st_gid) != (like.st_uid, like.st_gid)
        self.files.sync_folder(self.backup.parent)

    def _seal_of_clone(self) -> Seal:
        descriptor = self.files.open(self.backup)
        try:
            size_bytes = os.fstat(descriptor).st_size
            seal = seal_of_clones(size_bytes, descriptor)
            return seal or Seal(size_bytes, self.file.hash_of(descriptor))
        finally:
            self.files.close(descriptor)

    def _copied_held(
        self, source: apsw.Connection, part: Path, status: os.stat_result
    ) -> Seal | None:
        """Copy the main file, which ``source`` holds steady; None is the seal of a reflink.

        Raises:
            CannotStart, RecoveryRefused, OSError: see ``copy_steady``.
        """
        kernel_from_bytes, self._stamp = self.kernel_from_bytes, None
        began_at_ns, stamp = time.time_ns(), stamp_of(source, self.main)
        copied = copy_steady(
            source, self.main, part, status, self.files, kernel_from_bytes=kernel_from_bytes
        )
        # who writes past SQLite's locks while it is copied leaves a copy that equals nothing
        steady = stamp_of(source, self.main) == stamp
        if steady and not is_racy(stamp, min(began_at_ns, copied.at_ns)):
            self._stamp = stamp
        return copied.seal

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
                self._copy_whole(backup)
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

    def _copy_whole(self, backup: int) -> None:
        """Copy the open backup beside the database, proven to be what was captured."""
        like, seal = self.like or os.fstat(backup), self._seal
        assert seal is not None  # noqa: S101 - for mypy: it was proven
        if not seal.sha256 and self._clone_whole(backup, like, seal):
            return
        copied = self._write_new(self._restoring, self._read(backup), like)
        known = copied.sha256 if not seal.sha256 else seal.sha256
        if copied != Seal(seal.size_bytes, known):
            raise RestoreError(f"the backup {self.backup} was altered while it was read")
        if not seal.sha256:
            self.check()  # nobody has written it meanwhile

    def _clone_whole(self, backup: int, like: os.stat_result, seal: Seal) -> bool:
        if not may_clone(os.fstat(backup), self.main.parent):
            return False
        mode = stat.S_IMODE(like.st_mode) & PERMISSIONS
        self.files.unlink(self._restoring)
        descriptor = self.files.create(self._restoring, mode)
        try:
            own(descriptor, like.st_uid, like.st_gid, mode)
            if cloned(backup, descriptor, self.files) and digest_of(descriptor) == seal.extents:
                give_times(descriptor, like)
                self.files.sync(descriptor)
                return True
        finally:
            self.files.close(descriptor)
        return False

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
