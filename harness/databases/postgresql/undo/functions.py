"""The functions of the undo log, in PL/pgSQL: recording, undoing.

Recording is in the tests' own time, so it does no more than it must. A row is written as the output
of its types writes it; where a session has chosen another way to write dates, intervals or
numbers, in the one that can be read back.
https://www.postgresql.org/docs/current/plpgsql-trigger.html
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.databases.postgresql.undo.at_work import AT_WORK
from harness.databases.postgresql.undo.names import (
    BODY,
    INNERMOST,
    LOG,
    NO_TABLE,
    NOT_AS_RECORDED,
    NOT_BY_IT,
    OURS,
    SCHEMA,
)

# Settings on which it depends whether what is written can be read back: the pattern of those with
# which it can, and one. What others change (the time zone, how bytes are written) always can be.
_READABLE = {
    "DateStyle": ("ISO, ...", "ISO"),
    "IntervalStyle": ("postgres", "postgres"),
    "extra_float_digits": ("[123]", "1"),
    "lc_monetary": ("C", "C"),
    "search_path": ("pg_catalog", "pg_catalog"),  # for the names of tables, functions and so on
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
    # a transaction that sees an earlier moment does not see what is truncated
    "truncated": f"""IF pg_catalog.current_setting('transaction_isolation')
      OPERATOR(pg_catalog.<>) 'read committed' THEN
      {_INTO} VALUES ({NO_TABLE}, 0, 'TRUNCATE of ' || TG_RELID::pg_catalog.regclass
        || ' by a transaction that saw it as it once was');
    END IF;
    EXECUTE pg_catalog.format('{_INTO}'
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
            f"{value} OPERATOR(pg_catalog.!~) '^{_READABLE[one][0]}$'"
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
  IF pg_catalog.current_setting('{OURS}', true) IS DISTINCT FROM 'on' THEN
    {_INTO} VALUES ({NO_TABLE}, 0, 'the log itself was changed: ' || TG_OP);
  END IF;
  RETURN NULL;
END $body$"""

# What is temporary is its session's own.
DEFINED = f"""
CREATE FUNCTION {SCHEMA}.defined() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE done text;
BEGIN
  IF TG_EVENT = 'sql_drop' THEN
    SELECT string_agg(DISTINCT concat_ws(' ', TG_TAG, o.object_identity), '; ') INTO done
      FROM pg_event_trigger_dropped_objects() o WHERE o.original AND NOT o.is_temporary;
  ELSE
    SELECT string_agg(DISTINCT concat_ws(' ', o.command_tag, o.object_identity), '; ') INTO done
      FROM pg_event_trigger_ddl_commands() o WHERE o.schema_name IS DISTINCT FROM 'pg_temp'
      AND o.command_tag <> 'REINDEX' AND coalesce(o.object_identity, '') !~ '(^| on )pg_temp';
  END IF;
  IF done IS NOT NULL THEN  -- a transaction that may not write may reindex
    {_INTO} VALUES ({NO_TABLE}, 0, left(done, 500));
  END IF;
END $body$"""

# Nobody may be at work whose rows are not in the log yet: whoever has written holds the log until
# the end of its transaction, and whoever runs a statement holds its table. Nobody is made to wait
# for us while we wait: a lock that is not free is asked for again.
ALONE = f"""
CREATE FUNCTION {SCHEMA}.alone() RETURNS void LANGUAGE plpgsql AS $body$
DECLARE one record; why text;
BEGIN
  PERFORM set_config('{OURS}', 'on', true);
  LOCK TABLE {LOG} IN EXCLUSIVE MODE NOWAIT;
  FOR one IN SELECT DISTINCT r.name FROM {LOG} l JOIN {SCHEMA}.recorded r USING (relation) LOOP
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE NOWAIT', one.name);
  END LOOP;
  IF EXISTS ({AT_WORK}) THEN
    RAISE lock_not_available USING MESSAGE = 'a statement is under way';
  END IF;
  SELECT string_agg(image, '; ') INTO why
    FROM (SELECT DISTINCT image FROM {LOG} WHERE relation = {NO_TABLE} LIMIT 5) first;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '{NOT_BY_IT}', MESSAGE = why;
  END IF;
  IF EXISTS (SELECT FROM {LOG} WHERE relation <> {NO_TABLE}
      AND relation NOT IN (SELECT relation FROM {SCHEMA}.recorded)) THEN
    RAISE EXCEPTION USING ERRCODE = '{NOT_BY_IT}', MESSAGE = 'the log itself was changed';
  END IF;
END $body$"""

# What is deleted stays in the table's file for a while, and every look at it takes longer.
_LARGE_BYTES = 256 * 1024
_MANY = 1000  # rows of levels around, which would be written anew

# A level has been begun after what is recorded so far, so that is of those around it.
BEGIN = f"""
CREATE FUNCTION {SCHEMA}.begin(new_level int4) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM {SCHEMA}.alone();
  UPDATE {LOG} SET level = new_level - 1 WHERE level IS NULL;
  DELETE FROM {SCHEMA}.sequences WHERE level >= new_level;
  INSERT INTO {SCHEMA}.sequences SELECT new_level, v.* FROM {SCHEMA}.sequence_values() v;
END $body$"""


def of_table(name: str, deletion: str, insertion: str, remainder: str) -> str:
    """Write the function that undoes one table; a session plans its statements once.

    Args:
        name: of the function.
        deletion: removes what has come since ``of_level`` was begun; may be several statements.
        insertion: brings back what has gone.
        remainder: counts what has come or gone all the same.
    """
    return f"""
CREATE FUNCTION {SCHEMA}.{name}(of_level int4) RETURNS int8 LANGUAGE plpgsql AS {BODY}
#variable_conflict use_column
DECLARE wrong int8; one record;
BEGIN
  {deletion};
  {insertion};
  {remainder} INTO wrong;
  RETURN wrong;
END {BODY}"""


# What undoing itself writes is recorded as well, and so must leave nothing over.
UNDO = f"""
CREATE FUNCTION {SCHEMA}.undo(of_level int4) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
  one record;
  wrong int8;
BEGIN
  PERFORM set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_mergejoin', 'off', true),
    -- for functions of the application's own, which may name what is not in pg_catalog
    set_config('search_path', 'pg_catalog, public', true);
  PERFORM {SCHEMA}.alone();
  FOR one IN SELECT t.* FROM {SCHEMA}.recorded t WHERE t.relation IN (
      SELECT l.relation FROM {LOG} l WHERE coalesce(l.level, {INNERMOST}) >= of_level) LOOP
    -- by their key rows are found one by one, without one all at once
    PERFORM set_config('enable_hashjoin', (NOT one.has_key)::text, true),
      set_config('enable_seqscan', (NOT one.has_key)::text, true),
      set_config('enable_nestloop', one.has_key::text, true);
    EXECUTE one.undoing INTO wrong USING of_level;
    IF wrong <> 0 THEN
      RAISE EXCEPTION USING ERRCODE = '{NOT_AS_RECORDED}',
        MESSAGE = format('%s: %s rows are not what was recorded', one.name, wrong);
    END IF;
  END LOOP;
  PERFORM {SCHEMA}.forget(of_level);
  -- last, as no transaction takes it back
  PERFORM setval(b.sequence::regclass, b.last_value, b.is_called)
    FROM {SCHEMA}.sequences b JOIN {SCHEMA}.sequence_values() n USING (sequence)
    WHERE b.level = of_level AND (b.last_value, b.is_called) <> (n.last_value, n.is_called);
  DELETE FROM {SCHEMA}.sequences WHERE level >= greatest(of_level, 1);
END $body$"""

FORGET = f"""
CREATE FUNCTION {SCHEMA}.forget(of_level int4) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE kept {LOG}[];
BEGIN
  IF pg_relation_size('{LOG}') > {_LARGE_BYTES} THEN
    BEGIN
      LOCK TABLE {LOG} IN ACCESS EXCLUSIVE MODE NOWAIT;
      SELECT array_agg(l) INTO kept FROM {LOG} l WHERE l.level < of_level;
      IF coalesce(cardinality(kept), 0) <= {_MANY} THEN
        TRUNCATE {LOG};
        INSERT INTO {LOG} SELECT l.* FROM unnest(kept) l;
        RETURN;
      END IF;
    EXCEPTION WHEN lock_not_available THEN NULL;  -- somebody reads it
    END;
  END IF;
  DELETE FROM {LOG} WHERE coalesce(level, {INNERMOST}) >= of_level;
END $body$"""
