"""Keep a repository from taking up what a guard keeps beside a database: it holds real rows.

The rule goes into ``info/exclude`` of the repository, which is its owner's own and is in no commit
(https://git-scm.com/docs/gitignore).
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from harness.system.links import followed
from harness.system.trusted import Untrusted, opened

PATTERNS = ("*.e2e-archive-*", "*.e2e-backup*", "*.e2e-journal*", "*.e2e-test.*", "*.restoring")
_TITLE = "# what a guarded test run keeps beside a database"
_MOST_BYTES = 1 << 20
_LINE_BYTES = 1 << 12


def bring_rule(database: Path) -> None:
    """Add the rule to the repository that a database stands in, if there is one without it.

    Whatever keeps that from being done keeps nothing else: it is a courtesy.
    """
    with suppress(OSError, ValueError, Untrusted):  # no file of ours to write
        exclude = _exclude_of(os.path.dirname(followed(database)))
        if exclude is not None:
            _add(exclude)


def _exclude_of(folder: str) -> Path | None:
    above = ""
    while folder != above:
        dot_git = os.path.join(folder, ".git")
        above, folder = folder, os.path.dirname(folder)
        try:
            kind = stat.S_IFMT(os.lstat(dot_git).st_mode)
        except OSError:
            continue
        if kind == stat.S_IFLNK:
            return None
        if kind == stat.S_IFDIR:
            return Path(dot_git, "info", "exclude")
        if kind == stat.S_IFREG:  # a work tree of its own, or a submodule; gitrepository-layout(5)
            return _shared(Path(dot_git)) / "info" / "exclude"
    return None


def _shared(pointer: Path) -> Path:
    git_folder = Path(pointer.parent, _own_line(pointer).removeprefix("gitdir:").strip())
    common = git_folder / "commondir"
    return git_folder / _own_line(common) if common.is_file() else git_folder


def _own_line(path: Path) -> str:
    """Read a line that this user wrote: what another laid there leads anywhere."""
    descriptor = opened(path, {os.geteuid()})
    try:
        return os.pread(descriptor, _LINE_BYTES, 0).decode().strip()
    finally:
        os.close(descriptor)


def _is_own(folder: Path) -> bool:
    status = os.lstat(folder)
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _add(exclude: Path) -> None:
    if not _is_own(exclude.parent.parent):
        return  # another user's repository is not ours to write
    exclude.parent.mkdir(exist_ok=True)
    if not _is_own(exclude.parent):
        return
    with suppress(FileExistsError):
        os.close(os.open(exclude, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    descriptor = opened(exclude, {os.geteuid()}, writing=True)
    try:
        text = os.pread(descriptor, _MOST_BYTES, 0).decode(errors="replace")
        missing = [pattern for pattern in PATTERNS if pattern not in text.splitlines()]
        if missing and len(text) < _MOST_BYTES:
            start = "" if not text or text.endswith("\n") else "\n"
            os.lseek(descriptor, 0, os.SEEK_END)
            os.write(descriptor, (start + "\n".join([_TITLE, *missing]) + "\n").encode())
    finally:
        os.close(descriptor)
