# ruff: noqa: PLC0415 - the packages may not be there

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene

# Catalogs that no query here reads: shared by all databases, or statistics, or rows that people
# wrote; subscriptions belong to the database itself. The last two are the server's own, and what
# pg_get_partkeydef() reads.
ELSEWHERE = {
    "pg_auth_members", "pg_authid", "pg_database", "pg_db_role_setting", "pg_largeobject",
    "pg_parameter_acl", "pg_replication_origin", "pg_shdepend", "pg_shdescription", "pg_shseclabel",
    "pg_statistic", "pg_statistic_ext_data", "pg_subscription", "pg_subscription_rel",
    "pg_init_privs", "pg_partitioned_table",
}  # fmt: skip


def test_every_catalog_is_read(scene: Scene) -> None:
    """No catalog of the server is forgotten, also one that a new version brings."""
    from harness.databases.postgresql.catalog.kinds import catalogs
    from harness.databases.postgresql.catalog.reading import queries

    text = " ".join(queries(scene.live))
    assert {name for name in catalogs(scene.live) if name not in text} <= ELSEWHERE


def test_a_column_that_nobody_has_said_is_refused(scene: Scene) -> None:
    """Each column is compared or left out by name: one of a kind without text is refused."""
    from harness.databases.postgresql.catalog.kinds import Unsaid, catalogs
    from harness.databases.postgresql.catalog.relations import COLUMNS, RELATIONS

    known = catalogs(scene.live)
    RELATIONS.query(known)
    said = {name: sql for name, sql in RELATIONS.said.items() if name != "relpartbound"}
    with pytest.raises(Unsaid, match=r"pg_class\.relpartbound"):
        RELATIONS._replace(said=said).query(known)
    with pytest.raises(Unsaid, match=r"pg_attribute\.attmissingval"):
        COLUMNS._replace(without=COLUMNS.without.replace("attmissingval", "")).query(known)


def test_what_initdb_made_is_older_than_what_people_do(scene: Scene) -> None:
    """Of a new server's own rows few are read, for they were made by its first transactions."""
    from harness.databases.postgresql.catalog import objects

    found = objects(scene.live).things
    system = [key for key, thing in found.items() if thing.system and key.kind != "schema"]
    assert len(system) < 20, system
