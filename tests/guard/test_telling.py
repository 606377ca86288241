from __future__ import annotations

import json

from harness.cleanup import CleanupReport
from harness.databases import Differences, SchemaDifference, TableDifferences
from harness.databases.engines import address_of
from harness.guard import GuardResult, telling
from harness.guard.document import VERSION
from harness.guard.telling import Run
from harness.steps import Failure, Step

LEFT = Differences(
    tables={
        "bots": TableDifferences(added=((9, "b", b"\x00\xff", float("inf")),)),
        "users": TableDifferences(missing=((1, "a"),), changed=(((2, "b"), (2, "\x1b[2J")),)),
    },
    sequences={"bots": (8, 9), "odd": (None, [1, 2])},
    schema=(SchemaDifference("table", "late", "added"),),
    settings={"user_version": (0, 4)},
    attributes={"owner": ("1000:1000", "0:0")},
)
TIMINGS = {"restore": 3.0, "verify": 2.0, "backup": 1500.0}
FAILED = Failure(Step("restore", "wal_pin", 3), "timeout", "BusyError: locked", 5)


def restored() -> GuardResult:
    """Give the result of a run that a restore put right at its second recovery."""
    return GuardResult(
        ended="restored",
        found=LEFT,
        remaining=Differences(),
        backed_up_by=("wal_pin", "online_backup"),
        restored_by="online_backup",
        failures=[FAILED],
        timings_ms=dict(TIMINGS),
    )


def test_people_read_what_was_left_and_what_was_done() -> None:
    """Tables, sequences, schema, settings, the restore with its detour, the proof, the times."""
    told = "\n".join(telling.lines(Run(address_of("db"), restored(), 0, command_ms=61000.0)))
    for words in (
        "backed up by wal_pin: needs WAL mode",
        "backed up by online_backup: works while others are connected",
        "left by the tests:\n  table late added\n  bots: 1 added, 0 missing, 0 changed\n",
        "users: 0 added, 1 missing, 1 changed",
        "sequence bots: 8 -> 9",
        "setting user_version: 0 -> 4",
        "owner 1000:1000 -> 0:0",
        "restored by online_backup\n  restore by wal_pin failed: timeout",
        "backup 1.5 s, command 61.0 s, verify 2.0 ms, restore 3.0 ms",
    ):
        assert words in told
    assert telling.verdict(Run(address_of("db"), restored(), 0)) == (
        "db is proven back at its baseline"
    )
    assert telling.errors(Run(address_of("db"), restored(), 0)) == []


def test_verbose_shows_every_row_and_no_cell_speaks_to_the_terminal() -> None:
    """Rows added, missing and changed are shown, control characters escaped."""
    told = "\n".join(telling.lines(Run(address_of("db"), restored(), 0), verbose=True))
    assert "+ 9, 'b', b'\\x00\\xff', inf" in told
    assert "- 1, 'a'" in told
    assert "~ 2, 'b' -> 2, '\\x1b[2J'" in told
    assert "\x1b" not in told


def test_rows_are_shown_once_below_their_table() -> None:
    """Whatever a table is called, also as the line of a sequence begins."""
    table = TableDifferences(added=((1,),))
    found = Differences(tables={"sequence a": table}, sequences={"a": (1, 2)})
    told = telling.lines(
        Run(address_of("db"), GuardResult(ended="cleaned", found=found), 0), verbose=True
    )
    assert told[:4] == [
        "left by the tests:",
        "  sequence a: 1 added, 0 missing, 0 changed",
        "    + 1",
        "  sequence a: 1 -> 2",
    ]


def test_dirty_gives_the_command_that_puts_it_right() -> None:
    """What is still different, why, and a command that works from any folder and any name."""
    result = GuardResult(ended="dirty", found=LEFT, remaining=LEFT, failures=[FAILED])
    run = Run(address_of("/some where/it's.db"), result, 125)
    told = "\n".join(telling.errors(run))
    assert "NOT proven" in telling.verdict(run)
    assert telling.not_proven(run) == f"{telling.verdict(run)}:\n{told}"
    assert "restore by wal_pin failed: timeout (BusyError: locked)" in told
    assert "bots: 1 added" in told
    assert "harness recover --database '/some where/it'\"'\"'s.db'" in told
    assert not run.proven
    assert "proven" not in "\n".join(telling.lines(run))


def test_a_cleanup_is_told_apart_from_what_it_left() -> None:
    """With a cleanup, its report and what was left after it; nothing says the tests left it."""
    report = CleanupReport(removed={"bots": 3}, wanted={"bots": 3})
    result = GuardResult(ended="cleaned", report=report, found=Differences())
    told = telling.lines(Run(address_of("db"), result, 0))
    assert told[:3] == [
        "left after the cleanup: nothing",
        "cleanup: Bots: 3/3 deleted",
        "no restore was needed",
    ]


def test_what_nobody_looked_at_is_not_called_proven() -> None:
    """A policy that does not verify proves nothing, whatever the cleanup says."""
    result = GuardResult(ended="cleaned", report=CleanupReport())
    run = Run(address_of("db"), result, 0)
    assert not run.proven
    assert "nothing is proven" in telling.verdict(run)


def test_sequences_count_only_at_the_grade_that_asks_for_them() -> None:
    """At grade rows a run whose sequences went on is proven; at exact it is not."""
    found = Differences(sequences={"bots": (8, 9)})
    result = GuardResult(ended="cleaned", found=found)
    assert Run(address_of("db"), result, 0, grade="rows").proven
    assert not Run(address_of("db"), result, 0, grade="exact").proven


def test_programs_read_strict_json() -> None:
    """The document has a version, counts by table, and cells that JSON has no word for."""
    result = restored()
    result.recovered = "brought back"
    run = Run(address_of("db"), result, 3, command_ms=7.0)
    document = json.loads(json.dumps(telling.document(run), allow_nan=False))
    assert (document["version"], document["status"], document["proven"]) == (VERSION, 3, True)
    assert document["found"]["tables"]["users"] == {"added": 0, "missing": 1, "changed": 1}
    assert document["found"]["sequences"]["odd"] == {"baseline": None, "now": [1, 2]}
    assert document["remaining"]["tables"] == {}
    assert document["failures"][0]["attempt"] == 3
    assert (document["recovered"], document["by_hand"]) == ("brought back", None)
    verbose = json.loads(json.dumps(telling.document(run, verbose=True), allow_nan=False))
    rows = verbose["found"]["tables"]["bots"]["rows"]
    assert rows["added"] == [[9, "b", {"blob": "00ff"}, {"real": "inf"}]]


def test_an_undisposed_backup_and_a_command_not_run_are_errors() -> None:
    """Both are said even when only errors are asked for."""
    result = GuardResult(ended="cleaned", found=Differences(), undisposed=True)
    told = telling.errors(Run(address_of("db"), result, 127, why_not_run="x: no such command"))
    assert told[0] == "x: no such command"
    assert "could not be removed" in told[1]


def test_a_lost_backup_sends_nobody_to_recover() -> None:
    """Neither people nor programs: it could find nothing to put back."""
    run = Run(address_of("db"), GuardResult(found=LEFT, lost=True), 125)
    told = "\n".join(telling.errors(run))
    assert "backup is gone or altered" in told
    assert told.count("harness recover") == told.count("--discard") == 1
    assert telling.document(run)["by_hand"] is None
