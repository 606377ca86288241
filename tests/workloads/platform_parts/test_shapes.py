from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.workloads.platform_parts.shapes import SHAPES, Complex, Rehearsal, entities
from harness.workloads.platform_parts.words import generator, make_words
from tests.backend.test_schema import Open

WORDS = make_words(1, 100, long_bodies=False)


def test_rehearsal_counts_bytes() -> None:
    """Text counts in UTF-8, a number 8, NULL nothing."""
    rehearsal = Rehearsal({})
    rehearsal.execute("INSERT INTO t (a) VALUES (?)", ("aß山", 5, None, 1.5, True))
    assert rehearsal.payload_bytes == 1 + 2 + 3 + 8 + 8 + 8


@given(starts=st.dictionaries(st.sampled_from(["users", "bots"]), st.integers(0, 10**9)))
def test_rehearsal_counts_on_by_table(starts: dict[str, int]) -> None:
    """Each table counts on from its own last id, from 0 where it has none."""
    rehearsal = Rehearsal(starts)
    for table, more in (("users", 1), ("bots", 1), ("users", 2)):
        rehearsal.execute(f"INSERT INTO {table} (a) VALUES (?)", ("x",))
        assert rehearsal.last_insert_rowid() == starts.get(table, 0) + more


def test_simple_is_the_summary_s_test_data() -> None:
    """One user, three bots and two integrations, in this order."""
    values = SHAPES["simple"].prepare(WORDS, generator("test", 1))
    made = SHAPES["simple"].write(Rehearsal({}), values, "m", None)
    tables = [entity.table for entity in entities(None, made)]
    assert tables == ["users"] + ["bots"] * 3 + ["integrations"] * 2


def test_team_is_the_failure_scenario_s_test_data(default_baseline: Path, open_copy: Open) -> None:
    """Two users, five bots and three integrations; the last user has two bots, one integrated."""
    connection = open_copy(default_baseline)
    values = SHAPES["team"].prepare(WORDS, generator("test", 1))
    made = SHAPES["team"].write(connection, values, "m", None)
    tables = [entity.table for entity in entities(None, made)]
    assert tables == ["users"] * 2 + ["bots"] * 5 + ["integrations"] * 3
    owned = connection.execute(
        "SELECT b.id, i.id FROM bots b LEFT JOIN integrations i ON i.bot_id = b.id"
        " WHERE b.user_id = ? ORDER BY b.id",
        (made[1][1],),
    ).fetchall()
    assert owned == [(made[5][1], made[9][1]), (made[6][1], None)]


def test_complex_undoes_in_a_safe_order(default_baseline: Path, open_copy: Open) -> None:
    """What triggers wrote stands first and the changed user second, so that they go last."""
    connection = open_copy(default_baseline)
    shape = Complex()
    seen = shape.look(connection)
    made = shape.write(connection, shape.prepare(WORDS, generator("test", 1)), "m", seen)
    first, second, *others = entities(seen, made)
    assert first.after
    assert first.table == "audit_log"
    assert second.before is not None
    assert second.table == "users"
    assert all(e.before is None and not e.after for e in others)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_an_error_leaves_no_transaction_open(
    shape: str, default_baseline: Path, open_copy: Open
) -> None:
    """A failure in the middle of a call raises, and rolls that call back."""
    connection = open_copy(default_baseline)
    connection.execute(
        "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.integrations"
        " BEGIN SELECT raise(ABORT, 'stopped'); END"
    )
    kind = SHAPES[shape]
    with pytest.raises(apsw.ConstraintError, match="stopped"):
        kind.write(
            connection, kind.prepare(WORDS, generator("test", 1)), "m", kind.look(connection)
        )
    assert not connection.in_transaction
    assert connection.execute("SELECT count(*) FROM bots WHERE updated_at = 1700000000").get > 0
