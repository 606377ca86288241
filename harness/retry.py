"""Try again what may pass: attempts with exponential backoff."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.databases.errors import describe
from harness.steps import Failure, Listener, Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """``attempts`` in all; waits of ``first_ms`` times ``factor`` to the nth between them."""

    attempts: int = 3
    first_ms: float = 1.0
    factor: float = 2.0
    longest_ms: float = 100.0

    def run(
        self,
        phase: str,
        operation: str,
        action: Callable[[], T],
        *,
        worth: Callable[[Exception], bool],
        listener: Listener,
        failures: list[Failure],
    ) -> T:
        """Return what ``action`` returns; raise its last error when the attempts are used up.

        ``worth`` says which errors deserve another attempt. Every failed attempt is appended to
        ``failures``; every attempt is announced to ``listener`` before it is made.
        """
        attempt = 1
        while True:
            step = Step(phase, operation, attempt)
            listener(step)
            try:
                return action()
            except Exception as error:
                reason, code = describe(error)
                failures.append(Failure(step, reason, f"{type(error).__name__}: {error}", code))
                if attempt >= self.attempts or not worth(error):
                    raise
            time.sleep(self.wait_ms(attempt) / 1000)
            attempt += 1

    def wait_ms(self, attempt: int) -> float:
        """Milliseconds to wait after failed attempt number ``attempt``."""
        return min(self.first_ms * self.factor ** (attempt - 1), self.longest_ms)
