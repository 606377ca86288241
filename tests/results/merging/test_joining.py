"""Joined rows are those that one run would have stored."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import MeasurementError, UsageError
from harness.results import blocks
from harness.results.database import CyclesDatabase
from harness.results.merging import alike, joining
from harness.results.records import CycleRecord
from tests.results.merging.folders import NAMES, parts, record, shard

MOST = 24
ANY = [HealthCheck.function_scoped_fixture]  # each example makes its own folders in it


def rows(folder: Path) -> list[tuple[object, ...]]:
    """All that is stored, by condition and cycle."""
    connection = apsw.Connection(str(folder / "cycles.sqlite"))
    try:
        return [
            *connection.execute(
                "SELECT name, cycles.* FROM cycles JOIN conditions ON id=condition"
            ),
            *connection.execute(
                "SELECT name, block, layout, content FROM blocks "
                "JOIN conditions ON id=condition ORDER BY condition, block"
            ),
            *connection.execute("SELECT * FROM totals"),
            *connection.execute("SELECT * FROM stories"),
            *connection.execute("SELECT * FROM outcomes"),
        ]
    finally:
        connection.close()


def joined(folders: Sequence[Path], output: Path) -> Path:
    """Join them."""
    output.mkdir()
    (output / ".cycles.sqlite.1").touch()  # of a merge that was killed
    joining.join(parts(folders), output)
    return output


@st.composite
def cuts(draw: st.DrawFn) -> list[range]:
    """Ranges that cover the cycles from 0 without a gap; they may overlap, in any order."""
    ends = sorted(draw(st.sets(st.integers(1, MOST - 1), max_size=4)) | {MOST})
    begins = [0, *ends[:-1]]
    overlaps = draw(st.lists(st.integers(0, 5), min_size=len(ends), max_size=len(ends)))
    there = [
        range(max(0, begin - more), end)
        for begin, end, more in zip(begins, ends, overlaps, strict=True)
    ]
    return draw(st.permutations(there))


@settings(max_examples=25, suppress_health_check=ANY)
@given(there=cuts(), of_a_block=st.sampled_from([4, 7, 16_384]))
def test_any_ranges_join_to_the_rows_of_one_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, there: list[range], of_a_block: int
) -> None:
    """However a run is cut, with overlaps, named in any order: rows, totals, stories, checksums.

    So it is with blocks, of which some lie within a part, and some are cut.
    """
    monkeypatch.setattr(blocks, "CYCLES", of_a_block)
    at = folder / "example"
    shutil.rmtree(at, ignore_errors=True)
    made = [shard(at / str(number), cycles, change=told) for number, cycles in enumerate(there)]
    alike.refuse_gaps(parts(made))
    output = joined(made, at / "joined")
    assert rows(output) == rows(shard(at / "one", range(MOST), whole=True, change=told))
    database = CyclesDatabase(output / "cycles.sqlite", NAMES, beside=False)
    assert [len(database.columns(name)["cycle"]) for name in NAMES] == [MOST, MOST]
    assert [path.name for path in output.iterdir()] == ["cycles.sqlite"]


def told(one: CycleRecord) -> CycleRecord:
    """Give some cycles a story."""
    return replace(one, story='{"version": 1}') if one.cycle % 5 == 1 else one


def test_conditions_may_be_numbered_otherwise(folder: Path) -> None:
    """In a shard whose first cycle was of the second condition its numbers are the other way."""
    made = [shard(folder / "a", range(5)), shard(folder / "b", range(5, 9))]
    connection = apsw.Connection(str(made[1] / "cycles.sqlite"))
    connection.execute(
        "UPDATE conditions SET id = id + 10; UPDATE conditions SET id = 13 - id;"
        "UPDATE cycles SET condition = condition + 10;"
        "UPDATE cycles SET condition = 13 - condition;"
        "UPDATE totals SET condition = condition + 10; UPDATE totals SET condition = 13 - condition"
    )
    connection.close()
    output = joined(made, folder / "joined")
    assert rows(output) == rows(shard(folder / "one", range(9), whole=True))


def test_times_may_differ_where_parts_overlap(folder: Path) -> None:
    """What is kept is of the part that begins first."""
    made = [shard(folder / "b", range(3, 9), took_ms=5.0), shard(folder / "a", range(6))]
    output = joined(made, folder / "joined")
    database = CyclesDatabase(output / "cycles.sqlite", NAMES, beside=False)
    assert database.columns("one")["backup_ms"].tolist() == [1.0] * 6 + [5.0] * 3


@pytest.mark.parametrize(
    "values",
    [{"outcome": "dirty_known"}, {"detail": "x"}, {"left_behind": 1}, {"faults": ()},
     {"exact": False}, {"story": "{}"}, {"restored_by": None}],
    ids=str,
)  # fmt: skip
def test_a_cycle_that_ended_otherwise_is_refused(folder: Path, values: dict[str, object]) -> None:
    """Whatever differs but a time: condition, cycle and both folders are named; nothing stays."""

    def other(one: CycleRecord) -> CycleRecord:
        there = (one.condition, one.cycle) == ("two", 3)
        return replace(one, **values) if there else one  # type: ignore[arg-type]  # fields of it

    made = [shard(folder / "a", range(6)), shard(folder / "b", range(2, 9), change=other)]
    assert record("two", 3) != other(record("two", 3))
    with pytest.raises(
        UsageError, match=r"condition 'two', cycle 3: ended otherwise in .*b than in .*a"
    ):
        joined(made, folder / "joined")
    assert list((folder / "joined").iterdir()) == []


def test_what_cannot_be_joined_is_said(folder: Path) -> None:
    """A folder that is not there to be written to; a part from before rows had all of today's."""
    made = parts([shard(folder / "a", range(6))])
    with pytest.raises(MeasurementError, match="cannot be written"):
        joining.join(made, folder / "nowhere")
    connection = apsw.Connection(str(made[0].database))
    connection.execute("ALTER TABLE cycles DROP COLUMN truth_cpu_us")
    connection.close()
    (folder / "joined").mkdir()
    with pytest.raises(UsageError, match="older version"):
        joining.join(made, folder / "joined")
