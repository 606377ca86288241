"""Rows become blocks, and nobody who reads or writes the store sees a difference."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import apsw
import numpy as np
import pytest

from harness.errors import MeasurementError, UsageError
from harness.faults.schedule.ledger import LedgerEntry
from harness.results.blocks import CYCLES as SIZE
from harness.results.database import CyclesDatabase
from harness.results.folder import CYCLES
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.results.store import Store
from tests.results.cycles import EXPERIMENT, new_run, typical

LAST = SIZE + 40  # of the run below, which lacks the cycle SIZE + 10
STRUCK = LedgerEntry("timeout", "cleanup", "delete bots 1", 1, "phase", True, False, "seen")


def _usual(number: int) -> CycleRecord:
    """Make a cycle with timings as the store gives them back: whole microseconds."""
    one = typical(number)
    return replace(one, timings_ms={step: round(ms, 3) for step, ms in one.timings_ms.items()})


def _cycle(number: int) -> CycleRecord:
    if number % 1000 == 7:
        return replace(_usual(number), outcome="harness_error", detail="worker died")
    if number % 500 == 3:
        return replace(_usual(number), outcome="restored", restored_by="file_copy",
                       faults=(STRUCK,), story=f'{{"version":1,"n":{number}}}')  # fmt: skip
    return _usual(number)


MADE = [_cycle(number) for number in range(LAST) if number != SIZE + 10]


def _sql(folder: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(folder / CYCLES))
    try:
        return list(connection.execute(query, values))
    finally:
        connection.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Store a block and a bit of one condition, in batches of any order, and some of another."""
    folder = tmp_path_factory.mktemp("packed") / "run"
    store = Store.create(folder, new_run())
    batches = [MADE[at : at + 700] for at in range(0, len(MADE), 700)]
    random.Random(4).shuffle(batches)  # noqa: S311 - nothing secret
    for batch in batches:
        store.append([*batch[::-1], typical(batch[0].cycle, "b")])
    store.close()
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """Give a copy to change."""
    folder = tmp_path / "run"
    folder.mkdir()
    for path in made.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_full_block_is_packed_and_every_cycle_is_read_as_it_was(made: Path) -> None:
    """The rows of the block are gone; all ways to read give what was stored."""
    assert _sql(made, "SELECT block, layout FROM blocks") == [(0, 1)]
    assert _sql(made, "SELECT count(*) FROM cycles WHERE condition = 1") == [(39,)]
    store = Store(made)
    assert store.done("a") == [range(SIZE + 10), range(SIZE + 11, LAST)]
    assert list(store.records("a")) == MADE
    assert list(store.outcomes("a")) == [record.outcome for record in MADE]
    assert store.record("a", 503) == MADE[503]
    assert store.record("a", SIZE + 20) == _cycle(SIZE + 20)
    assert store.record("a", SIZE + 10) is None
    fired = Counter(entry.kind for record in MADE for entry in record.faults)
    assert store.fired("a") == fired
    spoiled = [(r.cycle, r.detail) for r in MADE if r.outcome == "harness_error"]
    assert list(store.spoiled("a")) == spoiled
    store.close()
    counts = {"a": len(MADE), "b": -(-len(MADE) // 700)}
    assert CyclesDatabase(made / CYCLES, ["a", "b"], beside=False).counts() == counts


def test_columns_are_those_of_the_records(made: Path) -> None:
    """Whole columns, the block's and the rows', in order of cycle number."""
    columns = Results(made).columns("a")
    assert columns["cycle"].tolist() == [record.cycle for record in MADE]
    assert columns["detail"].tolist() == [record.detail for record in MADE]
    assert columns["restored_by"].tolist() == [record.restored_by for record in MADE]
    wanted = [record.timings_ms.get("backup", np.nan) for record in MADE]
    np.testing.assert_array_equal(columns["backup_ms"], np.round(wanted, 3))
    assert np.isnan(columns["restore_ms"]).all()
    assert columns["cycle_ms"].dtype == np.float64


def test_a_cycle_of_a_block_is_never_there_twice(copy: Path) -> None:
    """As with a row: its whole batch is refused, and what is there stays."""
    store = Store.resume(copy, EXPERIMENT)
    with pytest.raises(MeasurementError, match=r"cannot store results.*cycle 5 is there already"):
        store.append([_cycle(SIZE + 10), typical(5)])
    assert store.done("a") == [range(SIZE + 10), range(SIZE + 11, LAST)]
    store.close()


def test_a_cycle_can_be_taken_out_of_a_block_and_put_back(copy: Path) -> None:
    """It is unpacked, the rest stays whole, and with the cycle run again it is a block again."""
    store = Store.resume(copy, EXPERIMENT)
    store.remove({"a": [7]})
    assert store.done("a") == [range(7), range(8, SIZE + 10), range(SIZE + 11, LAST)]
    assert list(store.records("a")) == [record for record in MADE if record.cycle != 7]
    assert _sql(copy, "SELECT count(*) FROM blocks") == [(0,)]
    assert len(Results(copy).columns("a")["cycle"]) == len(MADE) - 1
    store.append([_usual(7)])
    assert _sql(copy, "SELECT count(*) FROM blocks") == [(1,)]
    assert store.record("a", 7) == _usual(7)
    store.close()
    assert len(Results(copy).columns("a")["cycle"]) == len(MADE)


def test_who_reads_sees_what_was_taken_out_meanwhile(copy: Path) -> None:
    """A block that was read once is not believed when somebody else has written since."""
    reading, writing = Store(copy), Store(copy, write=True)
    before = reading.record("a", 7)
    writing.remove({"a": [7]})
    assert reading.record("a", 7) is None
    assert before is not None
    writing.append([replace(before, detail="anew")])
    after = reading.record("a", 7)
    assert after is not None
    assert after.detail == "anew"
    writing.close()
    reading.close()


def test_a_run_of_rows_from_before_goes_on(made: Path, tmp_path: Path) -> None:
    """What an older harness has stored stays rows, without blocks; a block filled now is packed."""
    folder = tmp_path / "run"
    store = Store.create(folder, new_run())
    store.append(MADE[: SIZE - 1])
    store.close()
    _sql(folder, "DROP TABLE blocks")
    assert Results(folder).columns("a")["cycle"].tolist() == list(range(SIZE - 1))
    old = Store(folder)
    assert list(old.records("a")) == MADE[: SIZE - 1]
    old.close()
    store = Store.resume(folder, EXPERIMENT)
    store.append([MADE[SIZE - 1]])
    assert store.done("a") == [range(SIZE)]
    store.close()
    content = "SELECT content FROM blocks"
    assert _sql(folder, content) == _sql(made, content)  # however they came, the same


def test_what_cannot_be_packed_stays_rows(tmp_path: Path) -> None:
    """A row changed meanwhile is no reason to stop the run; whoever reads it says so."""
    store = Store.create(tmp_path / "run", new_run())
    store.append(MADE[: SIZE - 1])
    _sql(tmp_path / "run", "UPDATE cycles SET flags = 128 WHERE cycle = 9")
    store.append([MADE[SIZE - 1]])
    assert _sql(tmp_path / "run", "SELECT count(*) FROM blocks") == [(0,)]
    store.close()
    with pytest.raises(MeasurementError, match="cycle 9, column flags: 128"):
        Results(tmp_path / "run").columns("a")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE blocks SET block = 2", "cycle 32768, column content: it is not that of block 2"),
        ("UPDATE blocks SET content = x'00'", "column content: it is no block of cycles"),
        ("UPDATE blocks SET condition = 2", "condition 'a': 39 cycles are here, and table totals"),
        ("UPDATE blocks SET condition = 9", "number 9, which has no name"),
        ("DELETE FROM blocks", "39 cycles are here, and table totals says 16,423"),
    ],
)
def test_a_changed_block_is_said(copy: Path, change: str, said: str) -> None:
    """Moved, emptied, another condition's, gone: one sentence with the place."""
    _sql(copy, change)
    with pytest.raises(MeasurementError, match=said):
        Results(copy).columns("a")


def test_a_changed_value_in_a_block_is_said_with_its_cycle(copy: Path) -> None:
    """A byte of a plane that is not compressed: the cycle's checksum is another's."""
    [(content,)] = _sql(copy, "SELECT content FROM blocks")
    assert isinstance(content, bytes)
    damaged = bytearray(content)
    damaged[-(len(content) // 3)] ^= 1
    _sql(copy, "UPDATE blocks SET content = ?", bytes(damaged))
    with pytest.raises(MeasurementError, match=r"cycles\.sqlite: condition 'a', cycle \d+, column"):
        Results(copy).columns("a")
    store = Store(copy)
    store.close()


def test_a_block_of_a_newer_layout_asks_for_a_newer_harness(copy: Path) -> None:
    """It is not damaged: this harness cannot read it."""
    _sql(copy, "UPDATE blocks SET layout = 2")
    with pytest.raises(UsageError, match="layout 2; this harness reads 1; upgrade it"):
        Results(copy).columns("a")
