"""What to do after a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.analysis.summary import load, write
from harness.reports.console_parts.what_next import Words, next_command
from harness.statistics.sequential import support_boundary
from tests.stored_runs import cycles, make_run

RESUME: list[Words] = [
    ("harness", "run", "x.toml"), ("--resume",), ("--cycles", "40"), ("--set", "cycles=40"),
    ("--stop-when-decided",), ("--workers", "2"),
]  # fmt: skip


def asked(folder: Path, outcomes: list[str], resume: Any = (), **values: Any) -> tuple[str, ...]:
    """Ask what comes after a run with these outcomes, claimed to be reliable at 99%."""
    claims = [{"name": "one", "claims": ["reliability >= 0.99"]}]
    write(made := make_run(folder / "run", cycles(outcomes, **values), conditions=claims))
    summary = load(made.folder).summary
    return next_command(summary, summary["verdict"], made.folder, resume)


def test_after_a_refutation_its_first_failure(folder: Path) -> None:
    """The first that somebody will want to look at."""
    words = asked(folder, ["cleaned", "dirty_silent"] * 20, RESUME)
    run = str(folder / "run")
    assert words == ("harness", "replay", run, "--condition", "one", "--cycle", "1")


def test_where_no_failure_is_kept_there_is_the_long_form(folder: Path) -> None:
    """Of those that were told of none is kept to be replayed."""
    assert asked(folder, ["cleaned", "dirty_known"] * 20, RESUME) == ()


def test_after_support_there_is_nothing_to_do(folder: Path) -> None:
    """The report is named anyway."""
    assert asked(folder, ["cleaned"] * 400, RESUME) == ()


@pytest.mark.parametrize(("failures", "more"), [(0, support_boundary(0, 0.99)), (4, 400)])
def test_what_is_undecided_goes_on(folder: Path, failures: int, more: int) -> None:
    """To where it is supported if nothing else fails; with too many failures twice as far."""
    outcomes = ["cleaned"] * (200 - failures) + ["dirty_known"] * failures
    words = asked(folder, outcomes, RESUME)
    assert words == (
        "harness", "run", "x.toml", "--resume", "--workers", "2", "--stop-when-decided",
        "--cycles", str(more),
    )  # fmt: skip


def test_who_does_not_know_the_experiment_is_not_sent_on(folder: Path) -> None:
    """Of a stored run nobody knows where its experiment lies."""
    assert asked(folder, ["cleaned"] * 20) == ()


def test_a_killed_worker_is_an_accident(folder: Path) -> None:
    """Its cycle may be run again; of any other harness error the cycle is looked at."""
    killed = "worker died (signal 9) in this cycle"
    words = asked(folder / "a", ["harness_error"] * 2, RESUME, detail=killed)
    assert words[-1] == "--again"
    words = asked(folder / "b", ["harness_error"] * 2, RESUME, detail="ValueError: x")
    assert words[:2] == ("harness", "replay")
