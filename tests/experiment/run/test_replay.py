"""A stored cycle, run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.summary import write
from harness.errors import UsageError
from harness.experiment.run.both_records import same
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.replay import _published_story, _stored, replay
from harness.experiment.run.runner import run
from tests.reports.stories import restored
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


def test_a_published_cycle_has_the_story_of_the_summary(folder: Path) -> None:
    """Without the database it is the very same text, so that a replay can be the same."""
    text = restored()
    made = make_run(folder / "run", [cycle(0, "restored", story=text), cycle(1, story=text)])
    write(made)
    (made.folder / "cycles.sqlite").unlink()
    assert _published_story(made.folder, "one", 0) == text
    first, second = (_stored(made.folder, "one", number) for number in (0, 1))
    assert first is not None
    assert first.story == text
    assert second is not None
    assert second.story == ""  # only the first of a condition is published


@pytest.mark.parametrize("number", [0, 1])
def test_what_is_not_published_makes_no_difference(folder: Path, number: int) -> None:
    """A run that keeps stories, published: each cycle is the same again, told or not."""
    path = folder / "again.toml"
    condition = '[[conditions]]\nname = "a"\nrecoveries = ["file_copy"]\nstory = true\n'
    path.write_text(TEXT.replace("25", "2") + condition)
    run(path, RunOptions(output=folder / "run", workers=1), Machinery(work_folder=folder))
    (folder / "run" / "cycles.sqlite").unlink()
    assert same(*replay(folder / "run", "a", number))


def test_a_cycle_that_was_never_planned_is_refused(folder: Path) -> None:
    """Beyond the last cycle there is nothing to run again, and the sentence says what there is."""
    made = make_run(folder / "run", [cycle(0)])
    with pytest.raises(UsageError, match=r"--cycle 99999: condition 'one' .* has the cycles 0 to"):
        replay(made.folder, "one", 99_999)
