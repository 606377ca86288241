"""Compare what two databases hold beside rows."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import groupby
from typing import Any, Literal, NamedTuple

from psycopg import Connection

from harness.databases import SchemaDifference
from harness.databases.postgresql.catalog.reading import Key, Thing, several

_WHOLES = ("table", "view", "materialized view", "foreign table", "type")


class Change(NamedTuple):
    """A thing that is not the baseline's."""

    key: Key
    what: Literal["added", "missing", "changed"]
    now: Thing | None
    was: Thing | None

    @property
    def difference(self) -> SchemaDifference:
        """How it is told."""
        thing = self.now or self.was
        return SchemaDifference(
            self.key.kind, self.key.shown, self.what, thing.table if thing else ""
        )


def differences(
    live: Connection[Any], baseline: Connection[Any]
) -> tuple[tuple[SchemaDifference, ...], dict[str, str], dict[str, str]]:
    """Compare two databases of one server.

    Returns:
        What differs, sorted; what could be looked at in one of them alone: what -> why; and what
        this role may see in neither: it was there before, and nobody can tell whether it differs.
    """
    now, was = several([live, baseline])
    found = changes(now.things, was.things)
    if now.system != was.system or any(_system(change) for change in found):
        # what the server has from the beginning is told only where it was changed: it can have been
        # dropped, changed back, or its row made anew
        whole = several([live, baseline], everything=True)
        found = changes(whole[0].things, whole[1].things)
    unseen = {what: why for what, why in was.unread.items() if what in now.unread}
    unread = {what: why for what, why in (was.unread | now.unread).items() if what not in unseen}
    return tuple(change.difference for change in found), unread, unseen


def changes(now: dict[Key, Thing], was: dict[Key, Thing]) -> list[Change]:
    """Compare the things of two databases; the parts of what is added or missing go with it."""
    found = [
        Change(key, "changed", now[key], was[key])
        for key in now.keys() & was.keys()
        if now[key].definition != was[key].definition
    ]
    found += [Change(key, "added", now[key], None) for key in now.keys() - was.keys()]
    found += [Change(key, "missing", None, was[key]) for key in was.keys() - now.keys()]
    found += _reordered(now, was, {change.key for change in found})
    wholes: set[tuple[str, str]] = {
        (c.what, c.key.shown) for c in found if c.key.kind in _WHOLES and c.what != "changed"
    }
    return sorted((c for c in found if not _goes_along(c, wholes)), key=lambda change: change.key)


def _goes_along(change: Change, wholes: Set[tuple[str, str]]) -> bool:
    return change.key.kind not in _WHOLES and (change.what, change.difference.table) in wholes


def _reordered(now: dict[Key, Thing], was: dict[Key, Thing], changed: set[Key]) -> Iterator[Change]:
    """Give the tables whose columns stand in another order."""
    common = [key for key in now if key.kind == "column" and key in was]
    for (schema, name), group in groupby(sorted(common), key=lambda key: (key.schema, key.of)):
        keys = list(group)
        if sorted(keys, key=lambda k: now[k].place) == sorted(keys, key=lambda k: was[k].place):
            continue
        for key in (Key(kind, schema, "", name) for kind in _WHOLES):
            if key in now and key in was and key not in changed:
                yield Change(key, "changed", now[key], was[key])


def _system(change: Change) -> bool:
    thing = change.now or change.was
    return change.what != "changed" and thing is not None and thing.system
