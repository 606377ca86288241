"""What runs in a database: functions, aggregates, triggers, rules, policies, languages, casts."""

from __future__ import annotations

from harness.databases.postgresql.catalog.kinds import Catalogs, Kind

_AGGREGATE = Kind("", "pg_aggregate", "", without="aggfnoid")

TRIGGERS = Kind(
    kind="'trigger'",
    catalog="pg_trigger",
    name="c.tgname",
    relation="c.tgrelid",
    part=True,
    where="NOT c.tgisinternal",  # those of foreign keys are told with the constraint
    without="tgrelid tgname tgconstrrelid tgconstrindid tgconstraint tgisinternal tgnargs tgattr"
    " tgargs tgqual tgoldtable tgnewtable tgtype",
    said={
        "definition": "pg_get_triggerdef(c.oid)",
        "tgparentid": "nullif(c.tgparentid <> 0, false)::text",
    },
)
EVENT_TRIGGERS = Kind("'event trigger'", "pg_event_trigger", "c.evtname", without="evtname")
RULES = Kind(
    kind="'rule'",
    catalog="pg_rewrite",
    name="c.rulename",
    relation="c.ev_class",
    part=True,
    where="c.rulename <> '_RETURN'",  # what a view reads is told with the view
    without="rulename ev_class ev_type is_instead ev_qual ev_action",
    said={"definition": "pg_get_ruledef(c.oid)"},
)
POLICIES = Kind(
    kind="'policy'",
    catalog="pg_policy",
    name="c.polname",
    relation="c.polrelid",
    part=True,
    without="polname polrelid",
    said={
        "polroles": "array(SELECT CASE p WHEN 0 THEN 'public' ELSE p::regrole::text END"
        " FROM unnest(c.polroles) p ORDER BY 1)::text",
        "polqual": "pg_get_expr(c.polqual, c.polrelid)",
        "polwithcheck": "pg_get_expr(c.polwithcheck, c.polrelid)",
    },
)
LANGUAGES = Kind(
    kind="'language'",
    catalog="pg_language",
    name="c.lanname",
    all=True,
    acl=("l", "c.lanowner"),
    without="lanname",
)
CASTS = Kind(
    kind="'cast'",
    catalog="pg_cast",
    name="format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL)",
    without="castsource casttarget",
)
TRANSFORMS = Kind(
    kind="'transform'",
    catalog="pg_transform",
    name="format_type(c.trftype, NULL) || ' for '"
    " || (SELECT lanname FROM pg_language l WHERE l.oid = c.trflang)",
    without="trftype trflang",
)


def functions(catalogs: Catalogs) -> Kind:
    """Functions, procedures and aggregates."""
    aggregate = _AGGREGATE._replace(
        said={name: f"a.{name}::text" for name in ("agginitval", "aggminitval")}
    ).definition(catalogs, "a")
    return Kind(
        kind="CASE c.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure'"
        " ELSE 'function' END",
        catalog="pg_proc",
        name="c.proname || '(' || oidvectortypes(c.proargtypes) || ')'",
        schema="c.pronamespace",
        acl=("f", "c.proowner"),
        without="proname pronamespace proargtypes proallargtypes proargmodes proargnames",
        said={
            "arguments": "pg_get_function_arguments(c.oid)",
            "proargdefaults": "nullif(c.pronargdefaults, 0)::text",
            "prosqlbody": "pg_get_function_sqlbody(c.oid)",
            "prorettype": "CASE WHEN c.prokind <> 'p' THEN pg_get_function_result(c.oid) END",
            "aggregate": f"CASE WHEN c.prokind = 'a' THEN (SELECT {aggregate} FROM pg_aggregate a"
            " WHERE a.aggfnoid = c.oid) END",
        },
    )


def queries(catalogs: Catalogs, *, everything: bool = False) -> list[str]:
    """Write the queries of this family."""
    kinds = (
        functions(catalogs), TRIGGERS, EVENT_TRIGGERS, RULES, POLICIES, LANGUAGES, CASTS,
        TRANSFORMS,
    )  # fmt: skip
    return [kind.query(catalogs, everything=everything) for kind in kinds]
