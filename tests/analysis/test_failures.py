"""Cycles that failed alike are put together, whatever rows and numbers were in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.analysis.failures import CUT, STORED_MOST, Text, failures, grouped, taken_apart
from harness.analysis.summary import load, write
from harness.results.folder import CYCLES
from harness.results.reading import PARQUET, SUMMARY
from harness.results.records import CycleRecord
from harness.results.run_checks import checksum
from tests.stored_runs import cycle, make_run

LOCKED = (
    "users: 1 row added (rowid 45); sequence users: 44 -> 45; delete users 45: BusyError: locked"
)
AGAIN = (
    "bots: 2 rows added (rowid 1, 2); users: 1 row added (rowid 46); "
    "delete bots 2: BusyError: locked"
)
DENIED = "users: 1 row added (rowid 45); delete users 45: AuthError: not authorized"


def run_of(folder: Path, *records: CycleRecord, demands: str = "rows") -> Path:
    """Write a run of one condition, whole."""
    results = make_run(folder / "run", records, conditions=[{"name": "one", "demands": demands}])
    write(results)
    return results.folder


def told(folder: Path) -> list[tuple[str, tuple[str, ...], int, int, dict[str, int]]]:
    """Return what is said of the condition called ``one``."""
    found = failures(folder, load(folder).summary)["one"]
    return [(one.outcome, one.causes, one.cycles, one.first, dict(one.left)) for one in found]


def test_alike_whatever_the_rows(folder: Path) -> None:
    """The same cause is one kind, with how many cycles, the first of them and what differed."""
    run = run_of(
        folder,
        cycle(0),
        cycle(3, "dirty_known", detail=AGAIN),
        cycle(4, "dirty_known", detail=DENIED),
        cycle(5, "dirty_known", detail=LOCKED),
        cycle(6, "dirty_known", detail=LOCKED),
        cycle(7, "dirty_silent", detail="users: 1 row added (rowid 45)"),
    )
    assert told(run) == [
        ("dirty_silent", (), 1, 7, {"users": 1}),
        ("dirty_known", ("delete: locked",), 3, 3, {"users": 3, "bots": 1}),
        ("dirty_known", ("delete: not authorized",), 1, 4, {"users": 1}),
    ]


@pytest.mark.parametrize("gone", [PARQUET, CYCLES, None])
def test_the_same_from_either_file(folder: Path, gone: str | None) -> None:
    """A published run, one that was not ended, and one with both files say the same."""
    run = run_of(folder, cycle(0, "dirty_known", detail=LOCKED), cycle(1))
    if gone:
        (run / gone).unlink()
    assert told(run) == [("dirty_known", ("delete: locked",), 1, 0, {"users": 1})]


def test_sequences_only_where_they_count(folder: Path) -> None:
    """By the grade ``exact`` a sequence differs; by ``rows`` it is not even in the example."""
    assert "sequence users" in taken_apart(LOCKED, sequences=True).left
    read = taken_apart(LOCKED, sequences=False)
    assert read.left == ("users",)
    assert not any("sequence" in part for part in read.said)
    run = run_of(folder, cycle(0, "dirty_known", detail=LOCKED), demands="exact")
    assert told(run)[0][-1] == {"users": 1, "sequence users": 1}


@pytest.mark.parametrize(
    ("detail", "causes"),
    [
        ("create users 1: ApiError: POST /users: Connection reset by peer",
         ("create: Connection reset by peer",)),
        ("command: CommandFailed: npm run clean: exit status 1; it said: a; Error: c",
         ("command: npm run clean: exit status 1",)),
        ("wal_pin: BusyError; wal_pin: BusyError", ("wal_pin: BusyError",)),
        ("no backup of a could be taken, so no test was run: file_copy: OSError: [Errno 28] full",
         ("file_copy: full",)),
        ("file_copy: OSError: has 123456 bytes where 2691072 were written",
         ("file_copy: has N bytes where N were written",)),
        ("the file is the baseline, but the backend serves something else", ()),
        ("", ()),
    ],
)  # fmt: skip
def test_a_cause_is_named_without_what_only_one_cycle_has(
    detail: str, causes: tuple[str, ...]
) -> None:
    """Ids, paths, error numbers and what a command printed tell no two causes apart."""
    assert taken_apart(detail, sequences=False).causes == causes


def test_what_was_cut_says_so(folder: Path) -> None:
    """A text that was cut when it was stored ends in an ellipsis and makes no cause of its own."""
    long = LOCKED + "; delete bots 1: AuthError: not au" * 100
    run = run_of(folder, cycle(0, "dirty_known", detail=long[:STORED_MOST]))
    (found,) = failures(run, load(run).summary)["one"]
    assert found.example[-1].endswith(CUT)
    assert all(not cause.endswith(CUT) and cause != "delete: not" for cause in found.causes)


def test_without_cycles_what_the_summary_names(folder: Path) -> None:
    """Of a run published as two JSON files the worst cycles are known, and cuts are marked."""
    run = run_of(folder, cycle(0, "dirty_silent", detail="x" * 400))
    for name in (PARQUET, CYCLES):
        (run / name).unlink()
    summary = json.loads((run / SUMMARY).read_text())
    assert summary["sha256"] == checksum(summary)
    (found,) = failures(run, summary)["one"]
    assert found.example == ("x" * 300 + CUT,)


def test_an_older_runs_refusal_is_one() -> None:
    """There a refusal is dirty_known, and its text says what it was."""
    text = Text("dirty_known", "no backup of a.db could be taken, so no test was run", 1, 0)
    assert grouped([text], {"clean": {"demands": "rows"}})[0].outcome == "refused"
