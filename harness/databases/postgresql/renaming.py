"""The address that people have given, for another database of the same server.

It stays as they write it, for it goes to the library that they use: its scheme
(``postgresql+asyncpg://``), its password, and what stands behind the question mark.
"""

from __future__ import annotations

import re
from typing import cast
from urllib.parse import quote

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.errors import UsageError

_ITS_NAME = ("dbname", "database", "databaseName")  # behind the question mark, in place of the path
_PLACE = re.compile(
    r"(?P<scheme>[^/]*://)(?P<server>[^/?]*(?:\?[^/]*@[^/?]*)?)(?P<rest>.*)", re.DOTALL
)


def renamed(given: str, name: str) -> str:
    """Write the address of a database called ``name`` on the server of ``given``.

    Raises:
        UsageError: it cannot be written so that it means that.
    """
    was = cast(PostgresDatabase, address_of(given))
    found = _PLACE.fullmatch(given)
    if found is not None:
        parameters = [
            pair
            for pair in found["rest"].partition("?")[2].split("&")
            if pair and pair.partition("=")[0] not in _ITS_NAME
        ]
        behind = f"?{'&'.join(parameters)}" if parameters else ""
        text = f"{found['scheme']}{found['server']}/{quote(name, safe='')}{behind}"
        now = cast(PostgresDatabase, address_of(text))
        if now.parameters == was.parameters | {"dbname": name}:
            return text
    raise UsageError(
        f"{was}: no address of another database can be made of it: write it as "
        "postgresql://USER@HOST:PORT/NAME"
    )
