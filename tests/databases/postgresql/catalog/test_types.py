"""Each change to a type, operator, collation or access method is found by its name."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    ("ALTER TYPE mood ADD VALUE 'so so' BEFORE 'glad'", "type mood changed"),
    ("DROP TYPE mood CASCADE", "cast public.pair AS public.mood missing, type mood missing"),
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'bad'", "type mood changed"),
    ("CREATE TYPE more AS (a int)", "type more added"),
    ("ALTER TYPE pair ADD ATTRIBUTE c int", "column pair.c added"),
    ("ALTER TYPE pair OWNER TO catalog_web", "type pair changed"),
    ("GRANT USAGE ON TYPE mood TO catalog_web", "type mood changed"),
    ("REVOKE USAGE ON TYPE team FROM public", "table team changed"),
    (
        "DROP TYPE span; CREATE TYPE span AS RANGE (SUBTYPE = int8)",
        (
            "function span(bigint, bigint) added, function span(bigint, bigint, text) added, "
            "function span(integer, integer) missing, function span(integer, integer, text) "
            "missing, type span changed"
        ),
    ),
    ("ALTER DOMAIN positive SET DEFAULT 5", "domain positive changed"),
    ("ALTER DOMAIN positive ADD CHECK (VALUE < 100) NOT VALID", "domain positive changed"),
    ("ALTER DOMAIN positive SET NOT NULL", "domain positive changed"),
    ("DROP DOMAIN positive", "domain positive missing"),
    (
        "DROP OPERATOR <<< (int, int) CASCADE",
        (
            "operator <<<(integer, integer) missing, operator class odd using btree missing, "
            "operator family family using btree changed"
        ),
    ),
    (
        "ALTER OPERATOR <<< (int, int) OWNER TO catalog_web",
        "operator <<<(integer, integer) changed",
    ),
    (
        (
            "ALTER OPERATOR FAMILY family USING btree ADD FUNCTION 1 (int4, int4) "
            "btint4cmp(int4, int4)"
        ),
        "operator family family using btree changed",
    ),
    (
        "DROP OPERATOR FAMILY family USING btree CASCADE",
        "operator class odd using btree missing, operator family family using btree missing",
    ),
    (
        "ALTER OPERATOR CLASS odd USING btree OWNER TO catalog_web",
        "operator class odd using btree changed",
    ),
    (
        "DROP OPERATOR CLASS odd USING btree",
        "operator class odd using btree missing, operator family family using btree changed",
    ),
    ("DROP COLLATION plain", "collation plain missing"),
    ("ALTER COLLATION plain OWNER TO catalog_web", "collation plain changed"),
    ("DROP CONVERSION changed", "conversion changed missing"),
    ("ALTER CONVERSION changed OWNER TO catalog_web", "conversion changed changed"),
    ("DROP ACCESS METHOD heap2", "access method heap2 missing"),
    ("CREATE TYPE more AS ENUM ()", "type more added"),
    (
        "DROP DOMAIN positive; CREATE DOMAIN positive AS bigint CHECK (VALUE > 0)",
        "domain positive changed",
    ),
    ('CREATE DOMAIN worded AS text COLLATE "C"', "domain worded added"),
    (
        "ALTER OPERATOR <<< (int, int) SET (RESTRICT = scalarltsel)",
        "operator <<<(integer, integer) changed",
    ),
    (
        (
            "DROP OPERATOR <<< (int, int) CASCADE; CREATE OPERATOR <<< (LEFTARG = int, "
            "RIGHTARG = int, FUNCTION = int4lt)"
        ),
        (
            "operator <<<(integer, integer) changed, operator class odd using btree missing, "
            "operator family family using btree changed"
        ),
    ),
    (
        (
            "DROP OPERATOR CLASS odd USING btree; CREATE OPERATOR CLASS odd FOR TYPE int8 "
            "USING btree FAMILY family AS OPERATOR 1 <"
        ),
        "operator class odd using btree changed, operator family family using btree changed",
    ),
    (
        "ALTER OPERATOR FAMILY family USING btree OWNER TO catalog_web",
        "operator family family using btree changed",
    ),
    ('DROP COLLATION plain; CREATE COLLATION plain FROM "POSIX"', "collation plain changed"),
    (
        (
            "DROP CONVERSION changed; CREATE DEFAULT CONVERSION changed FOR 'LATIN1' TO "
            "'UTF8' FROM iso8859_1_to_utf8"
        ),
        "conversion changed changed",
    ),
    (
        "DROP ACCESS METHOD heap2; CREATE ACCESS METHOD heap2 TYPE INDEX HANDLER bthandler",
        "access method heap2 changed",
    ),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_types(scene: Scene, statements: str, expected: str) -> None:
    """Each change to a type, operator, collation or access method is found by its name."""
    scene.expect(statements, expected)
