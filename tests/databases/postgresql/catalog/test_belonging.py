"""Each change to schemas, extensions, large objects, default rights and comments is found."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    ("CREATE SCHEMA more", "schema more added"),
    (
        "DROP SCHEMA app CASCADE",
        (
            "default privileges of postgres in schema app on tables missing, schema app "
            "missing, sequence app.counter missing, table app.log missing, table app.log_new "
            "missing, table app.log_old missing"
        ),
    ),
    ("ALTER SCHEMA app OWNER TO catalog_web", "schema app changed"),
    ("GRANT USAGE ON SCHEMA app TO catalog_web", "schema app changed"),
    ("REVOKE USAGE ON SCHEMA public FROM public", "schema public changed"),
    ("ALTER SCHEMA public OWNER TO catalog_boss", "schema public changed"),
    (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO catalog_web",
        "default privileges of postgres on tables added",
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA app REVOKE SELECT ON TABLES FROM catalog_web",
        "default privileges of postgres in schema app on tables missing",
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO catalog_web",
        "default privileges of postgres in schema app on tables changed",
    ),
    ("SELECT lo_create(8)", "large object 8 added"),
    ("SELECT lo_unlink(7)", "large object 7 missing"),
    ("ALTER LARGE OBJECT 7 OWNER TO catalog_web", "large object 7 changed"),
    ("GRANT SELECT ON LARGE OBJECT 7 TO catalog_web", "large object 7 changed"),
    ("COMMENT ON LARGE OBJECT 7 IS 'x'", "comment on large object 7 added"),
    ("COMMENT ON TABLE team IS NULL", "comment on table public.team missing"),
    ("COMMENT ON TABLE team IS 'other'", "comment on table public.team changed"),
    ("COMMENT ON FUNCTION one IS 'x'", "comment on function public.one(integer) added"),
    ("COMMENT ON TABLE app.log IS 'x'", "comment on table app.log added"),
    ("COMMENT ON SCHEMA public IS 'mine'", "comment on schema public changed"),
    ("COMMENT ON INDEX by_team IS 'x'", "comment on index public.by_team added"),
    (
        "DROP EXTENSION plpgsql CASCADE",
        (
            "comment on extension plpgsql missing, comment on language plpgsql missing, event"
            " trigger watching missing, extension plpgsql missing, function "
            "pg_catalog.plpgsql_call_handler() missing, function "
            "pg_catalog.plpgsql_inline_handler(internal) missing, function "
            "pg_catalog.plpgsql_validator(oid) missing, function stamp() missing, function "
            "watch() missing, language plpgsql missing, trigger stamped on team missing"
        ),
    ),
    ("ALTER EXTENSION plpgsql ADD FUNCTION one(int)", "extension plpgsql changed"),
    ("ALTER FUNCTION one(int) DEPENDS ON EXTENSION plpgsql", "extension plpgsql changed"),
    ("UPDATE pg_extension SET extversion = '0.9'", "extension plpgsql changed"),
    ("COMMENT ON SEQUENCE counter IS 'x'", "comment on sequence public.counter added"),
    ("UPDATE pg_extension SET extowner = 'catalog_web'::regrole", "extension plpgsql changed"),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_belonging(scene: Scene, statements: str, expected: str) -> None:
    """Each change to schemas, extensions, large objects, default rights and comments is found."""
    scene.expect(statements, expected)
