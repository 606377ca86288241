"""No database on the server is a baseline too."""

from __future__ import annotations

from typing import cast

import pytest

import harness
from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.errors import RecoveryRefused
from harness.recovery.postgresql.absence import DatabaseAbsence
from harness.system.files import Files
from tests.postgres import Databases


def absence_of(address: str) -> DatabaseAbsence:
    """Make the recovery."""
    database = cast(PostgresDatabase, address_of(address))
    return DatabaseAbsence(database, database, files=Files())


def test_what_the_tests_make_is_removed_again(databases: Databases) -> None:
    """Also while somebody is connected; and with archives it is kept under another name."""
    address = databases.address("made")
    with harness.guard(address, absent_ok=True, archives=False) as guarded:
        databases.make("made")
        session = databases.connect("made")
    session.close()
    assert guarded.result.absent
    assert guarded.result.ended == "restored"
    assert databases.left() == set()
    with harness.guard(address, absent_ok=True) as guarded:
        databases.make("made")
    assert guarded.result.archive is not None
    assert databases.left() == {f"database {guarded.result.archive.name}"}


def test_it_says_what_there_is(databases: Databases) -> None:
    """The whole database, with its tables counted; nothing where there is none."""
    recovery = absence_of(databases.address("made"))
    recovery.capture()
    assert recovery.differences().clean("exact")
    databases.make("made")
    assert recovery.differences().whole == "the whole database (2 tables)"
    with pytest.raises(RecoveryRefused, match="is there"):
        recovery.capture()
    recovery.restore()
    assert recovery.differences().clean("exact")
    recovery.dispose()
    recovery.seat.close()
    assert databases.left() == set()
