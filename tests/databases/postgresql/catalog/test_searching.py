"""Each change to text search or a statistics object is found by its name."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    (
        "ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR word WITH dict",
        "text search configuration words changed",
    ),
    ("DROP TEXT SEARCH CONFIGURATION words", "text search configuration words missing"),
    ("ALTER TEXT SEARCH DICTIONARY dict (accept = false)", "text search dictionary dict changed"),
    ("DROP TEXT SEARCH DICTIONARY dict", "text search dictionary dict missing"),
    ("DROP TEXT SEARCH PARSER parser", "text search parser parser missing"),
    ("DROP TEXT SEARCH TEMPLATE template", "text search template template missing"),
    ("DROP STATISTICS seen_together", "statistics object seen_together missing"),
    ("ALTER STATISTICS seen_together SET STATISTICS 50", "statistics object seen_together changed"),
    (
        "ALTER TEXT SEARCH CONFIGURATION words OWNER TO catalog_web",
        "text search configuration words changed",
    ),
    (
        "ALTER TEXT SEARCH DICTIONARY dict OWNER TO catalog_web",
        "text search dictionary dict changed",
    ),
    (
        "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR word",
        "text search configuration words changed",
    ),
    (
        (
            "DROP TEXT SEARCH TEMPLATE template; CREATE TEXT SEARCH TEMPLATE template (INIT ="
            " dsimple_init, LEXIZE = dsimple_lexize)"
        ),
        "text search template template changed",
    ),
    (
        "ALTER STATISTICS seen_together OWNER TO catalog_web",
        "statistics object seen_together changed",
    ),
    (
        (
            "DROP STATISTICS seen_together; CREATE STATISTICS seen_together (ndistinct) ON a,"
            " c FROM loose"
        ),
        "statistics object seen_together changed",
    ),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_searching(scene: Scene, statements: str, expected: str) -> None:
    """Each change to text search or a statistics object is found by its name."""
    scene.expect(statements, expected)
