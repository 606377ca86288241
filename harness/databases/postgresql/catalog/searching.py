"""Text search and statistics objects: what planning and searching go by."""

from __future__ import annotations

from harness.databases.postgresql.catalog.kinds import Catalogs, Kind

CONFIGURATIONS = Kind(
    kind="'text search configuration'",
    catalog="pg_ts_config",
    name="c.cfgname",
    schema="c.cfgnamespace",
    without="cfgname cfgnamespace",
    said={
        "dictionaries": "(SELECT string_agg(concat_ws(' ', maptokentype, mapdict::regdictionary),"
        " ', ' ORDER BY maptokentype, mapseqno) FROM pg_ts_config_map WHERE mapcfg = c.oid)"
    },
)
DICTIONARIES = Kind(
    kind="'text search dictionary'",
    catalog="pg_ts_dict",
    name="c.dictname",
    schema="c.dictnamespace",
    without="dictname dictnamespace",
)
PARSERS = Kind(
    kind="'text search parser'",
    catalog="pg_ts_parser",
    name="c.prsname",
    schema="c.prsnamespace",
    without="prsname prsnamespace",
)
TEMPLATES = Kind(
    kind="'text search template'",
    catalog="pg_ts_template",
    name="c.tmplname",
    schema="c.tmplnamespace",
    without="tmplname tmplnamespace",
)
STATISTICS = Kind(
    kind="'statistics object'",
    catalog="pg_statistic_ext",
    name="c.stxname",
    schema="c.stxnamespace",
    relation="c.stxrelid",
    without="stxname stxnamespace stxkeys stxexprs",
    said={"definition": "pg_get_statisticsobjdef(c.oid)"},
)


def queries(catalogs: Catalogs, *, everything: bool = False) -> list[str]:
    """Write the queries of this family."""
    kinds = (CONFIGURATIONS, DICTIONARIES, PARSERS, TEMPLATES, STATISTICS)
    return [kind.query(catalogs, everything=everything) for kind in kinds]
