"""The cycles of one condition: those that are missing, up to the one that decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import MeasurementError
from harness.experiment.run import verdicts
from harness.experiment.run.one_condition import gaps
from harness.experiment.run.pool import Pool
from harness.results.records import CycleRecord
from tests.experiment.run.runs import Runs


def test_gaps_are_what_is_not_done() -> None:
    """Ranges that are done, and those that are not, are the whole."""
    assert gaps([], range(5)) == [range(5)]
    assert gaps([range(2), range(3, 4)], range(6)) == [range(2, 3), range(4, 6)]
    assert gaps([range(9)], range(5)) == []
    assert gaps([range(1, 3), range(7, 9)], range(5)) == [range(1), range(3, 5)]


def test_stopping_early_stores_the_same_for_any_number_of_workers(runs: Runs) -> None:
    """Exactly the cycles up to the decision, though the failing cycles end late."""
    runs.write(cycles=4000, claims='["reliability >= 0.9"]')
    for workers in (1, 2):
        runs(str(workers), site="LateFailures", workers=workers, stop_when_decided=True,
             overrides=["conditions.b.cycles=1"])  # fmt: skip
    assert runs.rows("1") == runs.rows("2")
    decided = len([row for row in runs.rows("1") if row.condition == "a"])
    (claimed,) = [one.judged for one in verdicts.check(runs.folder / "2") if one.judged]
    assert claimed["decided_at_cycle"] == decided
    assert decided < 200
    before = runs.rows("1")
    runs("1", site="LateFailures", stop_when_decided=True, resume=True,
         overrides=["conditions.b.cycles=1"])  # fmt: skip
    assert runs.rows("1") == before


@pytest.mark.parametrize("cycles", ["cycles = 60", "budget = { cycles = 210 }"])
def test_what_workers_never_bring_back_is_no_end(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, cycles: str
) -> None:
    """A pool with a defect planted, which forgets a batch: not finished, and resumed."""
    runs.write(claims='["reliability >= 0.9"]')
    text = runs.path.read_text(encoding="utf-8").replace("cycles = 60", cycles)
    runs.path.write_text(text, encoding="utf-8")
    collect, forgotten = Pool._collect, list[CycleRecord]()

    def forgetful(pool: Pool, worker: Any) -> Iterator[list[CycleRecord]]:
        for records in collect(pool, worker):
            if forgotten or records[-1].cycle != FORGOTTEN:
                yield records
            else:
                forgotten.extend(records)

    monkeypatch.setattr(Pool, "_collect", forgetful)
    with pytest.raises(MeasurementError, match=r"cycles 1 to \d+ are missing"):
        runs("x", workers=1)
    assert json.loads((runs.folder / "x" / "run.json").read_text())["finished"] is None
    runs("x", workers=1, resume=True)
    runs("y", workers=1)
    assert runs.rows("x") == runs.rows("y")


FORGOTTEN = 4  # the last of a first batch of four
