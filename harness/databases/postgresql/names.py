"""Names on a server: quoted for SQL, and made for what is kept beside a database."""

from __future__ import annotations

import hashlib

MOST_BYTES = 63  # of a name; PostgreSQL cuts the rest off in silence (NAMEDATALEN)


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL, for the statements that take no parameters."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"


def beside(name: str, suffix: str, *, prefix: str = "") -> str:
    """Make the name of what is kept beside a database; no two databases share one."""
    whole = prefix + name + suffix
    if len(whole.encode()) <= MOST_BYTES:
        return whole
    mark = "_" + hashlib.sha256(name.encode()).hexdigest()[:12]
    room = MOST_BYTES - len((prefix + mark + suffix).encode())
    return prefix + name.encode()[:room].decode(errors="ignore") + mark + suffix
