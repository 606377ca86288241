"""What people see while a run is under way: its state on a terminal, plain lines elsewhere.

It goes to standard error, so that standard output has how the run ended alone, also in a pipe.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.outcomes import OUTCOMES
from harness.printable import printable
from harness.results.records import CycleRecord
from harness.statistics.anytime import anytime
from harness.statistics.digits import percent, percent_interval
from harness.terminal import wrapped

INDENT = "    "  # of what has no room on its line
LIVE_S, PLAIN_S = 0.25, 5.0
FIRST_S = 0.5  # after which the first plain line of a condition comes


class Tally:
    """The counts of one condition so far."""

    def __init__(
        self, condition: str, wanted: int, *, designed: bool = False, doing: str = ""
    ) -> None:
        """Take how many cycles are wanted; ``designed`` ones have a set number of faults.

        ``doing`` says what cycles that are not stored are for: "calibrating".
        """
        self.condition, self.wanted, self._designed = condition, wanted, designed
        self.doing = doing
        self.outcomes: Counter[str] = Counter()
        self.fired: Counter[str] = Counter()
        self._new = 0
        self._began_s = time.monotonic()
        self.shown = -1  # how many cycles there were when it was told of last

    def go_on(self, wanted: int) -> None:
        """Go on after a pause; the speed is measured anew."""
        self.wanted, self._new, self._began_s = wanted, 0, time.monotonic()

    def add_stored(self, outcomes: Iterable[str], fired: Counter[str]) -> None:
        """Count what an earlier run has stored."""
        self.outcomes.update(outcomes)
        self.fired.update(fired)

    def add(self, records: Iterable[CycleRecord]) -> None:
        """Count new records."""
        for record in records:
            self.outcomes[record.outcome] += 1
            self._new += 1
            self.fired.update(entry.kind for entry in record.faults if entry.fired)

    @property
    def cycles(self) -> int:
        """Return how many cycles there are by now."""
        return self.outcomes.total()

    @property
    def cycles_per_second(self) -> float:
        """Return the speed of this run, stored cycles of an earlier one left out."""
        return self._new / max(time.monotonic() - self._began_s, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Return how long the rest takes at this speed; None where nobody knows."""
        if not self._new or self.wanted < self.cycles:
            return None
        return (self.wanted - self.cycles) / self.cycles_per_second

    def reliability(self, confidence: float) -> tuple[float, float, float] | None:
        """Return the share so far and its bounds, which hold whenever they are looked at.

        None of none, and of designed cycles: of those the share is no reliability.
        """
        if not self.cycles or self._designed:
            return None
        successes = self.outcomes["cleaned"] + self.outcomes["restored"]
        bounds = anytime(successes, self.cycles, confidence)
        return successes / self.cycles, bounds.lower, bounds.upper

    def cells(self, confidence: float) -> dict[str, str]:
        """Everything to show, by heading."""
        shares, left_s = self.reliability(confidence), self.left_s
        share = "-"
        if shares is not None:
            share = f"{percent(shares[0])} {percent_interval(*shares[1:])}"
        return {
            "condition": printable(f"{self.doing} {self.condition}".lstrip()),
            "cycles": f"{self.cycles:,}/{self.wanted:,}",
            "per second": f"{self.cycles_per_second:,.0f}",
            "left": "-" if left_s is None else f"{left_s:,.0f} s",
            "reliability": share,
            "outcomes": _counts({o: self.outcomes[o] for o in OUTCOMES}),
            "struck": printable(_counts(dict(sorted(self.fired.items())))) or "nothing",
        }


class Display:
    """Show nothing of a run under way; a context manager, and what the others are kinds of."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self.stop()

    def started(self, run: dict[str, Any]) -> None:
        """Tell what is run: ``experiment``, ``seed``, ``folder``, ``conditions``, ...."""

    def decided(self, condition: str, cycle: int) -> None:
        """Tell that the claims of a condition are decided, at which cycle."""

    def finished(self, status: int, verdicts: list[dict[str, Any]]) -> None:
        """Tell with which status the run ends, and what came of each claim."""

    def stop(self) -> None:
        """Leave the last state standing: the report comes below it."""

    def say(self, line: str) -> None:
        """Tell of what has no tally."""

    def begin(self, tally: Tally) -> None:
        """Go on to the next condition, or back to one that was paused."""

    def tick(self) -> None:
        """Show the state if it is time to."""

    def show(self) -> None:
        """Show the state now."""


class ProgressDisplay(Display):
    """Show tallies as they grow to people. A terminal has their state in one place.

    Args:
        console: where they read.
        confidence: of the bounds that are shown.
        plain: plain lines also on a terminal.
    """

    def __init__(self, console: Console, confidence: float, *, plain: bool = False) -> None:
        self._console, self._confidence = console, confidence
        self._tallies: list[Tally] = []
        self._shown_s = time.monotonic()
        # gone when it ends, so that how the run ended stands alone; where standard output is no
        # terminal, it is none of this console's business
        self._live = (
            Live(
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),
            )
            if console.is_terminal and not console.is_dumb_terminal and not plain
            else None
        )

    def __enter__(self) -> Self:
        """Begin to show the state, where there is a terminal."""
        if self._live:
            self._live.start()
        return self

    def stop(self) -> None:
        """Leave nothing on a terminal, and elsewhere the last state."""
        if self._live:
            self._live.stop()
        else:
            self.show()

    def say(self, line: str) -> None:
        """Tell people of what has no tally."""
        self._console.out(fitted(self._console, printable(line)), highlight=False)

    def begin(self, tally: Tally) -> None:
        """Go on to the next condition, or back to one that was paused."""
        self._tallies = [other for other in self._tallies if other is not tally]
        self._tallies.append(tally)
        if self._live:
            self.show()
        self._shown_s = min(self._shown_s, time.monotonic() - PLAIN_S + FIRST_S)

    def tick(self) -> None:
        """Show the state if it is time to."""
        now = time.monotonic()
        if now - self._shown_s >= (LIVE_S if self._live else PLAIN_S):
            self._shown_s = now
            self.show()

    def show(self) -> None:
        """Show the state now: on a terminal all of it, elsewhere what has changed."""
        if self._live:
            self._live.update(self._state(), refresh=True)
            return
        for tally in self._tallies:
            if tally.shown != tally.cycles:
                tally.shown = tally.cycles
                line = _line(tally.cells(self._confidence))
                self._console.out(fitted(self._console, line), highlight=False)

    def _state(self) -> Text:
        """Return the latest conditions, as many as a screen holds; what has ended is faint."""
        most = max(1, self._console.height - 2)
        shown: list[tuple[str, str]] = []
        for tally in reversed(self._tallies):
            style = "dim" if tally.cycles >= tally.wanted else ""
            line = _line(tally.cells(self._confidence))
            lines = [(f"{one}\n", style) for one in wrapped(line, self._console.width, INDENT)]
            if shown and len(shown) + len(lines) > most:
                break
            shown = lines + shown
        return Text.assemble(*shown, no_wrap=True, overflow="ignore", end="")


def fitted(console: Console, line: str) -> str:
    """Break a line between words where it goes to a terminal; elsewhere it stays one."""
    return "\n".join(wrapped(line, console.width, INDENT)) if console.is_terminal else line


def _line(cells: dict[str, str]) -> str:
    if not cells["outcomes"]:  # it has only just begun
        return f"{cells['condition']}: {cells['cycles']} cycles"
    left = "" if cells["left"] == "-" else f", {cells['left']} left"
    return (
        f"{cells['condition']}: {cells['cycles']} cycles, {cells['per second']} a second"
        f"{left}; reliability {cells['reliability']}; {cells['outcomes']}; "
        f"struck: {cells['struck']}"
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)
