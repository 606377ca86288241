from pathlib import Path

from harness.outcomes import OUTCOMES
from harness.reports.words.scenario import ENDS, Scenario
from tests.reports.stories import FAILED, STORIES, scenarios


def said(told: Scenario, step: str) -> list[tuple[str, str]]:
    """Return state and text of every line of one step."""
    return [(line.state, line.said) for line in told.lines if line.step == step]


def test_the_summarys_failure_scenario(stories: Path) -> None:
    """Counts, reasons, what was found, and the restore are those of the cycle that was kept."""
    told = scenarios(stories)["as in the summary"]
    (cleanup,) = [line for line in told.lines if line.step == "Cleanup"]
    assert [(one.table, one.tally) for one in cleanup.removals] == [
        ("Integrations", "2/3 deleted"), ("Bots", "3/5 deleted"), ("Users", "1/2 deleted"),
        ("Audit log", "6/6 deleted"),
    ]  # fmt: skip
    failed = [undone[:3] for one in cleanup.removals for undone in one.failed]
    assert failed == [(f"{table} {n}", reason, tries) for table, n, reason, tries in FAILED]
    assert said(told, "Verification") == [
        ("bad", "found 4 rows left behind: bots 2, integrations 1, users 1"),
        ("good", "no difference"),
    ]
    restore = "database restored from backup by online_backup, in 14.2 ms"
    assert said(told, "Restore") == [("good", restore)]
    assert said(told, "Backend") == [("good", "serves the baseline again")]
    assert said(told, "Retried")[0][0] == "note"
    assert told.title == "As in the summary"
    assert (told.clean, told.end) == (True, "restored to a clean state")


def test_a_trip_where_nothing_went_wrong(stories: Path) -> None:
    """No line is bad, the restore was not needed, and a moved sequence is said."""
    told = scenarios(stories)["fine"]
    assert {line.state for line in told.lines} == {"good"}
    assert said(told, "Restore") == [("good", "not needed")]
    assert "sequences moved on" in said(told, "Truth")[0][1]
    assert told.title == "Fine"


def test_a_dirty_end_is_said_at_every_step(stories: Path) -> None:
    """The failed restore, the rows that are still there, and the backend are all bad."""
    told = scenarios(stories)["dirty"]
    assert said(told, "Restore") == [
        ("bad", "online_backup: disk full, 3 times"), ("bad", "the database was NOT brought back"),
    ]  # fmt: skip
    ((state, truth),) = said(told, "Truth")
    assert state == "bad"
    assert truth.startswith("DIRTY: bots: row 0 added")
    assert truth.endswith("; and 2 more")
    assert said(told, "Backend") == [("bad", "does NOT serve the baseline")]
    assert ("bad", "create bots 2: server error") in said(told, "Tests")
    assert not told.clean


def test_every_other_end(stories: Path) -> None:
    """A refused backup, a believed cleanup and a lost baseline each say what they are."""
    told = scenarios(stories)
    assert told["refused"].end.startswith("REFUSED")
    assert said(told["refused"], "Cleanup") == []
    assert "believes" in said(told["trusting"], "Verification")[0][1]
    assert told["trusting"].end.endswith("says it is clean")
    assert said(told["lost"], "Truth")[0][1].startswith("BASELINE CONTENT LOST")
    assert set(told) == set(STORIES)


def test_every_outcome_has_its_words() -> None:
    """There is an end for each outcome, and only clean ones are in small letters."""
    assert set(ENDS) == set(OUTCOMES)
    shouting = {outcome for outcome, end in ENDS.items() if end.split(":")[0].split()[0].isupper()}
    assert shouting == set(OUTCOMES) - {"cleaned", "restored"}
