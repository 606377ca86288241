"""A block holds what was packed, in little room, and says when it was damaged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.results import blocks, checksums, columns, rows
from harness.results.records import CycleRecord
from harness.results.sound import LARGEST, Unsound
from tests.results.cycles import records, typical

sizes = st.integers(0, LARGEST) | st.integers(0, 9)


def _stored(made: list[CycleRecord]) -> columns.Stored:
    """Return what these cycles of one condition store."""
    found = [rows.row_of(record, 1) for record in made]
    raw: dict[str, Any] = dict(zip(rows.COLUMNS, zip(*found, strict=True), strict=False))
    raw |= {name.replace("_us", "_ms"): raw.pop(name) for name in checksums.TIMED}
    return columns.stored(raw)


@settings(max_examples=60)
@given(st.lists(records, min_size=1, max_size=6), sizes, sizes, st.integers(0, 2**40))
def test_what_was_packed_comes_out(
    made: list[CycleRecord], small: int, large: int, first: int
) -> None:
    """Every value of every column, whatever they are, and the rows that they were."""
    chosen = [small, large, 1]
    for place, record in enumerate(made):
        record.condition, record.cycle = "a", first + place
        record.backup_bytes = chosen[place % 3]
        record.payload_bytes = chosen[(place + 1) % 3]
        record.grown_bytes = -chosen[(place + 2) % 3]
    stored, sums = _stored(made), np.arange(len(made), dtype=np.int64) * 2**29 % 2**32
    found = blocks.unpack(blocks.pack(stored, sums))
    np.testing.assert_array_equal(found.checksums, sums)
    for name in (*checksums.WHOLE, *checksums.TEXTS):
        np.testing.assert_array_equal(found.columns[name], stored[name], err_msg=name)
    columns.in_ranges(found.columns)
    again = [rows.record_of("a", (1, *row, None)) for row in blocks.rows(found.columns)]
    assert again == [replace(record, story="", detail=record.detail or "") for record in made]
    later = found.since(first + 1)
    assert later.columns["cycle"].tolist() == list(range(first + 1, first + len(made)))
    assert len(later.checksums) == len(made) - 1


def _sums(stored: columns.Stored) -> Any:
    texts = {name: stored[name].numbers() for name in checksums.TEXTS}
    return checksums.of_cycles(checksums.of_texts(["a"]), stored | texts)


def _whole() -> bytes:
    stored = _stored([typical(cycle) for cycle in range(300)])
    noise = np.random.default_rng(1).integers(0, 2**16, 300)
    stored["cycle_us"] = stored["cycle_us"] + noise
    return blocks.pack(stored, _sums(stored))


@pytest.mark.parametrize("keep", [0, 3, 40, 400, -1])
def test_half_a_block_is_none(keep: int) -> None:
    """Cut anywhere, it is said; so is one that goes on after its end."""
    content = _whole()
    for damaged in (content[:keep], content + b"x"):
        with pytest.raises(Unsound, match="no block of cycles"):
            blocks.unpack(damaged)


def test_no_value_can_change_unseen() -> None:
    """A bit of each byte in turn: no block any more, the same values, or other checksums."""
    content, changed = _whole(), 0
    wanted = blocks.unpack(content)
    np.testing.assert_array_equal(_sums(wanted.columns), wanted.checksums)
    for place in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        try:
            found = blocks.unpack(bytes(damaged))
            columns.in_ranges(found.columns)
        except Unsound:
            continue
        if not all(
            np.array_equal(found.columns[name], wanted.columns[name])
            for name in (*checksums.WHOLE, *checksums.TEXTS)
        ):
            changed += 1
            assert not np.array_equal(_sums(found.columns), found.checksums), place
    assert changed
