"""Rows compared by SQL: equal means equal in value and in type."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.databases.guarded import MODES, Guarded


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("before", "now"),
    [("1", "1.0"), ("''", "NULL"), ("'x'", "x'78'"), ("0", "NULL"), ("'1'", "1")],
)
def test_a_change_of_type_alone_is_a_change(folder: Path, mode: str, before: str, now: str) -> None:
    """Values that Python or SQL call equal are told apart when their types differ."""
    script = f"CREATE TABLE typed (a); INSERT INTO typed VALUES ({before})"
    with closing(Guarded(folder / "x.db", mode, script)) as guarded:
        found = guarded.find(f"UPDATE typed SET a = {now}")
    assert len(found.tables["typed"].changed) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_row_rewritten_with_its_own_values_is_the_row_it_was(folder: Path, mode: str) -> None:
    """Pages that were written and hold the same rows are no difference."""
    script = "CREATE TABLE t (a); INSERT INTO t VALUES (1), ('x'), (NULL), (2.5)"
    with closing(Guarded(folder / "x.db", mode, script)) as guarded:
        assert guarded.find("UPDATE t SET a = a").clean("exact")
