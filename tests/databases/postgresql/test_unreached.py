from __future__ import annotations

import pytest

from harness.databases.postgresql.unreached import why_unreached


@pytest.mark.parametrize(
    ("said", "to_do"),
    [
        ('FATAL:  password authentication failed for user "pat"', "PGPASSWORD"),
        ("fe_sendauth: no password supplied", "PGPASSWORD"),
        ('FATAL: database "none" does not exist', "Check the name"),
        ("Connection refused", "Check host and port"),
        ("FATAL: sorry, too many clients already", "max_connections"),
        ("FATAL: unsupported startup parameter: options", "pooler"),
        ('FATAL: permission denied for database "shop"', "GRANT CONNECT"),
        ("FATAL: the database system is starting up", "Wait"),
    ],
)
def test_what_a_server_says_is_told_with_what_to_do(said: str, to_do: str) -> None:
    """In one line."""
    why = why_unreached(Exception(said))
    assert why.startswith(" ".join(said.split()))
    assert to_do in why
    assert "\n" not in why


def test_no_password_is_in_it_and_unknown_words_stay_as_they_are() -> None:
    """Whatever a driver puts into its words."""
    assert why_unreached(Exception("odd")) == "odd"
    asks = why_unreached(Exception("Connection refused\n\tIs the server running on that host?"))
    assert "?" not in asks  # that is said in other words
    assert "s3cret" not in why_unreached(Exception("at postgresql://u:s3cret@h/d password=s3cret"))
