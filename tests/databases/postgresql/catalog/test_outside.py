"""Each change to what leads out of the database is found by its name; options also."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    (
        "ALTER FOREIGN DATA WRAPPER wrapper OPTIONS (ADD x 'y')",
        "foreign data wrapper wrapper changed",
    ),
    (
        "GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO catalog_web",
        "foreign data wrapper wrapper changed",
    ),
    (
        "DROP FOREIGN DATA WRAPPER wrapper CASCADE",
        (
            "foreign data wrapper wrapper missing, foreign server far missing, foreign table "
            "there missing, user mapping catalog_web for far missing"
        ),
    ),
    ("ALTER SERVER far OPTIONS (SET host 'b')", "foreign server far changed"),
    ("ALTER SERVER far VERSION '2'", "foreign server far changed"),
    ("GRANT USAGE ON FOREIGN SERVER far TO catalog_web", "foreign server far changed"),
    (
        "ALTER USER MAPPING FOR catalog_web SERVER far OPTIONS (SET password 'other')",
        "user mapping catalog_web for far changed",
    ),
    ("DROP USER MAPPING FOR catalog_web SERVER far", "user mapping catalog_web for far missing"),
    ("CREATE USER MAPPING FOR public SERVER far", "user mapping public for far added"),
    ("ALTER PUBLICATION feed ADD TABLE person", "publication feed changed"),
    ("ALTER PUBLICATION feed SET TABLE team (id)", "publication feed changed"),
    ("ALTER PUBLICATION feed SET TABLE team WHERE (id > 1)", "publication feed changed"),
    ("ALTER PUBLICATION feed SET (publish = 'insert')", "publication feed changed"),
    ("ALTER PUBLICATION feed ADD TABLES IN SCHEMA app", "publication feed changed"),
    ("CREATE PUBLICATION more FOR ALL TABLES", "publication more added"),
    ("DROP PUBLICATION feed", "publication feed missing"),
    ("ALTER SERVER far OWNER TO catalog_web", "foreign server far changed"),
    (
        "ALTER FOREIGN DATA WRAPPER wrapper VALIDATOR postgresql_fdw_validator",
        "foreign data wrapper wrapper changed",
    ),
    ("ALTER PUBLICATION feed SET (publish_via_partition_root = true)", "publication feed changed"),
    ("DROP PUBLICATION feed; CREATE PUBLICATION feed FOR ALL TABLES", "publication feed changed"),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_outside(scene: Scene, statements: str, expected: str) -> None:
    """Each change to what leads out of the database is found by its name; options also."""
    scene.expect(statements, expected)
