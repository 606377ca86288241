"""A recovery of a killed guard's, made anew from what its journal says of it."""

from __future__ import annotations

from harness.guard.journal import Entry
from harness.recovery import Recovery


class Resumed:
    """A recovery that a journal names; it is resumed once.

    Args:
        recovery: made anew.
        description: what it said of itself.
        passing: the error of its engine's driver, after which another try may pass.
    """

    def __init__(self, recovery: Recovery, description: Entry, passing: type[Exception]) -> None:
        self.recovery, self.description = recovery, description
        self._passing = passing
        self._error: Exception | None = None
        self._done = False

    def resume(self) -> None:
        """Resume it, if it has not been; why it cannot be is kept."""
        if not self._done:
            self._done = True
            try:
                self.recovery.resume(self.description)
            except Exception as error:  # noqa: BLE001 - raised by whoever needs it
                self._error = error

    def must_be_resumed(self) -> None:
        """Resume it; raise what kept it from that, trying once more where it was a lock."""
        if isinstance(self._error, (OSError, self._passing)):
            self._done, self._error = False, None
        self.resume()
        if self._error is not None:
            raise self._error
