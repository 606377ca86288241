"""The header, read without SQLite, says what SQLite says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.header import read_header
from tests.truth.making import build, image, run


def test_the_header_says_what_the_pragmas_say(folder: Path) -> None:
    """Settings are read from where SQLite keeps them."""
    path = folder / "a.sqlite3"
    build(path, encoding="UTF-16be", auto_vacuum="INCREMENTAL", reserved=16)
    run(path, "PRAGMA user_version = -3", "PRAGMA application_id = 17")
    header = image(path).header
    assert header.settings == {
        "page_size": 1024,
        "reserved_bytes": 16,
        "journal_mode": "rollback 1/1",
        "default_cache_size": 0,
        "encoding": "UTF-16be",
        "auto_vacuum": "incremental",
        "user_version": -3,
        "application_id": 17,
    }
    assert header.usable == 1008


@pytest.mark.parametrize(
    ("at", "data", "message"),
    [
        (0, b"sqlite", "its first 16 bytes"),
        (16, b"\x03\x00", "page size 768"),
        (20, b"\xff", "255 bytes reserved"),
        (21, b"\x41", "payload fractions"),
        (19, b"\x03", "file format version"),
        (47, b"\x05", "schema format 5"),
        (28, b"\x00\x01\x00\x00", "65536 pages of 512 expected"),
    ],
)
def test_a_header_that_breaks_the_format_is_malformed(
    folder: Path, at: int, data: bytes, message: str
) -> None:
    """What no SQLite would write or read is refused, and the message says what it is."""
    path = folder / "a.sqlite3"
    build(path, page_size=512)
    header = bytearray(path.read_bytes()[:100])
    header[at : at + len(data)] = data
    with pytest.raises(Malformed, match=message):
        read_header(bytes(header), path.stat().st_size)


def test_an_old_header_does_not_know_its_page_count(folder: Path) -> None:
    """Where the change counter was not noted with it, the file's size counts."""
    path = folder / "a.sqlite3"
    build(path, page_size=512)
    data = path.read_bytes()
    old = data[:28] + b"\0\0\0\x01" + data[32:92] + b"\xff\xff\xff\xff" + data[96:100]
    assert read_header(old, len(data)).page_count == len(data) // 512
