"""Each change to a table, view, sequence, column, constraint or index is found by its name."""

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

CHANGES = [
    ("CREATE TABLE more (a int PRIMARY KEY, b serial UNIQUE)", "table more added"),
    ("DROP TABLE loose", "table loose missing"),
    (
        "ALTER TABLE loose RENAME TO lost",
        "statistics object seen_together changed, table loose missing, table lost added",
    ),
    ("ALTER TABLE loose SET UNLOGGED", "table loose changed"),
    ("ALTER TABLE loose OWNER TO catalog_boss", "table loose changed"),
    ("GRANT SELECT ON loose TO catalog_web", "table loose changed"),
    ("GRANT ALL ON loose TO postgres", ""),
    ("ALTER TABLE loose SET (fillfactor = 50)", "table loose changed"),
    ("ALTER TABLE loose SET (toast.autovacuum_enabled = false)", "table loose changed"),
    ("ALTER TABLE loose SET ACCESS METHOD heap2", "table loose changed"),
    ("ALTER TABLE loose ENABLE ROW LEVEL SECURITY", "table loose changed"),
    ("ALTER TABLE loose FORCE ROW LEVEL SECURITY", "table loose changed"),
    ("ALTER TABLE loose REPLICA IDENTITY FULL", "table loose changed"),
    ("ALTER TABLE child NO INHERIT parent", "column child.a changed, table child changed"),
    (
        "ALTER TABLE app.log DETACH PARTITION app.log_old",
        (
            "column app.log_old.at changed, column app.log_old.what changed, table "
            "app.log_old changed"
        ),
    ),
    (
        (
            "ALTER TABLE app.log ATTACH PARTITION app.log_new FOR VALUES FROM ('2026-01-01') "
            "TO ('2027-01-01')"
        ),
        (
            "column app.log_new.at changed, column app.log_new.what changed, table "
            "app.log_new changed"
        ),
    ),
    (
        "ALTER TABLE loose SET SCHEMA app",
        "statistics object seen_together changed, table app.loose added, table loose missing",
    ),
    (
        (
            "ALTER TABLE app.log DETACH PARTITION app.log_old; ALTER TABLE app.log ATTACH "
            "PARTITION app.log_old FOR VALUES FROM ('2024-01-01') TO ('2024-06-01')"
        ),
        "table app.log_old changed",
    ),
    ("ALTER TABLE loose ADD d int", "column loose.d added"),
    ("ALTER TABLE loose DROP a", "column loose.a missing, statistics object seen_together missing"),
    ("ALTER TABLE loose DROP b; ALTER TABLE loose ADD b text", "table loose changed"),
    ("ALTER TABLE loose ALTER a TYPE bigint", "column loose.a changed"),
    ("ALTER TABLE team ALTER note TYPE varchar(30)", "column team.note changed"),
    ('ALTER TABLE loose ALTER b TYPE text COLLATE "C"', "column loose.b changed"),
    ("ALTER TABLE team ALTER note SET DEFAULT 'y'", "column team.note changed"),
    (
        "ALTER TABLE loose ALTER a SET NOT NULL",
        "column loose.a changed, constraint loose_a_not_null on loose added",
    ),
    (
        "ALTER TABLE team ALTER name DROP NOT NULL",
        "column team.name changed, constraint team_name_not_null on team missing",
    ),
    ("ALTER TABLE person ALTER id SET GENERATED ALWAYS", "column person.id changed"),
    (
        "ALTER TABLE person ALTER id DROP IDENTITY",
        "column person.id changed, sequence person_id_seq missing",
    ),
    ("ALTER TABLE person ALTER twice DROP EXPRESSION", "column person.twice changed"),
    ("ALTER TABLE loose ALTER b SET STORAGE EXTERNAL", "column loose.b changed"),
    ("ALTER TABLE loose ALTER b SET COMPRESSION pglz", "column loose.b changed"),
    ("ALTER TABLE loose ALTER b SET STATISTICS 500", "column loose.b changed"),
    ("ALTER TABLE loose ALTER b SET (n_distinct = 5)", "column loose.b changed"),
    ("GRANT SELECT (b) ON loose TO catalog_web", "column loose.b changed"),
    ("COMMENT ON COLUMN loose.b IS 'x'", "comment on table column public.loose.b added"),
    ("ALTER TABLE loose RENAME b TO bb", "column loose.b missing, column loose.bb added"),
    ("ALTER VIEW seen ALTER name SET DEFAULT 'v'", "column seen.name changed"),
    ("ALTER TABLE loose ADD CONSTRAINT c CHECK (a > 0)", "constraint c on loose added"),
    ("ALTER TABLE person DROP CONSTRAINT plays", "constraint plays on person missing"),
    (
        "ALTER TABLE person ALTER CONSTRAINT plays DEFERRABLE INITIALLY DEFERRED",
        "constraint plays on person changed",
    ),
    (
        (
            "ALTER TABLE person DROP CONSTRAINT plays; ALTER TABLE person ADD CONSTRAINT "
            "plays FOREIGN KEY (team) REFERENCES team NOT VALID"
        ),
        "constraint plays on person changed",
    ),
    (
        (
            "ALTER TABLE person DROP CONSTRAINT plays; ALTER TABLE person ADD CONSTRAINT "
            "plays FOREIGN KEY (team) REFERENCES team ON DELETE CASCADE"
        ),
        "constraint plays on person changed",
    ),
    (
        (
            "ALTER TABLE person DROP CONSTRAINT plays; ALTER TABLE person ADD CONSTRAINT "
            "plays FOREIGN KEY (team) REFERENCES team"
        ),
        "",
    ),
    (
        "ALTER TABLE team DISABLE TRIGGER ALL",
        "constraint plays on person changed, trigger stamped on team changed",
    ),
    (
        "COMMENT ON CONSTRAINT plays ON person IS 'x'",
        "comment on table constraint plays on public.person added",
    ),
    (
        "ALTER TABLE team DROP CONSTRAINT team_name_key",
        "constraint team_name_key on team missing, index team_name_key missing",
    ),
    ("CREATE INDEX more ON loose (a)", "index more added"),
    ("DROP INDEX by_team", "index by_team missing"),
    (
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.by_team'::regclass"),
        "index by_team changed",
    ),
    ("DROP INDEX by_team; CREATE UNIQUE INDEX by_team ON person (team)", "index by_team changed"),
    ("ALTER TABLE person CLUSTER ON by_team", "index by_team changed"),
    (
        "ALTER TABLE team REPLICA IDENTITY USING INDEX team_name_key",
        "index team_name_key changed, table team changed",
    ),
    ("ALTER INDEX by_team SET (fillfactor = 40)", "index by_team changed"),
    ("ALTER INDEX by_born ALTER 1 SET STATISTICS 7", "index by_born changed"),
    ("ALTER INDEX by_team RENAME TO bt", "index bt added, index by_team missing"),
    ("CREATE VIEW more AS SELECT 1 a", "view more added"),
    ("DROP VIEW seen", "view seen missing"),
    ("CREATE OR REPLACE VIEW seen AS SELECT id, name FROM team WHERE id > 1", "view seen changed"),
    ("ALTER VIEW seen SET (security_barrier)", "view seen changed"),
    ("ALTER VIEW seen OWNER TO catalog_web", "view seen changed"),
    ("REFRESH MATERIALIZED VIEW kept WITH NO DATA", "materialized view kept changed"),
    ("CREATE MATERIALIZED VIEW more AS SELECT 1 a", "materialized view more added"),
    ("DROP MATERIALIZED VIEW kept", "materialized view kept missing"),
    ("CREATE SEQUENCE more", "sequence more added"),
    ("DROP SEQUENCE app.counter", "sequence app.counter missing"),
    ("ALTER SEQUENCE counter INCREMENT 5", "sequence counter changed"),
    ("ALTER SEQUENCE counter CYCLE", "sequence counter changed"),
    ("ALTER SEQUENCE counter OWNED BY loose.a", "sequence counter changed"),
    ("ALTER SEQUENCE counter AS int", "sequence counter changed"),
    ("GRANT USAGE ON SEQUENCE counter TO catalog_web", "sequence counter changed"),
    ("ALTER SEQUENCE counter OWNER TO catalog_web", "sequence counter changed"),
    ("SELECT nextval('public.counter')", ""),
    ("ALTER SEQUENCE counter SET UNLOGGED", "sequence counter changed"),
    ("ALTER TABLE person ALTER id SET INCREMENT 10", "sequence person_id_seq changed"),
    ("ALTER FOREIGN TABLE there OPTIONS (SET name 'y')", "foreign table there changed"),
    ("DROP FOREIGN TABLE there", "foreign table there missing"),
    ("ALTER FOREIGN TABLE there ALTER a OPTIONS (ADD q '1')", "column there.a changed"),
    (
        (
            "ALTER TABLE loose SET (fillfactor=50, autovacuum_enabled=false); ALTER TABLE "
            "loose RESET (fillfactor, autovacuum_enabled)"
        ),
        "",
    ),
    ("CREATE TABLE more OF pair", "table more added"),
    ("ALTER TABLE app.log_new SET LOGGED", ""),
    ("CREATE TABLE of_pair OF pair; ALTER TABLE of_pair NOT OF", "table of_pair added"),
    ("ALTER SEQUENCE counter RESTART 9", ""),
    (
        (
            "ALTER TABLE team DROP CONSTRAINT team_name_key; CREATE UNIQUE INDEX "
            "team_name_key ON team (name)"
        ),
        "constraint team_name_key on team missing",
    ),
    ("ALTER TABLE typed NOT OF", "table typed changed"),
    (
        (
            "ALTER TABLE loose OWNER TO catalog_boss; ALTER TABLE loose ALTER a SET DEFAULT "
            "1; CREATE INDEX more ON loose (a)"
        ),
        "column loose.a changed, index more added, table loose changed",
    ),
    (
        ("DROP TABLE child; CREATE TABLE child (a int, b int); ALTER TABLE child INHERIT parent"),
        "column child.a changed",
    ),
    (
        "DROP TABLE parent CASCADE; CREATE TABLE parent (a int) PARTITION BY LIST (a)",
        "table child missing, table parent changed",
    ),
    ("ALTER SEQUENCE counter MINVALUE -5", "sequence counter changed"),
    ("ALTER SEQUENCE counter START 7", "sequence counter changed"),
    ("ALTER SEQUENCE counter CACHE 9", "sequence counter changed"),
    ("ALTER SEQUENCE counter MAXVALUE 99", "sequence counter changed"),
    (
        (
            "ALTER TABLE team DROP CONSTRAINT team_name_key; ALTER TABLE team ADD CONSTRAINT "
            "team_name_key UNIQUE (name) DEFERRABLE"
        ),
        "constraint team_name_key on team changed, index team_name_key changed",
    ),
    (
        (
            "ALTER TABLE team DROP CONSTRAINT team_name_key; ALTER TABLE team ADD CONSTRAINT "
            "team_name_key UNIQUE NULLS NOT DISTINCT (name)"
        ),
        "constraint team_name_key on team changed, index team_name_key changed",
    ),
    (
        "ALTER TABLE parent ADD CONSTRAINT low CHECK (a > 0)",
        "constraint low on child added, constraint low on parent added",
    ),
    (
        "ALTER TABLE loose ADD CONSTRAINT ex EXCLUDE USING btree (a WITH =)",
        "constraint ex on loose added, index ex added",
    ),
    (
        (
            "ALTER TABLE team ALTER name SET NOT NULL; ALTER TABLE team REPLICA IDENTITY "
            "USING INDEX team_name_key"
        ),
        "index team_name_key changed, table team changed",
    ),
    (
        ("UPDATE pg_index SET indisready = false WHERE indexrelid = 'public.by_team'::regclass"),
        "index by_team changed",
    ),
    ("CREATE INDEX more ON app.log (at)", "index app.log_old_at_idx added, index app.more added"),
    ("ALTER TABLE parent ADD c int", "column child.c added, column parent.c added"),
]


@pytest.mark.parametrize(("statements", "expected"), CHANGES)
def test_relations(scene: Scene, statements: str, expected: str) -> None:
    """Each change to a table, view, sequence, column, constraint or index is found by its name."""
    scene.expect(statements, expected)
