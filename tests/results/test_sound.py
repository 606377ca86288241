"""Stored values: what no run can have stored is found, with its column and its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.results import sound
from harness.results.sound import Unsound
from harness.results.texts import Texts

ENTRY = '["timeout","cleanup","delete bots 1",1,"phase",true,false,""]'


@pytest.mark.parametrize("bad", [True, 1.0, "1", None, -1, 2**53 + 1])
def test_whole_numbers(bad: Any) -> None:
    """Integers in their range and nothing that passes for one."""
    assert sound.whole("a", [0, 2**53]).tolist() == [0, 2**53]
    with pytest.raises(Unsound, match="column a: ") as caught:
        sound.whole("a", [0, 1, bad])
    assert caught.value.place == 2


@pytest.mark.parametrize("bad", [1.5, "1", -1, 10**16])
def test_durations(bad: Any) -> None:
    """Whole microseconds or none."""
    np.testing.assert_array_equal(sound.microseconds("a", [None, 1500, 0]), [-1, 1500, 0])
    with pytest.raises(Unsound) as caught:
        sound.microseconds("a", [None, bad])
    assert caught.value.place == 1


def test_texts() -> None:
    """Texts or none; bytes are neither."""
    assert sound.texts("a", ["x", None]).tolist() == ["x", None]
    with pytest.raises(Unsound):
        sound.texts("a", [b"x"])


def test_order() -> None:
    """No cycle twice within a condition; the next condition begins anew."""
    sound.ascending(np.array([0, 1, 5]))
    sound.ascending(np.array([0, 1, 0]), np.array([True, False]))
    with pytest.raises(Unsound, match="1 is there twice"):
        sound.ascending(np.array([0, 1, 1]))


@pytest.mark.parametrize(
    "bad",
    [
        "", "x", "[", "{}", "7", "[7]", "[[]]", "[" * 100_000,
        f"[{ENTRY}],[{ENTRY}]",
        f"[{ENTRY.replace('1,', '1.5,', 1)}]",
        f"[{ENTRY.replace('phase', 'ever')}]",
        f"[{ENTRY.replace('true', '1')}]",
        f"[{ENTRY.replace('timeout', '').replace(chr(34) * 2, 'null', 1)}]",
    ],
)  # fmt: skip
def test_ledgers(bad: str) -> None:
    """A list of whole entries; the first row that has another text is named."""
    sound.faults(Texts.of([None, "[]", f"[{ENTRY},{ENTRY}]"]))
    with pytest.raises(Unsound) as caught:
        sound.faults(Texts.of([None, f"[{ENTRY}]", bad]))
    assert caught.value.place == 2
    assert len(str(caught.value)) < 250
