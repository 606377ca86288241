"""Recoveries of databases on a server that runs, and a database that has all that one can."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.programs import clients
from harness.recovery.postgresql.database_backup import DatabaseBackup
from harness.system.files import Files
from tests.postgres import Databases

Kind = TypeVar("Kind", bound=DatabaseBackup)

EVERYTHING = """
CREATE SCHEMA app; COMMENT ON SCHEMA app IS 'what it is for';
CREATE TYPE app.mood AS ENUM ('sad', 'glad');
CREATE DOMAIN app.short AS text CHECK (length(VALUE) < 9);
CREATE TYPE app.pair AS (a int, b text);
CREATE SEQUENCE app.free START 7 INCREMENT 3; SELECT nextval('app.free'), nextval('app.free');
CREATE TABLE app.team (id int PRIMARY KEY, name app.short UNIQUE, m app.mood, p app.pair);
INSERT INTO app.team VALUES (1, 'red', 'sad', '(1,x)'), (2, 'blue', 'glad', NULL);
CREATE TABLE app.person (id bigint GENERATED ALWAYS AS IDENTITY, team int REFERENCES app.team
  ON DELETE CASCADE DEFERRABLE, note text, double int GENERATED ALWAYS AS (team * 2) STORED);
INSERT INTO app.person (team, note) SELECT 1 + n % 2, 'n' || n FROM generate_series(1, 500) n;
ALTER TABLE app.person DROP COLUMN note; ALTER TABLE app.person ADD CHECK (team > 1) NOT VALID;
CREATE UNLOGGED TABLE app.hasty AS SELECT generate_series(1, 5) i;
CREATE TABLE app.part (at date, x int) PARTITION BY RANGE (at);
CREATE TABLE app.part_1 PARTITION OF app.part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE app.part_0 PARTITION OF app.part DEFAULT;
INSERT INTO app.part VALUES ('2024-05-05', 1), ('1999-01-01', 2);
CREATE INDEX ON app.part (x);
CREATE MATERIALIZED VIEW app.full_one AS SELECT team, count(*) FROM app.person GROUP BY 1;
CREATE MATERIALIZED VIEW app.empty_one AS SELECT 1 one WITH NO DATA;
CREATE VIEW app.seen AS SELECT * FROM app.team;
CREATE RULE noop AS ON DELETE TO app.seen DO INSTEAD NOTHING;
CREATE FUNCTION app.count_up() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN NEW.team := NEW.team; RETURN NEW; END$$;
CREATE TRIGGER off BEFORE INSERT ON app.person FOR EACH ROW EXECUTE FUNCTION app.count_up();
ALTER TABLE app.person DISABLE TRIGGER off;
ALTER TABLE app.team ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.team USING (id = 1);
CREATE STATISTICS app.both ON id, name FROM app.team;
CREATE PUBLICATION told FOR TABLE app.team;
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple);
CREATE FOREIGN DATA WRAPPER none; CREATE SERVER far FOREIGN DATA WRAPPER none;
CREATE ROLE reader; GRANT SELECT (id) ON app.team TO reader;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO reader;
COMMENT ON COLUMN app.team.m IS 'how it is';
SELECT lo_from_bytea(4711, 'a large one'); COMMENT ON LARGE OBJECT 4711 IS 'large';
CREATE FUNCTION app.no() RETURNS event_trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'no % here', tg_tag; END$$;
ALTER TABLE app.person DISABLE TRIGGER ALL;
CREATE EVENT TRIGGER frozen ON ddl_command_start EXECUTE FUNCTION app.no();
"""


def made(kind: type[Kind], address: str, *, busy_timeout_ms: int = 1000) -> Kind:
    """Make a recovery of a database, with its backup beside it."""
    database = address_of(address)
    assert isinstance(database, PostgresDatabase)
    backup = database.named(f"{database.name}_backup")
    return kind(database, backup, files=Files(), busy_timeout_ms=busy_timeout_ms)


def written(database: PostgresDatabase, version: int) -> str:
    """Give what pg_dump writes of a database: all of its definitions and rows, as text."""
    done = subprocess.run(
        [clients(version).dump, "--no-password", f"--dbname={database.whole}"],
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


def load(bin_folder: Path, address: str, script: Path) -> None:
    """Run a script of psql's in a database."""
    subprocess.run(
        [str(bin_folder / "psql"), "-q", "-X", "-d", address, "-f", str(script)],
        capture_output=True,
        check=True,
    )


def until(true: Callable[[], Any], what: str, within_s: float = 20) -> Any:
    """Wait until something is true; give it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {within_s} s")


def version_of(databases: Databases) -> int:
    """Give the server's version, as 18."""
    ((number,),) = databases.admin("SELECT current_setting('server_version_num')::int / 10000")
    return int(number)
