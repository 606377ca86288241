"""Wait for the end of another guard on the same database, where people ask for that."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import UsageError
from harness.guard.journal import AtWork
from harness.log import Log

T = TypeVar("T")
_LOG = Log("guard.waiting")

WAIT = "--wait SECONDS (pytest: --guard-wait, Python: wait_s=...)"
_PAUSE_S = 0.05


def check(seconds: object, name: str = "wait_s") -> None:
    """Refuse what is no time to wait, given under a name; UsageError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise UsageError(f"{name}={seconds!r}: give a number of seconds")
    if not 0 <= seconds < math.inf:
        raise UsageError(
            f"{name}: {seconds:g} seconds cannot be waited: give 0 or more, and an end"
        )


class Waiting:
    """The patience of one guard with others.

    Args:
        wait_s: how long to wait for all of them together; 0: not at all.
        say: told once, when the waiting begins, what for.
    """

    def __init__(self, wait_s: float, say: Callable[[str], None]) -> None:
        self._wait_s, self._say = wait_s, say
        self._until = time.monotonic() + wait_s
        self._said = False

    def pause_s(self, at_work: AtWork) -> float:
        """Say how long to pause before the next try.

        Raises:
            AtWork: the time is over; what was waited for, or how to.
        """
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            advice = f"Let it end, or wait for that: {WAIT}"
            if self._wait_s:
                advice = f"It was waited for {self._wait_s:g} s"
            raise AtWork(f"{at_work}. {advice}", at_work.who) from None
        if not self._said:
            self._said = True
            _LOG.info("waiting for the guard %s", at_work.who)
            self._say(f"waiting for the guard {at_work.who}, up to {self._wait_s:g} s")
        return min(_PAUSE_S, left_s)

    def until_alone(self, begin: Callable[[], T], pause: Callable[[float], None] = time.sleep) -> T:
        """Do ``begin``, again and again while another guard is at work; AtWork in the end."""
        while True:
            try:
                return begin()
            except AtWork as error:
                pause(self.pause_s(error))
