"""Which databases on servers this user's guards are at work on: a note for each, on this machine.

The journal itself lies on the server; without a note nobody would know which servers to ask.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harness.guard.state_folder import default_folder
from harness.guard.target import Pending
from harness.system import processes

_SUFFIX = ".postgresql"


class Note:
    """The note of one database.

    Args:
        whole: its address without passwords.
        folder: where notes stand; None is this user's own place.
    """

    def __init__(self, whole: str, folder: Path | None) -> None:
        self._whole = whole
        folder = folder or default_folder()
        digest = hashlib.sha256(whole.encode()).hexdigest()[:32]
        self._path = None if folder is None else folder / f"{digest}{_SUFFIX}"

    def write(self) -> None:
        """Write it, whole or not at all; without one only the list of what is pending is poorer."""
        if self._path is None:
            return
        pid = os.getpid()
        said = {"whole": self._whole, "pid": pid, "started": processes.started(pid)}
        part = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.touch(0o600, exist_ok=False)
            part.write_text(json.dumps(said), encoding="utf-8")
            os.replace(part, self._path)

    def remove(self) -> None:
        """Remove it."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    def sweep(self) -> None:
        """Remove one whose guard was killed before it had begun."""
        if self._path is None:
            return
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(self._path.read_text(encoding="utf-8"))
            if not processes.runs(int(said["pid"]), str(said["started"])):
                self.remove()


def pending(folder: Path | None = None) -> Iterator[Pending]:
    """Give every database of which there is a note, in order of the address."""
    folder = folder or default_folder()
    if folder is None or not folder.is_dir():
        return
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(path.read_text(encoding="utf-8"))
            at_work = processes.runs(int(said["pid"]), str(said["started"]))
            found.append(Pending(str(said["whole"]), folder_is_gone=False, at_work=at_work))
    yield from sorted(found)
