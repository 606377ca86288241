"""Tables, views, foreign tables, sequences, indexes, columns and constraints."""

from __future__ import annotations

from harness.databases.postgresql.catalog.kinds import Catalogs, Kind, rights

_TOAST = 99  # the OID of schema pg_toast
_HOLDING = "('r', 'p', 'v', 'm', 'f')"  # kinds of relations that people read rows from
_OWNED_BY = """LEFT JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.seqrelid
 AND o.objsubid = 0 AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')"""
_SPACE = "(SELECT spcname FROM pg_tablespace t WHERE t.oid = r.reltablespace)"


def _parents(relation: str) -> str:
    return (
        "(SELECT string_agg(inhparent::regclass::text || CASE WHEN inhdetachpending THEN"
        " ' (being detached)' ELSE '' END, ', ' ORDER BY inhseqno) FROM pg_inherits"
        f" WHERE inhrelid = {relation})"
    )


RELATIONS = Kind(
    kind="CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'"
    " WHEN 'f' THEN 'foreign table' ELSE 'table' END",
    catalog="pg_class",
    name="c.relname",
    schema="c.relnamespace",
    relation="c.oid",
    where=f"c.relkind IN {_HOLDING}",
    acl=("r", "c.relowner"),
    # numbers of statistics, places on disk, and what follows from other things
    without="relname relnamespace reltype relfilenode relpages reltuples relallvisible relallfrozen"
    " reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers"
    " relhassubclass relrewrite relfrozenxid relminmxid",
    said={
        "relpartbound": "pg_get_expr(c.relpartbound, c.oid)",
        "partitioned": "CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END",
        "query": "CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END",
        "inherits": _parents("c.oid"),
        "toast options": "(SELECT t.reloptions::text FROM pg_class t"
        " WHERE t.oid = c.reltoastrelid)",
        "rights on its type": "(SELECT "
        + rights("y.typacl", "T", "y.typowner")
        + " FROM pg_type y WHERE y.oid = c.reltype AND y.typacl IS NOT NULL)",
        "foreign": "(SELECT concat_ws(' ', s.srvname, f.ftoptions::text) FROM pg_foreign_table f"
        " JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid)",
    },
)
SEQUENCES = Kind(
    kind="'sequence'",
    catalog="pg_sequence",
    name="r.relname",
    schema="r.relnamespace",
    relation="coalesce(o.refobjid, 0)",
    joins=f"JOIN pg_class r ON r.oid = c.seqrelid {_OWNED_BY}",
    oid="c.seqrelid",
    without="seqrelid",
    said={
        "owner": "r.relowner::regrole::text",
        "rights": rights("r.relacl", "s", "r.relowner"),
        "persistence": "r.relpersistence::text",
        "owned by": "(SELECT concat_ws(' ', o.refobjid::regclass, a.attname, o.deptype)"
        " FROM pg_attribute a WHERE a.attrelid = o.refobjid AND a.attnum = o.refobjsubid)",
    },
)
COLUMNS = Kind(
    kind="'column'",
    catalog="pg_attribute",
    name="c.attname",
    relation="c.attrelid",
    part=True,
    place="c.attnum",
    joins="JOIN pg_class r ON r.oid = c.attrelid"
    " LEFT JOIN pg_attrdef d ON d.adrelid = c.attrelid AND d.adnum = c.attnum",
    where=f"c.attnum > 0 AND NOT c.attisdropped AND (r.relkind IN {_HOLDING} OR r.relkind = 'c')",
    oid="c.attrelid",
    acl=("c", "r.relowner"),
    # how it is stored, and what follows from the parents; a dump does not know attndims
    without="attrelid attname attlen attbyval attalign attcacheoff attndims attnum atthasdef"
    " atthasmissing attmissingval attisdropped atttypmod attinhcount",
    said={
        "atttypid": "format_type(c.atttypid, c.atttypmod)",
        # without the number by which some minor versions (15.20) know a table's columns again
        "attoptions": "(SELECT nullif(array_agg(o ORDER BY o), '{}')::text"
        " FROM unnest(c.attoptions) o WHERE o NOT LIKE 'pg\\_attver=%')",
        "default": "pg_get_expr(d.adbin, d.adrelid)",
    },
)
CONSTRAINTS = Kind(
    kind="'constraint'",
    catalog="pg_constraint",
    name="c.conname",
    schema="c.connamespace",
    relation="c.conrelid",
    part=True,
    where="c.conrelid <> 0",
    # that of the definition, or of the index below it
    without="conname connamespace conrelid contypid conindid conparentid confrelid confupdtype"
    " confdeltype confmatchtype conkey confkey conpfeqop conppeqop conffeqop confdelsetcols"
    " conexclop conbin connoinherit coninhcount",
    said={
        "definition": "pg_get_constraintdef(c.oid)",
        "of a parent": "nullif(c.conparentid <> 0, false)::text",
        "triggers": "(SELECT string_agg(concat_ws(' ', t.tgrelid::regclass, t.tgfoid::regproc,"
        " t.tgenabled), ', ' ORDER BY t.tgrelid::regclass::text, t.tgfoid) FROM pg_trigger t"
        " WHERE t.tgconstraint = c.oid AND t.tgisinternal AND t.tgenabled <> 'O')",
    },
)
INDEXES = Kind(
    kind="'index'",
    catalog="pg_index",
    name="r.relname",
    schema="r.relnamespace",
    relation="c.indrelid",
    joins="JOIN pg_class r ON r.oid = c.indexrelid",
    where=f"r.relnamespace <> {_TOAST}",
    oid="c.indexrelid",
    without="indexrelid indrelid indnatts indnkeyatts indcheckxmin indkey indcollation indclass"
    " indoption indexprs indpred",
    said={
        "definition": "pg_get_indexdef(c.indexrelid)",
        "owner": "r.relowner::regrole::text",
        "tablespace": _SPACE,
        "attached to": _parents("c.indexrelid"),
        "statistics": "(SELECT string_agg(concat_ws(' ', a.attnum, a.attstattarget), ', '"
        " ORDER BY a.attnum) FROM pg_attribute a"
        " WHERE a.attrelid = c.indexrelid AND a.attstattarget >= 0)",
    },
)


def queries(catalogs: Catalogs, *, everything: bool = False) -> list[str]:
    """Write the queries of this family."""
    kinds = (RELATIONS, SEQUENCES, COLUMNS, CONSTRAINTS, INDEXES)
    return [kind.query(catalogs, everything=everything) for kind in kinds]
