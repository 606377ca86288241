"""The settings that a SQLite file's header keeps: https://www.sqlite.org/fileformat2.html, 1.3."""

from __future__ import annotations

import struct
from typing import Any

import apsw

from harness.databases.sqlite.pages import Image
from harness.databases.sqlite.stored import roots

# All that a connection can set, and what no connection sets but counts as if it could; what lies
# between counts changes: page size, format and reserved bytes, schema format and cache size,
# auto_vacuum, encoding and user_version, incremental vacuum, application_id and what is to be 0.
_SETTINGS_BYTES = (slice(16, 24), slice(44, 92))
_SETTINGS = ("user_version", "application_id", "encoding", "auto_vacuum", "page_size")
_RESERVED, _SCHEMA_FORMAT, _CACHE_SIZE, _EXPANSION = 20, 44, 48, slice(72, 92)
_LARGEST_ROOT, _INCREMENTAL = 52, 64


def settings_apart(before: Image, now: Image) -> bool:
    """Whether any byte of the headers differs that is a setting."""
    one, other = before.page(1), now.page(1)
    return any(one[where] != other[where] for where in _SETTINGS_BYTES)


def settings(
    base: apsw.Connection, live: apsw.Connection, images: tuple[Image, Image] | None
) -> dict[str, tuple[Any, Any]]:
    """Give each setting that differs -> (baseline, now).

    ``images``: of both states; without them what SQL does not tell is not looked at.
    """
    pairs = {name: (base.pragma(name), live.pragma(name)) for name in _SETTINGS}
    pairs["journal_mode"] = _journal_mode(base), _journal_mode(live)
    if images is not None:
        before, now = (image.page(1) for image in images)
        pairs["reserved_bytes"] = before[_RESERVED], now[_RESERVED]
        pairs["default_cache_size"] = _signed(before, _CACHE_SIZE), _signed(now, _CACHE_SIZE)
        pairs["schema_format"] = _signed(before, _SCHEMA_FORMAT), _signed(now, _SCHEMA_FORMAT)
        if pairs["schema_format"][0] == 0:  # nothing was ever made in it
            del pairs["schema_format"]
        # without auto_vacuum no pragma tells of it, and what sets auto_vacuum sets both
        if pairs["auto_vacuum"][0] == pairs["auto_vacuum"][1]:
            pairs["incremental_vacuum"] = _signed(before, _INCREMENTAL), _signed(now, _INCREMENTAL)
        largest = _signed(before, _LARGEST_ROOT), _signed(now, _LARGEST_ROOT)
        if all(largest) and largest[1] != max((1, *roots(live).values())):  # trees may move
            pairs["largest_root_page"] = largest
        pairs["reserved_for_expansion"] = before[_EXPANSION].hex(), now[_EXPANSION].hex()
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _signed(header: bytes, offset: int) -> int:
    value: int = struct.unpack_from(">i", header, offset)[0]
    return value


def _journal_mode(connection: apsw.Connection) -> str:
    """Say which journal the file's format asks for (bytes 18 and 19 of its header)."""
    formats = connection.read("main", 0, 18, 2)[1]
    return {b"\x02\x02": "wal", b"\x01\x01": "delete", b"\0\0": "delete"}.get(
        formats, formats.hex()
    )
