"""The journal of a SQLite file: beside it and, out of the tests' reach, under a second name.

While a guard lives it holds an advisory lock (flock) on the file; the kernel drops the lock with
the process, so a journal that nobody holds is what a killed guard left. It counts only as a regular
file of the guard's user or of the database's owner.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import RestoreError, UsageError
from harness.guard.journal import (
    MOST_BYTES,
    NEVER_BEGUN,
    VERSION,
    Around,
    AtWork,
    Damaged,
    OtherVersion,
    entries_in,
    how_to_recover,
    line,
)
from harness.guard.sqlite.second_names import SecondNames, is_locked
from harness.log import Log
from harness.system import descendants, processes
from harness.system.files import Files
from harness.system.links import followed
from harness.system.trusted import Untrusted, opened, owner_named, owners_of, same_file

SUFFIX = ".e2e-journal"
_LOG = Log("guard.journal")


class FileJournal:
    """The journal of one guard on one database.

    Args:
        database: the path that was given.
        files: the file operations.
        state: the folder of the second names; None is this user's own.
    """

    def __init__(self, database: Path, files: Files, state: Path | None = None) -> None:
        # beside the file itself, so that guards who call it by different links meet; but where the
        # tests put a link in the file's place, the journal stands beside that link
        path = os.path.join(followed(database.parent), database.name)
        linked = os.path.islink(path)
        self.second = SecondNames(Path(path), files, state)
        self.replaced = linked and (os.path.lexists(path + SUFFIX) or self.second.exist())
        if linked and not self.replaced:
            path = followed(path)
            self.second = SecondNames(Path(path), files, state)
        self.database = Path(path)
        self.path = Path(path + SUFFIX)
        self.unprotected = ""  # why there is no second name; empty when there is
        self._files = files
        self._descriptors: list[int] = []  # one, or two where the second name is another file
        self._met = -1  # the lock that stands for the database's file itself
        self._written: list[dict[str, Any]] = []
        self._pid = 0  # whose lock it is

    @property
    def exists(self) -> bool:
        """Whether anything stands where a guard's journal would."""
        return os.path.lexists(self.path) or self.second.exist()

    @property
    def is_held(self) -> bool:
        """Whether this guard has begun or adopted it, and has not let go of it."""
        return bool(self._descriptors)

    def begin(self, entry: dict[str, Any]) -> None:
        """Create the journal, lock it and write its first entry; UsageError if another lives."""
        self._refuse_a_living_one()
        self._written, self._pid = [], os.getpid()
        try:
            self._descriptors = [self._files.create(self.path, 0o600)]
        except FileExistsError:
            raise AtWork(
                f"{self.path} is there: another guard is at work on this database, or one was "
                f"killed. Run '{how_to_recover(self.database)}' first"
            ) from None
        # between the two calls it is nobody's: another may have taken it for a killed guard's
        if not self._is_ours(self._descriptors[0]):
            self.release()
            raise self._at_work(self.path)
        pid = os.getpid()
        first_entry = {
            "version": VERSION,
            "pid": pid,
            "started": processes.started(pid),
            "namespace": processes.namespace(),
            "file": self._file(),
        }
        self._append(first_entry | entry)
        self.unprotected = self.second.prepare()
        if not self.unprotected:
            self._meet()
        if not self.unprotected:
            self._give_second_name()
        self._sync_all()
        self._files.sync_folder(self.path.parent)
        _LOG.debug("%s: begun, %s", self.path, entry.get("state"))

    def write(self, entry: dict[str, Any]) -> None:
        """Append one entry and make it last; where that fails nothing of it stays."""
        self._add(entry, lasting=True)
        _LOG.debug("%s: %s", self.path, entry.get("state"))

    def _add(self, entry: dict[str, Any], *, lasting: bool) -> None:
        ends = [os.lseek(descriptor, 0, os.SEEK_CUR) for descriptor in self._descriptors]
        try:
            self._append(entry)
            if lasting:
                self._sync_all()
        except BaseException:
            # half a line would make one damaged line with the next
            for descriptor, whole_bytes in zip(self._descriptors, ends, strict=True):
                with suppress(OSError):
                    self._files.truncate(descriptor, whole_bytes)
            self._written = [written for written in self._written if written is not entry]
            raise

    def running(self, pid: int) -> None:
        """Say which process is about to run the tests: it may outlive the guard.

        The entry is the last one and says one thing more, so whoever does not know of it reads
        what they would have read without. It need not last a power cut, which ends that process.
        """
        if self._descriptors:
            command = {"pid": pid, "started": processes.started(pid)}
            self._add(self._written[-1] | {"command": command}, lasting=False)

    def failed(self) -> None:
        """Say that the guard ends by itself, and the baseline is not proven back.

        As with ``running``: one thing more, beside what the last entry says.
        """
        if self._descriptors:
            self._add(self._written[-1] | {"failed": True}, lasting=False)

    @property
    def has_failed(self) -> bool:
        """Whether the guard whose journal was adopted had said so: it was not killed."""
        return any(entry.get("failed") is True for entry in self._written)

    def end(self, *, lasting: bool = False) -> None:
        """Remove the journal: the baseline is back, nothing is left to do.

        Only ``lasting`` makes that last a power cut: a journal that comes back says that it was
        proven, unless that could not be written.
        """
        if not self._descriptors:
            return  # never begun, or let go: what stands there now is another's
        _LOG.debug("%s: ends", self.path)
        try:
            self._files.unlink(self.path)
            second = self.second.journal
            if second is not None:
                self._files.unlink(second)
                self.second.forget()
            if lasting:
                self._files.sync_folder(self.path.parent)
                if second is not None:
                    self.second.sync()
        finally:
            self.release()  # one that could not be removed is the next guard's to end

    def release(self) -> None:
        """Let go of the lock and leave the journal for the next guard or ``recover``."""
        while self._descriptors:
            if os.getpid() == self._pid:  # else a fork would take the lock from the guard
                with suppress(OSError):  # closing leaves it with every fork that has inherited it
                    fcntl.flock(self._descriptors[-1], fcntl.LOCK_UN)
            self._files.close(self._descriptors.pop())
        if self._met >= 0:
            met, self._met = self._met, -1
            self.second.part(met)

    @property
    def is_anothers(self) -> bool:
        """Whether another guard has begun meanwhile, because tests removed this one's journal."""
        if any(same_file(held, self.path) for held in self._descriptors):
            return False
        return is_locked(self.path)

    def bring_back(self) -> None:
        """See that it stands beside the database, whatever was done to the folder meanwhile.

        Raises:
            OSError: it cannot be written there.
        """
        if not self._descriptors or os.path.lexists(self.path):
            return
        second = self.second.journal
        if second is not None and same_file(self._descriptors[0], second):
            self._files.link(second, self.path)
            return
        # whole or not at all: a journal that ends with an earlier entry says something else
        part = self.path.with_name(f"{self.path.name}.{os.urandom(8).hex()}")
        descriptor = self._files.create(part, 0o600)
        self._descriptors.append(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._files.write(descriptor, line(self._written[0] | self._written[-1]))
            self._files.sync(descriptor)
            self._files.replace(part, self.path)
        except BaseException:
            self._descriptors.remove(descriptor)
            self._files.close(descriptor)
            with suppress(OSError):  # the first error is the one to tell
                self._files.unlink(part)
            raise

    def noted(self) -> list[dict[str, Any]]:
        """Read what stands there without taking it over; [] where that cannot be."""
        for path, owners in self._places():
            with suppress(OSError, Untrusted, Damaged, OtherVersion):
                descriptor = opened(path, owners)
                try:
                    if entries := entries_in(os.pread(descriptor, MOST_BYTES, 0))[0]:
                        return entries
                finally:
                    os.close(descriptor)
        return []

    def adopt(self) -> list[dict[str, Any]]:
        """Take over what a killed guard left; [] if there is none.

        The second name counts before the one beside the database, which the tests could reach.

        Raises UsageError while its guard is alive and for what is no guard's file, RestoreError
        for a journal of another version or one that no guard wrote. A last line cut off by the
        kill does not count, its step was never begun; it is cut away, so that the next entry stands
        on a line of its own.
        """
        self._pid = os.getpid()
        try:
            for path, owners in self._places():
                descriptor = self._locked(path, owners)
                if descriptor is not None:
                    self._descriptors.append(descriptor)
            if not self._descriptors:
                return []
            self._written = self._read_first()
        except BaseException:
            self.release()
            raise
        return self._written or [NEVER_BEGUN.copy()]

    @property
    def is_in_reach(self) -> bool:
        """Whether it stands beside the database."""
        return os.path.lexists(self.path)

    def __str__(self) -> str:
        """Print as the path beside the database."""
        return str(self.path)

    @property
    def is_doubtful(self) -> bool:
        """Whether what was adopted may have been put right already, under another home.

        A copy on another file system does not hear of it. Where tests took the journal away, but
        not the database, nobody can tell the one from the other. And a database on another device
        than the one that was guarded is another database at the same path.
        """
        if os.path.lexists(self.path) or not self._written:
            return False
        noted, now = self._written[0].get("file"), self._file()
        if noted == [] and now:
            return True  # there was none: this one may be of the tests, or of people since
        if not isinstance(noted, list) or len(noted) != 2 or not now:
            return False
        return noted[0] != now[0] or (bool(self._written[0].get("copy")) and noted == now)

    def _backup_named(self) -> str:
        backups = self.second.backups()
        return str(backups[0]) if backups else "the one beside it"

    def _file(self) -> list[int]:
        """Give the device and the inode of the database; nothing where there is none."""
        try:
            status = os.stat(self.database)
        except OSError:
            return []
        return [status.st_dev, status.st_ino]

    # What stands on disk.

    def _refuse_a_living_one(self) -> None:
        """Refuse while a guard is at work whose journal beside the database its tests removed."""
        second = self.second.journal
        stale = self._locked(second, {os.geteuid()}) if second is not None else None
        if stale is not None:
            os.close(stale)

    def _places(self) -> list[tuple[Path, Collection[int]]]:
        second = self.second.journal
        places: list[tuple[Path, Collection[int]]] = []
        if second is not None:
            places.append((second, {os.geteuid()}))
        return [*places, (self.path, owners_of(self.database))]

    def _meet(self) -> None:
        """Refuse where a guard is at work on this very file by another name."""
        try:
            self._met = self.second.meet()
        except BlockingIOError:
            self._files.unlink(self.path)
            self.release()
            raise AtWork(
                f"another guard is at work on the file {self.database}, by another name of it"
            ) from None
        except OSError as error:
            self.unprotected = f"{self.second.folder}: {error.strerror}"

    def _give_second_name(self) -> None:
        """Link the journal to its second name; on another file system write one of its own."""
        second = self.second.journal
        assert second is not None  # noqa: S101 - for mypy: it has been prepared
        try:
            self._files.unlink(second)  # of nobody who lives
            try:
                self._files.link(self.path, second)
            except OSError:  # another file system, or one without hard links
                descriptor = self._files.create(second, 0o600)
                self._descriptors.append(descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._files.write(descriptor, line(self._written[0] | {"copy": True}))
        except OSError as error:
            self.unprotected = f"{second}: {error.strerror}"
            while len(self._descriptors) > 1:
                self._files.close(self._descriptors.pop())

    def _append(self, entry: dict[str, Any]) -> None:
        for descriptor in self._descriptors:
            self._files.write(descriptor, line(entry))
        self._written.append(entry)

    def _sync_all(self) -> None:
        for descriptor in self._descriptors:
            self._files.sync(descriptor)

    def _locked(self, path: Path, owners: Collection[int]) -> int | None:
        """Open and lock the journal that stands there; None when there is none, or it is locked."""
        while True:
            try:
                descriptor = opened(path, owners, writing=True)
            except FileNotFoundError:
                return None
            except NotADirectoryError:
                return None  # no folder of the database's is there any more
            except Untrusted as error:
                raise UsageError(
                    f"{error}, so it is no journal of a guard's; nothing was changed. "
                    "Look what it is and move it away, or have its owner run "
                    f"'{how_to_recover(self.database)}'"
                ) from None
            except OSError as error:
                raise UsageError(
                    f"{path} belongs to {_owner_of(path)} and cannot be opened ({error.strerror}), "
                    "so nobody can tell what is in the database; nothing was changed. They can run "
                    f"'{how_to_recover(self.database)}'"
                ) from None
            if any(_same(descriptor, held) for held in self._descriptors):
                os.close(descriptor)  # the same file by its other name: the lock is of the other
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise self._at_work(path) from None
            if same_file(descriptor, path):
                return descriptor
            os.close(descriptor)  # its guard has ended between the two calls

    def _at_work(self, journal: Path) -> UsageError:
        """Say which guard has a journal, as far as it can be seen."""
        first = next(iter(self.noted()), {})
        pid, mark = first.get("pid"), first.get("mark")
        if type(pid) is not int:  # it is just about to write it
            return AtWork(f"another guard is at work on this database ({journal})")
        # a number of another container's may be anybody's here; it is open by its first name
        seen = processes.holders(self.path, among=[pid])
        who = f"of process {processes.named([pid]) if seen else pid}"
        if mark in descendants.tokens() and pid != os.getpid():  # this is of its tests
            return Around(
                f"another guard is at work on this database, that {who} ({journal}), around this "
                "process: one guard is enough"
            )
        return AtWork(f"another guard is at work on this database, that {who} ({journal})", who)

    def _is_ours(self, descriptor: int) -> bool:
        """Lock the journal that was just made, if it still is what stands there."""
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return same_file(descriptor, self.path)
        return False

    def _read_first(self) -> list[dict[str, Any]]:
        """Read the first that holds anything; each goes on from its last whole line."""
        entries: list[dict[str, Any]] = []
        damage: RestoreError | None = None
        for descriptor in self._descriptors:
            try:
                entries = entries or self._read(descriptor)
            except RestoreError as error:
                damage = damage or error
        if damage is not None and not entries:
            raise damage
        return entries

    def _read(self, descriptor: int) -> list[dict[str, Any]]:
        """Read the whole lines; RestoreError where this guard cannot have written them."""
        size_bytes = os.fstat(descriptor).st_size
        try:
            if size_bytes > MOST_BYTES:
                raise Damaged
            entries, whole_bytes = entries_in(os.pread(descriptor, size_bytes, 0))
        except OtherVersion as error:
            raise RestoreError(f"{self.path} {error}") from None
        except Damaged:
            raise RestoreError(
                f"{self.path} is damaged, so nobody can tell what is in the database; nothing was "
                "changed. Compare the database with a backup of it "
                f"({self._backup_named()}; 'harness verify'), put it back if need be ('harness "
                f"restore'), then {how_to_recover(self.database)} --discard"
            ) from None
        if entries and whole_bytes < size_bytes:
            self._files.truncate(descriptor, whole_bytes)
        os.lseek(descriptor, 0, os.SEEK_END)
        return entries


def _owner_of(path: Path) -> str:
    try:
        return owner_named(os.lstat(path).st_uid)
    except OSError:
        return "nobody knows whom"


def _same(descriptor: int, other: int) -> bool:
    return os.path.samestat(os.fstat(descriptor), os.fstat(other))
