"""The PostgreSQL engine."""

from __future__ import annotations

from harness.databases.engines import address_of, engine_of
from harness.databases.postgresql.engine import ENGINE as engine  # noqa: N811 - a thing to ask
from harness.databases.postgresql.names import quoted
from tests.postgres import Databases


def test_it_finds_what_its_own_connections_change(databases: Databases) -> None:
    """What the engine of an address connects to, compares and makes durable is one database."""
    given = databases.make()
    databases.admin(f"CREATE DATABASE was TEMPLATE {quoted('app_dev')}")
    live, was = address_of(given), address_of(databases.address("was"))
    assert engine_of(given) is engine
    assert engine.differences(live, was).clean("exact")
    with engine.connect(live) as connection:
        connection.execute("DELETE FROM public.person WHERE id > 18")
    assert engine.differences(live, was).sentences() == ["person: 0 added, 2 missing, 0 changed"]
    engine.make_durable(live, files=None)  # type: ignore[arg-type]
    connect = engine.connect
    found = engine.differences(live, was)
    assert engine.put_back(live, was, found, connect=connect) == {}
    assert engine.differences(live, was).clean("exact")
