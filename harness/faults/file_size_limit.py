"""A limit on file sizes: the kernel lets the user's own cleanup write so far and no further.

Models a quota, a full volume, a forgotten ``ulimit -f``: RLIMIT_FSIZE of the cleanup's command and
of all it starts, setrlimit(2). Whatever would make a file longer than the -wal is now plus a drawn
part of 64 KiB is refused: the kernel writes up to the limit, then sends SIGXFSZ, which ends a
program that does not ignore it, and for one that does the write fails with EFBIG, which SQLite
reports as "disk I/O error". The limit is on every file, as it is in life: also on what it writes
of the database itself beyond that size when it checkpoints.

Strikes the run of a cleanup that is a command. The guard must survive it; its own files know no
limit. It has struck where that can be seen from outside: SIGXFSZ ended the command, or a program
in it (status 153 of a shell), a file of the database ends at the limit, which is odd as no page
ends, or the command failed and said what the limit makes SQLite and the C library say. A cleanup
that hits it and hides that without a trace counts as not struck.
"""

from __future__ import annotations

import re
import signal

from harness.faults import CommandFault
from harness.processes.terms import Ended
from harness.steps import Step

_ROOM_BYTES = 64 * 1024
_SHELLS = 128  # a shell's status for a program that a signal ended is this and the signal's number
_SAID = re.compile(
    r"file too large|file size limit exceeded|EFBIG|disk I/O error|SQLITE_IOERR"
    r"|database or disk is full|SQLITE_FULL",
    re.IGNORECASE,
)


class FileSizeLimit(CommandFault):
    """Run the cleanup's command under RLIMIT_FSIZE."""

    name = "file_size_limit"
    contract = "The kernel refuses the cleanup's command to make any file longer than so much."
    needs = "only a cleanup that is a command can be limited: SQL and functions run in here"

    def strike(self, step: Step) -> None:
        """Set the limit."""
        terms = self.scene.terms
        terms.ended = None
        terms.file_size_bytes = (
            self.scene.reach.growing_bytes() + int(self.planned.where * _ROOM_BYTES) | 1
        )

    def lift(self) -> None:
        """See what came of it."""
        terms = self.scene.terms
        limit, terms.file_size_bytes = terms.file_size_bytes, None
        if limit is not None and terms.ended is not None and not self.evidence:
            sign = self._seen(terms.ended, limit)
            self.evidence = f"RLIMIT_FSIZE {limit} bytes: {sign}" if sign else ""

    def _seen(self, ended: Ended, limit: int) -> str:
        if ended.status in (-signal.SIGXFSZ, _SHELLS + signal.SIGXFSZ):
            return "SIGXFSZ"
        cut = self.scene.reach.file_of(limit)
        if cut:
            return f"the {cut} was cut there"
        match = _SAID.search(ended.output)
        return f"it said {match[0]!r}" if match and ended.status else ""
