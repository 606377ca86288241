"""Stories of cycles as a site would keep them, for tests of what prints them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.analysis.summary import write
from harness.cleanup import CleanupReport
from harness.databases import Differences, TableDifferences
from harness.experiment.cycle.story import tell
from harness.guard.protocol import GuardResult
from harness.reports.words.scenario import Scenario
from harness.reports.words.tables import read
from harness.steps import Entity, Failure, Step
from harness.truth import Judgement
from tests.stored_runs import cycle, make_run

TIMINGS_MS = {"backup": 1.5, "create": 12.1, "cleanup": 312.0, "restore": 14.21, "cycle": 342.0}
FAILED = (
    ("integrations", 2412, "network error", 3),
    ("bots", 88, "API timeout", 3),
    ("bots", 87, "foreign-key violation", 3),
    ("users", 62, "permission denied", 1),
)
CLEAN = Judgement(rows=True, exact=True, lost=False)


def _failure(phase: str, operation: str, attempt: int, reason: str) -> Failure:
    return Failure(Step(phase, operation, attempt), reason, f"Error: <{reason}>", 0)


def _summarys() -> GuardResult:
    """Make the result of the summary's failure scenario."""
    failed = [
        (
            Entity(table, (("id", number),)),
            _failure("cleanup", f"delete {table} {number}", attempts, reason),
        )
        for table, number, reason, attempts in FAILED
    ]
    report = CleanupReport(
        removed={"integrations": 2, "bots": 3, "users": 1, "audit_log": 6},
        wanted={"integrations": 3, "bots": 5, "users": 2, "audit_log": 6},
        failed=failed,
    )
    left = {"bots": 2, "integrations": 1, "users": 1}
    found = Differences(
        {name: TableDifferences(tuple((n,) for n in range(rows))) for name, rows in left.items()}
    )
    again = _failure("cleanup", "delete bots 86", 1, "network error")
    failures = [*(failure for _, failure in failed), again]
    return GuardResult("restored", report, found, Differences(), "online_backup", failures)


def restored() -> str:
    """Tell the summary's failure scenario."""
    return tell(_summarys(), CLEAN, served=True)


def cleaned() -> str:
    """Tell of a cleanup that was enough."""
    report = CleanupReport({"bots": 3}, {"bots": 3})
    judgement = Judgement(rows=True, exact=False, lost=False)
    return tell(GuardResult("cleaned", report, Differences()), judgement)


def dirty(*, lost: bool = False) -> str:
    """Tell of a restore that failed."""
    result = _summarys()
    full = [_failure("restore", "online_backup", attempt, "disk full") for attempt in (1, 2, 3)]
    result = replace(
        result, ended="dirty", remaining=result.found, restored_by=None,
        failures=result.failures + full,
    )  # fmt: skip
    rows = tuple(f"bots: row {number} added" for number in range(6))
    judgement = Judgement(False, False, lost, ("api_db_dev.sqlite3.e2e-backup",), rows)
    undone = [_failure("create", "create bots 2", 1, "server error")]
    return tell(result, judgement, undone=undone, served=False)


def refused() -> str:
    """Tell of a backup that was refused."""
    failures = [_failure("backup", "wal_pin", attempt, "timeout") for attempt in (1, 2)]
    return tell(GuardResult("refused", failures=failures), CLEAN)


def trusting() -> str:
    """Tell of a cleanup that was believed though it left a row."""
    report = CleanupReport({"bots": 3}, {"bots": 3})
    judgement = Judgement(False, False, False, (), ("bots: row 3 added",))
    return tell(GuardResult("cleaned", report), judgement)


STORIES = {
    "as in the summary": ("restored", restored()),
    "fine": ("cleaned", cleaned()),
    "dirty": ("dirty_known", dirty()),
    "refused": ("dirty_known", refused()),
    "trusting": ("dirty_silent", trusting()),
    "lost": ("baseline_lost", dirty(lost=True)),
}


def write_stories(folder: Path) -> Path:
    """Write a run with a condition for each of STORIES, of a cycle each."""
    records = [
        cycle(
            0,
            outcome,
            condition=name,
            story=story,
            cleanup_ok=None if name == "refused" else outcome == "cleaned",
            timings_ms={
                phase: ms
                for phase, ms in TIMINGS_MS.items()
                if phase != "restore" or name not in ("fine", "refused", "trusting")
            },
        )
        for name, (outcome, story) in STORIES.items()
    ]
    conditions = [{"name": name} for name in STORIES]
    results = make_run(folder / "stories", records, conditions=conditions)
    write(results)
    return results.folder


def scenarios(folder: Path) -> dict[str, Scenario]:
    """Read every scenario of such a run, by condition."""
    return {told.condition: told for told in read(folder).scenarios}
