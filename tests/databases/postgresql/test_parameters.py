from __future__ import annotations

import pytest

from harness.databases.postgresql.parameters import SECRETS, translated
from harness.errors import UsageError

psycopg = pytest.importorskip("psycopg")
OPTIONS = psycopg.pq.Conninfo.get_defaults()
KNOWN = frozenset(option.keyword.decode() for option in OPTIONS)


def test_what_only_a_client_knows_is_left_out() -> None:
    """What libpq knows stays, what has another name there gets it."""
    given = {"pool": "5", "schema": "a", "sslmode": "prefer", "username": "u", "ssl": "1"}
    assert translated(given, KNOWN, what="x") == {"sslmode": "require", "user": "u"}


def test_an_unknown_one_is_named_but_beside_a_password() -> None:
    """There it may be a part of the password, cut at a & that was not encoded."""
    with pytest.raises(UsageError, match="the parameter 'sloppy'"):
        translated({"sloppy": "1"}, KNOWN, what="x")
    with pytest.raises(UsageError, match=r"has a parameter that"):
        translated({"password": "a", "sloppy": "1"}, KNOWN, what="x")


def test_all_that_libpq_hides_is_secret() -> None:
    """What it marks as a password, and the keys that a password makes."""
    marked = {option.keyword.decode() for option in OPTIONS if option.dispchar == b"*"}
    assert marked <= SECRETS
    assert {name for name in KNOWN if "pass" in name or name.startswith("scram")} - SECRETS == {
        "passfile"
    }
