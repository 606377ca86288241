"""The keys of the table ``[tool.reliability-harness]``: what each means, and what fits it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

MOST_BUSY_MS = 2**31 - 1  # what SQLite takes


class Key(NamedTuple):
    """One key."""

    wanted: str  # what its value must be, in words
    fits: Callable[[Any], bool]
    option: str  # of ``harness guard``, which goes before it


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_chain(value: Any) -> bool:
    return _is_text(value) or (_is_list(value) and 0 < len(value) == len(set(value)))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_time_s(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


def _is_time_ms(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_BUSY_MS


_TEXT, _FLAG, _SECONDS = (
    "a text that is not empty",
    "true or false",
    "a number of seconds from 0 on",
)
KEYS = {
    "database": Key(_TEXT, _is_text, "--database"),
    "cleanup": Key(_TEXT, _is_text, "--cleanup"),
    "recovery": Key("a name, or a list of different ones", _is_chain, "--recovery"),
    "grade": Key('"exact" or "rows"', lambda value: value in ("exact", "rows"), "--grade"),
    "signs": Key("a list of texts", _is_list, "--production-sign"),
    "absent_ok": Key(_FLAG, _is_flag, "--absent-ok"),
    "archives": Key(_FLAG, _is_flag, "--archive"),
    "busy_timeout_ms": Key(
        f"a whole number of milliseconds, 0 to {MOST_BUSY_MS}", _is_time_ms, "--busy-timeout-ms"
    ),
    "wait_s": Key(_SECONDS, _is_time_s, "--wait"),
    "survivors_wait_s": Key(_SECONDS, _is_time_s, "--survivors-wait"),
}
# What is said for one run and by whoever starts it: for everybody, and for good, it would only hide
# what the guard is there to show.
SAID_ONCE = {
    "i_know": "--i-know",
    "allow_survivors": "--allow-survivors",
    "end_survivors": "--end-survivors",
}
# As they are called elsewhere.
ALSO = {
    "recoveries": "recovery",
    "production_sign": "signs",
    "production_signs": "signs",
    "no_archive": "archives",
    "wait": "wait_s",
    "survivors_wait": "survivors_wait_s",
}
