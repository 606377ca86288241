"""The packed cycles of one cycles.sqlite: table ``blocks``, beside the rows of ``cycles``.

Cycles come in any order and are rows first. As soon as every cycle of a block's numbers is there,
in one transaction, their rows become the block: at any time a cycle is either a row or in a block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apsw
import numpy as np

from harness.errors import UsageError
from harness.results import blocks, checksums, columns, rows
from harness.results.blocks import Block
from harness.results.sound import Unsound

_TIMED = ", ".join(checksums.TIMED)
_RANGE = "condition = ? AND cycle >= ? AND cycle < ?"
_READ = f"""
SELECT cycle, outcome, flags, restored_by, left_behind, backup_bytes, payload_bytes, grown_bytes,
    {_TIMED}, faults, coalesce(detail, ''), checksum
FROM cycles WHERE {_RANGE} ORDER BY cycle
"""
_FILLING = "SELECT condition, cycle / ?, count(*) FROM cycles GROUP BY 1, 2"


class PackedCycles:
    """The blocks of one file, read by a connection of somebody else's.

    Args:
        connection: to the file.
        schema: the name by which the file is attached to it.
    """

    def __init__(self, connection: apsw.Connection, schema: str = "main") -> None:
        self._connection, self._table = connection, f"{schema}.blocks"
        query = f"SELECT 1 FROM {schema}.sqlite_schema WHERE name = 'blocks'"
        self._there = connection.execute(query).fetchone() is not None
        self._last: tuple[tuple[int, int, int], Block] | None = None

    def numbers(self, condition: int) -> list[int]:
        """Return which blocks of a condition are packed, ascending."""
        if not self._there:
            return []
        query = f"SELECT block FROM {self._table} WHERE condition = ? ORDER BY block"
        return [number for (number,) in self._connection.execute(query, (condition,))]

    def block(self, condition: int, number: int) -> Block | None:
        """Return a block; None where it is not packed.

        The last one is kept: it is asked for cycle by cycle. Unsound where it is damaged, or is
        not the one that its place says; UsageError where a newer version wrote it.
        """
        if not self._there:
            return None
        key = (condition, number, self._connection.pragma("data_version"))  # who else wrote since
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        query = f"SELECT layout, content FROM {self._table} WHERE condition = ? AND block = ?"
        row = self._connection.execute(query, (condition, number)).fetchone()
        if row is None:
            return None
        layout, content = row
        if layout != blocks.LAYOUT:
            raise UsageError(
                f"block {number}: written in layout {layout}; this harness reads {blocks.LAYOUT}; "
                "upgrade it"
            )
        block = blocks.unpack(content)
        cycles = block.columns["cycle"]
        if cycles[0] != number * blocks.CYCLES or len(cycles) != blocks.CYCLES:
            raise Unsound("content", 0, f"it is not that of block {number}")
        self._last = (key, block)
        return block

    def each(self, condition: int) -> Iterator[Block]:
        """Give the blocks of a condition, ascending."""
        for number in self.numbers(condition):
            block = self.block(condition, number)
            if block is not None:
                yield block

    def forget(self) -> None:
        """Forget the block that was read last: the table was changed."""
        self._last = None


class Filling:
    """Which blocks are how full, for whoever adds cycles.

    Args:
        connection: to the file, for writing.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: Counter[tuple[int, int]] = Counter()
        for condition, number, count in connection.execute(_FILLING, (blocks.CYCLES,)):
            self._rows[condition, number] = count
        query = "SELECT condition, block FROM blocks"
        self._packed: set[tuple[int, int]] = set(connection.execute(query))

    def first_packed(self, cycles: Iterable[tuple[int, int]]) -> int | None:
        """Return the first of (condition, cycle) that is in a block already; None for none."""
        return next((c for of, c in cycles if (of, c // blocks.CYCLES) in self._packed), None)

    def add(self, cycles: Iterable[tuple[int, int]]) -> Callable[[], None]:
        """Pack the blocks that these new rows, (condition, cycle), fill; within a transaction.

        Returns:
            What to call once that transaction is committed.
        """
        more = Counter((condition, cycle // blocks.CYCLES) for condition, cycle in cycles)
        full = [key for key, count in more.items() if self._rows[key] + count == blocks.CYCLES]
        packed = [key for key in full if pack(self._connection, *key)]

        def committed() -> None:
            self._rows.update(more)
            for key in packed:
                del self._rows[key]
            self._packed.update(packed)

        return committed

    def full(self) -> list[tuple[int, int]]:
        """Return the blocks, (condition, number), of which every cycle is a row."""
        return [key for key, count in self._rows.items() if count == blocks.CYCLES]

    def unpack(self, condition: int, number: int) -> None:
        """Make the rows of a block again, within a transaction; after it this one is stale."""
        if (condition, number) not in self._packed:
            return
        block = PackedCycles(self._connection).block(condition, number)
        assert block is not None  # noqa: S101 - for the types
        self._connection.executemany(rows.INSERT, packed_rows(condition, block))
        self._connection.execute(
            "DELETE FROM blocks WHERE condition = ? AND block = ?", (condition, number)
        )


def packed_rows(condition: int, block: Block) -> Iterator[tuple[Any, ...]]:
    """Give a block's cycles as the rows of COLUMNS that they were."""
    for row, checksum in zip(blocks.rows(block.columns), block.checksums.tolist(), strict=True):
        yield (condition, *row[:-1], row[-1] or None, checksum)


def pack(connection: apsw.Connection, condition: int, number: int) -> bool:
    """Pack a block's rows; False where one has no checksum, or cannot be what was stored."""
    place = (condition, number * blocks.CYCLES, (number + 1) * blocks.CYCLES)
    names = ("cycle", *rows.COLUMNS[2:])
    found = connection.execute(_READ, place).fetchall()
    raw: dict[str, Any] = dict(zip(names, zip(*found, strict=True), strict=True))
    sums = raw.pop("checksum")
    if None in sums:
        return False
    raw |= {name.replace("_us", "_ms"): raw.pop(name) for name in checksums.TIMED}
    try:
        content = blocks.pack(columns.stored(raw), np.array(sums, dtype=np.int64))
    except Unsound:
        return False  # whoever reads the rows says what is wrong with them
    connection.execute(
        "INSERT INTO blocks VALUES (?, ?, ?, ?)", (condition, number, blocks.LAYOUT, content)
    )
    connection.execute(f"DELETE FROM cycles WHERE {_RANGE}", place)
    return True
