"""An empty database of the encoding and the collation of another."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from harness.databases.postgresql.making import empty_like
from harness.errors import RecoveryRefused
from tests.postgres import Databases

_SAME = (
    "SELECT count(DISTINCT to_jsonb(d) - '{oid,datname,datfrozenxid,datminmxid}'::text[])"
    " FROM pg_database d WHERE datname IN ('live', 'made')"
)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
        "LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'",
        "LOCALE_PROVIDER icu ICU_LOCALE 'de' ICU_RULES '&a < b'",
        "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'",
    ],
)
def test_it_is_made_alike(databases: Databases, given: str) -> None:
    """Encoding, provider, locale, rules and the collation's version are the other's."""
    with closing(databases.connect()) as connection:
        version = connection.info.server_version // 10000
        if ("RULES" in given and version < 16) or ("builtin" in given and version < 17):
            pytest.skip("this server does not have that")
        try:
            connection.execute(f"CREATE DATABASE live TEMPLATE template0 {given}")
        except psycopg.errors.FeatureNotSupported as error:
            pytest.skip(str(error))
        connection.execute(empty_like(connection, "made", "live"))
        assert connection.execute(_SAME).fetchall() == [(1,)]


def test_what_is_not_there_is_refused(databases: Databases) -> None:
    """By its name."""
    with (
        closing(databases.connect()) as connection,
        pytest.raises(RecoveryRefused, match="there is no database nowhere"),
    ):
        empty_like(connection, "made", "nowhere")
