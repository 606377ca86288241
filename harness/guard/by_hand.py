"""Back up, verify and restore one database by hand: what came of it, and how it is said.

How it is done is the engine's: ``guard/ENGINE/by_hand.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from harness.databases import Differences, Row
from harness.databases.engine import Address, Given
from harness.databases.engines import address_of
from harness.guard import document
from harness.guard.loading import load
from harness.guard.result import Kept
from harness.printable import printed
from harness.system.files import Files

WAIT_MS = 5000  # for another's lock: a person would rather wait than be refused
_DATABASE = "DATABASE"  # what the commands call it
_SHOWN = 160  # characters of one row


class Saved(NamedTuple):
    """A backup that was made and proven equal to the database."""

    backup: Kept
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
    thrown_away: Kept | None  # the archive of what was there before
    took_ms: float
    put_away: tuple[Kept, ...] | None = None  # archives of what a killed guard had backed up
    damaged: str = ""  # a journal that nobody can read
    # mode and owner that are not the backup's, and stay: name -> (the backup's, the database's)
    attributes: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def sentence(self, database: str | Path, backup: str | Path) -> str:
        """Say it to people."""
        if not self.how:
            lines = [f"{database} is {backup} already; nothing was written"]
        else:
            lines = [
                f"{database}: restored by {self.how} in {self.took_ms:.1f} ms, verified: "
                f"the same as {backup}"
            ]
        lines += [
            f"its {name} stays {now}; the backup's is {was}"
            for name, (was, now) in sorted(self.attributes.items())
        ]
        if self.thrown_away:
            lines.append(f"what it held before is in {self.thrown_away}")
        if self.put_away is not None:
            lines.append("what an earlier guard had left is brought back by nobody any more")
        lines += [f"what it had backed up is kept as {path}" for path in self.put_away or ()]
        if self.damaged:
            lines.append(
                f"{self.damaged} is damaged, and no guard will begin before 'harness recover "
                f"--database {database} --discard'"
            )
        return printed(lines)


def backup(
    database: Given, backup: Given, *, files: Files | None = None, busy_timeout_ms: int = WAIT_MS
) -> Saved:
    """Copy a database while others may be connected, and verify the copy.

    Raises UsageError, with nothing left behind, where it cannot be done; also where anything, be
    it a dead link, stands in the backup's place.
    """
    address = address_of(database, what=_DATABASE)
    saved = _of(address).backup(address, backup, files or Files(), busy_timeout_ms)
    return cast(Saved, saved)


def verify(database: Given, backup: Given, *, busy_timeout_ms: int = WAIT_MS) -> Differences:
    """Find every difference between a database and a backup; UsageError for what is neither.

    Mode and owner are told and no difference: a backup made by hand often has others.
    """
    address = address_of(database, what=_DATABASE)
    return cast(Differences, _of(address).verify(address, backup, busy_timeout_ms))


def restore(
    database: Given,
    backup: Given,
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
    address = address_of(database, what=_DATABASE)
    restored = _of(address).restore(address, backup, files or Files(), busy_timeout_ms, force=force)
    return cast(Restored, restored)


def discard(database: Given | Address, *, files: Files | None = None) -> str:
    """Give up what a killed guard meant to bring back; a sentence about what became of it.

    Raises:
        UsageError: the guard or its command is alive, or what it left cannot be removed.
    """
    address = address_of(database, what=_DATABASE)
    return cast(str, _of(address).discard(address, files or Files()))


def archives(database: Given) -> str:
    """List the archives of a database to people, the oldest first."""
    address = address_of(database, what=_DATABASE)
    return cast(str, _of(address).archives(address))


def shown(given: str) -> str:
    """Give what people gave, an address without its password."""
    return str(address_of(given)) if "://" in given else given


def _of(address: Address) -> Any:
    return load(f"{address.engine.guarding}.by_hand")


# What is said about differences.


def as_lines(found: Differences) -> list[str]:
    """Say every difference to people, row by row; a row begins with its rowid or its columns."""
    lines = []
    if found.clean("exact"):
        lines = ["no differences" + (" of content" if found.attributes else "")]
    for name, table in sorted(found.tables.items()):
        lines.append(table.sentence(name))
        lines += [f"  + {_short(row)}" for row in table.added]
        lines += [f"  - {_short(row)}" for row in table.missing]
        lines += [f"  ~ {_short(was)} -> {_short(now)}" for was, now in table.changed]
        lines += [f"  {table.rest}"] if table.rest else []
    return [*lines, *found.sentences_beside_rows()]


def as_json(found: Differences) -> str:
    """Say every difference to machines."""
    content = {"version": document.VERSION} | document.of(found, rows=True)
    return json.dumps(content, indent=2)


def _short(row: Row) -> str:
    text = repr(row)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
