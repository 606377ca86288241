"""Every page that changes hands has exactly one owner afterwards, or the account is off."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.truth.sqlite_pages.page_account import PageAccount
from tests.truth.making import changes, judged, run


@pytest.mark.parametrize(
    ("given", "taken", "balances"),
    [
        ([], [], True),
        ([5, 6], [6, 5], True),
        ([5], [], False),
        ([], [5], False),
        ([5], [5, 5], False),
        ([5, 6], [5, 5], False),
    ],
)
def test_what_is_given_is_taken_once(
    folder: Path, given: list[int], taken: list[int], balances: bool
) -> None:
    """A page given and not taken, taken and not given, or taken twice is out of balance."""
    _, live = judged(folder)
    account = PageAccount(changes(folder / "pristine.sqlite3", live))
    account.given += given
    account.taken += taken
    assert account.balances() == balances


def test_new_pages_must_be_taken(folder: Path) -> None:
    """Where the file has grown each new page has to have an owner."""
    _, live = judged(folder)
    run(live, "INSERT INTO notes SELECT zeroblob(20000), 0")
    grown = changes(folder / "pristine.sqlite3", live)
    last, now = grown.baseline.image.page_count, grown.image.page_count
    account = PageAccount(grown)
    assert not account.balances()
    account.taken += range(last + 1, now + 1)
    assert account.balances()


def test_the_free_list_is_entered_where_it_changed(folder: Path) -> None:
    """Both lists, before and now; an untouched one is not even read."""
    _, live = judged(folder)
    pristine = folder / "pristine.sqlite3"
    untouched = PageAccount(changes(pristine, live))
    untouched.free_list()
    assert (untouched.given, untouched.taken) == ([], [])
    run(live, "INSERT INTO notes SELECT zeroblob(3000), 0")
    account = PageAccount(changes(pristine, live))
    account.free_list()
    assert len(account.given) > len(account.taken)
