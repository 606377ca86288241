"""cycles.sqlite as readers of stored runs see it; what is damaged in it: see test_damage."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.errors import MeasurementError
from harness.outcomes import OUTCOMES
from harness.results.database import CyclesDatabase
from harness.results.folder import CYCLES
from harness.results.reading import Results
from harness.results.store import Store
from tests.stored_runs import cycle, cycles, make_run

OLDER = """
ALTER TABLE cycles RENAME TO was;
CREATE TABLE cycles AS SELECT * FROM was; DROP TABLE was; DROP TABLE totals;
ALTER TABLE cycles DROP COLUMN checksum; ALTER TABLE stories DROP COLUMN checksum;
UPDATE cycles SET outcome = 2 WHERE outcome = 6
"""


def test_it_counts(folder: Path) -> None:
    """Conditions with cycles, and how many."""
    two = [{"name": "one"}, {"name": "two"}]
    made = make_run(folder / "run", cycles(["cleaned"] * 3), conditions=two)
    database = CyclesDatabase(made.folder / CYCLES, ["one", "two"], beside=False)
    assert database.counts() == {"one": 3}
    with pytest.raises(MeasurementError, match=r"condition 'one', which run\.json does not"):
        CyclesDatabase(made.folder / CYCLES, ["two"], beside=False).counts()


def test_an_older_run_is_read_and_gone_on_with(folder: Path) -> None:
    """Without checksums; its refusals, there dirty_known, are told apart; then it goes on."""
    refused = cycle(1, "refused", rows=True, exact=True, cleanup_ok=None, timings_ms={"cycle": 1.0})
    dirty = cycle(2, "dirty_known", exact=True)  # it ran: a cleanup took place
    results = make_run(folder / "run", [cycle(0), refused, dirty])
    connection = apsw.Connection(str(results.folder / CYCLES))
    connection.execute(OLDER)
    connection.close()

    def ends() -> list[str]:
        return [OUTCOMES[code] for code in Results(results.folder).columns("one")["outcome"]]

    assert ends() == ["cleaned", "refused", "dirty_known"]
    store = Store(results.folder, write=True)
    store.append([cycle(3, "dirty_known", exact=True, timings_ms={}), cycle(4)])
    store.close()
    assert ends() == ["cleaned", "refused", "dirty_known", "dirty_known", "cleaned"]
    connection = apsw.Connection(str(results.folder / CYCLES))
    connection.execute("UPDATE cycles SET left_behind = 1 WHERE cycle = 4")
    connection.close()
    with pytest.raises(MeasurementError, match="cycle 4, column checksum"):
        ends()


def test_a_changed_story_is_said(folder: Path) -> None:
    """A story is told as it was stored, or not at all."""
    made = make_run(folder / "run", [cycle(0, story='{"version": 1, "ended": "cleaned"}')])
    assert made.story("one") == (0, {"version": 1, "ended": "cleaned"})
    connection = apsw.Connection(str(made.folder / CYCLES))
    connection.execute("UPDATE stories SET story = replace(story, 'cleaned', 'refused')")
    with pytest.raises(MeasurementError, match="the story of cycle 0 of 'one' is not the one"):
        made.story("one")
    connection.execute("UPDATE stories SET story = '{'")
    connection.close()
    with pytest.raises(MeasurementError, match="story of cycle 0 of 'one' is no JSON"):
        made.story("one")
