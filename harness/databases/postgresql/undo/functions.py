"""The functions of the undo log, in PL/pgSQL: recording, undoing.

Recording is in the tests' own time, so it does no more than it must. A row is written as the output
of its types writes it; where a session has chosen another way to write dates, intervals or
numbers, in the one that can be read back.
https://www.postgresql.org/docs/current/plpgsql-trigger.html
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.databases.postgresql.undo.names import (
    INNERMOST,
    LOG,
    NO_TABLE,
    NOT_AS_RECORDED,
    NOT_BY_IT,
    SCHEMA,
)

# Settings on which it depends whether what is written can be read back: the pattern of those with
# which it can, and one. What others change (the time zone, how bytes are written) always can be.
_READABLE = {
    "DateStyle": ("ISO%", "ISO"),
    "IntervalStyle": ("postgres", "postgres"),
    "extra_float_digits": ("_", "1"),  # and not less than nothing
    "lc_monetary": ("C", "C"),
}
_INTO = f"INSERT INTO {LOG} (relation, sign, image)"
_GONE = "SELECT {table}, -1, pg_catalog.format('%s', o.*) FROM gone o"
_COME = "SELECT {table}, 1, pg_catalog.format('%s', o.*) FROM come o"
_WAS = f"{_INTO} VALUES ({{table}}, -1, pg_catalog.format('%s', OLD));"
_IS = f"{_INTO} VALUES ({{table}}, 1, pg_catalog.format('%s', NEW));"
_BODIES = {
    "inserted": f"{_INTO} {_COME};",
    "deleted": f"{_INTO} {_GONE};",
    "updated": f"{_INTO} {_GONE} UNION ALL {_COME};",
    # row by row, in trees of tables that inherit
    "row_inserted": _IS,
    "row_deleted": _WAS,
    "row_updated": f"{_WAS} {_IS}",
    "truncated": f"""EXECUTE pg_catalog.format('{_INTO}'
      ' SELECT %s, -1, pg_catalog.format(''%%s'', o.*) FROM ONLY %s o',
      {{table}}, TG_RELID::pg_catalog.regclass);""",
}


@dataclass(frozen=True, order=True)
class Recorder:
    """One function that triggers call: as few as there are kinds of tables.

    Attributes:
        does: what has been done to the table.
        of_partition: whether its rows are kept under another table, which the trigger names.
        settings: on which it depends how its rows are written, in alphabetical order.
    """

    does: str
    of_partition: bool
    settings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in the schema."""
        letters = "".join(one[0] for one in self.settings).lower()
        return f"{self.does}{'_p' if self.of_partition else ''}{'_' if letters else ''}{letters}"

    def written(self) -> str:
        """Write the statement that makes it."""
        table = "TG_ARGV[0]::pg_catalog.oid" if self.of_partition else "TG_RELID"
        body = _BODIES[self.does].replace("{table}", table)
        return f"""
CREATE FUNCTION {SCHEMA}.{self.name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
#variable_conflict use_variable
DECLARE kept pg_catalog.text[];
BEGIN
  {self._readably(body) if self.settings else body}
  RETURN NULL;
END $body$"""

    def _readably(self, body: str) -> str:
        now = [f"pg_catalog.current_setting('{one}')" for one in self.settings]
        others = " OR ".join(
            f"{value} OPERATOR(pg_catalog.!~~) '{_READABLE[one][0]}'"
            for one, value in zip(self.settings, now, strict=True)
        )
        # for this transaction alone: https://www.postgresql.org/docs/current/functions-admin.html
        chosen = " ".join(
            f"PERFORM pg_catalog.set_config('{one}', '{_READABLE[one][1]}', true);"
            for one in self.settings
        )
        again = " ".join(
            f"PERFORM pg_catalog.set_config('{one}', kept[{place}], true);"
            for place, one in enumerate(self.settings, 1)
        )
        return f"""IF {others} THEN
    kept := ARRAY[{", ".join(now)}]; {chosen}
    {body}
    {again}
  ELSE
    {body}
  END IF;"""


# Whoever empties the log, or changes what is in it, takes from it what it is there for.
EMPTIED = f"""
CREATE FUNCTION {SCHEMA}.emptied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
  {_INTO} VALUES ({NO_TABLE}, 0, 'the log itself was changed: ' || TG_OP);
  RETURN NULL;
END $body$"""

# What is temporary is its session's own.
DEFINED = f"""
CREATE FUNCTION {SCHEMA}.defined() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF TG_EVENT = 'sql_drop' THEN
    {_INTO} SELECT {NO_TABLE}, 0, concat_ws(' ', TG_TAG, o.object_identity)
      FROM pg_event_trigger_dropped_objects() o WHERE o.original AND NOT o.is_temporary;
  ELSE
    {_INTO} SELECT {NO_TABLE}, 0, concat_ws(' ', o.command_tag, o.object_identity)
      FROM pg_event_trigger_ddl_commands() o
      WHERE o.schema_name IS DISTINCT FROM 'pg_temp' AND o.command_tag <> 'REINDEX';
  END IF;
END $body$"""

# What is deleted stays in the table's file for a while, and every look at it takes longer.
_LARGE_BYTES = 256 * 1024
_MANY = 1000  # rows of levels around, which would be written anew

# A level has been begun after what is recorded so far, so that is of those around it.
BEGIN = f"""
CREATE FUNCTION {SCHEMA}.begin(new_level int4) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  LOCK TABLE {LOG} IN EXCLUSIVE MODE;
  UPDATE {LOG} SET level = new_level - 1 WHERE level IS NULL;
  DELETE FROM {SCHEMA}.sequences WHERE level >= new_level;
  INSERT INTO {SCHEMA}.sequences SELECT new_level, v.* FROM {SCHEMA}.sequence_values() v;
END $body$"""


def of_table(name: str, deletion: str, insertion: str, remainder: str) -> str:
    """Write the function that undoes one table; a session plans its statements once.

    Args:
        name: of the function.
        deletion: removes what has come since ``of_level`` was begun.
        insertion: brings back what has gone.
        remainder: counts what has come or gone all the same.
    """
    return f"""
CREATE FUNCTION {SCHEMA}.{name}(of_level int4) RETURNS int8 LANGUAGE plpgsql AS $body$
#variable_conflict use_column
DECLARE wrong int8;
BEGIN
  {deletion};
  {insertion};
  {remainder} INTO wrong;
  RETURN wrong;
END $body$"""


# What undoing itself writes is recorded as well, and so must leave nothing over.
UNDO = f"""
CREATE FUNCTION {SCHEMA}.undo(of_level int4) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
  one record;
  why text;
  wrong int8;
  kept {LOG}[];
BEGIN
  PERFORM set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_mergejoin', 'off', true);
  LOCK TABLE {LOG} IN EXCLUSIVE MODE;
  SELECT string_agg(image, '; ') INTO why
    FROM (SELECT DISTINCT image FROM {LOG} WHERE relation = {NO_TABLE} LIMIT 5) first;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '{NOT_BY_IT}', MESSAGE = why;
  END IF;
  FOR one IN SELECT t.* FROM {SCHEMA}.recorded t WHERE t.relation IN (
      SELECT l.relation FROM {LOG} l WHERE coalesce(l.level, {INNERMOST}) >= of_level) LOOP
    PERFORM set_config('enable_hashjoin', (NOT one.has_key)::text, true);
    EXECUTE one.undoing INTO wrong USING of_level;
    IF wrong <> 0 THEN
      RAISE EXCEPTION USING ERRCODE = '{NOT_AS_RECORDED}',
        MESSAGE = format('%s: %s rows are not what was recorded', one.name, wrong);
    END IF;
  END LOOP;
  PERFORM setval(b.sequence::regclass, b.last_value, b.is_called)
    FROM {SCHEMA}.sequences b JOIN {SCHEMA}.sequence_values() n USING (sequence)
    WHERE b.level = of_level AND (b.last_value, b.is_called) <> (n.last_value, n.is_called);
  DELETE FROM {SCHEMA}.sequences WHERE level >= greatest(of_level, 1);
  IF pg_relation_size('{LOG}') > {_LARGE_BYTES} THEN
    SELECT array_agg(l) INTO kept FROM {LOG} l WHERE l.level < of_level;
  END IF;
  IF pg_relation_size('{LOG}') <= {_LARGE_BYTES} OR cardinality(kept) > {_MANY} THEN
    DELETE FROM {LOG} WHERE coalesce(level, {INNERMOST}) >= of_level;
  ELSE
    TRUNCATE {LOG};
    INSERT INTO {LOG} SELECT l.* FROM unnest(kept) l;
  END IF;
END $body$"""
