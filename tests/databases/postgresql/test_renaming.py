from __future__ import annotations

import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.renaming import renamed

NAME = "app dev/ä%_e2e_gw0"
CODED = "app%20dev%2F%C3%A4%25_e2e_gw0"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql://localhost/app_dev", f"postgresql://localhost/{CODED}"),
        ("postgres://me:p%40ss%2F@db:5433/app_dev", f"postgres://me:p%40ss%2F@db:5433/{CODED}"),
        (
            "postgresql+asyncpg://me@localhost/app?sslmode=disable&application_name=web",
            f"postgresql+asyncpg://me@localhost/{CODED}?sslmode=disable&application_name=web",
        ),
        (
            "jdbc:postgresql://localhost:5433/app?user=me&password=a/b",
            f"jdbc:postgresql://localhost:5433/{CODED}?user=me&password=a/b",
        ),
        ("postgresql:///app?host=/run/pg", f"postgresql:///{CODED}?host=/run/pg"),
        ("postgresql://localhost?dbname=app", f"postgresql://localhost/{CODED}"),
        ("postgresql://[::1]:5433/app", f"postgresql://[::1]:5433/{CODED}"),
        ("postgresql://localhost", f"postgresql://localhost/{CODED}"),
        ("postgresql://me:a?b@localhost/app", f"postgresql://me:a?b@localhost/{CODED}"),
        ("postgresql://", f"postgresql:///{CODED}"),
    ],
)
def test_only_the_name_is_another(given: str, expected: str) -> None:
    """However an address is written, it stays as it is but for the name of the database."""
    pytest.importorskip("psycopg")
    assert renamed(given, NAME) == expected
    was, now = address_of(given), address_of(expected)
    assert isinstance(was, PostgresDatabase)
    assert isinstance(now, PostgresDatabase)
    assert now.parameters == was.parameters | {"dbname": NAME}


def test_a_name_from_the_environment_or_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """What names the database elsewhere is overruled."""
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PGDATABASE", "app")
    monkeypatch.setenv("PGHOST", "db")
    assert renamed("postgresql://", "other") == "postgresql:///other"
