"""What cannot be guarded of SQLite files: what is none, what cannot be written or locked."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path

import apsw

from harness import registry
from harness.databases.sqlite.files import beside, real
from harness.errors import UsageError
from harness.guard.refusals import ABSENT_OK, OVERRIDE
from harness.guard.sqlite.backups import backup_path
from harness.system.mounts import file_system_of, mounts

# File systems on which one machine's locks, or all of them, may mean nothing to another.
# https://www.sqlite.org/howtocorrupt.html, section 2.1
NETWORKED = frozenset({
    "9p", "afpfs", "afs", "ceph", "cifs", "coda", "davfs", "davfs2", "drvfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "orangefs", "smb", "smb2", "smb3", "smbfs", "vboxsf", "webdav",
    "fuse.ceph", "fuse.curlftpfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys",
    "fuse.gvfsd-fuse", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse",
})  # fmt: skip
_HEADER = b"SQLite format 3\x00"


def check_file(database: Path, recoveries: Sequence[str]) -> None:
    """Look at the file itself, when what a killed guard left has been put right.

    Raises:
        UsageError: what it is that cannot be guarded, or a name that the guard needs and that is
            taken by a file which is not its own.
    """
    refuse_what_is_none(database)
    refuse_unwritable(database)
    names = os.stat(database).st_nlink
    if names > 1:
        raise UsageError(
            f"{database} has {names} names (hard links): a guard by another of them would not see "
            "this one, and take its test data for the baseline. Guard a copy with one name "
            f"('find -samefile {shlex.quote(str(database))}' lists them)."
        )
    needed = [beside(real(database), ".restoring")]
    for place, name in enumerate(recoveries):
        if not registry.find("recovery", name).pins:
            backup = backup_path(database, place)
            needed += [backup, beside(backup, ".part")]
    for path in needed:
        if os.path.lexists(path):
            raise UsageError(
                f"{path} stands there, a name that the guard needs, and no guard has noted it as "
                "its own. Look what it is, and move it away."
            )


def refuse_link(path: Path) -> None:
    """Backup and journal stand beside the name given: by another name nobody would find them."""
    if path.is_symlink():
        raise UsageError(
            f"{path} is a symbolic link to {os.path.realpath(path)}: the backup would stand beside "
            f"the link, where a guard on the file itself does not look. "
            f"Give the file itself: {os.path.realpath(path)}"
        )


def refuse_no_place(path: Path) -> None:
    """Refuse what the tests could not make a database in, or would make it of."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder to make a database in. Make it.")
    for suffix in ("-wal", "-shm", "-journal"):
        if os.path.lexists(left := beside(path, suffix)):
            raise UsageError(
                f"{left} stands there without its database: SQLite would take it for that of the "
                "next one. Move it away, and look whether the path is right."
            )


def refuse_what_is_none(path: Path) -> None:
    """Refuse what is no SQLite file; an empty one is."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise UsageError(
            f"{path}: there is no such database. Check the path, or make it. If it is the tests "
            f"that make it, say {ABSENT_OK}: it is removed again when they have ended."
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be reached: {error.strerror}. Check the path.") from None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise UsageError(f"{path} is {what}. Give the path of the SQLite file.")
    header = _header(path)
    if header[: len(_HEADER)] not in (_HEADER, b""):  # SQLite takes an empty file for a database
        raise UsageError(
            f"{path} is no SQLite database: it does not begin as one does (an encrypted one does "
            "not either, and cannot be guarded). Give the path of the SQLite file."
        )


def _header(path: Path) -> bytes:
    """Read through SQLite: closing a descriptor of one's own drops its locks on the file."""
    try:
        file = apsw.VFSFile(
            "", str(path.absolute()), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0]
        )
    except apsw.CantOpenError:
        raise UsageError(f"{path} cannot be read. Give this user the right to read it.") from None
    try:
        header: bytes = file.xRead(100, 0)
        return header
    finally:
        file.xClose()


def refuse_unwritable(path: Path) -> None:
    """Refuse a file, or a folder, that this user cannot write."""
    folder = path.absolute().parent
    if path.exists() and not _may(path, os.W_OK):
        raise UsageError(
            f"{path} cannot be written, so a baseline could not be put back. "
            "Give this user the right to write it, or mount its file system for writing."
        )
    if not _may(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"{folder} cannot be written, and the backup has to stand in it, beside {path.name}. "
            "Give this user the right to write the folder, or copy the database elsewhere."
        )


def _may(path: Path, rights: int) -> bool:
    return os.access(path, rights, effective_ids=os.access in os.supports_effective_ids)


def refuse_networked(path: Path) -> None:
    """Refuse a file on a file system whose locks mean nothing."""
    kind = file_system_of(os.path.realpath(path), mounts())
    if kind in NETWORKED:
        raise UsageError(
            f"{path} is on a network file system ({kind}), whose locks cannot be trusted: another "
            "machine could write while the baseline is put back. Copy the database to a local "
            f"disk, or say {OVERRIDE} if nobody else is connected."
        )
