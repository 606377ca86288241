"""Try again what may pass: attempts with exponential backoff, on request with jitter.

Clients that failed together and wait alike come back together. Jitter draws each wait at random,
which spreads them: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015,
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (its "full jitter" is 1
here, its "equal jitter" 0.5).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.databases.errors import describe, told
from harness.steps import Failure, Listener, Step

T = TypeVar("T")

# The system's: forked workers would share the state of any other and draw the same waits.
_CHANCE = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Retry:
    """``attempts`` in all; waits of ``first_ms`` times ``factor`` to the nth between them.

    ``jitter``, 0 to 1, is the part of each wait that is left to chance.
    """

    attempts: int = 3
    first_ms: float = 1.0
    factor: float = 2.0
    longest_ms: float = 100.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be waited for: ValueError."""
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts!r}: give 1 or more")
        for name, least, most in (
            ("first_ms", 0.0, math.inf),
            ("factor", 1.0, math.inf),
            ("longest_ms", 0.0, math.inf),
            ("jitter", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not (least <= value <= most and math.isfinite(value)):
                limits = f"from {least:g} to {most:g}" if most < math.inf else f"{least:g} or more"
                raise ValueError(f"{name} is {value!r}: give a number, {limits}")

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
                failures.append(Failure(step, reason, told(error), code))
                if attempt >= self.attempts or not worth(error):
                    raise
            time.sleep(self.drawn_ms(attempt) / 1000)
            attempt += 1

    def drawn_ms(self, attempt: int) -> float:
        """Draw how long to wait after failed attempt number ``attempt``."""
        longest = self.wait_ms(attempt)
        return longest - self.jitter * longest * _CHANCE.random()

    def wait_ms(self, attempt: int) -> float:
        """Milliseconds to wait at most after failed attempt number ``attempt``."""
        try:
            grown = self.first_ms * self.factor ** (attempt - 1)
        except OverflowError:  # beyond any float; but nothing grows from a first wait of 0
            grown = math.inf if self.first_ms else 0.0
        return min(grown, self.longest_ms)
