"""Why a database cannot be connected to, and what there is to do about it.

A connection that was refused has no code, only the words of the server or the system.
"""

from __future__ import annotations

from harness.hidden import without_passwords

# A part of the words -> what to do. The first that is found counts.
_TO_DO = {
    "unsupported startup parameter": "That is a pooler's answer, and behind one nobody can be ended"
    " or renamed: give the address of the server itself",
    "password": "Check user and password: a password comes from PGPASSWORD, a .pgpass, a service,"
    " or stands in the address, percent-encoded",
    "no pg_hba.conf entry": "The server's pg_hba.conf must let this user in from here",
    "permission denied for database": "Let its owner run: GRANT CONNECT ON DATABASE ... TO ...",
    "not currently accepting connections": "Let its owner run: ALTER DATABASE ... ALLOW_CONNECTIONS"
    " true",
    "too many connections": "Close others, or raise the limit (ALTER DATABASE or ALTER ROLE ..."
    " CONNECTION LIMIT)",
    "too many clients": "Close others, or raise the server's max_connections",
    "connection slots": "Close others, or raise the server's max_connections",
    "invalid database": "It is what a broken-off DROP DATABASE has left: drop it again, and make it"
    " anew",
    "starting up": "Wait until the server has started",
    "shutting down": "Wait until the server has started again",
    "does not exist": "Check the name, or make it",
    "does not support SSL": "Write sslmode=disable, or prefer, into the address",
    "SSL": "Check what the address says of sslmode and of certificates",
    "refused": "Check host and port, and whether the server runs there",
    "No such file": "Check the folder of the socket, and whether the server runs",
    "could not translate host name": "Check how the host is written",
    "timeout": "Check host and port, and whether something between here and there is in the way",
}


def why_unreached(error: Exception) -> str:
    """Say what a driver's error at connecting says, without a password, and what to do."""
    said = without_passwords(" ".join(str(error).split())).partition(" Is the server running")[0]
    to_do = next((to_do for words, to_do in _TO_DO.items() if words in said), "")
    return f"{said}. {to_do}" if to_do else said
