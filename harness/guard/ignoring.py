"""Keep a repository from taking up what a guard keeps beside a database: it holds real rows.

The rule goes into ``info/exclude`` of the repository, which is its owner's own and is in no commit
(https://git-scm.com/docs/gitignore).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.trusted import Untrusted, opened

PATTERNS = ("*.e2e-archive-*", "*.e2e-backup*", "*.e2e-journal", "*.e2e-test.*")
_TITLE = "# what a guarded test run keeps beside a database"
_MOST_BYTES = 1 << 20


def bring_rule(database: Path) -> None:
    """Add the rule to the repository that a database stands in, if there is one without it.

    Whatever keeps that from being done keeps nothing else: it is a courtesy.
    """
    with suppress(OSError, ValueError, Untrusted):  # no file of ours to write
        exclude = _exclude_of(Path(os.path.realpath(database)).parent)
        if exclude is not None:
            _add(exclude)


def _exclude_of(folder: Path) -> Path | None:
    for parent in (folder, *folder.parents):
        found = parent / ".git"
        if found.is_dir():
            return found / "info" / "exclude"
        if found.is_file():  # a work tree of its own, or a submodule; gitrepository-layout(5)
            return _shared(found) / "info" / "exclude"
    return None


def _shared(pointer: Path) -> Path:
    text = pointer.read_text(encoding="utf-8").strip()
    own = Path(pointer.parent, text.removeprefix("gitdir:").strip())
    common = own / "commondir"
    return own / common.read_text(encoding="utf-8").strip() if common.is_file() else own


def _add(exclude: Path) -> None:
    if os.stat(exclude.parent.parent).st_uid != os.geteuid():
        return  # another user's repository is not ours to write
    exclude.parent.mkdir(exist_ok=True)
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
