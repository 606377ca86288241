"""What people see while a run is under way."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from harness.experiment.run import progress
from harness.experiment.run.progress import ProgressDisplay, Tally
from harness.faults.schedule.ledger import LedgerEntry
from harness.results.records import CycleRecord
from harness.statistics.anytime import anytime
from harness.statistics.digits import percent_interval


def tally() -> Tally:
    """Give 40 stored cycles and 10 new ones, one fault struck in each."""
    one = Tally("a", 100)
    one.add_stored(["cleaned"] * 38 + ["dirty_known"] * 2, Counter(noop=5))
    struck = LedgerEntry("timeout", "cleanup", "delete bots 1", 1, "phase", True, True, "locked")
    masked = struck._replace(kind="noop", fired=False)
    one.add(CycleRecord("a", n, "restored", faults=(struck, masked)) for n in range(10))
    return one


def test_a_tally_counts_stored_and_new() -> None:
    """The reliability shown covers both, the speed only what is new."""
    cells = tally().cells(0.95)
    assert cells["cycles"] == "50/100"
    bounds = anytime(48, 50)  # people may stop wherever they look
    assert cells["reliability"] == f"96.0% {percent_interval(bounds.lower, bounds.upper)}"
    assert cells["outcomes"] == "cleaned 38, restored 10, dirty_known 2"
    assert cells["struck"] == "noop 5, timeout 10"
    assert Tally("a", 5).cells(0.95)["reliability"] == "-"


def test_of_designed_cycles_no_reliability_is_shown() -> None:
    """With a set number of faults in each, the share that failed is no reliability."""
    one = Tally("a", 5, designed=True)
    one.add_stored(["cleaned", "dirty_known"], Counter())
    assert one.cells(0.95)["reliability"] == "-"


def test_elsewhere_than_on_a_terminal_there_are_plain_lines() -> None:
    """No colours, no cursor movement, one line a state."""
    said = io.StringIO()
    with ProgressDisplay(Console(file=said, width=60), 0.95) as display:
        display.begin(tally())
        display.show()
    assert said.getvalue().count("\n") == 1
    assert "\x1b" not in said.getvalue()
    assert "a: 50/100 cycles" in said.getvalue()


def on_a_terminal(width: int, height: int, *tallies: Tally) -> str:
    """Return what a terminal of this size is sent."""
    said = io.StringIO()
    console = Console(file=said, width=width, height=height, force_terminal=True)
    with ProgressDisplay(console, 0.95) as display:
        for one in tallies:
            display.begin(one)
        display.show()
    return said.getvalue()


def test_on_a_terminal_the_state_is_drawn_over_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is gone in the end, when how the run ended takes its place."""
    monkeypatch.setenv("TERM", "xterm")
    text = on_a_terminal(200, 24, tally())
    assert "50/100" in text
    assert "reliability" in text
    assert text.rstrip("\x1b[?25h\r").endswith("\x1b[2K")  # the line is wiped


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_state_fits_the_screen_and_breaks_no_name(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many conditions the latest, each with its whole name."""
    monkeypatch.setenv("TERM", "xterm")
    many = [Tally(f"answers are lost/hybrid_verified/{number}", 9) for number in range(30)]
    for one in many:
        one.add_stored(["cleaned", "dirty_silent"], Counter(reset_after=1))
    console = Console(file=io.StringIO(), width=width, height=24, force_terminal=True)
    with ProgressDisplay(console, 0.95) as display:
        for one in many:
            display.begin(one)
        last = display._state().plain.splitlines()
    assert 20 <= len(last) <= 22
    assert max(map(len, last)) <= width
    assert any(line.startswith("answers are lost/hybrid_verified/29: 2/9") for line in last)


def test_a_terminal_that_cannot_draw_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM=dumb: lines that come below each other, broken between words."""
    monkeypatch.setenv("TERM", "dumb")
    text = on_a_terminal(40, 24, tally())
    assert "\x1b" not in text
    assert text.startswith("a: 50/100 cycles, ")
    assert max(map(len, text.splitlines())) <= 40


def test_lines_come_only_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of a long run stays readable."""
    said = io.StringIO()
    with ProgressDisplay(Console(file=said, width=200), 0.95) as display:
        display.begin(tally())
        for _ in range(1000):
            display.tick()
        assert said.getvalue() == ""
        monkeypatch.setattr(progress, "PLAIN_S", 0.0)
        display.tick()
    assert said.getvalue().count("\n") == 1


def test_only_what_has_changed_is_told_again() -> None:
    """Of several conditions side by side, those at rest are told once."""
    said = io.StringIO()
    with ProgressDisplay(Console(file=said, width=200), 0.95) as display:
        one, other = tally(), Tally("b", 9)
        display.begin(one)
        display.begin(other)
        display.show()
        other.add([CycleRecord("b", 0, "cleaned")])
        display.show()
    assert [line.split(":")[0] for line in said.getvalue().splitlines()] == ["a", "b", "b"]


def test_the_first_line_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for seconds to see that something goes on."""
    said = io.StringIO()
    monkeypatch.setattr(progress, "FIRST_S", 0.0)
    with ProgressDisplay(Console(file=said, width=200), 0.95) as display:
        display.begin(tally())
        display.tick()
        display.tick()
    assert said.getvalue().count("\n") == 1
