"""A stored cycle, run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.summary import write
from harness.errors import UsageError
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.replay import _stored, replay, same, side_by_side
from harness.experiment.run.runner import run
from harness.faults.schedule.ledger import LedgerEntry
from harness.results.records import CycleRecord
from tests.stored_runs import cycle, make_run, struck

SITE = "tests.experiment.sites:Quick"
TEXT = 'name = "again"\ncycles = 25\ndefaults.workload.size_bytes = 262144\n'


def test_a_stored_cycle_is_the_same_again(folder: Path) -> None:
    """The same seed gives the same record; a cycle that was not run has none to compare with."""
    path = folder / "again.toml"
    path.write_text(TEXT + '[[conditions]]\nname = "a"\nrecoveries = ["file_copy"]\n')
    run(path, RunOptions(output=folder / "run", workers=1), Machinery(SITE, work_folder=folder))
    for number in (0, 19):
        stored, new = replay(folder / "run", "a", number, SITE)
        assert same(stored, new)
    assert not same(None, stored or new)


def test_records_differ_by_more_than_time() -> None:
    """Timings never make a difference, anything else does, and is marked."""
    entry = LedgerEntry("noop", "cleanup", "delete bots 1", 1, "phase", True, True, "seen")
    one = CycleRecord("a", 1, "cleaned", timings_ms={"cycle": 1.0})
    assert same(one, replace(one, timings_ms={"cycle": 2.0}, cpu_ms={"cycle": 1.0}))
    for other in (
        replace(one, outcome="restored"),
        replace(one, faults=(entry,)),
        replace(one, detail="x"),
        replace(one, story='{"ended":"dirty"}'),
    ):
        assert not same(one, other)
        marked = [line for line in side_by_side(one, other).splitlines() if line.startswith("!")]
        assert len(marked) == 1
    assert "noop: delete bots 1 (1), phase: surfaced" in side_by_side(
        one, replace(one, faults=(entry,))
    )
    assert "(not run)" in side_by_side(None, one)


def test_of_two_stories_only_what_differs_is_shown() -> None:
    """A chapter that is the same in both is left out; two equal stories are one word."""
    one = CycleRecord("a", 1, "cleaned", story='{"ended":"cleaned","served":true}')
    other = replace(one, story='{"ended":"dirty","served":true}')
    shown = side_by_side(one, other)
    assert 'ended: "cleaned"' in shown
    assert 'ended: "dirty"' in shown
    assert "served" not in shown
    assert "the same" in side_by_side(one, one)


def test_a_published_cycle_is_read_from_its_parquet_file(folder: Path) -> None:
    """Without the database the stored record comes from cycles.parquet, the same in everything."""
    entry = struck("timeout")
    made = make_run(
        folder / "run",
        [
            cycle(0),
            cycle(1, "restored", faults=(entry,), restored_by="wal_pin", cleanup_ok=True,
                  shadow_ok=False, detail="why", timings_ms={"backup": 1.5, "cycle": 4.25},
                  cpu_ms={"cycle": 2.5}),
        ],
    )  # fmt: skip
    from_database = [_stored(made.folder, "one", number) for number in (0, 1, 2)]
    write(made)
    (made.folder / "cycles.sqlite").unlink()
    assert [_stored(made.folder, "one", number) for number in (0, 1, 2)] == from_database
    assert from_database[2] is None


def test_a_cycle_that_was_never_planned_is_refused(folder: Path) -> None:
    """Beyond the last cycle there is nothing to run again, and the sentence says what there is."""
    made = make_run(folder / "run", [cycle(0)])
    with pytest.raises(UsageError, match=r"--cycle 99999: condition 'one' .* has the cycles 0 to"):
        replay(made.folder, "one", 99_999)
