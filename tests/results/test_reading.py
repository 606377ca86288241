import tempfile
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MeasurementError, UsageError
from harness.experiment.written.kinds import planned_kinds
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.reading import Results, ledger
from harness.results.records import CycleRecord
from harness.results.store import Store
from tests.stored_runs import cycle, cycles, make_run, struck

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a tmpfs, folders in it private

whole = st.integers(0, 2**40)
eighths_ms = st.integers(0, 10**9).map(lambda eighths: eighths / 8)  # whole microseconds
entries = st.builds(
    struck, st.sampled_from(["timeout", "io_error"]), fired=st.booleans(), surfaced=st.booleans()
)
records = st.builds(
    CycleRecord,
    condition=st.just("one"),
    cycle=st.just(0),
    outcome=st.sampled_from(OUTCOMES),
    rows=st.booleans(),
    exact=st.booleans(),
    says_clean=st.booleans(),
    cleanup_ok=st.none() | st.booleans(),
    restored_by=st.none() | st.sampled_from(["wal_pin", "file_copy"]),
    left_behind=whole,
    backup_bytes=whole,
    payload_bytes=whole,
    grown_bytes=st.integers(-(2**40), 2**40),
    timings_ms=st.dictionaries(st.sampled_from(TIMINGS), eighths_ms),
    cpu_ms=st.dictionaries(st.sampled_from(TIMINGS), eighths_ms),
    faults=st.lists(entries, max_size=3).map(tuple),
    detail=st.text(max_size=20),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(records, max_size=6))
def test_a_table_says_what_the_store_says(made: list[CycleRecord]) -> None:
    """Every field of every cycle read in bulk is the one that the store gives record by record."""
    for number, record in enumerate(made):
        record.cycle = number
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:  # a fixture would not be new each time
        results = make_run(Path(folder) / "run", made)
        table = results.cycles("one")
        store = Store(results.folder)
        kept = list(store.records("one"))
        store.close()
    assert len(table) == len(kept) == len(made)
    for read, record in zip(table.to_dict("records"), kept, strict=True):
        for kept_ms, which in ((record.timings_ms, ""), (record.cpu_ms, "_cpu")):
            found_ms = {phase: read.pop(f"{phase}{which}_ms") for phase in TIMINGS}
            assert {k: v for k, v in found_ms.items() if not np.isnan(v)} == kept_ms
        faults = read.pop("faults")
        assert ledger([faults]) == ledger_by_hand(record)
        read["cleanup_ok"] = None if pd.isna(read["cleanup_ok"]) else read["cleanup_ok"]
        assert read == {name: getattr(record, name) for name in read}


def ledger_by_hand(record: CycleRecord) -> dict[str, dict[str, int]]:
    """Count one cycle's faults by list comprehension."""
    return {
        kind: {
            "planned": len(mine),
            "fired": sum(e.fired for e in mine),
            "surfaced": sum(e.fired and e.surfaced for e in mine),
            "masked": sum(e.fired and not e.surfaced for e in mine),
        }
        for kind in sorted({e.kind for e in record.faults})
        if (mine := [e for e in record.faults if e.kind == kind])
    }


def test_cycles_come_in_order_of_their_number(folder: Path) -> None:
    """However cycles were stored, they are read in order of cycle number."""
    results = make_run(folder / "run", [cycle(2), cycle(0), cycle(1)])
    assert list(results.cycles("one")["cycle"]) == [0, 1, 2]


def test_a_condition_that_did_not_run_is_an_empty_table(folder: Path) -> None:
    """No cycle is no row, with the same columns and types as any other."""
    results = make_run(folder / "run", cycles(["cleaned"]))
    table = results.cycles("other")
    assert table.empty
    assert (table.dtypes == results.cycles("one").dtypes).all()


def test_what_is_no_run_is_said(folder: Path) -> None:
    """A folder without a run, and a run without cycles, are a usage error that names it."""
    with pytest.raises(UsageError, match=r"run\.json"):
        Results(folder)
    results = make_run(folder / "run")
    (folder / "run" / "cycles.sqlite").unlink()
    with pytest.raises(UsageError, match=r"cycles\.sqlite"):
        Results(results.folder)


def test_the_first_story_of_a_condition_is_given(folder: Path) -> None:
    """The first cycle that has a story, with its number; none where none is kept."""
    story = '{"version":1,"ended":"cleaned"}'
    records = [cycle(0), cycle(3, story=story), cycle(4, story='{"version":1}')]
    results = make_run(folder / "run", records)
    assert results.story("one") == (3, {"version": 1, "ended": "cleaned"})
    assert results.story("other") is None
    connection = apsw.Connection(str(folder / "run" / "cycles.sqlite"))
    connection.execute("DROP TABLE stories")  # as a run from before there were any
    connection.close()
    assert results.story("one") is None


def test_another_versions_story_is_refused(folder: Path) -> None:
    """A story that was not written by this version is never half understood."""
    results = make_run(folder / "run", [cycle(0, story='{"version":2}')])
    with pytest.raises(MeasurementError, match="cycle 0"):
        results.story("one")


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ({}, {}),
        ({"faults": {"a": {"rate": 0.0}, "b": {"rate": 0.1}}}, {"a": False, "b": True}),
        ({"causes": {"c": {"rate": 0.1, "faults": ["a", "b"]}}}, {"a": True, "b": True}),
        ({"causes": {"c": {"rate": 0.0, "faults": ["a"]}}}, {"a": False}),
        (
            {"faults": {"a": {"rate": 0.1}}, "causes": {"c": {"rate": 0, "faults": ["a"]}}},
            {"a": True},
        ),
        ({"faults": {"a": {"rate": 0.0}}, "strikes": [{"fault": "a"}]}, {"a": True}),
    ],
)
def test_a_kind_must_fire_where_anything_plans_it(
    condition: dict[str, Any], kinds: dict[str, bool]
) -> None:
    """A rate above 0 of its own or of a cause, or a strike, is a plan; a rate of 0 is none."""
    assert planned_kinds(condition) == kinds


def test_a_damaged_file_is_no_empty_table(folder: Path) -> None:
    """A file of cycles that SQLite cannot read is an error, not a condition without cycles."""
    results = make_run(folder / "run", cycles(["cleaned"] * 50))
    (folder / "run" / "cycles.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(MeasurementError, match="cannot be read"):
        results.cycles("one")
