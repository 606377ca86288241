"""What of a database is damaged though every row can be read: indexes, free list, pages.

Each changed page must be explained: by a table whose rows were compared, by an index that holds
what it held in the order it did, by a free list that is one. Where the pages leave a doubt SQLite
itself is asked; where it cannot tell, for want of a collation, the doubt stands.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import apsw

from harness.databases.sqlite.account import Account
from harness.databases.sqlite.cells import INDEX_PAGES
from harness.databases.sqlite.entries import Roots, same_entries, ways_to
from harness.databases.sqlite.pages import Image, Unfollowable
from harness.databases.sqlite.rearranged import Moved
from harness.databases.sqlite.second_opinion import NO_MATCH, new_damage
from harness.databases.sqlite.states import State
from harness.databases.sqlite.stored import Objects


class Look(NamedTuple):
    """Both states' pages, and the numbers of those that differ."""

    before: Image
    now: Image
    counts: tuple[int, int]  # of pages, in both
    differing: set[int]  # in any byte
    altered: set[int]  # of these, those whose content does
    changed: set[int]  # of these, without those whose rows only moved
    moved: Moved
    settings: bool  # whether the header's settings differ


def doubts_of(look: Look) -> dict[str, str]:
    """Tell what seems to be wrong with pages, where neither rows nor the schema changed.

    Raises:
        Unfollowable: the baseline itself cannot be read.
    """
    return _account(look, states_of(look)).suspicions


def states_of(look: Look) -> tuple[State, State]:
    """Give both states, as if no tree began elsewhere than it did."""
    return State(look.before, look.counts[0], ()), State(look.now, look.counts[1], ())


def _account(look: Look, states: tuple[State, State]) -> Account:
    account = Account(*states, look.differing, look.altered, look.moved)
    account.settle()
    return account


def damage(
    base: apsw.Connection,
    live: apsw.Connection,
    look: Look,
    states: tuple[State, State],
    schemas: tuple[Objects, Objects],
    *,
    unclear: Collection[str],
    unsure: Collection[str],
    unfound: set[int],
) -> dict[str, str]:
    """Give what is damaged -> how.

    Args:
        base: the baseline.
        live: the live database, locked.
        look: their pages.
        states: of both.
        schemas: of both.
        unclear: the tables that differ: what their indexes should hold is not known.
        unsure: the tables WITHOUT ROWID whose entries are not the same byte for byte.
        unfound: the pages of tables that changed and are in no table of the baseline's.

    Raises:
        Unfollowable: the baseline itself cannot be read.
    """
    for state, schema in zip(states, schemas, strict=True):
        state.roots.update([root for _, root, _ in schema.values() if root])
    account = _account(look, states)
    doubts = account.suspicions
    found, in_no_index = _indexes(look, schemas, unclear, doubts)
    for name in {*unsure} - {*unclear}:
        doubts[f"table {name}"] = "has its rows in another order"
    if not unclear and not doubts:
        doubts |= account.misplaced()
    found |= account.of_nobody(unfound | in_no_index)
    if not doubts:
        return found
    opinion = new_damage(base, live)
    return found | (doubts if opinion is None else opinion)


def _indexes(
    look: Look, schemas: tuple[Objects, Objects], unclear: Collection[str], doubts: dict[str, str]
) -> tuple[dict[str, str], set[int]]:
    """Find the indexes that no longer match; and the pages of entries that are in no index."""
    before, now = schemas
    found: dict[str, str] = {}
    pending = {n for n in look.changed if look.before.page(n)[:1] in INDEX_PAGES}
    for (kind, name), (owner, root, sql) in before.items():
        _, root_now, sql_now = now.get((kind, name), (owner, 0, None))
        if not root or (root == root_now and not pending):
            continue
        try:
            ways = ways_to(look.before, root, look.changed)
        except Unfollowable:
            if kind == "index":  # else it is a table's tree
                doubts[f"index {name}"] = "cannot be read in the baseline"
            continue
        pending -= ways
        if not root_now or (root == root_now and not ways & look.changed):
            continue
        if kind != "index" or owner in unclear or sql != sql_now:
            continue
        try:
            if same_entries(look.before, look.now, look.changed, Roots(root, root_now)):
                continue
        except Unfollowable:
            pass
        found[f"index {name}"] = NO_MATCH
    return found, pending


def damage_by_sqlite(base: apsw.Connection, live: apsw.Connection) -> dict[str, str]:
    """Give what is damaged -> how, where pages cannot be compared."""
    opinion = new_damage(base, live)
    return {"the file": "cannot be checked for damage"} if opinion is None else opinion
