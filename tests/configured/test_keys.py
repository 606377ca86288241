from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from harness.commands.guarding import guard
from harness.configured.keys import ALSO, KEYS, SAID_ONCE
from harness.guard.entrance import Asked

FITTING: dict[str, list[Any]] = {
    "database": ["data/dev.db"],
    "cleanup": ["npm run cleanup", "by_difference", "none"],
    "recovery": ["file_copy", ["file_copy", "online_backup"]],
    "grade": ["exact", "rows"],
    "signs": [[], ["acme"]],
    "absent_ok": [True, False],
    "archives": [True, False],
    "busy_timeout_ms": [0, 2**31 - 1],
    "wait_s": [0, 1.5],
    "survivors_wait_s": [0, 30],
}
UNFIT: dict[str, list[Any]] = {
    "database": ["", " ", 3, ["a"]],
    "cleanup": ["", False],
    "recovery": ["", [], ["a", "a"], [1], True],
    "grade": ["Exact", True],
    "signs": ["acme", [""], [1]],
    "absent_ok": [1, "true"],
    "archives": [0, "no"],
    "busy_timeout_ms": [-1, 2**31, 1.0, True, "1"],
    "wait_s": [-1, float("inf"), float("nan"), True, "1"],
    "survivors_wait_s": [-0.1, False],
}


def test_all_that_may_be_asked_is_a_key_or_is_said_once() -> None:
    """Whatever is new in ``Asked`` is decided: for everybody, or for one run alone."""
    asked = {field.name for field in fields(Asked)} - {"policy"}
    written = {"recoveries" if key == "recovery" else key for key in KEYS}
    assert written - {"database"} == asked - set(SAID_ONCE)
    assert set(ALSO.values()) <= set(KEYS)
    assert not set(ALSO) & set(KEYS)


def test_each_has_its_option() -> None:
    """What stands above a file is there to be typed."""
    taken = {word for parameter in guard.params for word in parameter.opts}
    assert {key.option for key in KEYS.values()} | set(SAID_ONCE.values()) <= taken


@pytest.mark.parametrize("name", KEYS)
def test_what_fits(name: str) -> None:
    """Every kind of value that is meant, and none of those that only look like one."""
    assert all(KEYS[name].fits(value) for value in FITTING[name])
    assert [value for value in UNFIT[name] if KEYS[name].fits(value)] == []
