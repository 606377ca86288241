"""Say what an error of a database or of the file system is, in people's words."""

from __future__ import annotations

import errno

import apsw

from harness.errors import ApiError, CommandFailed

_SQLITE = {
    apsw.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign-key violation",
    apsw.SQLITE_CONSTRAINT_TRIGGER: "refused by a trigger",
}
_SQLITE_PRIMARY = {
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
_ERRNO = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk full",
    errno.EFBIG: "disk full",
    errno.EIO: "input/output error",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "permission denied",
    errno.ENOENT: "missing file",
    errno.ETIMEDOUT: "timeout",
}


def describe(error: BaseException) -> tuple[str, int]:
    """Return (reason, code): in people's words; SQLite's extended code, errno or HTTP status."""
    if isinstance(error, ApiError | CommandFailed):
        return error.reason, error.status
    if isinstance(error, apsw.Error):
        code = int(getattr(error, "extendedresult", 0) or getattr(error, "result", 0) or 0)
        if "FOREIGN KEY constraint failed" in str(error):  # RESTRICT comes with a trigger's code
            return "foreign-key violation", code
        reason = _SQLITE.get(code) or _SQLITE_PRIMARY.get(code & 0xFF, "database error")
        return reason, code
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0, "file error"), error.errno or 0
    return type(error).__name__, 0


def is_transient(error: Exception) -> bool:
    """Whether another attempt may pass: locks, networks, I/O errors, full disks come and go."""
    if isinstance(error, ApiError):
        return error.transient
    if isinstance(error, apsw.Error):
        primary = describe(error)[1] & 0xFF
        return primary in {
            apsw.SQLITE_BUSY,
            apsw.SQLITE_LOCKED,
            apsw.SQLITE_PROTOCOL,
            apsw.SQLITE_IOERR,
            apsw.SQLITE_FULL,
            apsw.SQLITE_CANTOPEN,
        }
    return isinstance(error, OSError) and error.errno in {
        errno.EIO,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EAGAIN,
        errno.EBUSY,
        errno.EINTR,
        errno.ETIMEDOUT,
    }
