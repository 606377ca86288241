"""cycles.parquet says what the database says, and a damaged one says that it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from harness.analysis.summary import write as sum_up
from harness.errors import MeasurementError
from harness.results import parquet
from harness.results.columns import COLUMNS, Columns, OnDemand
from harness.results.parquet import CyclesFile, write
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.results.stored_summary import sealed
from tests.results.test_reading import records
from tests.stored_runs import cycle, cycles, make_run

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a tmpfs, folders in it private
ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "results" / "shared_cause"
TWO = ({"name": "one"}, {"name": "two"})


def written(folder: Path, *made: CycleRecord) -> tuple[Results, Path]:
    """Make a run of two conditions and write its cycles to a file beside."""
    results = make_run(folder / "run", made, conditions=TWO)
    path = folder / "cycles.parquet"
    write(path, {name: results.columns(name) for name in ("one", "two")})
    return results, path


def assert_same(found: Columns, wanted: Columns) -> None:
    """Fail unless both have the same columns in the same order, of the same types and values."""
    assert tuple(found) == tuple(wanted) == COLUMNS
    for name, values in wanted.items():
        assert found[name].dtype == values.dtype, name
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@settings(max_examples=15, deadline=None)
@given(st.lists(records, max_size=6), st.lists(records, max_size=3))
def test_the_file_says_what_the_database_says(
    one: list[CycleRecord], two: list[CycleRecord]
) -> None:
    """Whatever cycles were stored: the same columns, types and values from the file."""
    for number, record in enumerate(one):
        record.cycle = number
    for number, record in enumerate(two):
        record.condition, record.cycle = "two", number
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:  # a fixture would not be new each time
        results, path = written(Path(folder), *one, *two)
        file = CyclesFile(path, ["one", "two"])
        for name in ("one", "two"):
            assert_same(file.columns(name), results.columns(name))
        pd.testing.assert_frame_equal(
            file.table(["one", "two"]), results.table(), check_categorical=False
        )
        counts = {"one": len(one), "two": len(two)}
        assert file.counts() == {name: count for name, count in counts.items() if count}
        file.close()


def test_a_condition_has_a_row_group_of_its_own(folder: Path) -> None:
    """Reading one condition reads no other, and texts are kept once each."""
    made = [*cycles(["cleaned"] * 3), cycle(0, condition="two"), cycle(1, condition="two")]
    _, path = written(folder, *made)
    found = pq.ParquetFile(path)
    groups = [found.metadata.row_group(group) for group in range(found.num_row_groups)]
    assert [group.num_rows for group in groups] == [3, 2]
    at = found.schema_arrow.names.index("faults")
    assert groups[0].column(at).has_dictionary_page


def test_a_condition_may_fill_several_row_groups(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cycle is lost, doubled or moved between them, and the checksums are those of all."""
    monkeypatch.setattr(parquet, "_ROWS", 4)
    ends = ["cleaned", "restored", "dirty_known", "refused", "cleaned"]
    made = [*cycles(ends * 2), cycle(0, condition="two")]
    results, path = written(folder, *made)
    found = pq.ParquetFile(path).metadata
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [4, 4, 2, 1]
    file = CyclesFile(path, ["one", "two"])
    for name in ("one", "two"):
        assert_same(file.columns(name), results.columns(name))
    file.close()


def test_a_published_file_is_read_the_same_in_every_way(folder: Path) -> None:
    """A real run as from before shadow restores and the processor's time: all ways agree."""
    shutil.copyfile(PUBLISHED / "run.json", folder / "run.json")
    table = pq.read_table(PUBLISHED / "cycles.parquet")
    newer = ["shadow_ok", *(name for name in table.column_names if name.endswith("_cpu_ms"))]
    older = table.drop_columns(newer).replace_schema_metadata(None)  # nor were rows sealed then
    pq.write_table(older, folder / "cycles.parquet")
    results = Results(folder)
    names = [one["name"] for one in results.conditions]
    whole = results.table()
    assert whole["condition"].cat.categories.to_list() == names
    stored = pq.read_table(folder / "cycles.parquet")
    assert len(whole) == stored.num_rows > 0
    for name in names:
        columns = results.columns(name)
        assert (columns["shadow_ok"] == -1).all()
        assert np.isnan(columns["cycle_cpu_ms"]).all()  # nor does it know the processor's time
        mine = whole[whole["condition"] == name]
        assert mine["shadow_ok"].isna().all()
        assert mine["cycle_cpu_ms"].dtype == "float64"
        raw = stored.filter(pa.compute.equal(stored["condition"], name)).to_pydict()
        for column in ("cycle", "cycle_ms", "faults", "detail", "rows", "backup_bytes"):
            np.testing.assert_array_equal(columns[column], raw[column], err_msg=column)
        assert list(mine["outcome"]) == raw["outcome"] == list(results.cycles(name)["outcome"])


def test_some_columns_are_those_of_all(folder: Path) -> None:
    """Whoever needs few columns gets the same from the file and from the database."""
    made = [cycle(0), cycle(1, "dirty_known", detail="why"), cycle(0, condition="two")]
    results, path = written(folder, *made)
    file = CyclesFile(path, ["one", "two"])
    wanted = ("cycle", "outcome", "detail")
    for some in (file.some("one", wanted), results.some("one", wanted)):
        assert tuple(some) == wanted
        assert [list(values) for values in some.values()] == [[0, 1], [0, 3], ["", "why"]]
    file.close()


def test_rows_come_back_in_order_whatever_the_order_in_the_file(folder: Path) -> None:
    """Cycles of both conditions, stirred into one row group, are read in order of number."""
    made = [cycle(number, condition=name) for number in range(9) for name in ("one", "two")]
    results, path = written(folder, *made)
    table = pq.read_table(path)
    stirred = table.take(np.random.default_rng(1).permutation(table.num_rows))
    pq.write_table(stirred, path)
    file = CyclesFile(path, ["one", "two"])
    for name in ("one", "two"):
        assert_same(file.columns(name), results.columns(name))
    whole = file.table(["two", "one"])
    assert list(whole["condition"]) == ["two"] * 9 + ["one"] * 9
    assert list(whole["cycle"]) == [*range(9), *range(9)]
    assert file.counts() == {"one": 9, "two": 9}


def test_an_unknown_condition_is_an_empty_table(folder: Path) -> None:
    """A condition that the file does not have has no cycles, in columns of the same types."""
    results, path = written(folder, *cycles(["cleaned"]))
    assert_same(CyclesFile(path, ["one", "two"]).columns("other"), results.columns("other"))


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _scribbled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[200:600] = b"\xff" * 400
    path.write_bytes(content)


def _without(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["rows"]), path)


def _renamed(path: Path) -> None:
    table = pq.read_table(path)
    at = table.column_names.index("outcome")
    pq.write_table(table.set_column(at, "outcome", pa.array(["fine"] * len(table))), path)


def _emptied(path: Path) -> None:
    table = pq.read_table(path)
    at = table.column_names.index("rows")
    nothing = pa.array([None] * len(table), type=pa.bool_())
    pq.write_table(table.set_column(at, "rows", nothing), path)


@pytest.mark.parametrize("damage", [_cut, _scribbled, _without, _renamed, _emptied])
def test_a_damaged_file_is_said(folder: Path, damage: Callable[[Path], Any]) -> None:
    """Half a file, bytes overwritten, a column gone, empty or of unknown words: an error."""
    _, path = written(folder, *cycles(["cleaned", "restored"] * 200))
    damage(path)
    for read in (lambda file: file.columns("one"), lambda file: file.table(["one", "two"])):
        with pytest.raises(MeasurementError, match=r"cycles\.parquet: cannot be read: .*published"):
            read(CyclesFile(path, ["one", "two"]))


def test_which_of_the_two_is_read(folder: Path) -> None:
    """The file where the summary was made with both; else the database, which may be ahead."""
    results = make_run(folder / "run", cycles(["cleaned"] * 3))
    path, database = (results.folder / f"cycles.{end}" for end in ("parquet", "sqlite"))
    columns = results.columns("one")

    def read() -> list[int]:
        return [int(one) for one in Results(results.folder).columns("one")["left_behind"]]

    summary = sum_up(results)
    write(path, {"one": {**columns, "left_behind": np.full(3, 7)}})  # to tell one from the other
    assert read() == [0] * 3  # however new it is
    told = json.dumps(sealed(results.folder, summary))  # planted: as if it were made with it
    (results.folder / "summary.json").write_text(told)
    assert read() == [7] * 3
    os.utime(path, ns=(0, 0))
    assert read() == [7] * 3  # however old it is
    path.write_bytes(b"no such file")
    assert read() == [0] * 3
    database.unlink()
    with pytest.raises(MeasurementError, match=r"cycles\.parquet"):
        Results(results.folder).columns("one")


def test_a_damaged_database_is_said_with_what_to_do(folder: Path) -> None:
    """The error names the database, and that the file beside it is read without it."""
    results = make_run(folder / "run", cycles(["cleaned"] * 3))
    write(results.folder / "cycles.parquet", {"one": results.columns("one")})
    database = results.folder / "cycles.sqlite"
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(MeasurementError, match=r"cycles\.sqlite: cannot .*cycles\.parquet beside"):
        Results(results.folder).columns("one")
    database.unlink()
    assert len(Results(results.folder).columns("one")["cycle"]) == 3


CHECK = """
import sys
from pathlib import Path
from harness.analysis.summary import write
from harness.experiment.run import verdicts
from harness.results.reading import Results
write(Results(Path(sys.argv[1])))
print(verdicts.lines(verdicts.check(Path(sys.argv[1]), claim="reliability >= 0.5"))[0])
print(sorted({"pandas"} & set(sys.modules)))
"""


def test_a_verdict_needs_no_pandas(folder: Path) -> None:
    """Neither do writing and reading the file: its import takes as long as a million cycles."""
    results = make_run(folder / "run", cycles(["cleaned"] * 20 + ["restored"] * 20))
    command = [sys.executable, "-c", CHECK, str(results.folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.splitlines()[0].startswith("one: reliability >= 0.5: supported at cycle")
    assert said.splitlines()[1] == "[]"


def test_a_known_file_gives_each_column_when_it_is_asked_for(folder: Path) -> None:
    """It is the one that was written, so the same values come, and of one column no other."""
    made = [*cycles(["cleaned", "restored", "refused"] * 5), cycle(0, condition="two")]
    results = make_run(folder / "run", made, conditions=TWO)
    wanted = {name: results.columns(name) for name in ("one", "two")}
    sum_up(results)
    for name, columns in wanted.items():
        found = Results(results.folder).columns(name)
        assert isinstance(found, OnDemand)
        assert_same(found, columns)
    (results.folder / "cycles.sqlite").unlink()  # as it is published
    assert_same(Results(results.folder).columns("one"), wanted["one"])
    table = pq.read_table(results.folder / "cycles.parquet").drop_columns(["backup_ms"])
    pq.write_table(table, results.folder / "cycles.parquet")
    with pytest.raises(MeasurementError, match="there is no column backup_ms"):
        Results(results.folder).columns("one")
