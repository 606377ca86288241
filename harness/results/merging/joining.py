"""The rows of parts become one cycles.sqlite, from file to file: none of them is Python's."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import apsw

from harness.errors import MeasurementError, UsageError
from harness.outcomes import CODES
from harness.results import blocks, rows
from harness.results.checksums import TIMED
from harness.results.folder import CYCLES
from harness.results.merging.part import Part
from harness.results.packed import Filling, PackedCycles, pack, packed_rows
from harness.results.sound import shown

# What is the same wherever a cycle is run: all but its timings, and the checksum that has them.
_SAME = tuple(
    name for name in rows.COLUMNS if name not in ("condition", "cycle", "checksum", *TIMED)
)
_STORIES = "condition, cycle, story, checksum"
_DIFFERS = f"""
SELECT s.cycle FROM theirs AS s JOIN cycles AS m ON m.condition = ?1 AND m.cycle = s.cycle
LEFT JOIN part.stories AS ss ON ss.condition = s.condition AND ss.cycle = s.cycle
LEFT JOIN stories AS ms ON ms.condition = m.condition AND ms.cycle = m.cycle
WHERE s.condition = ?2 AND s.cycle BETWEEN ?3 AND ?4
    AND ({", ".join(f"s.{name}" for name in _SAME)}, ss.story)
    IS NOT ({", ".join(f"m.{name}" for name in _SAME)}, ms.story)
ORDER BY s.cycle LIMIT 1
"""
_REST = [name for name in rows.COLUMNS if name != "condition"]
_TAKE = f"""
INSERT INTO cycles (condition, {", ".join(_REST)}) SELECT ?1, {", ".join(_REST)}
FROM theirs WHERE condition = ?2 AND cycle BETWEEN ?3 AND ?4 ORDER BY cycle
"""
_TAKE_BLOCKS = """
INSERT INTO blocks SELECT ?1, block, layout, content FROM part.blocks
WHERE condition = ?2 AND block >= ?3 AND block < ?4 ORDER BY block
"""
# A part's rows, and those of its blocks of which only some cycles are taken or compared.
_THEIRS = f"""
CREATE TEMP TABLE unpacked AS SELECT {", ".join(rows.COLUMNS)} FROM part.cycles WHERE 0;
CREATE TEMP VIEW theirs AS SELECT {", ".join(rows.COLUMNS)} FROM part.cycles
    UNION ALL SELECT {", ".join(rows.COLUMNS)} FROM unpacked
"""
_UNPACK = f"INSERT INTO unpacked VALUES ({', '.join('?' * len(rows.COLUMNS))})"
_TAKE_STORIES = f"""
INSERT INTO stories ({_STORIES}) SELECT ?1, cycle, story, checksum
FROM part.stories WHERE condition = ?2 AND cycle BETWEEN ?3 AND ?4 ORDER BY cycle
"""
_COUNT = (
    "INSERT INTO totals SELECT condition, count(*), sum(checksum) FROM cycles GROUP BY condition"
)


def join(parts: Sequence[Part], folder: Path) -> None:
    """Write the cycles of all parts to ``folder``, which nobody else writes to, or nothing.

    What several have is taken from the one that begins first, once both are known to be equal.

    Raises:
        UsageError: one cycle ended otherwise in two parts, timings aside.
        MeasurementError: it cannot be written, or a part cannot be read.
    """
    ordered = sorted(parts, key=lambda part: (part.range.start, -part.range.stop))
    for left in folder.glob(f".{CYCLES}.*"):  # of a merge that was killed: the folder is locked
        left.unlink()
    half = folder / f".{CYCLES}.{os.getpid()}"
    try:
        with _new(half) as connection:
            ids = _conditions(connection, list(parts[0].cycles))
            taken: dict[str, list[tuple[int, Path]]] = {name: [] for name in ids}
            for part in ordered:
                with _attached(connection, part):
                    for name, number in ids.items():
                        _take(connection, part, name, number, taken[name])
            _seal(connection, ids.values())
        half.replace(folder / CYCLES)
    except (apsw.Error, OSError) as error:
        raise MeasurementError(
            f"{folder / CYCLES}: cannot be written: {error}; nothing was merged. Make room, or "
            "name another folder with --output"
        ) from error
    finally:
        for path in (half, half.with_name(f"{half.name}-journal")):
            path.unlink(missing_ok=True)


def _take(
    connection: apsw.Connection,
    part: Part,
    name: str,
    number: int,
    taken: list[tuple[int, Path]],
) -> None:
    """Take what no part before it had; ``taken``: where each of those before ended, and which."""
    wanted = part.cycles[name]
    if not wanted:
        return
    ids: dict[str, int] = dict(connection.execute("SELECT name, id FROM part.conditions"))
    theirs = ids.get(name, -1)
    end = taken[-1][0] if taken else 0
    both = range(wanted.start, min(end, wanted.stop))
    new = range(max(wanted.start, end), wanted.stop)
    whole = range(
        -(-new.start // blocks.CYCLES), new.stop // blocks.CYCLES
    )  # blocks of which all is new
    _unpack(connection, theirs, whole)
    if both:
        filling = Filling(connection)
        for block in range(both[0] // blocks.CYCLES, both[-1] // blocks.CYCLES + 1):
            filling.unpack(number, block)
        _refuse_unequal(connection, part, name, (number, theirs, both[0], both[-1]), taken)
    if new:
        values = (number, theirs, new[0], new[-1])
        connection.execute(_TAKE, values)
        if whole and _has_blocks(connection):
            connection.execute(_TAKE_BLOCKS, (number, theirs, whole.start, whole.stop))
        connection.execute(_TAKE_STORIES, values)
        taken.append((new.stop, part.folder))


def _unpack(connection: apsw.Connection, theirs: int, but: range) -> None:
    """Make rows of a condition's blocks in a part, but for those that are taken as they are."""
    connection.execute("DELETE FROM unpacked")
    if not _has_blocks(connection):
        return
    packed = PackedCycles(connection, "part")
    for number in packed.numbers(theirs):
        block = None if number in but else packed.block(theirs, number)
        if block is not None:
            connection.executemany(_UNPACK, packed_rows(theirs, block))


def _has_blocks(connection: apsw.Connection) -> bool:
    """Whether the attached part is from when there were blocks."""
    query = "SELECT 1 FROM part.sqlite_schema WHERE name = 'blocks'"
    return connection.execute(query).fetchone() is not None


def _seal(connection: apsw.Connection, conditions: Iterable[int]) -> None:
    """Count what was joined, and pack what is full."""
    connection.execute(_COUNT)
    packed = PackedCycles(connection)
    for condition in conditions:
        for block in packed.each(condition):
            values = (condition, len(block.checksums), int(block.checksums.sum()))
            connection.execute(rows.ADD_TOTAL, values)
    for condition, number in Filling(connection).full():
        pack(connection, condition, number)


def _refuse_unequal(
    connection: apsw.Connection,
    part: Part,
    name: str,
    values: tuple[int, int, int, int],
    taken: Sequence[tuple[int, Path]],
) -> None:
    for (cycle,) in connection.execute(_DIFFERS, values):
        other = next(folder for end, folder in taken if cycle < end)
        raise UsageError(
            f"condition {shown(name)}, cycle {cycle}: ended otherwise in {part.folder} than in "
            f"{other}, so they are not of one run, or something outside of the cycle decides how "
            f"it ends. Look at it in both: 'harness replay {shlex.quote(str(part.folder))} "
            f"--condition {shlex.quote(name)} --cycle {cycle}'"
        )


def _conditions(connection: apsw.Connection, names: Sequence[str]) -> dict[str, int]:
    numbered = {name: number for number, name in enumerate(names, 1)}
    connection.executemany(
        "INSERT INTO conditions (id, name) VALUES (?, ?)",
        [(n, name) for name, n in numbered.items()],
    )
    connection.executemany(
        "INSERT INTO outcomes VALUES (?, ?)", [(code, outcome) for outcome, code in CODES.items()]
    )
    return numbered


@contextlib.contextmanager
def _new(path: Path) -> Iterator[apsw.Connection]:
    """Give a new database, which is on the disk once this is left; what is half is thrown away."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(str(path), flags=flags)
    try:
        connection.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        connection.execute(rows.SCHEMA)
        yield connection
    finally:
        connection.close()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _attached(connection: apsw.Connection, part: Part) -> Iterator[None]:
    place = f"{part.database.absolute().as_uri()}?mode=ro"
    try:
        connection.execute("ATTACH ? AS part", (place,))
        there = connection.execute(
            "SELECT name FROM pragma_table_info('cycles', 'part')"
        ).fetchall()
        has_stories = connection.execute(
            "SELECT 1 FROM part.sqlite_schema WHERE name = 'stories'"
        ).fetchall()
    except apsw.Error as error:
        raise MeasurementError(f"{part.database}: cannot be read: {error}") from error
    if not has_stories or not {*rows.COLUMNS} <= {name for (name,) in there}:
        raise UsageError(
            f"{part.database}: was written by an older version of the harness, which did not store "
            "all that is merged; run it again with this one"
        )
    connection.execute(_THEIRS)
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")
    connection.execute("DROP VIEW theirs; DROP TABLE unpacked")
    connection.execute("DETACH part")
