"""What tools that look for drift of a schema see of an undo log."""

from __future__ import annotations

from typing import Any

import pytest

from tests.databases.postgresql.undo.given import install, opened
from tests.postgres import Databases


@pytest.mark.long
def test_alembic_sees_its_own_schema_alone(databases: Databases) -> None:
    """What it would change is nothing; only if asked for every schema it finds the log's tables."""
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")
    autogenerate = pytest.importorskip("alembic.autogenerate", reason="needs Alembic")
    migration = pytest.importorskip("alembic.migration", reason="needs Alembic")
    engine = sqlalchemy.create_engine(databases.make().replace("://", "+psycopg://", 1))
    models = sqlalchemy.MetaData()
    models.reflect(engine)

    def drift(**options: Any) -> list[Any]:
        with engine.connect() as connection:
            context = migration.MigrationContext.configure(connection, opts=options)
            return list(autogenerate.compare_metadata(context, models))

    assert drift() == []
    with opened(databases) as session:
        install(session)
        assert drift() == []
        found = {change[1].fullname for change in drift(include_schemas=True)}
        assert found == {
            f"reliability_harness_undo.{name}"
            for name in ("log", "not_crashed", "recorded", "sequences", "state")
        }
    engine.dispose()
