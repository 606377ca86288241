"""The intent journal: what the guard is about to do, on disk before it does it.

One JSON object a line, beside the database, synced before each step. While a guard lives it
holds an advisory lock (flock) on the file; the kernel drops the lock with the process, so a
journal that nobody holds is what a killed guard left.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import RestoreError, UsageError
from harness.files import Files
from harness.guard import processes

VERSION = 1
# What an entry says: backups are being taken and no test has run; the tests may run or have run
# and the backups are whole; the database is proven back and only tidying up is left.
STATES = CAPTURING, CAPTURED, PROVEN = "capturing", "captured", "proven"
SUFFIX = ".e2e-journal"


def how_to_recover(database: Path) -> str:
    """Give the exact command that puts the baseline back, from any folder."""
    return f"harness recover --database {shlex.quote(os.path.abspath(database))}"


class Journal:
    """The journal of one guard on one database."""

    def __init__(self, database: Path, files: Files) -> None:
        # beside the file itself, so that guards who call it by different links meet; but where the
        # tests put a link in the file's place, the journal stands beside that link
        given = os.path.join(os.path.realpath(database.parent), database.name)
        linked = os.path.islink(given)
        self.replaced = linked and os.path.lexists(given + SUFFIX)
        real = os.path.realpath(given) if linked and not self.replaced else given
        self.path = Path(real + SUFFIX)
        self._files = files
        self._descriptor = -1
        self._last: dict[str, Any] = {}

    @property
    def is_held(self) -> bool:
        """Whether this guard has begun or adopted it, and has not let go of it."""
        return self._descriptor >= 0

    def begin(self, entry: dict[str, Any]) -> None:
        """Create the journal, lock it and write its first entry; UsageError if another lives."""
        try:
            self._descriptor = self._files.create(self.path, 0o600)
        except FileExistsError:
            database = Path(str(self.path)[: -len(SUFFIX)])
            raise UsageError(
                f"{self.path} is there: another guard is at work on this database, or one was "
                f"killed. Run '{how_to_recover(database)}' first."
            ) from None
        # between the two calls it is nobody's: another may have taken it for a killed guard's
        if not self._is_ours(self._descriptor):
            self.release()
            raise UsageError(f"another guard is at work on this database ({self.path})")
        self.write({"version": VERSION, "pid": os.getpid()} | entry)
        self._files.sync_folder(self.path.parent)

    def write(self, entry: dict[str, Any]) -> None:
        """Append one entry and make it last; where that fails nothing of it stays."""
        whole_bytes = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        try:
            self._files.write(self._descriptor, json.dumps(entry).encode() + b"\n")
            self._files.sync(self._descriptor)
        except BaseException:
            # half a line would make one damaged line with the next
            with suppress(OSError):
                os.ftruncate(self._descriptor, whole_bytes)
                os.lseek(self._descriptor, whole_bytes, os.SEEK_SET)
            raise
        self._last = entry

    def running(self, pid: int) -> None:
        """Say which process is about to run the tests: it may outlive the guard.

        The entry is the last one and says one thing more, so whoever does not know of it reads
        what they would have read without.
        """
        if self._descriptor >= 0:
            command = {"pid": pid, "started": processes.started(pid)}
            self.write(self._last | {"command": command})

    def end(self) -> None:
        """Remove the journal: the baseline is back, nothing is left to do."""
        if self._descriptor < 0:
            return  # never begun, or let go: what stands there now is another's
        try:
            self._files.unlink(self.path)
            self._files.sync_folder(self.path.parent)
        finally:
            self.release()  # one that could not be removed is the next guard's to end

    def release(self) -> None:
        """Let go of the lock and leave the journal for the next guard or ``recover``."""
        if self._descriptor >= 0:
            self._files.close(self._descriptor)
            self._descriptor = -1

    def adopt(self) -> list[dict[str, Any]]:
        """Take over what a killed guard left; [] if there is none.

        Raises UsageError while its guard is alive, RestoreError for a journal of another version
        or one that no guard wrote. A last line cut off by the kill does not count, its step was
        never begun; it is cut away, so that the next entry stands on a line of its own.
        """
        descriptor = self._locked()
        if descriptor is None:
            return []
        self._descriptor = descriptor
        try:
            written = self.path.read_bytes()
            whole = written[: written.rfind(b"\n") + 1]
            entries = self._read(whole)
            if len(whole) < len(written):
                os.ftruncate(descriptor, len(whole))
            os.lseek(descriptor, 0, os.SEEK_END)
            self._last = entries[-1] if entries else {}
        except BaseException:
            self.release()
            raise
        return entries or [{"version": VERSION, "state": CAPTURING, "backups": []}]

    def _locked(self) -> int | None:
        """Open and lock the journal that stands there; None when there is none."""
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            except FileNotFoundError:
                return None
            except OSError as error:
                raise RestoreError(
                    f"{self.path} is no journal of a guard ({error.strerror}), so nobody can tell "
                    "what is in the database; nothing was changed. Look what it is, move it "
                    "away, and compare the database with a backup ('harness verify')"
                ) from None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise UsageError(
                    f"another guard is at work on this database ({self.path})"
                ) from None
            if self._stands(descriptor):
                return descriptor
            os.close(descriptor)  # its guard has ended between the two calls

    def _is_ours(self, descriptor: int) -> bool:
        """Lock the journal that was just made, if it still is what stands there."""
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._stands(descriptor)
        return False

    def _stands(self, descriptor: int) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        return False

    def _read(self, whole: bytes) -> list[dict[str, Any]]:
        """Read the whole lines; RestoreError where this guard cannot have written them."""
        try:
            entries = [json.loads(line) for line in whole.splitlines()]
        except ValueError:
            entries = [None]
        if entries and isinstance(entries[0], dict) and entries[0].get("version") != VERSION:
            raise RestoreError(
                f"{self.path} was written by another version of the guard "
                f"({entries[0].get('version')!r}, this one writes {VERSION}); use that version"
            )
        if not all(_is_sound(entry) for entry in entries):
            raise RestoreError(
                f"{self.path} is damaged, so nobody can tell what is in the database; nothing was "
                "changed. Compare the database with the backup beside it ('harness verify'), put "
                "it back if need be ('harness restore'), then remove the journal"
            )
        return entries


def _is_sound(entry: Any) -> bool:
    """Whether a guard can have written it, as far as it is going to be believed."""
    if not isinstance(entry, dict) or entry.get("state") not in STATES:
        return False
    backups, command = entry.get("backups", []), entry.get("command")
    if not isinstance(backups, list) or not all(_is_backup(one) for one in backups):
        return False
    return command is None or (
        isinstance(command, dict)
        and type(command.get("pid")) is int
        and command["pid"] > 0
        and isinstance(command.get("started"), str)
    )


def _is_backup(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("recovery"), str):
        return False
    place = one.get("place")
    return type(place) is int and place >= 0
