"""What one trip of the guard tries: how long it took, and what of it failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from harness.databases.errors import describe, is_transient, told
from harness.guard.result import GuardResult
from harness.log import Log
from harness.retry import Retry
from harness.steps import Failure, Listener, Step
from harness.system.cpu import Stopwatch

T = TypeVar("T")
_LOG = Log("guard.step")


class Attempts:
    """Tries a trip's steps, announces each, and keeps failures and times in its result.

    ``noting`` is around every attempt, and may note something with what is raised.
    """

    def __init__(
        self,
        retry: Retry,
        listener: Listener,
        result: GuardResult,
        noting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._retry, self._listener, self._result = retry, listener, result
        self._noting = noting

    def make(self, phase: str, operation: str, action: Callable[[], T]) -> T:
        """Do it, again where that may help; raises what the last attempt raised."""

        def attempt() -> T:
            with self._noting():
                return action()

        failures = self._result.failures
        before = len(failures)
        try:
            made = self._retry.run(
                phase,
                operation,
                attempt,
                worth=is_transient,
                listener=self._listener,
                failures=failures,
            )
        finally:
            for failure in failures[before:]:
                _log_failure(failure)
        _LOG.debug("%s by %s: done", phase, operation)
        return made

    def succeed(self, phase: str, operation: str, action: Callable[[], None]) -> bool:
        """Do it as ``make`` does; whether it was done."""
        try:
            self.make(phase, operation, action)
        except Exception:  # noqa: BLE001 - kept as a failure; the chain goes on to its next recovery
            return False
        return True

    def noted(self, phase: str, write: Callable[[], None]) -> bool:
        """Write the journal; a disk that is full or failing is kept as a failure like any other."""
        try:
            write()
        except OSError as error:
            reason, code = describe(error)
            failure = Failure(Step(phase, "journal", 1), reason, told(error), code)
            self._result.failures.append(failure)
            _log_failure(failure)
            return False
        return True

    def failed(self, step: Step, error: Exception) -> Failure:
        """Keep what went wrong at a step that is not tried again."""
        reason, code = describe(error)
        failure = Failure(step, reason, told(error), code)
        self._result.failures.append(failure)
        _log_failure(failure)
        return failure

    def timed(self, phase: str) -> _Timed:
        """Add the time that the block takes to its phase, on the wall and of the processor."""
        return _Timed(phase, self._result)


class _Timed:
    """See ``Attempts.timed``."""

    __slots__ = ("_phase", "_result", "_watch")

    def __init__(self, phase: str, result: GuardResult) -> None:
        self._phase, self._result = phase, result

    def __enter__(self) -> None:
        self._watch = Stopwatch()

    def __exit__(self, *_: object) -> None:
        self._watch.add_to(self._phase, self._result.timings_ms, self._result.cpu_ms)


def _log_failure(failure: Failure) -> None:
    phase, operation, attempt = failure.step
    _LOG.info("%s by %s: attempt %d failed: %s", phase, operation, attempt, failure.error)
