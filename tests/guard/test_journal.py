"""What stands in a journal, wherever it lies."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.databases.engines import address_of
from harness.guard.journal import (
    STATES,
    VERSION,
    Damaged,
    OtherVersion,
    entries_in,
    how_to_recover,
    line,
)

FIRST = {"version": VERSION, "pid": 7, "state": "capturing", "backups": []}
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "state": st.sampled_from(STATES),
            "backups": st.lists(
                st.fixed_dictionaries(
                    {"recovery": st.text(), "place": st.integers(0, 999)},
                    optional={"sha256": st.text()},
                ),
                max_size=3,
            ),
        },
        optional={
            "command": st.fixed_dictionaries({"pid": st.integers(1, 1 << 22), "started": st.text()})
        },
    ),
    max_size=4,
)


@given(entries=ENTRIES, cut=st.integers(0, 200))
def test_what_was_written_whole_is_read_and_a_cut_line_is_not(
    entries: list[dict[str, Any]], cut: int
) -> None:
    """Whatever a guard writes is read again; of a journal cut anywhere, its whole lines."""
    lines = [line(entry) for entry in [FIRST, *entries]]
    assert entries_in(b"".join(lines)) == ([FIRST, *entries], len(b"".join(lines)))
    last = lines[-1][: min(cut, len(lines[-1]) - 1)]
    whole = b"".join(lines[:-1])
    assert entries_in(whole + last) == ([FIRST, *entries][:-1], len(whole))
    assert entries_in(whole + b"\0" * cut)[1] == len(whole)


@given(written=st.binary(max_size=80))
def test_what_no_guard_wrote_is_damage_and_nothing_else(written: bytes) -> None:
    """Any bytes are read as sound entries or refused; never half believed."""
    try:
        entries, whole_bytes = entries_in(written)
    except (Damaged, OtherVersion):
        return
    assert entries == []
    assert b"\n" not in written.partition(b"\0")[0][whole_bytes:]


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "begun"},
        {"state": "captured", "backups": [{"recovery": "file_copy", "place": -1}]},
        {"state": "captured", "backups": [{"recovery": "file_copy", "place": True}]},
        {"state": "captured", "command": {"pid": 0, "started": ""}},
        {"state": "captured", "backups": None},
        ["captured"],
    ],
    ids=str,
)
def test_an_entry_that_sends_anybody_astray_is_damage(wrong: object) -> None:
    """A state there is not, a place that is none, a process that is none."""
    with pytest.raises(Damaged):
        entries_in(line(FIRST) + json.dumps(wrong).encode() + b"\n")


def test_another_version_is_told() -> None:
    """With both numbers: that guard is the one to use."""
    with pytest.raises(OtherVersion, match=rf"\(99, this one writes {VERSION}\)"):
        entries_in(line(FIRST | {"version": 99}))


def test_the_command_can_be_typed_anywhere(tmp_path: Path) -> None:
    """Of a path, of an address and of that as text: absolute, and quoted for a shell."""
    odd = tmp_path / "it's a db"
    relative = Path(os.path.relpath(odd))
    said = {how_to_recover(odd), how_to_recover(address_of(relative)), how_to_recover(str(odd))}
    (command,) = said
    assert shlex.split(command) == ["harness", "recover", "--database", str(odd)]
