"""cleanup_killed: SIGKILL at a moment of the cleanup's run, proven by waitpid."""

from __future__ import annotations

from dataclasses import replace

from harness.faults.cleanup_killed import CleanupKilled
from tests.faults.conftest import ENTITIES, Stage
from tests.faults.own_cleanup import OWN, clean, entry, program


def test_it_is_killed_half_way(stage: Stage) -> None:
    """The command ends by SIGKILL, and what it had not come to is still there."""
    stage.scene.terms.usual_s = 1.0
    report, injector = clean(stage, program(sleep_s=60), "cleanup_killed")
    assert [failure.reason for failure in report.failures] == ["killed by SIGKILL"]
    one = entry(injector, report)
    assert (one.fired, one.surfaced) == (True, True)
    assert one.evidence == "waitpid: killed by SIGKILL after 0.500 of its usual time"
    assert stage.rows("SELECT count(*) FROM bots WHERE id > 7") == [(2,)]
    assert stage.scene.terms.kill_after_s is None


def test_one_that_was_done_before_was_not_struck(stage: Stage) -> None:
    """It did not fire, and nothing failed."""
    stage.scene.terms.usual_s = 60.0
    report, injector = clean(stage, program(), "cleanup_killed")
    assert report.ok
    assert not entry(injector, report).fired


def test_one_killed_by_another_is_not_its_doing(stage: Stage) -> None:
    """A SIGKILL from elsewhere is no evidence of this fault."""
    stage.scene.terms.usual_s = 60.0
    report, injector = clean(stage, "kill -KILL $$", "cleanup_killed")
    assert not report.ok
    assert not entry(injector, report).fired


def test_without_a_rehearsal_it_says_so(stage: Stage) -> None:
    """A moment of an unknown time cannot be drawn: an error of the instrument's own."""
    report, injector = clean(stage, program(), "cleanup_killed")
    injector.finish(report.failures)
    assert "rehearsed" in str(injector.error)


def test_where_it_can_never_strike() -> None:
    """SQL, functions and cleanups that are known by name are no processes."""
    assert CleanupKilled.why_never(OWN) is None
    assert "command" in str(CleanupKilled.why_never(replace(OWN, own_processes=False)))
    assert CleanupKilled.slots(replace(OWN, own=(), operations=ENTITIES)) == []
