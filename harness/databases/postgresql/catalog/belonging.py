"""Schemas, extensions, large objects, default rights, and what is said of any thing: comments."""

from __future__ import annotations

from harness.databases.postgresql.catalog.kinds import (
    FIRST_CHANGING,
    FIRST_OF_USERS,
    Catalogs,
    Kind,
    sorted_rights,
)

SCHEMAS = Kind(
    kind="'schema'",
    catalog="pg_namespace",
    name="c.nspname",
    where="c.nspname !~ '^pg_(toast|temp_|toast_temp_)'",
    all=True,
    acl=("n", "c.nspowner"),
    without="nspname",
)
EXTENSIONS = Kind(
    kind="'extension'",
    catalog="pg_extension",
    name="c.extname",
    all=True,
    without="extname",
    said={
        "members": "(SELECT md5(string_agg(concat_ws(' ', d.deptype,"
        " pg_describe_object(d.classid, d.objid, d.objsubid)), ', ' ORDER BY"
        " pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype)) FROM pg_depend d"
        " WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = c.oid)"
    },
)
LARGE_OBJECTS = Kind(
    kind="'large object'",
    catalog="pg_largeobject_metadata",
    name="c.oid::text",
    all=True,  # its OID may be chosen
    acl=("L", "c.lomowner"),
)
DEFAULT_RIGHTS = Kind(
    kind="'default privileges'",
    catalog="pg_default_acl",
    name="'of ' || c.defaclrole::regrole::text || coalesce(' in schema ' ||"
    " nullif(c.defaclnamespace, 0)::regnamespace::text, '') || ' on ' || CASE c.defaclobjtype"
    " WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN"
    " 'types' WHEN 'n' THEN 'schemas' WHEN 'L' THEN 'large objects' ELSE c.defaclobjtype::text END",
    all=True,
    without="defaclrole defaclnamespace defaclobjtype",
    said={"defaclacl": sorted_rights("c.defaclacl")},
)
_RELATION = """CASE c.classoid WHEN 'pg_class'::regclass THEN (SELECT
 CASE WHEN x.relkind = 'S' THEN 0
  ELSE coalesce((SELECT indrelid FROM pg_index y WHERE y.indexrelid = x.oid), x.oid) END
 FROM pg_class x WHERE x.oid = c.objoid)
 WHEN 'pg_constraint'::regclass THEN (SELECT conrelid FROM pg_constraint x WHERE x.oid = c.objoid)
 WHEN 'pg_trigger'::regclass THEN (SELECT tgrelid FROM pg_trigger x WHERE x.oid = c.objoid)
 WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite x WHERE x.oid = c.objoid)
 WHEN 'pg_policy'::regclass THEN (SELECT polrelid FROM pg_policy x WHERE x.oid = c.objoid)
 ELSE 0::oid END"""


def _said_of(kind: str, catalog: str, name: str, definition: str, *, everything: bool) -> str:
    ours = (
        f"c.objoid >= {FIRST_OF_USERS} OR c.xmin::text::int8 >= {FIRST_CHANGING}"
        " OR c.classoid = 'pg_largeobject'::regclass"
    )
    return (
        f"SELECT '{kind}', i.schema, {name}, {_RELATION}, false, 0,"
        f" c.objoid < {FIRST_OF_USERS}, {definition}"
        f" FROM {catalog} c CROSS JOIN pg_identify_object(c.classoid, c.objoid, c.objsubid) i"
        f" WHERE {'true' if everything else ours}"
    )


def queries(catalogs: Catalogs, *, everything: bool = False) -> list[str]:
    """Write the queries of this family."""
    kinds = (SCHEMAS, EXTENSIONS, LARGE_OBJECTS, DEFAULT_RIGHTS)
    of = "i.type || ' ' || i.identity"
    label = f"{of} || ' by ' || c.provider"
    return [
        *(kind.query(catalogs, everything=everything) for kind in kinds),
        _said_of("comment", "pg_description", of, "c.description", everything=everything),
        _said_of("security label", "pg_seclabel", label, "c.label", everything=everything),
    ]
