"""What is told to ``logging`` of the standard library while the package works.

Everything is below one name, ``reliability_harness``. Nothing is set up for a program that uses the
package; the command sets up what ``-v`` asks for. ``logging`` is never imported by who only speaks:
where nobody has, nobody listens, and a guard starts at once.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from harness.printable import printable

NAME = "reliability_harness"
_DEBUG, _INFO = 10, 20


class Log:
    """A logger of ``logging``, made when there is somebody to listen.

    Names of others are printable in what it says, and no password is in it. What a handler or
    filter raises never reaches the work that is told of.

    Args:
        part: what speaks, "guard.chain".
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._logger: Any = None

    def info(self, text: str, *values: object) -> None:
        """Tell of a step, as ``text % values``; a function among them is called if it is heard."""
        self._say(_INFO, text, values)

    def debug(self, text: str, *values: object) -> None:
        """Tell of a detail."""
        self._say(_DEBUG, text, values)

    def _say(self, level: int, text: str, values: tuple[object, ...]) -> None:
        logging = sys.modules.get("logging")
        if logging is None:
            return
        if self._logger is not None and not self._logger.isEnabledFor(level):
            return  # nearly always
        with suppress(Exception):
            if self._logger is None:
                ours = logging.getLogger(NAME)
                if not ours.handlers:  # else Python itself may print what nobody listens to
                    ours.addHandler(logging.NullHandler())
                self._logger = ours.getChild(self._part)
            if self._logger.isEnabledFor(level):
                from harness.hidden import without_passwords  # noqa: PLC0415 - as above

                heard = tuple(value() if callable(value) else value for value in values)
                told = without_passwords(text % heard).splitlines()
                self._logger.log(level, "; ".join(map(printable, told)), stacklevel=3)


def listen(verbosity: int) -> None:
    """Print on standard error what is told: steps from 1 on, details from 2 on."""
    import logging  # noqa: PLC0415 - as above

    class _ToStandardError(logging.Handler):
        """Write to what is standard error by then: a live table may have taken its place."""

        def emit(self, record: logging.LogRecord) -> None:
            with suppress(Exception):  # that nobody reads must not stop the work
                sys.stderr.write(f"{self.format(record)}\n")
                sys.stderr.flush()

    ours = logging.getLogger(NAME)
    ours.setLevel(logging.DEBUG if verbosity > 1 else logging.INFO)
    if not any(type(handler).__name__ == _ToStandardError.__name__ for handler in ours.handlers):
        handler = _ToStandardError()
        handler.setFormatter(_formatter(logging))
        ours.addHandler(handler)


def _formatter(logging: Any) -> Any:
    form = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s"
    return logging.Formatter(form, datefmt="%H:%M:%S")
