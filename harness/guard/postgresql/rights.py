"""What a role may do on a server, and what it would have to be given for each recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from harness.databases.postgresql.address import PostgresDatabase

_RECORDS = "undo_log"  # the recovery that stays in the database, and makes none beside it
_NAMED = 3  # of many, as many are told
_SET_OPTION = 160000  # from this version on a member may be one without being able to act as it
# What providers of managed servers give in place of a superuser, and whose it is.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html
# https://cloud.google.com/sql/docs/postgres/users
# https://neon.tech/docs/reference/compatibility
# https://supabase.com/docs/guides/database/postgres/roles-superuser
_IN_PLACE_OF_SUPERUSERS = (
    "rds_superuser",
    "cloudsqlsuperuser",
    "alloydbsuperuser",
    "azure_pg_admin",
    "neon_superuser",
    "supabase_admin",
)

_OF_ROLE = """
SELECT r.rolname, quote_ident(r.rolname), r.rolsuper, r.rolsuper OR r.rolcreatedb, r.rolconnlimit,
  pg_has_role('pg_signal_backend', 'USAGE'), quote_ident(d.datname), quote_ident(o.rolname),
  coalesce(pg_has_role(d.datdba, 'USAGE'), true),
  coalesce(pg_has_role(d.datdba, '{act}'), true),
  coalesce((SELECT min(rolname) FROM pg_roles WHERE rolname = ANY (%(managed)s)), '')
FROM pg_roles r LEFT JOIN pg_database d ON d.datname = %(name)s
LEFT JOIN pg_roles o ON o.oid = d.datdba WHERE r.rolname = current_user
"""
_THEIR_OWN = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_UNREADABLE = f"""
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'S') AND c.relpersistence <> 't' AND {_THEIR_OWN}
AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
UNION ALL SELECT 'large objects' WHERE NOT has_table_privilege('pg_largeobject', 'SELECT')
AND EXISTS (SELECT FROM pg_largeobject_metadata) ORDER BY 1
"""
_HIDDEN = f"""
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relrowsecurity AND {_THEIR_OWN} AND row_security_active(c.oid) ORDER BY 1
"""
# As whom a dump makes what is no part of an extension.
_OTHER_OWNERS = f"""
SELECT DISTINCT quote_ident(r.rolname) FROM (
  SELECT 'pg_class'::regclass AS kind, c.oid, c.relowner AS owner, c.relnamespace AS of
    FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm', 'S', 'v', 'f')
  UNION ALL SELECT 'pg_proc'::regclass, p.oid, p.proowner, p.pronamespace FROM pg_proc p
  UNION ALL SELECT 'pg_namespace'::regclass, m.oid, m.nspowner, m.oid FROM pg_namespace m
) made JOIN pg_namespace n ON n.oid = made.of JOIN pg_roles r ON r.oid = made.owner
WHERE {_THEIR_OWN} AND NOT pg_has_role(made.owner, 'MEMBER') AND r.rolname <> 'pg_database_owner'
AND NOT EXISTS (SELECT FROM pg_depend e
  WHERE e.classid = made.kind AND e.objid = made.oid AND e.deptype = 'e') ORDER BY 1
"""
# To put triggers on a table is for its owner, and so it is to say that they always fire.
_FOR_TRIGGERS = f"""
SELECT 'may not make a schema in the database',
  format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
WHERE NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL SELECT 'may not set session_replication_role',
  format('GRANT SET ON PARAMETER session_replication_role TO %I', current_user)
WHERE NOT has_parameter_privilege('session_replication_role', 'SET')
UNION ALL SELECT DISTINCT 'may not act as ' || r.rolname || ', who owns tables or sequences',
  format('GRANT %I TO %I', r.rolname, current_user)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND {_THEIR_OWN}
AND NOT pg_has_role(c.relowner, 'USAGE')
"""
_FOR_SUPERUSERS = """
SELECT quote_ident(e.extname) FROM pg_extension e JOIN pg_available_extension_versions v
ON v.name = e.extname AND v.version = e.extversion WHERE v.superuser AND NOT v.trusted ORDER BY 1
"""
# What a database has and a clone is given again, and this role may not give: why, what mends it.
_UNGIVABLE = """
SELECT 'may not set what is set for the role ' || r.rolname || ' in this database',
  'ALTER ROLE {role} CREATEROLE; GRANT ' || quote_ident(r.rolname) || ' TO {role} WITH ADMIN OPTION'
FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_roles me
  ON me.rolname = current_user JOIN pg_database d ON d.oid = s.setdatabase
WHERE d.datname = %(name)s AND r.oid <> me.oid AND (r.rolsuper OR NOT me.rolcreaterole
  OR {version} >= 160000 AND NOT pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))
UNION SELECT 'may not set ' || p.name || ', which is set in this database',
  'GRANT SET ON PARAMETER ' || quote_ident(p.name) || ' TO {role}'
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase,
  unnest(s.setconfig) one JOIN pg_settings p ON p.name = split_part(one, '=', 1)
WHERE d.datname = %(name)s AND p.context IN ('superuser', 'superuser-backend')
  AND NOT has_parameter_privilege(p.name, 'SET')
UNION SELECT 'may not give rights as ' || r.rolname || ', who has given some of this database',
  'GRANT ' || quote_ident(r.rolname) || ' TO {role}'
FROM pg_database d, aclexplode(d.datacl) given JOIN pg_roles r ON r.oid = given.grantor
WHERE d.datname = %(name)s AND given.grantor <> d.datdba AND NOT pg_has_role(r.oid, '{act}')
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role may do with a database; names are quoted as they are typed in SQL, but ``role``.

    Attributes:
        role: that guards.
        managed: the role that a managed server has in place of superusers; "" for none.
    """

    role: str
    role_typed: str
    is_superuser: bool
    may_create: bool
    connection_limit: int  # of the role; -1 is none
    may_end_others: bool
    database_typed: str
    owner_typed: str
    owns: bool
    may_give_away: bool  # whether it may make another database the owner's
    managed: str
    ungivable: tuple[tuple[str, str], ...] = ()  # what the database has beside its content
    unreadable: tuple[str, ...] = ()  # tables and sequences
    hidden: tuple[str, ...] = ()  # tables, of which policies hide rows
    other_owners: tuple[str, ...] = ()  # of what is in it, as which it may not act
    for_superusers: tuple[str, ...] = ()  # extensions that only one can make
    for_triggers: tuple[tuple[str, str], ...] = ()  # what it lacks to record what is written

    def missing(self, recovery: str) -> list[tuple[str, str]]:
        """Say what it lacks for a recovery: what it may not, and the statement that mends it."""
        if self.is_superuser:
            return []
        lacks = [
            *(self._missing_to_record() if recovery == _RECORDS else self._missing_for_a_swap())
        ]
        if self.unreadable:
            lacks.append(
                (
                    f"may not read {_some(self.unreadable)}",
                    f"GRANT pg_read_all_data TO {self.role_typed}",
                )
            )
        if self.hidden:
            lacks.append(
                (
                    f"may not see every row of {_some(self.hidden)}, which have row security",
                    f"ALTER ROLE {self.role_typed} BYPASSRLS",
                )
            )
        return lacks + ([*self._missing_for_a_dump()] if recovery == "dump" else [])

    def fitting(self, recoveries: Sequence[str]) -> tuple[str, ...]:
        """Give the recoveries for which it lacks nothing."""
        return tuple(name for name in recoveries if not self.missing(name))

    def _missing_to_record(self) -> list[tuple[str, str]]:
        if self.may_create:
            return [*self.for_triggers]
        journal = "may not create databases, and the guard's journal stands in one"
        return [(journal, f"ALTER ROLE {self.role_typed} CREATEDB"), *self.for_triggers]

    def _missing_for_a_swap(self) -> list[tuple[str, str]]:
        lacks = []
        if not self.may_create:
            lacks.append(("may not create databases", f"ALTER ROLE {self.role_typed} CREATEDB"))
        if not self.owns:
            lacks.append(
                (
                    f"does not own the database, {self.owner_typed} does",
                    f"ALTER DATABASE {self.database_typed} OWNER TO {self.role_typed}",
                )
            )
        elif not self.may_give_away:
            lacks.append(
                (
                    f"may not make a database one of {self.owner_typed}, who owns this one",
                    f"GRANT {self.owner_typed} TO {self.role_typed} WITH SET TRUE",
                )
            )
        return [*lacks, *self.ungivable]

    def _missing_for_a_dump(self) -> list[tuple[str, str]]:
        lacks = [
            (f"may not make what {owner} owns", f"GRANT {owner} TO {self.role_typed}")
            for owner in self.other_owners
        ]
        if self.for_superusers:
            lacks.append(
                (
                    f"may not make the extension {_some(self.for_superusers)}",
                    f"ALTER ROLE {self.role_typed} SUPERUSER",
                )
            )
        return lacks


def rights(connection: Connection[Any], database: PostgresDatabase) -> Rights:
    """Look what the role of a session may do.

    Args:
        connection: to the database itself; to another of its server where there is none yet.
        database: that is to be guarded.
    """
    act = "SET" if connection.info.server_version >= _SET_OPTION else "MEMBER"
    asked = {"name": database.name, "managed": [*_IN_PLACE_OF_SUPERUSERS]}
    (row,) = connection.execute(_OF_ROLE.format(act=act), asked).fetchall()
    found = Rights(*row)
    if found.is_superuser:
        return found
    query = _UNGIVABLE.format(
        # inside of texts of SQL, in a query with parameters
        role=found.role_typed.replace("%", "%%").replace("'", "''"),
        version=connection.info.server_version,
        act=act,
    )
    found = replace(found, ungivable=tuple(connection.execute(query, asked).fetchall()))
    if connection.info.dbname != database.name:
        return found
    unreadable, hidden, other_owners, for_superusers = (
        tuple(str(row[0]) for row in connection.execute(query))
        for query in (_UNREADABLE, _HIDDEN, _OTHER_OWNERS, _FOR_SUPERUSERS)
    )
    return replace(
        found,
        unreadable=unreadable,
        hidden=hidden,
        other_owners=other_owners,
        for_superusers=for_superusers,
        for_triggers=tuple(connection.execute(_FOR_TRIGGERS).fetchall()),
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
