"""SQLite's record format: what a row's payload says (section 2.1 of the file format).

Source: https://www.sqlite.org/fileformat2.html#record_format.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.cells import varint
from harness.truth.sqlite_pages.file_format.image import Image

Value = tuple[str, int | bytes]  # kind and content; two values are one value when both are equal
Record = tuple[Value, ...]
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def values(payload: bytes) -> Record:
    """Decode a record: ("null", 0), ("integer", n), ("real", 8 bytes), ("text" or "blob", bytes).

    Integers are equal whatever the bytes they are stored in; a real is never an integer. Raises
    Malformed when the record does not fit its payload.
    """
    padded = payload + bytes(9)
    body, at = varint(padded, 0)
    place = body
    fields: list[Value] = []
    while at < body <= len(payload):
        serial, at = varint(padded, at)
        size = _size(serial)
        if place + size > len(payload):
            raise Malformed("a record is longer than its payload")
        fields.append(_value(serial, payload[place : place + size]))
        place += size
    if at != body or place != len(payload):
        raise Malformed("a record's header does not fit its payload")
    return tuple(fields)


def _size(serial: int) -> int:
    if serial >= 12:
        return (serial - 12) // 2
    if serial in (10, 11):
        raise Malformed(f"a record uses the reserved serial type {serial}")
    return 8 if serial == 7 else _INTEGER_BYTES.get(serial, 0)


def _value(serial: int, content: bytes) -> Value:
    if serial >= 12:
        return ("blob" if serial % 2 == 0 else "text", content)
    if serial == 0:
        return ("null", 0)
    if serial == 7:
        return ("real", content)
    if serial in (8, 9):
        return ("integer", serial - 8)
    return ("integer", int.from_bytes(content, "big", signed=True))


class SchemaObject(NamedTuple):
    """One row of sqlite_schema."""

    kind: str  # table, index, view, trigger
    name: str
    table: str
    root: int  # 0: it has no b-tree
    sql: str | None

    @property
    def key(self) -> tuple[str, str]:
        """What names it."""
        return self.kind, self.name


Schema = dict[tuple[str, str], SchemaObject]  # by key


def read_schema(image: Image) -> Schema:
    """Read sqlite_schema (the b-tree of page 1); raise Malformed."""
    schema: Schema = {}
    for leaf in walk(image, 1, image.content).leaves:
        for rowid, payload in image.content(leaf).entries:
            row = values(payload)
            if len(row) != 5:
                raise Malformed(f"sqlite_schema: row {rowid} has {len(row)} columns")
            kind, name, table, sql = (_text(image, row[at]) for at in (0, 1, 2, 4))
            root = row[3][1] if row[3][0] == "integer" else 0
            described = SchemaObject(str(kind), str(name), str(table), int(root), sql)
            if described.key in schema:
                raise Malformed(f"sqlite_schema: {described.kind} {described.name} is there twice")
            schema[described.key] = described
    return schema


def roots(schema: Schema) -> list[int]:
    """List the root page of every b-tree of a database, that of sqlite_schema first."""
    return [1, *(described.root for described in schema.values() if described.root)]


def _text(image: Image, value: Value) -> str | None:
    content = value[1]
    if not isinstance(content, bytes):
        return None
    return content.decode(image.header.codec, "replace")
