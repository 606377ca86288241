"""What leads out of a database: foreign servers, user mappings, publications."""

from __future__ import annotations

from harness.databases.postgresql.catalog.kinds import Catalogs, Kind, hidden

WRAPPERS = Kind(
    kind="'foreign data wrapper'",
    catalog="pg_foreign_data_wrapper",
    name="c.fdwname",
    acl=("F", "c.fdwowner"),
    without="fdwname",
)
SERVERS = Kind(
    kind="'foreign server'",
    catalog="pg_foreign_server",
    name="c.srvname",
    acl=("S", "c.srvowner"),
    without="srvname",
    said={"srvoptions": hidden("c.srvoptions")},
)
PUBLICATIONS = Kind(
    kind="'publication'",
    catalog="pg_publication",
    name="c.pubname",
    without="pubname",
    said={
        "tables": "(SELECT string_agg(concat_ws(' ', p.prrelid::regclass, (SELECT '(' ||"
        " string_agg(attname, ', ' ORDER BY attnum) || ')' FROM pg_attribute a WHERE a.attrelid ="
        " p.prrelid AND a.attnum = ANY (p.prattrs::int2[])), pg_get_expr(p.prqual, p.prrelid)),"
        " ', ' ORDER BY p.prrelid::regclass::text) FROM pg_publication_rel p"
        " WHERE p.prpubid = c.oid)",
        "schemas": "(SELECT string_agg(n.pnnspid::regnamespace::text, ', '"
        " ORDER BY n.pnnspid::regnamespace::text) FROM pg_publication_namespace n"
        " WHERE n.pnpubid = c.oid)",
    },
)
# a view, for everybody may read it; what one may not see of it is NULL, and told below
_MAPPINGS = f"""
SELECT 'user mapping', NULL, usename || ' for ' || srvname, 0::oid, false, 0, false,
  'options ' || {hidden("umoptions")} FROM pg_user_mappings
"""
UNREAD = """
SELECT 'options of user mapping ' || m.usename || ' for ' || m.srvname,
  'only a superuser, the server''s owner, or that user may see them'
FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid
WHERE m.umoptions IS NULL AND NOT (pg_has_role(s.srvowner, 'USAGE') AND m.umuser = 0
  OR m.usename = current_user AND (pg_has_role(s.srvowner, 'USAGE')
    OR has_server_privilege(s.oid, 'USAGE'))
  OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
"""


def queries(catalogs: Catalogs, *, everything: bool = False) -> list[str]:
    """Write the queries of this family."""
    kinds = (WRAPPERS, SERVERS, PUBLICATIONS)
    return [*(kind.query(catalogs, everything=everything) for kind in kinds), _MAPPINGS]
