"""Whose a database is, and whose word counts."""

from __future__ import annotations

from harness.databases.postgresql.owner import stranger
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
