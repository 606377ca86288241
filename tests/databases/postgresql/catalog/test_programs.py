"""Each change to what runs in a database is found by its name."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    ("CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 2'", "function more() added"),
    ("DROP FUNCTION one(int)", "function one(integer) missing"),
    (
        "CREATE OR REPLACE FUNCTION one(a int) RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "function one(integer) changed",
    ),
    ("ALTER FUNCTION one SET work_mem = '1MB'", "function one(integer) changed"),
    ("ALTER FUNCTION one SECURITY DEFINER", "function one(integer) changed"),
    ("REVOKE EXECUTE ON FUNCTION one FROM public", "function one(integer) changed"),
    ("ALTER FUNCTION one OWNER TO catalog_web", "function one(integer) changed"),
    (
        ("CREATE OR REPLACE FUNCTION one(a int DEFAULT 3) RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        "function one(integer) changed",
    ),
    ("DROP PROCEDURE tidy", "procedure tidy() missing"),
    ("DROP AGGREGATE total(int)", "aggregate total(integer) missing"),
    (
        "CREATE OR REPLACE AGGREGATE total (int) (SFUNC = add, STYPE = int, INITCOND = '1')",
        "aggregate total(integer) changed",
    ),
    (
        "CREATE TRIGGER more BEFORE INSERT ON team EXECUTE FUNCTION stamp()",
        "trigger more on team added",
    ),
    ("DROP TRIGGER stamped ON team", "trigger stamped on team missing"),
    ("ALTER TABLE team DISABLE TRIGGER stamped", "trigger stamped on team changed"),
    (
        (
            "CREATE OR REPLACE TRIGGER stamped AFTER UPDATE ON team FOR EACH ROW EXECUTE "
            "FUNCTION stamp()"
        ),
        "trigger stamped on team changed",
    ),
    (
        "COMMENT ON TRIGGER stamped ON team IS 'x'",
        "comment on trigger stamped on public.team added",
    ),
    (
        "ALTER TRIGGER stamped ON team RENAME TO st",
        "trigger st on team added, trigger stamped on team missing",
    ),
    ("ALTER EVENT TRIGGER watching DISABLE", "event trigger watching changed"),
    ("DROP EVENT TRIGGER watching", "event trigger watching missing"),
    (
        (
            "CREATE EVENT TRIGGER more ON sql_drop WHEN TAG IN ('DROP CONVERSION') EXECUTE "
            "FUNCTION watch()"
        ),
        "event trigger more added",
    ),
    ("DROP RULE quiet ON loose", "rule quiet on loose missing"),
    ("ALTER TABLE loose DISABLE RULE quiet", "rule quiet on loose changed"),
    (
        "CREATE OR REPLACE RULE quiet AS ON DELETE TO loose DO ALSO NOTHING",
        "rule quiet on loose changed",
    ),
    ("DROP POLICY mine ON team", "policy mine on team missing"),
    ("ALTER POLICY mine ON team USING (id > 1)", "policy mine on team changed"),
    ("ALTER POLICY mine ON team TO public", "policy mine on team changed"),
    ("CREATE POLICY more ON team", "policy more on team added"),
    ("DROP CAST (pair AS mood)", "cast public.pair AS public.mood missing"),
    (
        "DROP CAST (pair AS mood); CREATE CAST (pair AS mood) WITH INOUT AS ASSIGNMENT",
        "cast public.pair AS public.mood changed",
    ),
    ("ALTER LANGUAGE plpgsql OWNER TO catalog_web", "language plpgsql changed"),
    ("REVOKE USAGE ON LANGUAGE plpgsql FROM public", "language plpgsql changed"),
    (
        ("CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))"),
        "transform integer for sql added",
    ),
    ("ALTER EVENT TRIGGER watching ENABLE ALWAYS", "event trigger watching changed"),
    (
        "CREATE OR REPLACE FUNCTION one(b text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function one(text) added",
    ),
    (
        "CREATE TRIGGER more BEFORE INSERT ON app.log FOR EACH ROW EXECUTE FUNCTION stamp()",
        "trigger more on app.log added, trigger more on app.log_old added",
    ),
    (
        "CREATE FUNCTION more(VARIADIC int[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function more(integer[]) added",
    ),
    ("ALTER FUNCTION one STRICT", "function one(integer) changed"),
    ("ALTER FUNCTION one IMMUTABLE", "function one(integer) changed"),
    ("ALTER FUNCTION one PARALLEL SAFE", "function one(integer) changed"),
    ("ALTER FUNCTION one LEAKPROOF", "function one(integer) changed"),
    ("ALTER FUNCTION one COST 5", "function one(integer) changed"),
    ("ALTER FUNCTION one SUPPORT generate_series_int4_support", "function one(integer) changed"),
    ("CREATE OR REPLACE FUNCTION one(a int) RETURNS int RETURN 1", "function one(integer) changed"),
    (
        (
            "CREATE OR REPLACE FUNCTION one(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN "
            "RETURN 1; END'"
        ),
        "function one(integer) changed",
    ),
    (
        (
            "DROP FUNCTION one(int); CREATE FUNCTION one(a int) RETURNS SETOF int LANGUAGE "
            "sql ROWS 3 AS 'SELECT 1'"
        ),
        "function one(integer) changed",
    ),
    (
        (
            "DROP FUNCTION one(int); CREATE FUNCTION one(a int) RETURNS text LANGUAGE sql AS "
            "'SELECT 1'"
        ),
        "function one(integer) changed",
    ),
    (
        "DROP PROCEDURE tidy; CREATE FUNCTION tidy() RETURNS void LANGUAGE sql AS 'SELECT 1'",
        "function tidy() added, procedure tidy() missing",
    ),
    (
        (
            "DROP AGGREGATE total(int); CREATE AGGREGATE total(int) (SFUNC = add, STYPE = "
            "int, INITCOND = '0', PARALLEL = SAFE, COMBINEFUNC = add)"
        ),
        "aggregate total(integer) changed",
    ),
    (
        (
            "DROP TRIGGER stamped ON team; CREATE CONSTRAINT TRIGGER stamped AFTER UPDATE ON "
            "team DEFERRABLE FOR EACH ROW EXECUTE FUNCTION stamp()"
        ),
        "constraint stamped on team added, trigger stamped on team changed",
    ),
    (
        (
            "CREATE OR REPLACE TRIGGER stamped BEFORE UPDATE OF name ON team FOR EACH ROW "
            "WHEN (new.id > 1) EXECUTE FUNCTION stamp('x')"
        ),
        "trigger stamped on team changed",
    ),
    ("ALTER TABLE team ENABLE ALWAYS TRIGGER stamped", "trigger stamped on team changed"),
    (
        (
            "DROP EVENT TRIGGER watching; CREATE EVENT TRIGGER watching ON ddl_command_end "
            "WHEN TAG IN ('CREATE CAST') EXECUTE FUNCTION watch()"
        ),
        "event trigger watching changed",
    ),
    (
        (
            "DROP EVENT TRIGGER watching; CREATE EVENT TRIGGER watching ON ddl_command_start "
            "WHEN TAG IN ('CREATE CONVERSION') EXECUTE FUNCTION watch()"
        ),
        "event trigger watching changed",
    ),
    (
        "DROP POLICY mine ON team; CREATE POLICY mine ON team TO catalog_web USING (id > 0)",
        "policy mine on team changed",
    ),
    (
        (
            "DROP POLICY mine ON team; CREATE POLICY mine ON team AS RESTRICTIVE FOR SELECT "
            "TO catalog_web USING (id > 0)"
        ),
        "policy mine on team changed",
    ),
    ("CREATE POLICY more ON team FOR INSERT WITH CHECK (id > 0)", "policy more on team added"),
    (
        ("CREATE OR REPLACE RULE quiet AS ON DELETE TO loose WHERE old.a > 1 DO INSTEAD NOTHING"),
        "rule quiet on loose changed",
    ),
    (
        "UPDATE pg_language SET lanpltrusted = false WHERE lanname = 'plpgsql'",
        "language plpgsql changed",
    ),
    (
        (
            "DROP CAST (pair AS mood); CREATE FUNCTION m(pair) RETURNS mood LANGUAGE sql AS "
            "$$SELECT 'sad'::public.mood$$; CREATE CAST (pair AS mood) WITH FUNCTION m(pair)"
        ),
        "cast public.pair AS public.mood changed, function m(public.pair) added",
    ),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_programs(scene: Scene, statements: str, expected: str) -> None:
    """Each change to what runs in a database is found by its name."""
    scene.expect(statements, expected)
