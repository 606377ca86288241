"""A condition, fault and table with hostile names: nothing of them is obeyed in any output."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from harness import cli, registry
from harness.analysis.summary import write
from harness.experiment.run.progress import ProgressDisplay, Tally
from harness.results.reading import Results
from harness.results.store import Store
from tests.stored_runs import cycle, make_run, row, struck

NAME = "x\n::error::planted\x1b]0;owned\x07\u202e##[error]y"
HOSTILE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def hostile(folder: Path) -> Path:
    """Make a run in which every name is hostile, more so than an experiment may be written."""
    claims = ["reliability >= 0.9", "data_safety >= 0.9"]
    made = make_run(folder / "made", conditions=[{"name": "one", "claims": claims}], rows=[row()])
    experiment = made.experiment
    experiment["conditions"][0]["name"] = experiment["rows"][0]["condition"] = NAME
    experiment["rows"][0]["claim"] = experiment["name"] = NAME
    store = Store.create(folder / "run", {**made.run, "experiment": experiment})
    store.append(
        cycle(number, end, condition=NAME, faults=(struck(NAME),), detail=f"{NAME}: 1 row missing")
        for number, end in enumerate(["cleaned", "dirty_silent", "harness_error"] * 10)
    )
    store.close()
    write(Results(folder / "run"))
    return folder / "run"


def commands(text: str) -> list[str]:
    """Find the lines that a CI would obey."""
    return [one for one in text.splitlines() if one.lstrip().startswith("::") or "##[" in one]


@pytest.mark.parametrize("verb", ["check", "report", "compare", "wrong"])
def test_nothing_printed_is_obeyed(
    folder: Path, verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither verdicts nor tables nor error messages hold a control or begin a command."""
    run = str(hostile(folder))
    arguments = {
        "check": ["check", run],
        "report": ["report", run],
        "compare": ["compare", run, run],
        "wrong": ["check", run, "--condition", f"{NAME}other"],
    }
    monkeypatch.setattr(sys, "argv", ["harness", *arguments[verb]])
    with contextlib.suppress(SystemExit):
        cli.main()
    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert "planted" in text
    assert not commands(text)
    assert not HOSTILE.search(text)


@pytest.mark.parametrize("name", ["console", "markdown", "junit", "github", "summary"])
def test_no_report_passes_it_on(folder: Path, name: str) -> None:
    """Escapes and bidirectional marks are in none; the only commands are the report's own."""
    text = registry.find("reports", name)().render(hostile(folder))
    assert "planted" in text
    assert not HOSTILE.search(text)
    for line in commands(text):
        assert name == "github"
        assert re.match(r"::(error|warning|notice) title=[^:,]*::", line)


def test_progress_is_no_markup(folder: Path) -> None:
    """A name in the table of a run under way: no escape, no markup of the table's own."""
    for terminal in (True, False):
        out = io.StringIO()
        console = Console(file=out, width=200, force_terminal=terminal, color_system=None)
        with ProgressDisplay(console, 0.95) as display:
            tally = Tally(f"[bold]{NAME}", 10)
            tally.add_stored(["cleaned"], Counter())
            display.begin(tally)
            display.show()
        assert "[bold]x" in out.getvalue()
        assert "\x1b]0" not in out.getvalue()
        assert not commands(out.getvalue())
