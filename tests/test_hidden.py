from __future__ import annotations

import pytest

from harness.hidden import Secretive, without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://user:pw@host/db", "postgresql://user@host/db"),
        ("postgresql://:pw@host/db", "postgresql://@host/db"),
        ("postgresql+psycopg://u:p@ss/wo:rd@host:5432/db?x=1",
         "postgresql+psycopg://u@host:5432/db?x=1"),
        ("postgresql:///db?user=u&password=pw&port=1", "postgresql:///db?user=u&password=...&port=1"),
        ("postgresql:///db?sslpassword=pw", "postgresql:///db?sslpassword=..."),
        ("psql postgresql://u:pw@h/d -c 'x'", "psql postgresql://u@h/d -c 'x'"),
        ("a mysql://u:p1@h b mysql://v:p2@h", "a mysql://u@h b mysql://v@h"),
        ("PGPASSWORD='p w' psql", "PGPASSWORD=... psql"),
        ("mysql --password=pw db", "mysql --password=... db"),
        ("PGPASSWORD=p\\ w psql -c x", "PGPASSWORD=... psql -c x"),
        ("PGPASSWORD=it's psql", "PGPASSWORD=... psql"),
        ("jdbc:postgresql://h/d?user=u&password=p@w&ssl=true",
         "jdbc:postgresql://h/d?user=u&password=...&ssl=true"),
        ("API_TOKEN=abc SECRET_KEY=abc run", "API_TOKEN=... SECRET_KEY=... run"),
    ],
)  # fmt: skip
def test_no_password_is_shown(text: str, shown: str) -> None:
    """In an address with any characters in it, in its parameters, in the words of a command."""
    assert without_passwords(text) == shown


@pytest.mark.parametrize(
    "text", ["data/dev.db", "./a@b:c.db", "http://host:80/x", "npm run cleanup", "C:\\dev.db"]
)
def test_what_has_none_stays(text: str) -> None:
    """Also where it has some of an address's characters."""
    assert without_passwords(text) == text


def test_a_value_is_shown_without_its_password() -> None:
    """It is the same text to whoever uses it, and another to whoever prints it as a value."""
    address = Secretive("postgresql://me:s3cret@host/db")
    assert address == "postgresql://me:s3cret@host/db"
    assert [address, f"{address!r}"] == [address, "'postgresql://me@host/db'"]
    assert repr(Secretive("it's")) == repr("it's")
