"""What a line of a verb looks like on a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.analysis.compare import compare
from harness.commands import colours
from harness.experiment.run import verdicts

RESULTS = Path(__file__).parents[2] / "results"
ESCAPE = re.compile(r"\x1b\[[\d;]*m")
GREEN, RED, YELLOW, DIM = ("\x1b[1;32m", "\x1b[1;31m", "\x1b[33m", "\x1b[2m")


@pytest.mark.parametrize(
    ("paint", "line", "coloured"),
    [
        (colours.verdicts, "a: x >= 0.9: refuted at cycle 6", "a: x >= 0.9: \x1b[1;31mrefuted"),
        (colours.verdicts, "a: x >= 1: not refuted: 0", "a: x >= 1: \x1b[32mnot refuted\x1b"),
        (colours.verdicts, "refuted twice: x: undecided", f"refuted twice: x: {YELLOW}undecided"),
        (colours.changes, "a: p95: 1 -> 2: worse", f"a: p95: 1 -> 2: {RED}worse"),
        (colours.changes, "a: p95: 2 -> 1: better", f"a: p95: 2 -> 1: {GREEN}better"),
        (colours.changes, "4 measures: no difference shown (1)", f"4 measures: {DIM}no"),
        (colours.differences, "no differences", f"{GREEN}no differences"),
        (colours.differences, "  + (1, 'x')", "\x1b[32m  + (1, 'x')"),
        (colours.differences, "users: 1 added", f"{RED}users: 1 added"),
        (colours.twice, "! outcome  stored  cleaned", f"{YELLOW}! outcome"),
        (colours.twice, "the same: cycle 1", f"{GREEN}the same"),
        (colours.twice, "not the same: cycle 1", f"{RED}not the same"),
    ],
)
def test_what_it_comes_to_has_a_colour(paint: colours.Paint, line: str, coloured: str) -> None:
    """And the rest none; the text stays the same."""
    assert paint(line).startswith(coloured)
    assert ESCAPE.sub("", paint(line)) == line


@pytest.mark.parametrize("line", ["", "a worse: 1 -> 2", "  outcome  cleaned", "worse and worse"])
def test_other_lines_stay_plain(line: str) -> None:
    """A word in a name is no finding."""
    assert colours.changes(line) == colours.verdicts(line) == colours.twice(line) == line


def test_every_verdict_of_a_real_run_is_coloured() -> None:
    """Each line of `harness check` and each finding of `harness compare` has its colour."""
    run = RESULTS / "summary_claims"
    lines = verdicts.lines(verdicts.check(run))
    assert [line for line in lines[:-1] if colours.verdicts(line) == line] == []
    found, _ = compare(RESULTS / "chinook", RESULTS / "chinook", verbose=True)
    assert [one for one in found if "shown" in one and colours.changes(one) == one] == []
