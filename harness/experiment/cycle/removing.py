"""Remove a folder, also one in which something that was killed has left files unwritable."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from harness.faults.reach.unwritable import set_immutable


def remove_tree(folder: Path) -> None:
    """Remove ``folder`` and all in it, as far as this user may.

    Who dies while a database is immutable cannot make it mutable again; nobody uses what is to be
    removed, so it can be done here.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # a link, a file of another user's
                set_immutable(os.path.join(place, name), on=False)
    shutil.rmtree(folder, ignore_errors=True)


__all__ = ["remove_tree"]
