from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backend.schema import TABLES
from harness.errors import UnknownName, WorkloadError
from harness.registry import find, names
from harness.workloads import TestData, Workload
from harness.workloads.platform import Platform
from tests.backend.test_schema import Open
from tests.workloads.baselines import contents, undo

SHAPES = ("simple", "complex")
Contents = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def workloads() -> dict[str, Platform]:
    """Give one instance of every shape, with the same seed."""
    return {shape: Platform(shape, 1) for shape in SHAPES}


def made_by(
    workload: Workload, draw: int, baseline: Path, open_copy: Open
) -> tuple[TestData, Contents]:
    """Create test data on a fresh copy; return it and everything the database then holds."""
    connection = open_copy(baseline)
    data = workload.create(connection, draw)
    return data, contents(connection)


def test_found_by_name() -> None:
    """The registry finds the workload, and none of its helpers."""
    assert find("workloads", "platform") is Platform
    assert "platform" in names("workloads")
    assert names("workloads") == ("platform",)


def test_unknown_shape() -> None:
    """A shape there is not is refused with those there are."""
    with pytest.raises(UnknownName, match="simple, team, complex"):
        Platform("simpel", 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_same_draw_same_rows(shape: str, small_baseline: Path, open_copy: Open) -> None:
    """A draw makes the same rows in another instance, whatever draws came before."""
    first = made_by(Platform(shape, 7), 11, small_baseline, open_copy)
    other = Platform(shape, 7)
    made_by(other, 12, small_baseline, open_copy)
    assert made_by(other, 11, small_baseline, open_copy) == first
    assert made_by(Platform(shape, 8), 11, small_baseline, open_copy)[1] != first[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_other_draw_other_rows_same_keys(
    shape: str, workloads: dict[str, Platform], small_baseline: Path, open_copy: Open
) -> None:
    """Draws differ in their rows, also where they use the same prepared set, never in keys."""
    draws = (0, 1, 512, 2**63, -1)
    results = [made_by(workloads[shape], n, small_baseline, open_copy) for n in draws]
    for position, (data, rows) in enumerate(results):
        assert data.entities == results[0][0].entities
        assert all(rows != other for _, other in results[:position])


@pytest.mark.parametrize("shape", SHAPES)
def test_operations_foretell_what_create_makes(
    shape: str, small_baseline: Path, default_baseline: Path, open_copy: Open
) -> None:
    """Having learnt a baseline without writing to it, ``operations`` is what ``create`` returns."""
    for baseline in (small_baseline, default_baseline):
        workload = Platform(shape, 1)
        connection = open_copy(baseline)
        before = contents(connection)
        workload.learn(connection)
        assert contents(connection) == before
        foretold = workload.operations()
        assert list(workload.create(connection, 3).entities) == list(foretold)


def test_operations_before_learning() -> None:
    """Without a baseline there is nothing to foretell."""
    with pytest.raises(WorkloadError, match="learn"):
        Platform("simple", 1).operations()


@pytest.mark.parametrize("shape", SHAPES)
def test_create_is_right_when_sequences_moved_on(
    shape: str, workloads: dict[str, Platform], small_baseline: Path, open_copy: Open
) -> None:
    """After a cleanup by DELETE the ids go on, and the entities returned are the real ones."""
    connection = open_copy(small_baseline)
    before = contents(connection)
    first = workloads[shape].create(connection, 1)
    undo(connection, first.entities)
    second = workloads[shape].create(connection, 1)
    assert second.entities != first.entities
    undo(connection, second.entities)
    assert contents(connection) == before


@pytest.mark.parametrize("shape", SHAPES)
def test_learning_refuses_another_database(shape: str) -> None:
    """A database that is no platform baseline is refused in plain words."""
    connection = apsw.Connection(":memory:")
    with pytest.raises(WorkloadError, match="not a platform baseline"):
        Platform(shape, 1).learn(connection)
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    with pytest.raises(WorkloadError, match="not a platform baseline"):
        Platform(shape, 1).learn(connection)


def test_simple_sets_off_no_trigger(
    workloads: dict[str, Platform], small_baseline: Path, open_copy: Open
) -> None:
    """Simple test data adds 1 user, 3 bots and 2 integrations, and nothing else anywhere."""
    before = contents(open_copy(small_baseline))
    _, after = made_by(workloads["simple"], 1, small_baseline, open_copy)
    added = {table: len(after[table]) - len(before[table]) for table in TABLES}
    assert {t: n for t, n in added.items() if n} == {"users": 1, "bots": 3, "integrations": 2}


def test_complex_is_a_deep_graph(
    workloads: dict[str, Platform], small_baseline: Path, open_copy: Open
) -> None:
    """At least 40 entities over 6 tables, one changed baseline row, and rows triggers wrote."""
    before = contents(open_copy(small_baseline))
    data, after = made_by(workloads["complex"], 1, small_baseline, open_copy)
    rows = [e for e in data.entities if e.before is None and not e.after]
    assert len(rows) >= 40
    assert len({e.table for e in rows}) >= 6
    last = data.entities[0].key[0][1]
    assert last == before["audit_log"][-1][0]
    assert len([row for row in after["audit_log"] if row[0] > last]) == 9
    changed = {row[0] for row in before["users"]} & {
        new[0] for old, new in zip(before["users"], after["users"], strict=False) if old != new
    }
    assert changed == {data.entities[1].key[0][1]}


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=5, deadline=None)
@given(draw=st.integers())
def test_undone_in_reverse_leaves_the_baseline(
    shape: str, workloads: dict[str, Platform], small_baseline: Path, draw: int
) -> None:
    """For any draw, undoing the entities in reverse order leaves every table as before."""
    connection = apsw.Connection(":memory:")
    with connection.backup("main", _read(small_baseline), "main") as backup:
        backup.step()
    connection.execute("PRAGMA foreign_keys = ON")
    before = contents(connection)
    data = workloads[shape].create(connection, draw)
    assert contents(connection) != before
    undo(connection, data.entities)
    assert contents(connection) == before
    connection.close()


def _read(path: Path) -> apsw.Connection:
    """Open a baseline as the file is, for reading only."""
    return apsw.Connection(
        f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )


def test_purging_before_reverting_would_leave_a_row(
    workloads: dict[str, Platform], small_baseline: Path, open_copy: Open
) -> None:
    """Putting the user back writes an audit row itself: the order of the first two matters."""
    connection = open_copy(small_baseline)
    before = contents(connection)
    purge, revert, *others = workloads["complex"].create(connection, 1).entities
    undo(connection, [revert, purge, *others])
    after = contents(connection)
    assert len(after["audit_log"]) == len(before["audit_log"]) + 1


@pytest.mark.parametrize("shape", SHAPES)
def test_payload_bytes(
    shape: str, workloads: dict[str, Platform], small_baseline: Path, open_copy: Open
) -> None:
    """The payload is what the statements bound: counted again by apsw's tracer."""
    connection = open_copy(small_baseline)
    workloads[shape].learn(connection)
    sizes: list[int] = []

    def count(_: apsw.Cursor, sql: str, bindings: tuple[object, ...] | None) -> bool:
        if not sql.startswith("SELECT"):
            for value in bindings or ():
                empty = value is None
                sizes.append(0 if empty else len(value.encode()) if isinstance(value, str) else 8)
        return True

    connection.exec_trace = count
    assert workloads[shape].create(connection, 400).payload_bytes == sum(sizes) > 300


@pytest.mark.parametrize("shape", SHAPES)
def test_unique_values_keep_out_of_the_baseline_s(
    shape: str, small_baseline: Path, open_copy: Open
) -> None:
    """Unique values of test data live in a name space that no baseline row is in."""
    connection = open_copy(small_baseline)
    reserved = {
        "users": "email LIKE '%@e2e.test'",
        "api_tokens": "token LIKE 'test!_%' ESCAPE '!'",
        "tags": "name LIKE 'e2e-%'",
    }
    for table, sign in reserved.items():
        assert connection.execute(f"SELECT count(*) FROM {table} WHERE {sign}").get == 0
    for entity in Platform(shape, 1).create(connection, 9).entities:
        if entity.table in reserved and entity.before is None:
            sign, number = reserved[entity.table], entity.key[0][1]
            found = f"SELECT {sign} FROM {entity.table} WHERE id = {number}"
            assert connection.execute(found).get == 1, entity.label


def test_baseline_through_the_class(folder: Path, small_baseline: Path) -> None:
    """The class builds what the baseline module builds."""
    path = folder / "p.sqlite3"
    Platform.build_baseline(
        path, size_bytes=small_baseline.stat().st_size, seed=1, journal_mode="wal"
    )
    assert path.read_bytes() == small_baseline.read_bytes()
