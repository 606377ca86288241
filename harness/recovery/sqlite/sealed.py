"""A backup's file by whatever name it still has: out of reach, beside the database, or held open.

Every look at it goes through one descriptor: what is proven is what is read. SQLite opens by name,
so where only the open file is left it gets a name again first.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.databases.sqlite.files import CHUNK_BYTES, own, placed
from harness.errors import RestoreError
from harness.recovery.sqlite.clones import cloned, may_clone
from harness.recovery.sqlite.seal import Seal, is_unwritten, seal_of_clones
from harness.system import copying
from harness.system.files import Files
from harness.system.trusted import Untrusted, opened

# Copied to another file system by a process of its own from here on, while the tests run.
BIG_BYTES = 16 << 20


class SealedFile:
    """One backup file.

    Args:
        backup: its name beside the database.
        second: its name in a folder that only this user can write; None where it gets none.
        files: the file operations.
        owners: whose files count; None: anybody's.
    """

    def __init__(
        self, backup: Path, second: Path | None, files: Files, owners: Collection[int] | None
    ) -> None:
        self.backup, self.second, self._files = placed(backup), second, files
        self._owners = owners
        self._held = -1  # open for reading, so that it outlives its names
        self._held_second = -1  # a reflink that vouches for it; as well
        self._copying: subprocess.Popen[bytes] | None = None
        self.path = self.backup  # the name by which it was last found sound

    def hold(self) -> None:
        """Hold the file that now stands under its name."""
        self.let_go()
        self._held = opened(self.backup, self._owners)

    def let_go(self) -> None:
        """Close the held file; a copy that is being made goes on without us."""
        if self._copying is not None:
            self._copying.poll()
        held, self._held, self._held_second = (self._held, self._held_second), -1, -1
        for descriptor in held:
            if descriptor >= 0:
                self._files.close(descriptor)

    # The second name.

    def give_second_name(self, second: Path, size_bytes: int) -> None:
        """Give the held file its second name, to last; a big copy is made beside what follows.

        Raises:
            OSError: there is none now.
        """
        self.second = second
        self._files.unlink(second)  # of a guard that is dead
        if self._cloned(second):
            return
        try:
            self._files.link(self.backup, second)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            self._copy(second, size_bytes)

    def _cloned(self, second: Path) -> bool:
        status = os.fstat(self._held)
        if not may_clone(status, second.parent):
            return False
        target, done = self._made_like(second, status), False
        try:
            done = cloned(self._held, target, self._files)
        finally:
            self._files.close(target)
            if not done:
                self._files.unlink(second)
        return done

    def _copy(self, second: Path, size_bytes: int) -> None:
        if size_bytes < BIG_BYTES:
            self._copy_held_to(second)
            return
        target = self._made_like(second, os.fstat(self._held))
        try:
            self._copying = copying.start_copy(self._held, target, size_bytes)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                self._files.unlink(second)
            raise
        finally:
            self._files.close(target)

    def _made_like(self, path: Path, status: os.stat_result) -> int:
        mode = stat.S_IMODE(status.st_mode)
        descriptor = self._files.create(path, mode)
        own(descriptor, status.st_uid, status.st_gid, mode)
        return descriptor

    # What is found.

    @contextmanager
    def proven(self, seal: Seal) -> Iterator[int]:
        """Give a descriptor of the file that was sealed, and set ``path`` to it.

        Raises:
            RestoreError: by no name, and not by the held file, is it what was captured; what has
                become of the one beside the database.
        """
        descriptor = self._sound(seal)
        try:
            yield descriptor
        finally:
            if descriptor != self._held:
                self._files.close(descriptor)

    def _sound(self, seal: Seal) -> int:
        reasons = []
        for path in (self.second, self.backup):
            if path is None:
                continue
            # where only this user can have put it, the database's owner may be another by now
            owners = None if path == self.second else self._owners
            try:
                descriptor = opened(path, owners)
            except FileNotFoundError:
                reasons.append("is missing")
                continue
            except NotADirectoryError:
                reasons.append("is missing, and its folder")
                continue
            except Untrusted as error:
                reasons.append(str(error).removeprefix(str(path)).strip())
                continue
            except OSError as error:
                reasons.append(f"cannot be opened: {error.strerror}")
                continue
            try:
                reason = self._wrong(descriptor, seal)
            except BaseException:
                self._files.close(descriptor)
                raise
            if not reason:
                self.path = path
                return descriptor
            self._files.close(descriptor)
            reasons.append(reason)
        if self._held >= 0 and not self._wrong(self._held, seal):
            self.path = self._named_again()
            return self._held
        raise RestoreError(f"the backup {self.backup} {reasons[-1]}")

    def _wrong(self, descriptor: int, seal: Seal) -> str:
        """Say in what an open file is not what was captured; nothing where it is."""
        now_bytes = os.fstat(descriptor).st_size
        if now_bytes != seal.size_bytes:
            return f"has {now_bytes} bytes where {seal.size_bytes} were written"
        if not seal.sha256:
            return "" if is_unwritten(descriptor, seal, self._others()) else "was altered"
        if self.hash_of(descriptor) != seal.sha256:
            return "was altered: its SHA-256 is not the same"
        return ""

    def hash_of(self, descriptor: int) -> str:
        """Read an open file from its beginning; its SHA-256."""
        digest = hashlib.sha256()
        os.lseek(descriptor, 0, os.SEEK_SET)
        while data := self._files.read(descriptor, CHUNK_BYTES):
            digest.update(data)
        return digest.hexdigest()

    def _others(self) -> Iterator[int]:
        """Open each file of ours, in turn; none is held open for longer."""
        for path in (self.second, self.backup):
            if path is None:
                continue
            with suppress(OSError, Untrusted):
                descriptor = opened(path, None if path == self.second else self._owners)
                try:
                    yield descriptor
                finally:
                    self._files.close(descriptor)
        yield from (held for held in (self._held, self._held_second) if held >= 0)

    def sealed(self, size_bytes: int) -> Seal:
        """Seal what is held together with its second name, if that is a reflink; else by its hash.

        Alone, in the tests' reach, nobody vouches for a reflink that has lost its name.
        """
        if self.second is not None:
            with suppress(FileNotFoundError):
                self._held_second = opened(self.second, None)
                if seal := seal_of_clones(size_bytes, self._held, self._held_second):
                    return seal
        return Seal(size_bytes, self.hash_of(self._held))

    def _named_again(self) -> Path:
        """Write the held file, which has lost its names, under one of them.

        Raises:
            RestoreError: nowhere is a place for it.
        """
        wrong: OSError | None = None
        for path in (self.second, self.backup):
            if path is None:
                continue
            try:
                with suppress(FileNotFoundError):
                    if not stat.S_ISDIR(os.lstat(path).st_mode):
                        self._files.unlink(path)  # it is not what was captured
                self._copy_held_to(path)
            except OSError as error:
                wrong = error
                continue
            return path
        raise RestoreError(f"the backup {self.backup} is gone, and cannot be written anew: {wrong}")

    def bring_back(self) -> None:
        """See that the held file has one of its names; RestoreError where none can be given."""
        names = [path for path in (self.second, self.backup) if path is not None]
        if self._held >= 0 and not any(os.path.lexists(path) for path in names):
            self.path = self._named_again()

    def _copy_held_to(self, path: Path) -> None:
        target = self._made_like(path, os.fstat(self._held))
        try:
            os.lseek(self._held, 0, os.SEEK_SET)
            while data := self._files.read(self._held, CHUNK_BYTES):
                self._files.write(target, data)
            self._files.sync(target)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                self._files.unlink(path)
            raise
        finally:
            self._files.close(target)

    def remove(self) -> None:
        """Remove it by all its names; each may be gone already."""
        if self._copying is not None:
            self._copying.kill()
            self._copying.wait()
            self._copying = None
        if self.second is not None:
            self._files.unlink(self.second)
        self._files.unlink(self.backup)
        self.let_go()
        self.path = self.backup
