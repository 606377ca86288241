"""What may be merged: finished, whole, and all of it there."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.errors import MeasurementError, UsageError
from harness.results.merging import part
from tests.results.merging.folders import rewritten, shard


def test_a_part_says_what_it_holds(folder: Path) -> None:
    """A shard its range, a whole run all its cycles."""
    opened = part.opened(shard(folder / "shard", range(5, 9)))
    assert (opened.range, opened.cycles, opened.whole) == (
        range(5, 9), {"one": range(5, 9), "two": range(5, 9)}, False,
    )  # fmt: skip
    part.check(opened)
    opened = part.opened(shard(folder / "whole", range(6), whole=True))
    assert (opened.range, opened.cycles, opened.whole) == (
        range(6), {"one": range(6), "two": range(6)}, True,
    )  # fmt: skip


@pytest.mark.parametrize("values", [{"finished": None}, {"rates": None}])
def test_one_that_is_not_finished_is_told_how_to_go_on(
    folder: Path, values: dict[str, None]
) -> None:
    """Interrupted, or before its rates were known: the command has its range and folder."""
    made = shard(folder / "one", range(5, 9), **values)
    command = f"harness run EXPERIMENT.toml --resume --cycles 5-8 --output {made}"
    with pytest.raises(UsageError, match=f"not finished; go on with '{command}'"):
        part.opened(made)


def test_what_is_no_part_is_refused(folder: Path) -> None:
    """No run, one published without its database, one that ended as it was decided."""
    with pytest.raises(UsageError, match="is not a run's folder"):
        part.opened(folder)
    made = shard(folder / "one", range(5))
    (made / "cycles.sqlite").rename(made / "cycles.parquet")
    with pytest.raises(UsageError, match="it was published without"):
        part.opened(made)
    early = shard(folder / "early", range(5), whole=True)
    configured = part.read_run(early)["experiment"]
    for condition in configured["conditions"]:
        condition["cycles"] = 9
    with pytest.raises(UsageError, match="'one' ended at 5 of 9 cycles"):
        part.opened(rewritten(early, experiment=configured))


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        ("DELETE FROM cycles WHERE cycle = 6", "3 cycles are here"),
        ("UPDATE cycles SET outcome = 1 WHERE cycle = 6", "checksum"),
        ("DELETE FROM cycles; DELETE FROM totals", "0 cycles are here"),
    ],
)
def test_a_damaged_part_is_seen(folder: Path, damage: str, match: str) -> None:
    """A row gone, a value changed, or all of it with its totals."""
    opened = part.opened(shard(folder / "one", range(5, 9)))
    part.check(opened)
    connection = apsw.Connection(str(opened.database))
    connection.execute(damage)
    connection.close()
    with pytest.raises(MeasurementError, match=match):
        part.check(opened)
