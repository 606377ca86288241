"""The header of a database file: its first 100 bytes (section 1.3 of the file format)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from harness.truth.sqlite_pages.file_format import Malformed

MAGIC = b"SQLite format 3\x00"
_LAYOUT = struct.Struct(">16sHBBBBBB6IiIIiIi20xII")


class Header(NamedTuple):
    """What the first 100 bytes say."""

    page_size: int  # bytes
    reserved: int  # bytes at the end of each page that SQLite does not use
    page_count: int
    first_trunk: int  # first page of the free list; 0: none
    free_count: int
    schema_format: int  # 1 to 4; SQLite reads older ones as well
    vacuum: tuple[int, int]  # largest root page where there are pointer maps; incremental or not
    settings: dict[str, str | int]  # what people set, by the pragma's name

    @property
    def usable(self) -> int:
        """Bytes of a page that SQLite uses."""
        return self.page_size - self.reserved

    @property
    def auto_vacuum(self) -> bool:
        """Whether the file has pointer-map pages."""
        return self.vacuum[0] != 0

    @property
    def codec(self) -> str:
        """Python's name of the text encoding."""
        return {"UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}.get(
            str(self.settings["encoding"]), "utf-8"
        )


def read_header(data: bytes, size_bytes: int) -> Header:
    """Decode the first 100 bytes of a file of ``size_bytes``; raise Malformed."""
    if size_bytes < 512 or len(data) < 100:
        raise Malformed(f"not a database: {size_bytes} bytes")
    (magic, size, write, read, reserved, maximum, minimum, leaf, *words) = _LAYOUT.unpack(data)
    change, count, trunk, free, _, schema, cache, largest, encoding, user, incremental = words[:11]
    application, valid_for = words[11:13]
    page_size = 65536 if size == 1 else size
    if magic != MAGIC:
        raise Malformed("not a database: its first 16 bytes say so")
    if page_size < 512 or page_size & (page_size - 1) or page_size - reserved < 480:
        raise Malformed(f"header: page size {page_size} with {reserved} bytes reserved")
    if (maximum, minimum, leaf) != (64, 32, 32) or encoding > 3 or read > 2:
        raise Malformed("header: payload fractions, text encoding or file format version")
    if schema > 4:
        raise Malformed(f"header: schema format {schema}")
    whole_pages = size_bytes // page_size
    if not count or change != valid_for:  # written by a SQLite before 3.7.0
        count = whole_pages
    if count > whole_pages:
        raise Malformed(f"cut short: {size_bytes} bytes, {count} pages of {page_size} expected")
    settings: dict[str, str | int] = {
        "page_size": page_size,
        "reserved_bytes": reserved,
        "journal_mode": "wal" if (write, read) == (2, 2) else f"rollback {write}/{read}",
        "default_cache_size": cache,
        "encoding": ("UTF-8", "UTF-8", "UTF-16le", "UTF-16be")[encoding],
        "auto_vacuum": "none" if not largest else "incremental" if incremental else "full",
        "user_version": user,
        "application_id": application,
    }
    return Header(page_size, reserved, count, trunk, free, schema, (largest, incremental), settings)
