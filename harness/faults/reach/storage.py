"""Where storage faults strike: in file operations, and below the engines that lend themselves.

The errors are the kernel's own: at the drawn byte the file's descriptor is made to stand for a
device on which the operation really fails. A write to /dev/full says ENOSPC (man 4 full), reading
or writing an address nobody has mapped in /proc/self/mem says EIO (man 5 proc). What went to the
real file before stays there, half written, as in life.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from harness.errors import MeasurementError
from harness.system.copying import CannotStart
from harness.system.files import Files

FULL = Path("/dev/full")
UNMAPPED = Path("/proc/self/mem")


@dataclass(slots=True, eq=False)
class Strike:
    """One armed storage fault: from byte ``after_bytes`` of the step on, ``device`` answers.

    The device is opened here, not at the drawn byte, so that a machine that has none is found out
    outside the code under test. ``close`` when it is disarmed.
    """

    device: Path
    reads: bool  # whether reading fails as well as writing
    after_bytes: int
    seen_bytes: int = 0
    said: str = ""  # what the kernel said, once it has
    error: MeasurementError | None = None  # the device let something pass
    _descriptor: int = field(init=False)

    def __post_init__(self) -> None:
        """Open the device; OSError as the kernel says."""
        self._descriptor = os.open(self.device, os.O_RDWR | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the device."""
        os.close(self._descriptor)

    def is_due(self, size_bytes: int) -> bool:
        """Count ``size_bytes`` more; whether they reach beyond the drawn byte."""
        self.seen_bytes += size_bytes
        return self.seen_bytes > self.after_bytes

    def take(self, descriptor: int) -> None:
        """Make ``descriptor`` stand for the device from now on."""
        os.dup2(self._descriptor, descriptor, inheritable=False)

    def fail(self, data: bytes | None) -> NoReturn:
        """Do the operation (None: a read) where it fails; keep and raise what the kernel said."""
        try:
            if data is None:
                os.read(self._descriptor, 4096)
            else:
                os.write(self._descriptor, data or b"\0")
        except OSError as error:
            call = "read" if data is None else "write"
            self.said = f"{call}(2) said errno {error.errno} ({error.strerror})"
            raise
        self.error = MeasurementError(f"{self.device} let an operation pass that it must refuse")
        raise self.error


@dataclass(slots=True)
class Armed:
    """The strikes that are armed at the moment."""

    strikes: list[Strike] = field(default_factory=list)

    def due(self, size_bytes: int, *, read: bool) -> Strike | None:
        """The strike that the next ``size_bytes`` run into, if any."""
        for strike in self.strikes:
            if (strike.reads or not read) and strike.is_due(size_bytes):
                return strike
        return None


class StrikingFiles(Files):
    """The real file operations, until a strike is armed."""

    def __init__(self) -> None:
        self.armed = Armed()

    def clone(self, source: int, target: int) -> None:
        """Share no blocks while a strike is armed: it is to meet what is written."""
        if self.armed.strikes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().clone(source, target)

    def copy(
        self,
        source: Path,
        descriptor: int,
        size_bytes: int,
        copied: Callable[[int], None],
        *,
        identity: tuple[int, int],
    ) -> None:
        """Have no other process copy while a strike is armed: as well."""
        if self.armed.strikes:
            raise CannotStart("what is written here is to be struck")
        super().copy(source, descriptor, size_bytes, copied, identity=identity)

    def read(self, descriptor: int, size_bytes: int) -> bytes:
        """Read, or fail as the armed strike has it."""
        data = super().read(descriptor, size_bytes)  # what there is to read is what counts
        strike = self.armed.due(len(data), read=True)
        if strike:
            strike.take(descriptor)
            strike.fail(None)
        return data

    def write(self, descriptor: int, data: bytes) -> None:
        """Write, or write up to the drawn byte and then fail as the armed strike has it."""
        strike = self.armed.due(len(data), read=False)
        if strike:
            passed_bytes = max(0, len(data) - (strike.seen_bytes - strike.after_bytes))
            super().write(descriptor, data[:passed_bytes])
            strike.take(descriptor)
            strike.fail(bytes(data[passed_bytes:]))
        super().write(descriptor, data)
