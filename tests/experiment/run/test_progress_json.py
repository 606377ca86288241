"""What programs read while a run is under way."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.errors import MeasurementError
from harness.experiment.run import progress_json
from harness.experiment.run.options import PROGRESS
from harness.experiment.run.progress import Display, ProgressDisplay, Tally
from harness.experiment.run.progress_json import JsonDisplay, displayed
from harness.experiment.written.configuration import load
from harness.results.records import CycleRecord
from tests.experiment.run.runs import Runs
from tests.experiment.run.test_progress import tally

PAGE = Path(__file__).parents[3] / "docs" / "progress.md"


def events(text: str) -> list[dict[str, Any]]:
    """Every line as what it is."""
    return [json.loads(line) for line in text.splitlines()]


def documented() -> dict[str, set[str]]:
    """The events that the page lists, each with its keys."""
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", page, re.MULTILINE)
    bare = {event: re.sub(r"\([^)]*\)", "", keys) for event, keys in rows}
    keys = {event: set(re.findall(r"`(\w+)`", text)) for event, text in bare.items()}
    return {event: keys["progress"] if "as `progress`" in bare[event] else own
            for event, own in keys.items()}  # fmt: skip


def all_of_them() -> list[dict[str, Any]]:
    """Every kind of event once, as a display writes it."""
    said = io.StringIO()
    display = JsonDisplay(said, 0.95)
    run = {"experiment": "x", "seed": 1, "folder": "r", "workers": 2, "resumed": False}
    display.started(run | {"conditions": [{"name": "a", "cycles": 100}]})
    for doing in ("calibrating", "pilot of"):
        display.begin(Tally("a", 5, designed=True, doing=doing))
    display.begin(tally())
    display.decided("a", 50)
    display.say("  a sentence")
    verdict = {"condition": "a", "claim": "c", "verdict": "supported", "decided_at_cycle": 50}
    display.finished(0, [verdict | {"doubts": []}])
    broken = JsonDisplay(said, 0.95)
    with pytest.raises(MeasurementError), broken:
        raise MeasurementError("no worker can be started")
    return events(said.getvalue())


def test_every_event_is_as_the_page_says() -> None:
    """All there are, in an order that makes sense, each with its keys and what all have."""
    told = all_of_them()
    assert [one["event"] for one in told] == [*documented()]
    for one in told:
        assert set(one) - {"version", "event", "at"} == documented()[one["event"]], one["event"]
        assert one["version"] == 1
    assert told[-1]["status"] == 4
    assert "no worker can be started" in told[-1]["error"]


def test_the_state_of_a_condition_is_in_numbers() -> None:
    """As the table shows it to people; of designed cycles there is no reliability."""
    (state,) = [one for one in all_of_them() if one["event"] == "progress"]
    assert (state["condition"], state["cycles"], state["wanted"]) == ("a", 50, 100)
    assert state["outcomes"] == {"cleaned": 38, "dirty_known": 2, "restored": 10}
    assert state["struck"] == {"noop": 5, "timeout": 10}
    bounds = state["reliability"]
    assert bounds["estimate"] == 0.96
    assert bounds["lower"] < 0.96 < bounds["upper"]
    assert [one["reliability"] for one in all_of_them() if one["event"] == "calibrating"] == [None]


def test_a_state_is_written_when_it_has_changed_and_not_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once a second at most, but at once where a condition begins or ends."""
    said = io.StringIO()
    one, display = tally(), JsonDisplay(said, 0.95)
    display.begin(one)
    for number in range(100):
        one.add([CycleRecord("a", number, "cleaned")])
        display.tick()
    assert len(events(said.getvalue())) == 1
    display.show()
    display.show()
    assert [one["cycles"] for one in events(said.getvalue())] == [50, 150]
    monkeypatch.setattr(progress_json, "PAUSE_S", 0.0)
    one.add([CycleRecord("a", 200, "cleaned")])
    display.tick()
    assert len(events(said.getvalue())) == 3


def test_names_are_one_line_and_no_words_that_a_ci_obeys() -> None:
    """And come out of the JSON as they are."""
    said = io.StringIO()
    name = "a\n::error::b ##vso[task] \u202e"
    JsonDisplay(said, 0.95).begin(Tally(name, 5))
    assert said.getvalue().count("\n") == 1
    assert "##" not in said.getvalue()
    assert said.getvalue().isascii()
    assert events(said.getvalue())[0]["condition"] == name


def test_nobody_who_reads_stops_nothing() -> None:
    """A pipe whose reader has left, or a full disk."""
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115 - it cannot be closed in order
    display = JsonDisplay(full, 0.95)
    display.say("x")
    display.finished(0, [])
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_each_kind_has_its_display() -> None:
    """Those that can be asked for; plain lines also on a terminal, and nothing at all."""
    for kind in PROGRESS:
        said = io.StringIO()
        console = Console(file=said, width=200, force_terminal=True)
        with displayed(kind, console, 0.95) as display:
            display.begin(tally())
            display.show()
        assert isinstance(display, Display)
        assert ("\x1b" in said.getvalue()) == (kind == "auto")
        assert (said.getvalue() == "") == (kind == "none")
    assert isinstance(displayed("plain", console, 0.95), ProgressDisplay)


def test_a_run_tells_its_calibration(runs: Runs) -> None:
    """A real run with a rate to be found: that comes first, the condition's own cycles then."""
    runs.write(
        more="""faults.noop.rate = {set_by = "half", times = 0.5}
[calibrations.half]
target = 0.5
condition = "b"
"""
    )

    def calibrate(_: object, measure: Callable[..., list[CycleRecord]]) -> dict[str, float]:
        measure(load(runs.path).conditions[1].resolved({"half": 0.4}), range(10))
        return {"half": 0.4}

    assert runs("one", calibrate=calibrate, cycles=30, progress="json") == 0
    lines = [line for line in runs.said.splitlines() if line.startswith("{")]
    kinds = [one["event"] for one in events("\n".join(lines)) if one["event"] != "message"]
    assert kinds[0] == "started"
    assert kinds.index("calibrating") < kinds.index("progress")
    assert kinds[-1] == "finished"
