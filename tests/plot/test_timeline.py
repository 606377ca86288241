from __future__ import annotations

from pathlib import Path

import pytest

import harness
from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import timeline
from tests.plot.seen import outside, said

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_the_gravest_failure_of_a_published_run() -> None:
    """Its steps one after another, the faults, and what each part said."""
    ax = timeline(harness.load(RESULTS / "curves"))
    names = [one.get_text().split("\n")[0] for one in ax.get_yticklabels()]
    assert names == ["backup", "create", "cleanup", "verify", "restore", "truth"]
    starts = [one.get_x() for one in ax.patches]
    assert starts == sorted(starts)
    assert len(starts) == 5  # nobody verified
    assert "nobody looked: the policy is hybrid_trusting" in said(ax)
    assert "timeout at wal_pin" in said(ax)
    assert ax.get_title(loc="left") == "trusting/0.0316, cycle 156: dirty and said so"
    assert outside(ax) == []


def test_a_cycle_of_ones_own_choice() -> None:
    """Any that is stored, by its condition and number; half a name is refused."""
    run = harness.load(RESULTS / "curves")
    assert "refused before any test" in timeline(run, "copied/file_copy/0.1", 117).get_title("left")
    with pytest.raises(UsageError, match="name both"):
        timeline(run, "copied/file_copy/0.1")
    with pytest.raises(UsageError, match="no cycle failed"):
        timeline(harness.load(RESULTS / "recovery_cost"))


def test_without_stored_cycles_it_is_said(run: Run) -> None:
    """A run that was published without them has nothing to draw."""
    with pytest.raises(UsageError, match="nothing was measured here"):
        timeline(run)
