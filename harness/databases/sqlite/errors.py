"""What an error of SQLite is, by its extended result code (https://www.sqlite.org/rescode.html)."""

from __future__ import annotations

import apsw

from harness.databases.engine import Reason

_EXTENDED = {
    apsw.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign-key violation",
    apsw.SQLITE_CONSTRAINT_TRIGGER: "refused by a trigger",
}
_PRIMARY = {
    apsw.SQLITE_BUSY: "timeout",
    apsw.SQLITE_LOCKED: "timeout",
    apsw.SQLITE_PROTOCOL: "timeout",  # lost the race for the -wal too often
    apsw.SQLITE_AUTH: "permission denied",
    apsw.SQLITE_PERM: "permission denied",
    apsw.SQLITE_READONLY: "permission denied",
    apsw.SQLITE_CANTOPEN: "cannot open the file",
    apsw.SQLITE_IOERR: "input/output error",
    apsw.SQLITE_FULL: "disk full",
    apsw.SQLITE_CORRUPT: "damaged file",
    apsw.SQLITE_NOTADB: "damaged file",
    apsw.SQLITE_CONSTRAINT: "constraint violation",
}
_TRANSIENT = {  # locks, networks, I/O errors, full disks come and go
    apsw.SQLITE_BUSY,
    apsw.SQLITE_LOCKED,
    apsw.SQLITE_PROTOCOL,
    apsw.SQLITE_IOERR,
    apsw.SQLITE_FULL,
    apsw.SQLITE_CANTOPEN,
}
_LOCKS = {apsw.SQLITE_BUSY, apsw.SQLITE_LOCKED, apsw.SQLITE_PROTOCOL}
_SILENT = ("", "not an error")  # what a connection says of an error that was of another layer


def describe(error: BaseException) -> Reason | None:
    """Return what it is, with the extended code; None for an error of something else."""
    if not isinstance(error, apsw.Error):
        return None
    silent = str(error).strip() in _SILENT
    code = int(getattr(error, "extendedresult", 0) or getattr(error, "result", 0) or 0)
    transient, lock = code & 0xFF in _TRANSIENT, code & 0xFF in _LOCKS
    if "FOREIGN KEY constraint failed" in str(error):  # RESTRICT comes with a trigger's code
        return Reason("foreign-key violation", code, transient)
    word = _EXTENDED.get(code) or _PRIMARY.get(code & 0xFF, "database error")
    return Reason(word, code, transient, lock, silent)
