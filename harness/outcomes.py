"""What outcomes a cycle can have, which of its steps are timed, and with what status a run ends."""

from __future__ import annotations

from typing import Literal

Outcome = Literal[
    "cleaned",
    "restored",
    "refused",
    "dirty_known",
    "dirty_silent",
    "baseline_lost",
    "harness_error",
]
OUTCOMES: tuple[Outcome, ...] = (
    "cleaned",
    "restored",
    "refused",  # no backup could be had, so no test was run; runs from before have dirty_known
    "dirty_known",
    "dirty_silent",
    "baseline_lost",
    "harness_error",
)
# as cycles.sqlite has them: those of older runs stay what they were
CODES: dict[Outcome, int] = {
    "cleaned": 0,
    "restored": 1,
    "dirty_known": 2,
    "dirty_silent": 3,
    "baseline_lost": 4,
    "harness_error": 5,
    "refused": 6,
}
TIMINGS = ("backup", "create", "cleanup", "verify", "restore", "dispose", "truth", "cycle")
# every duration that is stored of a cycle: wall-clock time, and beside it the processor's
DURATIONS = (*TIMINGS, *(f"{phase}_cpu" for phase in TIMINGS))
# with which status a command ends, by what a run comes to (harness.analysis.verdict)
STATUS = {"supported": 0, "not refuted": 0, "refuted": 1, "undecided": 3, "harness error": 4}
