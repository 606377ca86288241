"""What frameworks write into an address behind the question mark, in libpq's own words.

Each client has parameters of its own. Those that say how it pools or prepares mean nothing to
another and are left out; those that say where the database is, or how to get there, are translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import UsageError

# Never shown; https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
SECRETS = frozenset({
    "oauth_client_secret", "password", "scram_client_key", "scram_server_key", "sslpassword",
})  # fmt: skip
_MEANT = {
    "ApplicationName": "application_name",  # JDBC
    "channelBinding": "channel_binding",
    "connectTimeout": "connect_timeout",
    "gssEncMode": "gssencmode",
    "database": "dbname",  # asyncpg, Rails
    "username": "user",
}
_BY_CLIENT = {
    # https://www.prisma.io/docs/orm/overview/databases/postgresql
    "Prisma": "connection_limit pool_timeout schema single_use_connections socket_timeout sslaccept"
    " sslidentity statement_cache_size",
    "SQLAlchemy, asyncpg": "async_fallback command_timeout direct_tls max_cacheable_statement_size"
    " max_cached_statement_lifetime prepared_statement_cache_size prepared_statement_name_func"
    " server_settings timeout",
    "Django": "atomic_requests autocommit conn_health_checks conn_max_age"
    " disable_server_side_cursors ATOMIC_REQUESTS AUTOCOMMIT CONN_HEALTH_CHECKS CONN_MAX_AGE"
    " DISABLE_SERVER_SIDE_CURSORS",
    # https://guides.rubyonrails.org/configuring.html
    "Rails": "adapter advisory_locks checkout_timeout encoding idle_timeout insert_returning"
    " keepalive max_connections max_threads min_connections min_messages min_threads pool"
    " prepared_statements reaping_frequency reconnect schema_search_path statement_limit",
    "pg, postgres.js": "max max_lifetime prepare query_timeout uselibpqcompat",
    "Ecto": "pool_count pool_size queue_interval queue_target",
    # https://pkg.go.dev/github.com/jackc/pgx/v5
    "pgx": "binary_parameters default_query_exec_mode description_cache_capacity"
    " pool_health_check_period pool_max_conn_idle_time pool_max_conn_lifetime"
    " pool_max_conn_lifetime_jitter pool_max_conns pool_min_conns pool_min_idle_conns search_path"
    " statement_cache_capacity statement_cache_mode",
    # https://jdbc.postgresql.org/documentation/use/
    "JDBC": "assumeMinServerVersion autosave binaryTransfer binaryTransferDisable"
    " binaryTransferEnable cancelSignalTimeout cleanupSavepoints currentSchema"
    " databaseMetadataCacheFields defaultRowFetchSize disableColumnSanitiser escapeSyntaxCallMode"
    " hostRecheckSeconds loadBalanceHosts logServerErrorDetail loggerLevel loginTimeout"
    " prepareThreshold preferQueryMode preparedStatementCacheQueries preparedStatementCacheSizeMiB"
    " quoteReturningIdentifiers reWriteBatchedInserts receiveBufferSize sendBufferSize"
    " socketTimeout stringtype targetServerType tcpKeepAlive tcpNoDelay unknownLength",
    # a session of another kind; and what every session of the guard sets itself
    "the guard": "client_encoding replication timezone TimeZone",
}
# Of a client alone: it is the whole database that is guarded, whatever schema a client looks at.
_OF_CLIENTS = frozenset(name for names in _BY_CLIENT.values() for name in names.split())
_SSL = {
    **dict.fromkeys(("0", "false", "no", "off", "disable"), "disable"),
    **dict.fromkeys(("1", "true", "yes", "on", "require", "no-verify"), "require"),
    **{mode: mode for mode in ("allow", "prefer", "verify-ca", "verify-full")},
}
_PLAIN = re.compile(r"[A-Za-z_.-]{1,40}")


def translated(given: Mapping[str, str], known: frozenset[str], *, what: str) -> dict[str, str]:
    """Give the parameters of an address as libpq has them.

    Args:
        given: as they stand behind the question mark, decoded.
        known: libpq's own.
        what: the option that the address was given to.

    Raises:
        UsageError: one that nobody knows, or that says that a pooler is between.
    """
    if given.get("pgbouncer", "false").lower() not in {"false", "0"}:
        raise UsageError(
            f"{what}: the parameter pgbouncer says that this is the address of a pooler, behind "
            "which nobody can be ended or renamed. Write the address of the server itself "
            "(postgresql://USER@HOST:5432/NAME; Prisma calls it directUrl)."
        )
    taken: dict[str, str] = {}
    for key, value in given.items():
        name = _MEANT.get(key, key)
        if name == "ssl" or (name == "sslmode" and value == "no-verify"):
            taken["sslmode"] = _ssl_mode(value, what)
        elif name in known:
            taken[name] = value
        elif name not in _OF_CLIENTS and name != "pgbouncer":
            _refuse_unknown(name, given, what)
    return {key: value for key, value in taken.items() if key not in _OF_CLIENTS}


def _ssl_mode(value: str, what: str) -> str:
    mode = _SSL.get(value.lower())
    if mode is None:
        raise UsageError(
            f"{what}: what the address says of ssl is nothing that libpq knows: write "
            "postgresql://...?sslmode=require, or disable, prefer, verify-full"
        )
    return mode


def _refuse_unknown(name: str, given: Mapping[str, str], what: str) -> None:
    # behind a password that was not encoded it may be a part of it
    told = _PLAIN.fullmatch(name) and not any(secret in given for secret in SECRETS)
    called = f"the parameter {name!r}" if told else "a parameter"
    raise UsageError(
        f"{what}: the address has {called} that PostgreSQL's own library does not know. Leave it "
        "out: write postgresql://USER@HOST:PORT/NAME, and special characters in a password or "
        "name percent-encoded (& is %26)."
    )
