"""Take passwords out of what is shown, however they were written into it."""

from __future__ import annotations

import re

# postgresql://user:password@host. A password that was not encoded may hold anything: the last @ in
# the word ends it.
_IN_ADDRESS = re.compile(r"([A-Za-z][\w+.-]*://[^\s:/?#@]*):\S*@")
# password=..., PGPASSWORD='...', ?sslpassword=..., --password=...
_NAMED = re.compile(
    r"""([\w-]*(?:passw|pwd|passphrase|secret|token)\w*\s*=\s*)"""
    r"""("[^"]*"|'[^']*'|(?:\\.|[^\s&;"'\\])(?:\\.|[^\s&;])*)""",
    re.IGNORECASE,
)


def without_passwords(text: str) -> str:
    """Return ``text``, an address or a command line, without the passwords in it."""
    return _NAMED.sub(r"\1...", _IN_ADDRESS.sub(r"\1@", text))


class Secretive(str):
    """A text that is itself, and is shown without the passwords in it: in a traceback's values."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show it as a text is shown."""
        return str.__repr__(without_passwords(self))
