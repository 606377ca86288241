"""The intent journal: what the guard is about to do, kept before it does it.

One JSON object a line, synced before each step. It gives no path, owner or mode. Where it lies is
the engine's matter: a file beside the database, a table on its server.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from harness.databases.engine import Address
from harness.errors import UsageError

VERSION = 2
READ = (1, VERSION)  # 1 named paths, modes and owners as well, which nobody believes
# What an entry says: backups are being taken and no test has run; the tests may run or have run
# and the backups are whole; the database is proven back and only tidying up is left.
STATES = CAPTURING, CAPTURED, PROVEN = "capturing", "captured", "proven"
MOST_BYTES = 1 << 20  # a guard writes some hundred
_MOST_PLACES = 1000  # no chain is as long; a name must fit into a folder

Entry = dict[str, Any]
NEVER_BEGUN: Entry = {"version": VERSION, "state": CAPTURING, "backups": []}


def how_to_recover(database: Path | Address | str) -> str:
    """Give the exact command that puts the baseline back, from any folder.

    Args:
        database: its path, its address, or that as it can be given from anywhere.
    """
    if isinstance(database, os.PathLike):
        address = os.path.abspath(database)
    else:
        address = database if isinstance(database, str) else database.whole
    return f"harness recover --database {shlex.quote(address)}"


class AtWork(UsageError):
    """Another guard lives and has the journal.

    Args:
        message: what happened.
        who: which guard that is, to follow the word: "of process 12 (pytest -q)".
    """

    def __init__(self, message: str, who: str = "that is at work on it") -> None:
        super().__init__(message)
        self.who = who


class Around(UsageError):
    """Another guard has the journal, and this process is of its tests."""


class Journal(Protocol):
    """The journal of one guard on one database."""

    unprotected: str  # why it is not out of the tests' reach; empty when it is

    @property
    def exists(self) -> bool:
        """Whether anything stands where a guard's journal would."""

    @property
    def is_held(self) -> bool:
        """Whether this guard has begun or adopted it, and has not let go of it."""

    @property
    def is_anothers(self) -> bool:
        """Whether another guard has begun meanwhile, because tests removed this one's journal."""

    @property
    def is_in_reach(self) -> bool:
        """Whether it still stands where the tests could reach it."""

    @property
    def is_doubtful(self) -> bool:
        """Whether what was adopted may have been put right already by somebody unseen."""

    def begin(self, entry: Entry) -> None:
        """Take it and write its first entry; UsageError if another guard lives."""

    def write(self, entry: Entry) -> None:
        """Append one entry and make it last; where that fails nothing of it stays."""

    def running(self, pid: int) -> None:
        """Say which process is about to run the tests: it may outlive the guard."""

    def failed(self) -> None:
        """Say that the guard ends by itself, and the baseline is not proven back."""

    @property
    def has_failed(self) -> bool:
        """Whether the guard whose journal was adopted had said so: it was not killed."""

    def end(self, *, lasting: bool = False) -> None:
        """Remove it: nothing is left to do. Only ``lasting`` makes that last a power cut."""

    def release(self) -> None:
        """Let go of it, and leave it for the next guard or ``recover``."""

    def noted(self) -> list[Entry]:
        """Read what stands there without taking it over; [] where that cannot be."""

    def adopt(self) -> list[Entry]:
        """Take over what a killed guard left; [] if there is none.

        Raises UsageError while its guard is alive and for what is no guard's, RestoreError for a
        journal of another version or one that no guard wrote.
        """


def line(entry: Mapping[str, Any]) -> bytes:
    """Write one entry."""
    return json.dumps(entry).encode() + b"\n"


def entries_in(written: bytes) -> tuple[list[Entry], int]:
    """Read the whole lines, and how many bytes they are; what was cut off does not count.

    What was never synced may have come in part: cut off, or zeros in a sector's place.

    Raises:
        OtherVersion: it is of a guard of another version.
        Damaged: no guard can have written it.
    """
    whole_lines = written.partition(b"\0")[0]
    whole_lines = whole_lines[: whole_lines.rfind(b"\n") + 1]
    try:
        entries = [json.loads(text) for text in whole_lines.splitlines()]
    except (ValueError, RecursionError):
        raise Damaged from None
    if entries and isinstance(entries[0], dict) and entries[0].get("version") not in READ:
        raise OtherVersion(entries[0].get("version"))
    if not all(_is_sound(entry) for entry in entries):
        raise Damaged
    return entries, len(whole_lines)


class Damaged(Exception):
    """No guard can have written it."""


class OtherVersion(Exception):
    """A guard of another version wrote it."""

    def __init__(self, version: object) -> None:
        super().__init__(
            f"was written by another version of the guard ({version!r}, this one writes {VERSION});"
            " use that version"
        )


def _is_sound(entry: Any) -> bool:
    """Whether a guard can have written it, as far as it is going to be believed."""
    if not isinstance(entry, dict) or entry.get("state") not in STATES:
        return False
    backups, command = entry.get("backups", []), entry.get("command")
    mark = entry.get("mark")
    if mark is not None and not (isinstance(mark, str) and re.fullmatch("[0-9a-f]{32}", mark)):
        return False
    if not isinstance(backups, list) or not all(_is_backup(backup) for backup in backups):
        return False
    return command is None or (
        isinstance(command, dict)
        and type(command.get("pid")) is int
        and command["pid"] > 0
        and isinstance(command.get("started"), str)
    )


def _is_backup(backup: Any) -> bool:
    if not isinstance(backup, dict) or not isinstance(backup.get("recovery"), str):
        return False
    place = backup.get("place")
    return type(place) is int and 0 <= place < _MOST_PLACES
