"""What programs read while a run is under way: one JSON object a line, each with its ``version``.

docs/configuration.md lists the kinds of ``event`` and what each holds.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any

from rich.console import Console

from harness.errors import HarnessError
from harness.experiment.run.progress import Display, ProgressDisplay, Tally

VERSION = 1
PAUSE_S = 1.0  # between two states of one condition
_DEFECT, _INTERRUPTED = 4, 130


class JsonDisplay(Display):
    """Write events as lines of JSON.

    Args:
        file: where they go; that nobody reads there never stops the run.
        confidence: of the bounds of a reliability.
    """

    def __init__(self, file: IO[str], confidence: float) -> None:
        self._file, self._confidence = file, confidence
        self._tallies: list[Tally] = []
        self._written: dict[int, tuple[int, int]] = {}  # of each tally: cycles and wanted
        self._decided: set[str] = set()
        self._shown_s = float("-inf")
        self._ended = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell what broke the run off, if anything did."""
        if error is not None and not self._ended:
            self._ended = True
            status = _DEFECT
            if isinstance(error, HarnessError):
                status = error.exit_code
            elif isinstance(error, KeyboardInterrupt):
                status = _INTERRUPTED
            self._write("failed", status=status, error=str(error) or type(error).__name__)

    def started(self, run: dict[str, Any]) -> None:
        """Write what is run."""
        self._write("started", **run)

    def decided(self, condition: str, cycle: int) -> None:
        """Write it once."""
        if condition not in self._decided:
            self._decided.add(condition)
            self.show()
            self._write("decided", condition=condition, cycle=cycle)

    def finished(self, status: int, verdicts: list[dict[str, Any]]) -> None:
        """Write the last event."""
        self._ended = True
        self._write("finished", status=status, verdicts=verdicts)

    def say(self, line: str) -> None:
        """Write a sentence for people."""
        self._write("message", text=line.strip())

    def begin(self, tally: Tally) -> None:
        """Write where a condition begins."""
        if tally not in self._tallies:
            self._tallies.append(tally)
        self.show()

    def tick(self) -> None:
        """Write what has changed, if it is time to."""
        if time.monotonic() - self._shown_s >= PAUSE_S:
            self.show()

    def show(self) -> None:
        """Write what has changed since it was written last."""
        self._shown_s = time.monotonic()
        for tally in self._tallies:
            now = (tally.cycles, tally.wanted)
            if self._written.get(id(tally)) != now:
                self._written[id(tally)] = now
                kind = tally.doing.split()[0] if tally.doing else "progress"
                self._write(kind, **self._state(tally))

    def _state(self, tally: Tally) -> dict[str, Any]:
        shares = tally.reliability(self._confidence)
        names = ("estimate", "lower", "upper", "confidence")
        return {
            "condition": tally.condition,
            "cycles": tally.cycles,
            "wanted": tally.wanted,
            "cycles_per_second": round(tally.cycles_per_second, 3),
            "left_s": None if tally.left_s is None else round(tally.left_s, 1),
            "outcomes": {name: number for name, number in tally.outcomes.items() if number},
            "struck": dict(sorted(tally.fired.items())),
            "reliability": shares and dict(zip(names, (*shares, self._confidence), strict=True)),
        }

    def _write(self, event: str, **told: Any) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps({"version": VERSION, "event": event, "at": at} | told)
        # the log of a CI obeys such words anywhere in a line; JSON can say them otherwise
        text = text.replace("##", "#\\u0023")
        with suppress(OSError):
            self._file.write(f"{text}\n")
            self._file.flush()


def displayed(kind: str, console: Console, confidence: float) -> Display:
    """Make the display of a kind, one of ``options.PROGRESS``.

    Args:
        kind: auto shows the state on a terminal, and plain lines elsewhere.
        console: where it goes.
        confidence: of the bounds that are shown.
    """
    if kind == "json":
        return JsonDisplay(console.file, confidence)
    if kind == "none":
        return Display()
    return ProgressDisplay(console, confidence, plain=kind == "plain")
