"""Records, in which SQLite keeps rows and entries: fileformat2.html, section 2.1."""

from __future__ import annotations

import struct

from harness.databases.sqlite.cells import TABLE_LEAF, varint
from harness.databases.sqlite.pages import Image, kind_of
from harness.databases.sqlite.trees import walk

_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # by serial type
_REAL, _ZERO, _ONE, _BLOB = 7, 8, 9, 12
_ENCODINGS = {2: "utf-16-le", 3: "utf-16-be"}
_NAME, _ROOT = 1, 3  # columns of the schema's table


def root_in(image: Image, name: str) -> int | None:
    """Find where a table of a short definition begins; None where it is not found.

    The page tells, and SQLite would first read the whole schema.

    Raises:
        Unfollowable: the schema cannot be read.
    """
    wanted = name.encode(_ENCODINGS.get(image.page(1)[59], "utf-8"))
    for number in walk(image, 1, None).leaves:
        page = image.page(number)
        if wanted not in page or kind_of(image, number) != TABLE_LEAF:
            continue
        for start, end in image.node(number).spans:
            if wanted not in page[start:end]:
                continue
            _, at = varint(page, start)
            _, at = varint(page, at)
            try:
                values = values_of(page[at:end])
            except (IndexError, struct.error):  # not all of it stands here
                continue
            if values[_NAME][1] == wanted and isinstance(root := values[_ROOT][1], int):
                return root
    return None


def values_of(record: bytes) -> list[tuple[int, object]]:
    """Decode a whole record: for each value how its kind sorts, and the value; of text the bytes.

    Raises:
        IndexError, struct.error: it is none.
    """
    header_bytes, at = varint(record, 0)
    body = header_bytes
    values: list[tuple[int, object]] = []
    while at < header_bytes:
        kind, at = varint(record, at)
        size = _INTEGER_BYTES.get(kind, 0)
        if size:
            values.append((1, int.from_bytes(record[body : body + size], "big", signed=True)))
        elif kind == _REAL:
            values.append((1, struct.unpack_from(">d", record, body)[0]))
            size = 8
        elif kind in (_ZERO, _ONE):
            values.append((1, kind - _ZERO))
        elif kind >= _BLOB:
            size = (kind - _BLOB) // 2
            values.append((2 + kind % 2, record[body : body + size]))
        else:
            values.append((0, None))
        body += size
    if body != len(record):
        raise IndexError(body)
    return values
