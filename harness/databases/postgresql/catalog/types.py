"""Types of all sorts, collations, conversions, and operators with their classes and families."""

from __future__ import annotations

from harness.databases.postgresql.catalog.kinds import Catalogs, Kind

_RANGE = Kind("", "pg_range", "", without="rngtypid")
_METHOD = "(SELECT amname FROM pg_am m WHERE m.oid = c.{column})"

OPERATORS = Kind(
    kind="'operator'",
    catalog="pg_operator",
    name="concat(c.oprname, '(', coalesce(format_type(nullif(c.oprleft, 0), NULL), 'none'), ', ',"
    " coalesce(format_type(nullif(c.oprright, 0), NULL), 'none'), ')')",
    schema="c.oprnamespace",
    without="oprname oprnamespace oprleft oprright",
)
CLASSES = Kind(
    kind="'operator class'",
    catalog="pg_opclass",
    name=f"c.opcname || ' using ' || {_METHOD.format(column='opcmethod')}",
    schema="c.opcnamespace",
    without="opcname opcnamespace opcmethod",
)
FAMILIES = Kind(
    kind="'operator family'",
    catalog="pg_opfamily",
    name=f"c.opfname || ' using ' || {_METHOD.format(column='opfmethod')}",
    schema="c.opfnamespace",
    without="opfname opfnamespace opfmethod",
    said={
        "operators": "(SELECT string_agg(concat_ws(' ', amopstrategy, amopopr::regoperator,"
        " amoppurpose, (SELECT opfname FROM pg_opfamily s WHERE s.oid = amopsortfamily)),"
        " ', ' ORDER BY amoplefttype::regtype::text,"
        " amoprighttype::regtype::text, amopstrategy) FROM pg_amop WHERE amopfamily = c.oid)",
        "functions": "(SELECT string_agg(concat_ws(' ', amprocnum, amproc::oid::regprocedure), ', '"
        " ORDER BY amproclefttype::regtype::text, amprocrighttype::regtype::text, amprocnum)"
        " FROM pg_amproc WHERE amprocfamily = c.oid)",
    },
)
COLLATIONS = Kind(
    kind="'collation'",
    catalog="pg_collation",
    name="c.collname || CASE WHEN c.collencoding IN (-1, 6) THEN ''"  # UTF8 is 6
    " ELSE ' of ' || pg_encoding_to_char(c.collencoding) END",
    schema="c.collnamespace",
    without="collname collnamespace collencoding",
)
CONVERSIONS = Kind(
    kind="'conversion'",
    catalog="pg_conversion",
    name="c.conname",
    schema="c.connamespace",
    without="conname connamespace",
)
METHODS = Kind("'access method'", "pg_am", "c.amname", without="amname")


def types(catalogs: Catalogs) -> Kind:
    """Base types, enums, domains, composite types and ranges; not those that follow from others."""
    return Kind(
        kind="CASE c.typtype WHEN 'd' THEN 'domain' ELSE 'type' END",
        catalog="pg_type",
        name="c.typname",
        schema="c.typnamespace",
        joins="LEFT JOIN pg_class r ON r.oid = c.typrelid",
        where="c.typtype <> 'm' AND c.typsubscript <> 'array_subscript_handler'::regproc"
        " AND (r.oid IS NULL OR r.relkind = 'c')",
        acl=("T", "c.typowner"),
        without="typname typnamespace typrelid typarray typdefaultbin typtypmod",
        said={
            "typdefault": "coalesce(pg_get_expr(c.typdefaultbin, 0), c.typdefault)",
            "typbasetype": "CASE WHEN c.typtype = 'd' THEN format_type(c.typbasetype, c.typtypmod)"
            " END",
            "labels": "CASE WHEN c.typtype = 'e' THEN array(SELECT enumlabel FROM pg_enum e"
            " WHERE e.enumtypid = c.oid ORDER BY enumsortorder)::text END",
            "constraints": "CASE WHEN c.typtype = 'd' THEN (SELECT string_agg(concat_ws(' ',"
            " conname, pg_get_constraintdef(k.oid), convalidated), ', ' ORDER BY conname)"
            " FROM pg_constraint k WHERE k.contypid = c.oid) END",
            "range": f"CASE WHEN c.typtype = 'r' THEN (SELECT {_RANGE.definition(catalogs, 'g')}"
            " FROM pg_range g WHERE g.rngtypid = c.oid) END",
        },
    )


def queries(catalogs: Catalogs, *, everything: bool = False) -> list[str]:
    """Write the queries of this family."""
    kinds = (types(catalogs), OPERATORS, CLASSES, FAMILIES, COLLATIONS, CONVERSIONS, METHODS)
    return [kind.query(catalogs, everything=everything) for kind in kinds]
