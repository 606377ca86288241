import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.drawn.one_cycle import one_cycle, worst
from harness.errors import UsageError
from harness.outcomes import OUTCOMES
from harness.results.reading import Results

RESULTS = Path(__file__).resolve().parents[3] / "results"
Told = Callable[[str], tuple[Results, dict[str, Any]]]


@pytest.fixture(scope="module")
def published() -> Told:
    """The published runs, by name."""

    def read(name: str) -> tuple[Results, dict[str, Any]]:
        folder = RESULTS / name
        return Results(folder), json.loads((folder / "summary.json").read_text(encoding="utf-8"))

    return read


def test_the_steps_of_a_failed_cycle(published: Told) -> None:
    """A cycle in which cleanup and restore were both struck: each fault stands in its step."""
    results, _ = published("curves")
    told = one_cycle(results, "trusting/0.0316", 156)
    steps = {step.name: step for step in told.steps}
    assert told.outcome == "dirty_known"
    assert [one.kind for one in steps["cleanup"].struck] == ["foreign_key", "permission"]
    assert [one.kind for one in steps["restore"].struck] == ["timeout"]
    assert steps["restore"].bad
    assert "it did not bring the baseline back" in steps["restore"].said
    assert "nobody looked: the policy is hybrid_trusting" in steps["verify"].said
    assert "the guard said not clean" in steps["truth"].said[-1]
    assert any(text.endswith("(3 times)") for text in steps["restore"].said)


def test_steps_follow_each_other(published: Told) -> None:
    """Each begins where the one before ended, and none ends after the cycle."""
    results, summary = published("network")
    told = one_cycle(results, *worst(results, summary) or ("", 0))
    ends_ms = 0.0
    for step in told.steps:
        assert step.start_ms == pytest.approx(ends_ms)
        ends_ms += step.took_ms or 0.0
    assert ends_ms <= told.whole_ms + 1e-6


def test_the_gravest_failure_of_what_restores_comes_first(published: Told) -> None:
    """A lost baseline before silent dirt, and a control without restores last of all."""
    assert worst(*published("wagtail")) == ("forgets the count/hybrid_trusting", 9)
    results, summary = published("curves")
    name, cycle = worst(results, summary) or ("", -1)
    assert name == "trusting/0.0316"
    assert one_cycle(results, name, cycle).outcome == "dirty_known"
    assert worst(*published("recovery_cost")) is None


def test_what_verification_asked_for_is_told(published: Told) -> None:
    """A restore where there was something to bring back, and none where there was not."""
    results, _ = published("curves")
    said = {}
    for outcome in ("cleaned", "restored"):
        columns = results.columns("verified/0.01")
        [first, *_] = np.flatnonzero(columns["outcome"] == OUTCOMES.index(outcome))
        told = one_cycle(results, "verified/0.01", int(columns["cycle"][first]))
        said[outcome] = next(step for step in told.steps if step.name == "verify")
    assert said["cleaned"].said == ("it called for no restore",)
    assert said["restored"].said == ("it called for a restore",)


def test_a_refusal_is_told_as_one(published: Told) -> None:
    """No test was run: the backup says so, what failed stands in its step, and nothing is bad."""
    results, _ = published("curves")
    told = one_cycle(results, "copied/file_copy/0.1", 117)
    steps = {step.name: step for step in told.steps}
    assert list(steps) == ["backup", "truth"]
    assert steps["backup"].bad
    assert "refused: none could be taken, so no test was run" in steps["backup"].said
    assert not steps["truth"].bad


def test_a_cycle_that_is_not_there_is_said(published: Told) -> None:
    """A number beyond those that ran is answered with a sentence."""
    results, _ = published("curves")
    with pytest.raises(UsageError, match="no cycle 99999"):
        one_cycle(results, "trusting/0.0316", 99999)
