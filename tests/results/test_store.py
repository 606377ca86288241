"""The store: what goes in comes out, nothing is overwritten, little room is taken."""

from __future__ import annotations

import dataclasses
import itertools
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.outcomes import TIMINGS
from harness.results import blocks
from harness.results.folder import CYCLES, RUN, write_run
from harness.results.reading import Results
from harness.results.store import Store
from tests.results.cycles import EXPERIMENT, new_run, records, typical


@settings(max_examples=25, deadline=None)
@given(st.lists(records, max_size=5, unique_by=lambda r: (r.condition, r.cycle)))
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, given_: list) -> None:
    """Every field of every record survives, timings to the microsecond."""
    folder = tmp_path_factory.mktemp("store") / "run"
    store = Store.create(folder, new_run())
    store.append(given_)
    store.close()
    store = Store(folder)
    for condition in {record.condition for record in given_}:
        wanted = sorted((r for r in given_ if r.condition == condition), key=lambda r: r.cycle)
        assert list(store.records(condition)) == wanted
        assert list(store.outcomes(condition)) == [record.outcome for record in wanted]
        fired = [e.kind for record in wanted for e in record.faults if e.fired]
        assert sorted(store.fired(condition).elements()) == sorted(fired)
        assert store.record(condition, wanted[0].cycle) == wanted[0]
    assert store.record("a", 2**41) is None
    store.close()


@given(st.sets(st.integers(0, 40)), st.sampled_from([3, 16_384]), st.data())
@settings(max_examples=30, deadline=None)
def test_done_is_the_cycles_stored(
    tmp_path_factory: pytest.TempPathFactory,
    cycles: set[int],
    of_a_block: int,
    data: st.DataObject,
) -> None:
    """The ranges are ascending, apart, and hold exactly the cycles stored, packed or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CYCLES", of_a_block)
        _check_done(tmp_path_factory.mktemp("store") / "run", cycles, data)


def _check_done(folder: Path, cycles: set[int], data: st.DataObject) -> None:
    store = Store.create(folder, new_run())
    order = data.draw(st.permutations(sorted(cycles)))
    for half in (order[::2], order[1::2]):
        store.append(typical(cycle) for cycle in half)
    assert [record.cycle for record in store.records("a")] == sorted(cycles)
    assert Results(folder).columns("a")["cycle"].tolist() == sorted(cycles)
    for cycle in cycles:
        found = store.record("a", cycle)
        assert found is not None
        assert found.cycle == cycle
    ranges = store.done("a")
    assert [cycle for one in ranges for cycle in one] == sorted(cycles)
    assert all(one.stop < other.start for one, other in itertools.pairwise(ranges))
    assert store.done("b") == []
    store.close()


def test_a_batch_is_stored_whole_or_not_at_all(folder: Path) -> None:
    """A cycle that is there already takes its whole batch with it, and says so."""
    store = Store.create(folder / "run", new_run())
    store.append([typical(0), typical(1)])
    with pytest.raises(MeasurementError, match=r"cannot store results.*what is there stays"):
        store.append([typical(2), typical(1)])
    assert store.done("a") == [range(2)]
    store.close()


def test_cycles_take_little_room_and_memory(folder: Path) -> None:
    """Cycles without faults take under 200 bytes each, and no memory: only a batch is held."""
    store = Store.create(folder / "run", new_run())
    store.append(typical(cycle) for cycle in range(1000))
    tracemalloc.start()
    for start in range(1000, 10_000, 100):
        store.append([typical(cycle) for cycle in range(start, start + 100)])
    count = sum(1 for _ in store.records("a"))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    store.close()
    size_bytes = sum(path.stat().st_size for path in (folder / "run").glob(f"{CYCLES}*"))
    assert count == 10_000
    assert size_bytes / count < 200
    assert peak_bytes < 1_000_000  # 10,000 records would be ten times that


def test_used_folders_are_refused(folder: Path) -> None:
    """A second run never overwrites a first."""
    Store.create(folder / "run", new_run()).close()
    before = {path.name: path.read_bytes() for path in (folder / "run").iterdir()}
    with pytest.raises(UsageError, match="already holds results"):
        Store.create(folder / "run", new_run())
    assert {path.name: path.read_bytes() for path in (folder / "run").iterdir()} == before


def test_another_experiments_folder_is_refused(folder: Path) -> None:
    """Both experiments are named, and what differs; more cycles are no difference."""
    Store.create(folder / "run", new_run()).close()
    other = EXPERIMENT.model_copy(update={"name": "other", "seed": 2})
    with pytest.raises(ConfigurationError) as caught:
        Store.resume(folder / "run", other)
    for part in ("'stored' with seed 1", "'other' with seed 2", "seed 1 -> 2"):
        assert part in str(caught.value)


def test_two_runs_never_write_to_one_folder(folder: Path) -> None:
    """The second is refused while the first is at it, and let in afterwards."""
    first = Store.create(folder / "run", new_run())
    with pytest.raises(UsageError, match="another run is writing"):
        Store.resume(folder / "run", EXPERIMENT)
    first.close()
    Store.resume(folder / "run", EXPERIMENT).close()


def test_a_reader_sees_what_is_being_written(folder: Path) -> None:
    """Reports can be made while a run goes on."""
    store = Store.create(folder / "run", new_run())
    store.append([typical(0)])
    reader = Store(folder / "run")
    store.append([typical(1)])
    assert reader.done("a") == [range(2)]
    reader.close()
    store.close()


def test_a_folder_that_is_no_runs_is_refused(folder: Path) -> None:
    """Nothing measured is said to be so."""
    with pytest.raises(UsageError, match="not a run's folder"):
        Store(folder)
    write_run(folder, new_run())
    with pytest.raises(UsageError, match="nothing was measured"):
        Store(folder)


FILL = """
import resource, signal, sys
from pathlib import Path
from harness.results.store import Store
from tests.results.cycles import new_run, typical
from harness.errors import MeasurementError
store = Store.create(Path(sys.argv[1]), new_run())
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    for start in range(0, 1_000_000, 100):
        store.append([typical(cycle) for cycle in range(start, start + 100)])
        done = start + 100
except MeasurementError as error:
    print(done, error)
"""


def test_a_full_disk_is_said_and_loses_nothing(folder: Path) -> None:
    """Where no more can be written (a file-size limit), what was stored is there afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(folder / "run")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    count, message = done.stdout.split(" ", 1)
    assert int(count) >= 100
    assert "cannot store results" in message
    assert "--resume" in message
    store = Store(folder / "run")
    assert store.done("a") == [range(int(count))]
    store.close()
    store = Store.resume(folder / "run", EXPERIMENT)  # there is room again
    store.append([typical(int(count))])
    assert store.done("a") == [range(int(count) + 1)]
    store.close()


def test_only_stories_that_are_told_take_room(folder: Path) -> None:
    """A cycle without a story has no row among them; one with a story gives it back."""
    store = Store.create(folder / "run", new_run())
    store.append([typical(0), dataclasses.replace(typical(1), story='{"version":1}'), typical(2)])
    assert [record.story for record in store.records("a")] == ["", '{"version":1}', ""]
    store.close()
    connection = apsw.Connection(str(folder / "run" / CYCLES), flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.execute("SELECT cycle FROM stories").fetchall() == [(1,)]
    connection.close()


def test_a_run_from_before_there_were_stories_goes_on(folder: Path) -> None:
    """Cycles stored without a table of stories are read, and more are added by a resumed run."""
    store = Store.create(folder / "run", new_run())
    store.append([typical(0)])
    store.close()
    connection = apsw.Connection(str(folder / "run" / CYCLES))
    connection.execute("DROP TABLE stories")
    connection.close()
    store = Store(folder / "run")
    assert store.record("a", 0) == next(store.records("a"))
    store.close()
    store = Store.resume(folder / "run", EXPERIMENT)
    store.append([dataclasses.replace(typical(1), story="{}")])
    assert [record.story for record in store.records("a")] == ["", "{}"]
    store.close()


def test_a_run_from_before_there_were_times_of_the_processor_goes_on(folder: Path) -> None:
    """Its checksums hold without those columns; resumed, it has them, empty where not known."""
    store = Store.create(folder / "run", new_run())
    store.append([typical(0)])
    store.close()
    connection = apsw.Connection(str(folder / "run" / CYCLES))
    for phase in TIMINGS:
        connection.execute(f"ALTER TABLE cycles DROP COLUMN {phase}_cpu_us")
    connection.close()
    assert np.isnan(Results(folder / "run").columns("a")["cycle_cpu_ms"]).all()
    store = Store(folder / "run")
    assert [record.cpu_ms for record in store.records("a")] == [{}]
    store.close()
    store = Store.resume(folder / "run", EXPERIMENT)
    store.append([dataclasses.replace(typical(1), cpu_ms={"cycle": 1.5})])
    assert [record.cpu_ms for record in store.records("a")] == [{}, {"cycle": 1.5}]
    store.close()
    np.testing.assert_array_equal(
        Results(folder / "run").columns("a")["cycle_cpu_ms"], [np.nan, 1.5]
    )


def test_the_file_explains_itself(folder: Path) -> None:
    """Names of outcomes and conditions are in the file, for whoever reads it by SQL."""
    store = Store.create(folder / "run", new_run())
    store.append([dataclasses.replace(typical(3), outcome="dirty_silent", detail="why")])
    store.close()
    connection = apsw.Connection(str(folder / "run" / CYCLES), flags=apsw.SQLITE_OPEN_READONLY)
    row = connection.execute(
        "SELECT k.name, cycle, o.name, backup_us, restore_us, detail FROM cycles "
        "JOIN conditions AS k ON k.id = condition JOIN outcomes AS o ON o.code = outcome"
    ).fetchone()
    connection.close()
    assert row == ("a", 3, "dirty_silent", 1160, None, "why")
    assert [path.name for path in (folder / "run").glob(f"{CYCLES}-*")] == []
    assert json.loads((folder / "run" / RUN).read_text())["version"] == 1
