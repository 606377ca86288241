"""Say what an error of a database or of the file system is, in people's words."""

from __future__ import annotations

import errno

from harness.databases import engines
from harness.errors import ApiError, CommandFailed

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


# What the database says of a row that it does not take as things stand.
CONSTRAINTS = frozenset({"constraint violation", "foreign-key violation", "refused by a trigger"})
_TRANSIENT = {  # they come and go
    errno.EIO,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EAGAIN,
    errno.EBUSY,
    errno.EINTR,
    errno.ETIMEDOUT,
}


def describe(error: BaseException) -> tuple[str, int]:
    """Return (reason, code): in people's words; the engine's code, errno or HTTP status."""
    if isinstance(error, ApiError | CommandFailed):
        return error.reason, error.status
    if reason := engines.describe(error):
        return reason.word, reason.code
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0, "file error"), error.errno or 0
    return type(error).__name__, 0


def is_transient(error: Exception) -> bool:
    """Whether another attempt may pass: locks, networks, I/O errors, full disks come and go."""
    if isinstance(error, ApiError):
        return error.transient
    if reason := engines.describe(error):
        return reason.transient
    return isinstance(error, OSError) and error.errno in _TRANSIENT


def is_lock(error: BaseException) -> bool:
    """Whether somebody else's lock on a database was in the way."""
    reason = engines.describe(error)
    return reason is not None and reason.lock


def told(error: BaseException) -> str:
    """Return the error's class and text for people, and what was noted with it."""
    reason = engines.describe(error)
    text = "" if reason is not None and reason.silent else str(error)
    name = type(error).__name__
    notes = getattr(error, "__notes__", ())
    return "; ".join([f"{name}: {text}" if text else name, *notes])


def explained(error: BaseException) -> str:
    """Return what it is in people's words, and then its own, where it has any."""
    return f"{describe(error)[0]} ({told(error)})"
