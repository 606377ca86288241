"""Cycles by the block: how cycles.sqlite keeps 16,384 of one condition once all of them are there.

A row for each cycle takes much room, and what reads millions of them builds as many objects. A
block is its columns, one after another: of whole numbers what they exceed the least by, in as few
bytes as the largest needs, the lowest bytes of all cycles first, each such plane compressed where
that saves anything; of texts each distinct one once. Every cycle keeps its checksum.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.results import checksums
from harness.results.columns import Stored
from harness.results.sound import LARGEST, Unsound
from harness.results.texts import Texts

CYCLES = 1 << 14  # of a block
LAYOUT = 1  # of what is written here
_LEVEL = 1  # of zlib: higher ones take long and save next to nothing
_CHECKSUM = "checksum"
_WHOLE = (*(name for name in checksums.WHOLE if name != "cycle"), _CHECKSUM)
_SAVES = 0.9  # a plane is compressed where it becomes less than so much of itself


class Block(NamedTuple):
    """What a block holds."""

    columns: Stored
    checksums: NDArray[np.int64]  # of each cycle, as it was stored

    def since(self, cycle: int) -> Block:
        """Return what it holds from the cycle of this number on."""
        at = max(0, cycle - int(self.columns["cycle"][0]))
        if not at:
            return self
        columns = {name: values[at:] for name, values in self.columns.items()}
        return Block(columns, self.checksums[at:])


def pack(columns: Stored, sums: NDArray[np.int64]) -> bytes:
    """Return the block of some cycles without gaps.

    Args:
        columns: what they store, in order of cycle number.
        sums: the checksum of each.
    """
    head: dict[str, Any] = {"first": int(columns["cycle"][0]), "cycles": len(columns["cycle"])}
    parts: list[bytes] = []
    for name in _WHOLE:
        values = sums if name == _CHECKSUM else columns[name]
        head[name] = _add(parts, np.asarray(values, dtype=np.int64))
    for name in checksums.TEXTS:
        texts = columns[name]
        words = zlib.compress(json.dumps(list(texts.words)).encode(), _LEVEL)
        parts.append(words)
        head[name] = [len(words), _add(parts, np.asarray(texts.codes, dtype=np.int64))]
    start = json.dumps(head, separators=(",", ":")).encode()
    return b"".join([len(start).to_bytes(4, "little"), start, *parts])


def _add(parts: list[bytes], values: NDArray[np.int64]) -> list[Any]:
    """Add the planes of whole numbers; return the least of them, and how long each plane is."""
    least = int(values.min())
    above = (values - least).astype("<u8").view(np.uint8).reshape(-1, 8)
    width = (int(values.max()) - least).bit_length() + 7 >> 3
    lengths = []
    for place in range(width):
        plane = np.ascontiguousarray(above[:, place]).tobytes()
        small = zlib.compress(plane, _LEVEL)
        saved = len(small) < _SAVES * len(plane)
        parts.append(small if saved else plane)
        lengths.append(len(small) if saved else -len(plane))
    return [least, lengths]


def unpack(content: bytes) -> Block:
    """Return what a block holds; Unsound where it is none.

    Whole numbers are of 32 bits where that is enough: of millions of cycles it is half the room.
    """
    try:
        return _unpacked(memoryview(content))
    except (ValueError, TypeError, LookupError, OverflowError, zlib.error) as error:
        raise Unsound("content", 0, f"it is no block of cycles ({error})") from error


def _unpacked(content: memoryview) -> Block:
    at = 4 + int.from_bytes(content[:4], "little")
    head = json.loads(bytes(content[4:at]))
    rest = _Rest(content, at)
    count = int(head["cycles"])
    columns: Stored = {"cycle": np.arange(head["first"], head["first"] + count, dtype=np.int64)}
    for name in _WHOLE:
        columns[name] = _numbers(rest, count, *head[name])
    sums = columns.pop(_CHECKSUM).astype(np.int64)
    for name in checksums.TEXTS:
        length, planes = head[name]
        words = json.loads(zlib.decompress(rest.take(length)))
        codes = _numbers(rest, count, *planes)
        if not -1 <= codes.min() <= codes.max() < len(words):
            raise ValueError(f"column {name} has a text that is not there")
        columns[name] = Texts(codes.astype(np.int32), words)
    rest.end()
    return Block(columns, sums)


def _numbers(rest: _Rest, count: int, least: int, lengths: Iterable[int]) -> NDArray[Any]:
    planes = list(rest.planes(lengths, count))
    most = least + (1 << 8 * len(planes)) - 1
    if not -LARGEST <= least <= LARGEST or len(planes) > 8:
        raise ValueError(f"{least} is out of range")
    narrow = len(planes) < 4 and -(2**31) <= least <= most < 2**31
    wide = np.zeros((count, 4 if narrow else 8), dtype=np.uint8)
    for place, plane in enumerate(planes):
        wide[:, place] = plane
    values = wide.view("<i4" if narrow else "<i8")[:, 0]
    values += values.dtype.type(least)
    return values


class _Rest:
    """What of a block is still to be read."""

    def __init__(self, content: memoryview, at: int) -> None:
        self._content, self._at = content, at

    def take(self, length: int) -> memoryview:
        """Return the next bytes; ValueError where there are not so many."""
        part = self._content[self._at : self._at + length]
        self._at += length
        if len(part) != length:
            raise ValueError("it was cut short")
        return part

    def planes(self, lengths: Iterable[int], count: int) -> Iterator[NDArray[np.uint8]]:
        """Give the planes of a column, each of ``count`` bytes."""
        for length in lengths:
            part = self.take(abs(length))
            plane = np.frombuffer(zlib.decompress(part) if length > 0 else part, dtype=np.uint8)
            if len(plane) != count:
                raise ValueError("a column has not as many values as there are cycles")
            yield plane

    def end(self) -> None:
        """Raise ValueError unless all was read."""
        if self._at != len(self._content):
            raise ValueError("it goes on after its end")


def rows(columns: Stored) -> Iterator[tuple[Any, ...]]:
    """Give each cycle as a row of `harness.results.rows`, without condition and checksum."""
    timed = [[None if us < 0 else us for us in columns[name].tolist()] for name in checksums.TIMED]
    whole = {
        name: columns[name].tolist() for name in checksums.WHOLE if name not in checksums.TIMED
    }
    texts = {name: columns[name].tolist() for name in checksums.TEXTS}
    yield from zip(
        whole["cycle"], whole["outcome"], whole["flags"], texts["restored_by"],
        whole["left_behind"], whole["backup_bytes"], whole["payload_bytes"], whole["grown_bytes"],
        *timed, texts["faults"], texts["detail"],
        strict=True,
    )  # fmt: skip
