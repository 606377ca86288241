"""The statements that make a database have the properties of another; see ``properties``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from psycopg import Connection

from harness.databases.postgresql.names import literal, quoted
from harness.databases.postgresql.properties import EVERYBODY, Properties, Right, read

# Settings that are lists of names, each quoted by itself (GUC_LIST_QUOTE); pg_dump has the same
_LISTS = {
    "local_preload_libraries", "search_path", "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories",
}  # fmt: skip
_ITEM = re.compile(r'"(?:[^"]|"")*"|[^\s,"]+')


def needed(connection: Connection[Any], was: Mapping[str, Any], name: str) -> list[str]:
    """Write what a database needs to have properties that were noted, where their roles still are.

    Args:
        connection: to any database of the server.
        was: as ``Properties.to_json`` gave them.
        name: of the database.
    """
    roles = [role for (role,) in connection.execute("SELECT rolname FROM pg_roles")]
    return statements(read(connection, name), Properties.from_json(was), name, roles=roles)


def statements(
    now: Properties, was: Properties, name: str, *, roles: Collection[str] | None = None
) -> list[str]:
    """Write what makes a database have the properties of another.

    All of them can run in one transaction. Encoding, locale and tablespace are chosen when a
    database is made, and subscriptions belong to the one in which they were made.

    Args:
        now: what the database has.
        was: what it shall have.
        name: of the database.
        roles: those that there are; what is of another one is left out. All are taken to be there.
    """
    of = f"DATABASE {quoted(name)}"
    there = _Roles(roles)
    written: list[str] = []
    owner = was.owner if there(was.owner) else now.owner
    if owner != now.owner:
        written.append(f"ALTER {of} OWNER TO {quoted(owner)}")
    given = [right for right in was.rights if there(right.grantee) and there(right.grantor)]
    if set(_inherited(now.rights, now.owner, owner)) != set(given):
        written += _rights(now, given, owner, of)
    if was.comment != now.comment:
        text = "NULL" if was.comment is None else literal(was.comment)
        written.append(f"COMMENT ON {of} IS {text}")
    for provider in sorted(was.labels.keys() | now.labels.keys()):
        label = was.labels.get(provider)
        if label != now.labels.get(provider):
            text = "NULL" if label is None else literal(label)
            written.append(f"SECURITY LABEL FOR {quoted(provider)} ON {of} IS {text}")
    for role in sorted(was.settings.keys() | now.settings.keys()):
        if role == EVERYBODY or there(role):
            whose = f"ALTER ROLE {quoted(role)} IN {of}" if role else f"ALTER {of}"
            written += _settings(whose, now.settings.get(role, {}), was.settings.get(role, {}))
    written += [
        f"ALTER {of} {option} {value}"
        for option, value, before in (
            ("CONNECTION LIMIT", was.limit, now.limit),
            ("IS_TEMPLATE", str(was.is_template).lower(), str(now.is_template).lower()),
            (
                "ALLOW_CONNECTIONS",
                str(was.allow_connections).lower(),
                str(now.allow_connections).lower(),
            ),
        )
        if value != before
    ]
    return written


class _Roles:
    """Tells whether a role is there; everybody always is."""

    def __init__(self, names: Collection[str] | None) -> None:
        self.names = None if names is None else {EVERYBODY, *names}

    def __call__(self, name: str) -> bool:
        return self.names is None or name in self.names


def _inherited(rights: Iterable[Right], before: str, after: str) -> Iterator[Right]:
    """Give rights as they are when the owner is another: all of the old one's are the new one's."""
    found: dict[tuple[str, str, str], bool] = defaultdict(bool)
    for right in rights:
        grantee, grantor = (after if n == before else n for n in (right.grantee, right.grantor))
        found[grantee, grantor, right.privilege] |= right.grantable
    return (Right(*key, grantable) for key, grantable in found.items())


def _rights(now: Properties, given: list[Right], owner: str, of: str) -> Iterator[str]:
    """Write what takes all rights and gives those wanted: first the owner's, then others' gifts."""
    for role in sorted({right.grantee for right in _inherited(now.rights, now.owner, owner)}):
        yield f"REVOKE ALL ON {of} FROM {_whom(role)} CASCADE"
    left, may = set(given), {(owner, right.privilege) for right in given}
    while ready := {right for right in left if (right.grantor, right.privilege) in may}:
        groups: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
        for grantee, grantor, privilege, grantable in sorted(ready):
            groups[grantor, grantee, grantable].append(privilege)
        for (grantor, grantee, grantable), privileges in sorted(groups.items()):
            option = " WITH GRANT OPTION" if grantable else ""
            grant = f"GRANT {', '.join(privileges)} ON {of} TO {_whom(grantee)}{option}"
            # GRANTED BY takes nobody but oneself
            yield from (
                (grant,)
                if grantor == owner
                else (f"SET ROLE {quoted(grantor)}", grant, "RESET ROLE")
            )
        left -= ready
        may |= {(right.grantee, right.privilege) for right in ready if right.grantable}


def _whom(role: str) -> str:
    return "PUBLIC" if role == EVERYBODY else quoted(role)


def _settings(whose: str, now: Mapping[str, str], was: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(now.keys() - was.keys()):
        yield f"{whose} RESET {quoted(name)}"
    for name, value in sorted(was.items()):
        if now.get(name) != value:
            yield f"{whose} SET {quoted(name)} TO {_value(name, value)}"


def _value(name: str, value: str) -> str:
    if name.lower() not in _LISTS:
        return literal(value)
    items = [
        item[1:-1].replace('""', '"') if item.startswith('"') else item
        for item in _ITEM.findall(value)
    ]
    return ", ".join(map(literal, items)) or "''"
