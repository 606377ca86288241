"""A database that has tables of every kind, and what it holds as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import cast

from psycopg import Connection

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.undo import installing
from tests.postgres import Databases

# Cycles, cascades, a deferred key; no key at all; partitions of two levels; children with columns
# of their own; computed and identity columns; triggers that write elsewhere; names that need
# quoting; types whose text depends on a session.
TABLES = """
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad', 'glad'); CREATE TYPE app.pair AS (a int, at timestamptz);
CREATE DOMAIN app.short AS text CHECK (length(VALUE) < 30);
CREATE TABLE app.team (id int PRIMARY KEY, name app.short, boss bigint);
CREATE TABLE app.person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  team int REFERENCES app.team ON DELETE CASCADE ON UPDATE CASCADE, m app.mood DEFAULT 'sad',
  p app.pair, twice int GENERATED ALWAYS AS (team * 2) STORED, UNIQUE (id, team) DEFERRABLE);
ALTER TABLE app.team ADD FOREIGN KEY (boss) REFERENCES app.person DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE app.node (id int PRIMARY KEY, parent int REFERENCES app.node ON DELETE CASCADE);
CREATE TABLE app.bag (n numeric, f float8, at timestamptz, i interval, b bytea, t text, j json);
CREATE TABLE app.part (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE app.part_1 PARTITION OF app.part FOR VALUES IN (1);
CREATE TABLE app.part_x PARTITION OF app.part DEFAULT PARTITION BY RANGE (id);
CREATE TABLE app.part_x_0 PARTITION OF app.part_x FOR VALUES FROM (0) TO (50);
CREATE TABLE app.part_x_1 PARTITION OF app.part_x DEFAULT;
CREATE TABLE app.base (id int, t text); CREATE TABLE app.child (more int[]) INHERITS (app.base);
CREATE TABLE app.grandchild (most jsonb) INHERITS (app.child);
CREATE TABLE "a ""Table"" %s" ("o" int, come text, "tg_op" text, "of_level" int UNIQUE NOT NULL);
CREATE UNLOGGED TABLE app.hasty (i int);
CREATE TABLE app.audit (what text, at timestamptz DEFAULT '2024-01-01');
CREATE SEQUENCE app.free START 7 INCREMENT -3 MINVALUE -100000 MAXVALUE 7;
CREATE FUNCTION app.noted() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO app.audit (what) VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT OR DELETE OR UPDATE ON app.person
  FOR EACH ROW EXECUTE FUNCTION app.noted();
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON app.node DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION app.noted();
CREATE RULE keep AS ON DELETE TO app.audit WHERE OLD.what = 'never' DO INSTEAD NOTHING;
INSERT INTO app.team SELECT n, 't' || n FROM generate_series(1, 5) n;
INSERT INTO app.person (team, p)
  SELECT 1 + n % 5, ROW(n, timestamptz '2024-05-05 12:00:00.123456+02')::app.pair
  FROM generate_series(1, 20) n;
UPDATE app.team SET boss = id;
INSERT INTO app.node SELECT n, nullif(n / 2, 0) FROM generate_series(1, 15) n;
INSERT INTO app.bag SELECT 1.0 + n % 2, 'nan', '2024-01-01', '1 mon', '\\x00ff', NULL, '{"a": 1}'
  FROM generate_series(1, 6) n;
INSERT INTO app.bag VALUES (1.00, '-0', 'infinity', '30 days', '', '', '[ ]');
INSERT INTO app.bag (n, f) VALUES (1, 0.1::float4);
INSERT INTO app.part SELECT n, n % 3, 'v' FROM generate_series(1, 90) n;
INSERT INTO app.base VALUES (1, 'b'); INSERT INTO app.child VALUES (2, 'c', '{1,2}');
INSERT INTO app.grandchild VALUES (3, 'g', NULL, '{"k": [1]}');
INSERT INTO "a ""Table"" %s" VALUES (1, 'x', 'y', 1), (NULL, NULL, NULL, 2);
INSERT INTO app.hasty VALUES (1), (1); SELECT nextval('app.free'), nextval('app.free')
"""
_NAMES = """
SELECT c.oid::regclass::text, c.relkind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'S') AND n.nspname IN ('app', 'public') ORDER BY 1"""


def held(databases: Databases, name: str = "app_dev") -> dict[str, list[str]]:
    """Give all rows of a database, and where its sequences are: what people would look at."""
    found = {}
    for table, kind in databases.run(name, _NAMES):
        # whole rows, also where a column is called as the table is here
        what = "last_value || ' ' || is_called" if kind == "S" else "format('%s', t.*)"
        rows = databases.run(name, f"SELECT {what} FROM ONLY {table} t")
        found[table] = sorted(str(text) for (text,) in rows)
    return found


def address(databases: Databases, name: str = "app_dev") -> PostgresDatabase:
    """Give the address of a database as the engine knows it."""
    return cast(PostgresDatabase, address_of(databases.address(name)))


@contextmanager
def opened(databases: Databases, name: str = "app_dev") -> Iterator[Connection[Row]]:
    """Open a session of the undo log's own."""
    with closing(installing.opened(address(databases, name), busy_timeout_ms=1000)) as session:
        yield session


def install(session: Connection[Row]) -> None:
    """Put an undo log into the database of a session."""
    with session.transaction():
        installing.alone(session)
        installing.install(session)


def undo(session: Connection[Row], level: int = 0) -> None:
    """Undo, as the recovery does."""
    with session.transaction():
        session.execute(f"SELECT reliability_harness_undo.undo({level})")
