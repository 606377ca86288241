"""What is no difference in a definition is none here."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    ("CREATE TEMP TABLE t (a int PRIMARY KEY, b text)", ""),
    ("ANALYZE", ""),
    ("CLUSTER person USING by_team; ALTER TABLE person SET WITHOUT CLUSTER", ""),
    ("REINDEX TABLE person", ""),
    ("TRUNCATE team, person", ""),
    ("DROP INDEX by_team; CREATE INDEX by_team ON person (team)", ""),
    ("REINDEX TABLE pg_class", ""),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_comparing(scene: Scene, statements: str, expected: str) -> None:
    """What is no difference in a definition is none here."""
    scene.expect(statements, expected)
