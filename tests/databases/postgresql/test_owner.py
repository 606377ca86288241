"""Whose a database is, and whose word counts."""

from __future__ import annotations

from harness.databases.postgresql.owner import is_own, stranger
from tests.postgres import Databases


def test_whose_word_counts(databases: Databases) -> None:
    """One's own, a superuser's, and that of the owner of the database in question; no other's."""
    databases.admin('CREATE ROLE "My-Role" LOGIN CREATEDB', "CREATE ROLE mallory LOGIN CREATEDB")
    databases.make("of_superuser", script="")
    databases.run("postgres", "CREATE DATABASE own", user="My-Role")
    databases.run("postgres", "CREATE DATABASE planted", user="mallory")
    with databases.connect(user="My-Role") as session:
        assert stranger(session, "own") is None
        assert stranger(session, "of_superuser") is None
        assert stranger(session, "planted") == "mallory"
        assert stranger(session, "planted", of="own") == "mallory"
        assert stranger(session, "nobody") is None
    with databases.connect() as session:
        assert stranger(session, "planted") == "mallory"
        assert stranger(session, "planted", of="planted") is None


def test_what_a_mightier_role_has_is_not_its_own(databases: Databases) -> None:
    """A superuser may do anything to a database, and it is another's all the same."""
    databases.admin("CREATE ROLE small")
    databases.make("of_small", "")
    databases.make("mine", "")
    databases.admin("ALTER DATABASE of_small OWNER TO small")
    with databases.connect() as connection:
        assert is_own(connection, "mine")
        assert not is_own(connection, "of_small")
        assert not is_own(connection, "none")
