"""A small database with everything in it, and ways to damage a copy of its file by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import apsw

from harness.databases import Differences
from harness.databases.sqlite.differences import differences
from tests.databases.guarded import COUNT

SIZE_BYTES = 512  # of a page: a few hundred rows make trees of three levels
SCRIPT = f"""
PRAGMA page_size = {SIZE_BYTES};
PRAGMA auto_vacuum = {{auto_vacuum}};
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INT);
CREATE INDEX n ON t(n);
CREATE TABLE w(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;
CREATE TABLE long(v TEXT);
CREATE INDEX long_v ON long(v);
CREATE TABLE gone(v);
{COUNT.format(600)} INSERT INTO t(name, n) SELECT 'name ' || i, i % 50 FROM n;
{COUNT.format(400)} INSERT INTO w SELECT i, 'b' || i FROM n;
{COUNT.format(6)} INSERT INTO long SELECT i || hex(zeroblob(700)) FROM n;
{COUNT.format(60)} INSERT INTO gone SELECT zeroblob(400) FROM n;
DROP TABLE gone;
"""
OF = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path"


@cache
def _made(auto_vacuum: int) -> bytes:
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(SCRIPT.format(auto_vacuum=auto_vacuum))
        return connection.serialize("main")


class Garbled:
    """A baseline, and a copy whose bytes a test changes."""

    def __init__(self, folder: Path, *, auto_vacuum: int = 0) -> None:
        """Make both."""
        self.baseline, self.live = folder / "baseline.db", folder / "live.db"
        self.data = bytearray(_made(auto_vacuum))
        for path in (self.baseline, self.live):
            path.write_bytes(self.data)

    def execute(self, *statements: str) -> None:
        """Let SQLite itself change the copy."""
        self.live.write_bytes(self.data)
        with closing(apsw.Connection(str(self.live))) as connection:
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
            for statement in statements:
                connection.execute(statement)
        self.data = bytearray(self.live.read_bytes())

    def pages(self, name: str, kind: str) -> list[int]:
        """Ask SQLite for a b-tree's pages of a kind: internal, leaf or overflow."""
        with closing(apsw.Connection(str(self.baseline))) as connection:
            return [number for (number,) in connection.execute(OF, (name, kind))]

    def at(self, number: int) -> int:
        """Where a page begins."""
        return (number - 1) * SIZE_BYTES

    def number(self, offset: int) -> int:
        """Read 32 bits."""
        value: int = struct.unpack_from(">I", self.data, offset)[0]
        return value

    def put(self, offset: int, data: bytes) -> None:
        """Write over some bytes."""
        self.data[offset : offset + len(data)] = data

    def put_number(self, offset: int, value: int) -> None:
        """Write 32 bits."""
        self.put(offset, struct.pack(">I", value))

    def swap_first_cells(self, number: int) -> None:
        """Let the first two cells of a page change places in its order."""
        places = self.at(number) + (12 if self.data[self.at(number)] in (2, 5) else 8)
        one, other = self.data[places : places + 2], self.data[places + 2 : places + 4]
        self.put(places, other + one)

    def cell(self, number: int, index: int) -> int:
        """Where a cell of a page begins."""
        places = self.at(number) + (12 if self.data[self.at(number)] in (2, 5) else 8)
        place: int = struct.unpack_from(">H", self.data, places + 2 * index)[0]
        return self.at(number) + place

    def found(self) -> Differences:
        """Write the live file, and verify it."""
        self.live.write_bytes(self.data)
        return differences(self.live, self.baseline, busy_timeout_ms=0)

    def complaint(self) -> str:
        """Ask SQLite itself what it thinks of the live file."""
        return integrity(self.live)


def integrity(path: Path) -> str:
    """Give all that SQLite's own check says."""
    lines = []
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        try:
            for (line,) in connection.execute("PRAGMA integrity_check"):
                lines.append(str(line))
        except (apsw.CorruptError, apsw.NotADBError) as error:
            lines.append(str(error))
    return "\n".join(lines)


def _index_bytes(file: Garbled) -> None:
    file.put(file.at(file.pages("n", "leaf")[2]) + SIZE_BYTES - 40, b"\x55" * 20)


def _index_short(file: Garbled) -> None:
    leaf = file.at(file.pages("n", "leaf")[2])
    file.data[leaf + 4] -= 1


def _divider(file: Garbled) -> None:
    file.data[file.cell(file.pages("n", "internal")[-1], 0) + 4 + 4] ^= 0x01


def _free_twice(file: Garbled) -> None:
    trunk = file.at(file.number(32))
    file.put_number(trunk + 8, file.number(trunk + 12))


def _free_in_use(file: Garbled) -> None:
    file.put_number(file.at(file.number(32)) + 8, file.pages("t", "leaf")[4])


def _free_elsewhere(file: Garbled) -> None:
    file.put_number(file.at(file.number(32)) + 8, 99999)


def _free_forgotten(file: Garbled) -> None:
    file.put_number(32, 0)
    file.put_number(36, 0)


def _interior_key(file: Garbled) -> None:
    cell = file.cell(file.pages("t", "internal")[-1], 2)
    file.data[cell + 4 + (file.data[cell + 4] >= 0x80)] ^= 0x03


def _roots_exchanged(file: Garbled) -> None:
    file.execute(
        "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage = (SELECT sum(rootpage) "
        "FROM sqlite_schema WHERE name IN ('n', 'sqlite_autoindex_t_1')) - rootpage "
        "WHERE name IN ('n', 'sqlite_autoindex_t_1')"
    )


def _long_entry(file: Garbled) -> None:
    file.data[file.at(file.pages("long_v", "overflow")[0]) + 100] ^= 0x01


def _leaves_exchanged(file: Garbled) -> None:
    one, other = (file.at(number) for number in file.pages("t", "leaf")[3:5])
    page, neighbour = file.data[one : one + SIZE_BYTES], file.data[other : other + SIZE_BYTES]
    file.put(one, bytes(neighbour))
    file.put(other, bytes(page))


# What is done to the file -> what of it must be told, as the beginning of a sentence.
GARBLINGS: dict[str, tuple[Callable[[Garbled], None], str]] = {
    "bytes of an index's leaf": (_index_bytes, "index n no longer matches its table"),
    "an index's entry lost": (_index_short, "index n no longer matches its table"),
    "an index's order": (
        lambda file: file.swap_first_cells(file.pages("n", "leaf")[1]),
        "index n no longer matches its table",
    ),
    "an entry on an index's interior page": (_divider, "index n no longer matches its table"),
    "an index without a definition": (
        lambda file: file.swap_first_cells(file.pages("sqlite_autoindex_t_1", "leaf")[1]),
        "index sqlite_autoindex_t_1 no longer matches its table",
    ),
    "a long entry of an index": (_long_entry, "index long_v no longer matches its table"),
    "where two indexes begin": (_roots_exchanged, "index n no longer matches its table"),
    "the free list's length": (lambda file: file.put_number(36, 1), "the "),
    "a free page twice": (_free_twice, "the "),
    "a free page in use": (_free_in_use, "the "),
    "a free page that is not there": (_free_elsewhere, "the "),
    "free pages forgotten": (_free_forgotten, "the "),
    "the order of a table's rows": (
        lambda file: file.swap_first_cells(file.pages("t", "leaf")[1]),
        "the ",
    ),
    "the order of a table's leaves": (_leaves_exchanged, "the "),
    "the order of rows without rowid": (
        lambda file: file.swap_first_cells(file.pages("w", "leaf")[1]),
        "the ",
    ),
    "a key of a table's interior page": (_interior_key, "the "),
    "the count of fragments": (
        lambda file: file.put(file.at(file.pages("t", "leaf")[1]) + 7, b"\x09"),
        "the ",
    ),
}
