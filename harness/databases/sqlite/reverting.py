"""Put back what differs of a SQLite database, in one transaction: rows, sequences, settings.

Triggers, cascades and CHECKs that would act on a row put back stay out of the way, and no foreign
key may be left broken that the baseline had whole.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from harness.databases import Differences
from harness.databases.sqlite.names import quoted
from harness.databases.sqlite.put_back import Refused, put_back
from harness.databases.sqlite.session import connect as connect_to
from harness.databases.sqlite.stored import referred_tables, root_of, sequence_rows

_SETTINGS = ("user_version", "application_id")  # in the header, so in the transaction


def revert(
    database: Path,
    baseline: Path,
    found: Differences,
    *,
    connect: Callable[[Path], Any],
    checks_foreign_keys: bool = True,
) -> dict[str, str]:
    """Make what ``found`` says differs the baseline's again; by table or setting, what cannot be.

    May be begun again anywhere: whatever is raised, and whenever it is killed, the database is as
    it was.

    Args:
        database: the live one.
        baseline: a file whose own bytes, without any ``-wal``, are the baseline.
        found: by ``differences`` of the two.
        connect: opens the live one.
        checks_foreign_keys: off only for who verifies afterwards that everything is the
            baseline's, keys included: the check reads whole tables.

    Raises:
        apsw.ConstraintError: a row was in the way, or a foreign key would be left broken.
        apsw.Error, OSError: SQLite refuses.
    """
    refused = _refused(found)
    if found.clean("exact") or "encoding" in found.settings:
        return refused
    with (
        closing(connect_to(baseline, immutable=True)) as base,
        closing(connect(database)) as live,
    ):
        _stand_aside(live)
        if os.path.samefile(database, baseline):
            live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # the baseline would go
        live.execute("BEGIN IMMEDIATE")
        try:
            touched = _put_back(base, live, found, refused)
            if checks_foreign_keys:
                _check_foreign_keys(base, live, touched)
            live.execute("COMMIT")
        finally:
            if live.in_transaction:
                live.execute("ROLLBACK")
    return refused


def _put_back(base: Any, live: Any, found: Differences, refused: dict[str, str]) -> set[str]:
    """Put back what is not refused, and refuse what turns out to be; the tables written."""
    touched = set()
    for name, stored_in, rows in found.as_stored():
        if name in refused:
            continue
        try:
            put_back(base, live, stored_in, rows)
            touched.add(stored_in)
        except Refused as reason:
            refused[name] = str(reason)
    if "sqlite_sequence" not in refused:
        _put_back_sequences(base, live, refused)
    for name in _SETTINGS:
        if name in found.settings:
            live.pragma(name, found.settings[name][0])
    return touched


def _refused(found: Differences) -> dict[str, str]:
    """Say what rows alone cannot make the baseline's again."""
    refused = {name: f"not readable: {why}" for name, why in found.unread.items()}
    refused |= {thing.name: f"schema changed: {thing}" for thing in found.schema}
    refused |= found.damage
    for name, (old, new) in found.settings.items():
        if name not in _SETTINGS:
            refused[f"setting {name}"] = f"{new}, was {old}"
    if "encoding" in found.settings:
        refused |= dict.fromkeys(found.tables, "the database's encoding changed")
    return refused


def _stand_aside(live: Any) -> None:
    """Let nothing act on the rows put back: they are as they were when all this last allowed them.

    Foreign keys off rather than deferred: deleting a row to insert it as it was would cascade, and
    RESTRICT cannot be deferred. They are checked before the commit.
    """
    live.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    live.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    live.pragma("ignore_check_constraints", True)


def _put_back_sequences(base: Any, live: Any, refused: dict[str, str]) -> None:
    """Put back AUTOINCREMENT's memory: last, as the inserts before have moved it."""
    if root_of(live, "sqlite_sequence") is None:
        return
    baseline_rows = [row for row in sequence_rows(base) if row[1] not in refused]
    live_rows = [row for row in sequence_rows(live) if row[1] not in refused]
    if repr(baseline_rows) == repr(live_rows):  # exact in type too
        return
    live.executemany(
        "DELETE FROM main.sqlite_sequence WHERE rowid = ?", [(key,) for key, *_ in live_rows]
    )
    taken_keys = {key for key, *_ in sequence_rows(live)}
    live.executemany(
        "INSERT INTO main.sqlite_sequence (rowid, name, seq) VALUES (?, ?, ?)",
        [(None if key in taken_keys else key, name, value) for key, name, value in baseline_rows],
    )


def _check_foreign_keys(base: Any, live: Any, touched: set[str]) -> None:
    """Raise if a foreign key is broken now that the baseline had whole."""
    for table in _referring(live, touched):
        broken = _violations(live, table)
        if broken and (newly_broken := broken - _violations(base, table)):
            raise apsw.ConstraintError(
                f"FOREIGN KEY constraint failed: {newly_broken.total()} rows of {table} would "
                "refer to rows that are gone; everything was left as it was"
            )


def _referring(live: Any, touched: set[str]) -> list[str]:
    """Name the tables whose foreign keys ``touched`` tables may have broken or mended."""
    return sorted(
        name
        for name, parents in referred_tables(live).items()
        if name in touched or parents & touched
    )


def _violations(connection: Any, table: str) -> Counter[tuple[Any, ...]]:
    try:
        rows = connection.execute(f"PRAGMA main.foreign_key_check({quoted(table)})").fetchall()
    except apsw.SQLError as error:  # a key that refers to no unique columns: the baseline's as well
        return Counter([(str(error),)])
    return Counter(rows)
