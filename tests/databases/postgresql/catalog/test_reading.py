"""What the server has from the beginning is told when it was changed or dropped."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    ("COMMENT ON SCHEMA public IS NULL", "comment on schema public missing"),
    (
        "GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO catalog_web",
        "function pg_catalog.pg_ls_dir(text) changed",
    ),
    (
        "REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM public",
        "function pg_catalog.pg_sleep(double precision) changed",
    ),
    (
        (
            "REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM public; GRANT EXECUTE ON "
            "FUNCTION pg_sleep(float8) TO public"
        ),
        "",
    ),
    ("GRANT SELECT ON pg_authid TO catalog_web", "table pg_catalog.pg_authid changed"),
    ("ALTER FUNCTION pg_sleep COST 7", "function pg_catalog.pg_sleep(double precision) changed"),
    (
        "GRANT SELECT (rolpassword) ON pg_authid TO catalog_web",
        "column pg_catalog.pg_authid.rolpassword changed",
    ),
    ("GRANT USAGE ON TYPE int4 TO catalog_web", "type pg_catalog.int4 changed"),
    (
        "COMMENT ON FUNCTION pg_sleep IS 'x'",
        "comment on function pg_catalog.pg_sleep(double precision) changed",
    ),
    (
        "COMMENT ON FUNCTION pg_sleep IS NULL",
        "comment on function pg_catalog.pg_sleep(double precision) missing",
    ),
    (
        "DROP TEXT SEARCH CONFIGURATION pg_catalog.german",
        (
            "comment on text search configuration pg_catalog.german missing, text search "
            "configuration pg_catalog.german missing"
        ),
    ),
    ("DROP VIEW information_schema.tables CASCADE", "view information_schema.tables missing"),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_reading(scene: Scene, statements: str, expected: str) -> None:
    """What the server has from the beginning is told when it was changed or dropped."""
    scene.expect(statements, expected)
