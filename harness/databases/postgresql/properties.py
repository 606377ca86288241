"""What a PostgreSQL database has beside its content, read and compared.

A clone has the encoding, locale and tablespace of its model. All else stays with the old database:
owner, rights, comment, limit, settings, labels; ``giving`` has the statements that make another
database have them. https://www.postgresql.org/docs/current/manage-ag-templatedbs.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from psycopg import Connection

from harness.hidden import without_passwords

_PRIVILEGES = {"CREATE", "CONNECT", "TEMPORARY"}
EVERYBODY = ""  # the role that stands for all, in rights and in settings

_DATABASE = """
SELECT to_jsonb(d) - 'datacl', pg_get_userbyid(d.datdba), shobj_description(d.oid, 'pg_database'),
  (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace),
  pg_encoding_to_char(d.encoding)
FROM pg_database d WHERE d.datname = %s
"""
_RIGHTS = """
SELECT CASE a.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
  pg_get_userbyid(a.grantor), a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
WHERE d.datname = %s
"""
_SETTINGS = """
SELECT CASE s.setrole WHEN 0 THEN '' ELSE pg_get_userbyid(s.setrole) END, unnest(s.setconfig)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = %s
"""
_LABELS = """
SELECT l.provider, l.label FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid
WHERE l.classoid = 'pg_database'::regclass AND d.datname = %s
"""
# a catalog that all databases share, by rows of which each belongs to one; a clone has none
_SUBSCRIPTIONS = """
SELECT subname, md5(concat_ws(' ', to_jsonb(s), {connection})) FROM (SELECT oid, subname, subowner,
  subenabled, subbinary, substream, subslotname, subsynccommit, subpublications, subdbid
  FROM pg_subscription) s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = %s
"""
_MAY_READ = "SELECT has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')"
_SECRET = re.compile(r"passw|pwd|secret|token|key|credential|salt", re.IGNORECASE)
_PLAIN = {  # field -> its name for people
    "owner": "owner",
    "comment": "comment",
    "limit": "connection limit",
    "is_template": "is a template",
    "allow_connections": "allows connections",
    "encoding": "encoding",
    "collate": "collation",
    "ctype": "character type",
    "provider": "locale provider",
    "locale": "locale",
    "icu_rules": "ICU rules",
    "collation_version": "collation version",
    "tablespace": "tablespace",
}


class Right(NamedTuple):
    """A right to a database: whose, by whom, which ("CONNECT"), and whether it may be given on."""

    grantee: str
    grantor: str
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class Properties:
    """What a database has beside its content.

    Attributes:
        owner: the role.
        rights: sorted; those that every database begins with among them.
        settings: role, or "" for all -> setting -> value, as the server keeps them.
        labels: provider of security labels -> label.
        subscriptions: name -> a digest of what it is.
        unread: what this role may not look at -> why.
    """

    owner: str
    rights: tuple[Right, ...]
    comment: str | None
    limit: int
    is_template: bool
    allow_connections: bool
    encoding: str
    collate: str
    ctype: str
    provider: str
    locale: str | None
    icu_rules: str | None
    collation_version: str | None
    tablespace: str
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    subscriptions: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give them as JSON can hold them; a setting may hold a password."""
        return asdict(self) | {"rights": [list(right) for right in self.rights]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Properties:
        """Read what ``to_json`` gave.

        Raises:
            ValueError, TypeError, LookupError: it gave nothing of the kind; SQL is written of it.
        """
        rights = tuple(
            Right(str(one[0]), str(one[1]), str(one[2]), bool(one[3])) for one in document["rights"]
        )
        if unknown := {right.privilege for right in rights} - _PRIVILEGES:
            raise ValueError(f"no right to a database: {unknown}")
        if type(document["limit"]) is not int:
            raise TypeError("a limit is a number")
        return cls(**{**document, "rights": rights})


def read(connection: Connection[Any], name: str) -> Properties:
    """Read those of a database, from any database of its server.

    Raises:
        LookupError: there is no database of this name.
    """
    found = connection.execute(_DATABASE, [name]).fetchone()
    if found is None:
        raise LookupError(f"no database {name!r}")
    row, owner, comment, tablespace, encoding = found
    settings: dict[str, dict[str, str]] = defaultdict(dict)
    for role, setting in connection.execute(_SETTINGS, [name]):
        key, _, value = setting.partition("=")
        settings[role][key] = value
    subscriptions, unread = _subscriptions(connection, name)
    return Properties(
        owner=owner,
        rights=tuple(sorted(Right(*right) for right in connection.execute(_RIGHTS, [name]))),
        comment=comment,
        limit=row["datconnlimit"],
        is_template=row["datistemplate"],
        allow_connections=row["datallowconn"],
        encoding=encoding,
        collate=row["datcollate"],
        ctype=row["datctype"],
        provider=row["datlocprovider"],
        locale=row.get("datlocale", row.get("daticulocale")),  # 17 has given it another name
        icu_rules=row.get("daticurules"),
        collation_version=row["datcollversion"],
        tablespace=tablespace,
        settings=dict(settings),
        labels=dict(connection.execute(_LABELS, [name]).fetchall()),
        subscriptions=subscriptions,
        unread=unread,
    )


def differences(now: Properties, was: Properties) -> dict[str, tuple[Any, Any]]:
    """Tell how properties differ: a name for people -> (baseline, now); no password."""
    found = {
        shown: (getattr(was, name), getattr(now, name))
        for name, shown in _PLAIN.items()
        if getattr(was, name) != getattr(now, name)
    }
    found |= _differing("rights of {}", _told(was.rights), _told(now.rights))
    found |= _differing("security label of {}", was.labels, now.labels)
    for name in sorted(was.subscriptions.keys() | now.subscriptions.keys()):
        before, after = was.subscriptions.get(name), now.subscriptions.get(name)
        if before != after:
            there = ("there" if before else None, "there" if after else None)
            found[f"subscription {name}"] = ("there", "changed") if before and after else there
    for role in sorted(was.settings.keys() | now.settings.keys()):
        of = f" of role {role}" if role else ""
        before_all, after_all = was.settings.get(role, {}), now.settings.get(role, {})
        for name, pair in _differing("{}", before_all, after_all).items():
            found[f"setting {name}{of}"] = _hidden(name, *pair)
    return found


def _subscriptions(connection: Connection[Any], name: str) -> tuple[dict[str, str], dict[str, str]]:
    ((readable,),) = connection.execute(_MAY_READ).fetchall()
    where = "(SELECT subconninfo FROM pg_subscription c WHERE c.oid = s.oid)" if readable else "''"
    query = _SUBSCRIPTIONS.format(connection=where)
    found = dict(connection.execute(query, [name]).fetchall())
    why = "only a superuser may see it"
    return found, {} if readable else {f"connection of subscription {s}": why for s in found}


def _told(rights: tuple[Right, ...]) -> dict[str, str]:
    """Write rights for people: by role."""
    told: dict[str, list[str]] = defaultdict(list)
    for grantee, grantor, privilege, grantable in rights:
        told[grantee or "PUBLIC"].append(
            privilege + (" WITH GRANT OPTION" if grantable else "") + f" by {grantor}"
        )
    return {grantee: ", ".join(sorted(held)) for grantee, held in told.items()}


def _differing(
    shown: str, was: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    return {
        shown.format(name): (was.get(name), now.get(name))
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    }


def _hidden(name: str, was: str | None, now: str | None) -> tuple[str | None, str | None]:
    """Hide what may be a password, and still tell that it is another one."""
    if _SECRET.search(name):
        another = "(hidden)" if was is None else "(hidden, another)"
        return was and "(hidden)", now and another
    return was and without_passwords(was), now and without_passwords(now)
