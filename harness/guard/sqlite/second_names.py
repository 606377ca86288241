"""Second names of journal and backups, out of the tests' reach.

They stand in a folder of the user's own, as the platform has it for state, flat and under a hash of
the database's real path: ``HASH.journal``, ``HASH.backup``, ``HASH.backup.2``; ``HASH.database`` is
a symbolic link that says which path it is. Nothing a test removes or makes anew beside the database
takes them along.

What each form survives:

* a reflink (btrfs, XFS, ...): also a backup that is overwritten in place through its own name;
* a hard link (the same file system): whatever removes or replaces names, not what is written in
  place, which is noticed by the hash and told;
* a copy (another file system): both, once it is whole; a big one is made while the tests run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from harness.guard.state_folder import default_folder
from harness.guard.target import Pending
from harness.system.files import Files
from harness.system.links import followed
from harness.system.trusted import Untrusted, opened, same_file

_DATABASE = ".database"
_LOCK = ".lock"
_O_PATH = getattr(os, "O_PATH", None)  # of Linux: closing such a descriptor drops no lock
_SWEPT_TRIES, _SWEPT_WAIT_S = 50, 0.002


class SecondNames:
    """The second names that belong to one database; they need not be there.

    Args:
        database: its real path, which is the key.
        files: the file operations.
        folder: where they stand; None is this user's own place.
    """

    def __init__(self, database: Path, files: Files, folder: Path | None = None) -> None:
        folder_of_it, name = os.path.split(database)
        path = os.path.join(followed(folder_of_it), name)
        self.database = Path(path)
        self.folder = folder or default_folder()
        if self.folder is not None:  # SQLite is to open backups there, and follows no link
            self.folder = Path(followed(self.folder))
        self._files = files
        self._inode = -1  # of the database's file, while its lock is held
        key = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
        self._stem = None if self.folder is None else os.path.join(self.folder, key)

    @property
    def journal(self) -> Path | None:
        """The second name of the journal; None where there is no folder to trust."""
        return self._named(".journal")

    def backup(self, place: int) -> Path | None:
        """The second name of the backup at ``place`` of the chain."""
        return self._named(".backup" if place == 0 else f".backup.{place + 1}")

    def backups(self) -> list[Path]:
        """Give every backup that stands here, whatever a journal says."""
        if self._named("") is None or self.folder is None:
            return []
        stem = os.path.basename(str(self._stem))
        return sorted(self.folder.glob(f"{stem}.backup*"))

    def exist(self) -> bool:
        """Whether a guard has left any."""
        return self.journal is not None and os.path.lexists(self.journal)

    def prepare(self) -> str:
        """Make the folder, and say which database it is; why not, where it cannot be had.

        Nothing else is stopped by that: the guard goes on without second names.
        """
        try:
            if self.folder is None:
                return "there is no home folder of this user's own"
            str(self.folder).encode()
            if not os.path.isdir(self.folder):
                os.makedirs(self.folder.parent, mode=0o700, exist_ok=True)
                with suppress(FileExistsError):  # another guard was first
                    self._files.make_folder(self.folder, 0o700)
                self._files.sync_folder(self.folder.parent)
            if not os.path.isdir(self.folder):
                return f"{self.folder} is no folder"
            if not _is_private(self.folder):
                return f"{self.folder} belongs to another user, or others may write it"
            sign = Path(f"{self._stem}{_DATABASE}")
            with suppress(FileExistsError):
                self._files.symlink(self.database, sign)
        except OSError as error:
            return f"{self.folder}: {error.strerror}"
        except UnicodeEncodeError:
            return f"{os.fsencode(str(self.folder))!r} is not in UTF-8"
        return ""

    def meet(self) -> int:
        """Lock what stands for the database's file itself; the descriptor, -1 where none is to be.

        So two guards meet that come by names which no path tells to be of one file: a file that is
        mounted in two places.

        Raises:
            BlockingIOError: another guard has it.
        """
        path = self._inode_lock()
        try:
            return -1 if path is None else self._locked(path)
        except BaseException:
            self._let_inode_go()
            raise

    def _locked(self, path: Path) -> int:
        tries = _SWEPT_TRIES
        while True:
            try:
                descriptor = self._files.create(path, 0o600)
            except FileExistsError:
                try:
                    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
                except FileNotFoundError:
                    continue  # its guard has just ended
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                tries -= 1
                if tries:  # whoever sweeps holds it for a moment, a guard until it ends
                    time.sleep(_SWEPT_WAIT_S)
                    continue
                raise
            if same_file(descriptor, path):
                return descriptor
            os.close(descriptor)  # its guard has just ended

    def part(self, descriptor: int) -> None:
        """Give up what ``meet`` locked."""
        if descriptor >= 0 and self.folder is not None:
            with suppress(OSError):  # its name may have gone with the folder
                for name in os.listdir(self.folder):
                    if name.endswith(_LOCK) and same_file(descriptor, self.folder / name):
                        self._files.unlink(self.folder / name)
            os.close(descriptor)
        self._let_inode_go()

    def _let_inode_go(self) -> None:
        if self._inode >= 0:
            os.close(self._inode)
            self._inode = -1

    def _inode_lock(self) -> Path | None:
        """Name the lock by device and inode; the file is held, so that no other gets its number.

        Tests may remove it, and a restore puts another in its place.
        """
        self._let_inode_go()
        if self._named("") is None or self.folder is None:
            return None
        try:
            if _O_PATH is not None:
                self._inode = os.open(self.database, _O_PATH)
            status = os.stat(self.database if self._inode < 0 else self._inode)
        except OSError:
            return None
        return self.folder / f"{status.st_dev:x}-{status.st_ino:x}{_LOCK}"

    def sync(self) -> None:
        """Make the names last a power cut."""
        if self.folder is not None:
            self._files.sync_folder(self.folder)

    def forget(self) -> None:
        """Remove the sign of the database; journal and backups are removed by those who know them.

        Nothing that is left here by a power cut does harm: the journal in it says what it means.
        """
        if self._named("") is not None:
            with suppress(OSError):
                self._files.unlink(Path(f"{self._stem}{_DATABASE}"))

    def sweep(self) -> None:
        """Remove what a power cut has brought back without its journal."""
        if self._named("") is None or self.folder is None or self.exist():
            return
        with suppress(OSError):  # the next one may
            self.remove_all()
            for name in os.listdir(self.folder):
                if name.endswith(_LOCK):
                    self._remove_if_free(self.folder / name)

    def _remove_if_free(self, lock: Path) -> None:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        try:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if same_file(descriptor, lock):  # else its name is of another's by now
                    self._files.unlink(lock)
        finally:
            os.close(descriptor)

    def remove_all(self) -> None:
        """Remove every one; for whoever has the lock, or has put the baseline back themselves."""
        if self.folder is None or self._named("") is None:
            return
        stem = os.path.basename(str(self._stem))
        for name in os.listdir(self.folder):
            if name.startswith(f"{stem}."):
                self._files.unlink(self.folder / name)

    def _named(self, suffix: str) -> Path | None:
        if self.folder is None or self._stem is None or not _is_private(self.folder):
            return None
        if not self._stem.isprintable():  # not in UTF-8, or worse: it was refused
            return None
        return _path(self._stem + suffix)


@lru_cache(64)  # paths are made again and again for the same few files
def _path(path: str) -> Path:
    return Path(path)


def _is_private(folder: Path) -> bool:
    """Whether nobody else can have put anything there."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.geteuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def pending(folder: Path | None = None) -> Iterator[Pending]:
    """Give every database of which something stands in the folder, in order of its path."""
    folder = folder or default_folder()
    if folder is None or not _is_private(folder):
        return
    databases = []
    for name in os.listdir(folder):
        if name.endswith(_DATABASE):
            with suppress(OSError, ValueError):  # no link: none of ours
                databases.append(Path(os.readlink(folder / name)))
    for database in sorted(databases):
        journal = SecondNames(database, Files(), folder).journal
        if journal is not None and os.path.lexists(journal):
            yield Pending(str(database), not database.parent.is_dir(), is_locked(journal))


def is_locked(journal: Path) -> bool:
    """Whether a guard that lives has a journal."""
    try:
        descriptor = opened(journal, None)
    except (OSError, Untrusted):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
