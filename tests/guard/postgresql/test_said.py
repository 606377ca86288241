"""What a server says, as one sentence."""

from __future__ import annotations

import psycopg
import pytest

from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.guard.postgresql.said import as_refusal
from tests.postgres import Databases


def test_the_servers_words_are_a_refusal(databases: Databases) -> None:
    """What could not be done comes first, then what the server said, on one line."""
    with (
        databases.connect() as session,
        pytest.raises(RestoreError) as raised,
        as_refusal("shop: not restored", RestoreError),
    ):
        session.execute("SELECT no_such_column")
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("shop: not restored: ")
    assert "no_such_column" in str(raised.value)


def test_no_password_and_no_recoverys_own_error() -> None:
    """A password that a driver quotes is left out, and a recovery's refusal becomes people's."""
    with pytest.raises(UsageError) as raised, as_refusal("x"):
        raise psycopg.OperationalError('invalid "postgresql://me:s3cret@host/shop"')
    assert "s3cret" not in str(raised.value)
    with pytest.raises(UsageError, match="x: taken"), as_refusal("x"):
        raise RecoveryRefused("taken")
