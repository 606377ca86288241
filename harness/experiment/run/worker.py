"""What runs inside a worker process: cycles, one after another, and a word on which one."""

from __future__ import annotations

import contextlib
import importlib
import mmap
import multiprocessing
import os
import pickle
import shutil
import signal
import struct
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.records import CycleRecord
from harness.system.busy import Busy

SLOT = struct.Struct("=qq")  # cycle in flight (-1: none), when it began (monotonic, ns)
SLOT_BYTES = SLOT.size
OPEN_SITES = 4  # sites a worker keeps open, the ones used last


class Progress:
    """One page shared by parent and workers: the cycle each worker is at.

    Written by the worker before each cycle, so that the parent knows, after a SIGKILL as well,
    which cycle the worker died in.
    """

    def __init__(self, path: Path, slots: int = 0, *, create: bool = False) -> None:
        self.path = path
        if create:
            path.write_bytes(SLOT.pack(-1, 0) * slots)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def begin(self, slot: int, cycle: int = -1) -> None:
        """Note that ``slot`` begins ``cycle`` (-1: none) now."""
        SLOT.pack_into(self._map, slot * SLOT_BYTES, cycle, time.monotonic_ns())

    def in_flight(self, slot: int) -> int | None:
        """Return the cycle that ``slot`` is at, None between cycles."""
        cycle: int = SLOT.unpack_from(self._map, slot * SLOT_BYTES)[0]
        return cycle if cycle >= 0 else None

    def since_s(self, slot: int) -> float:
        """Return when ``slot`` noted something last, in seconds of the monotonic clock."""
        began_ns: int = SLOT.unpack_from(self._map, slot * SLOT_BYTES)[1]
        return began_ns / 1e9

    def close(self) -> None:
        """Unmap the page."""
        self._map.close()


class Bench:
    """The sites of one worker; a site whose cycle raised is thrown away."""

    def __init__(self, site: Any, seed: int, folder: Path) -> None:
        self._site, self._seed, self._folder = site, seed, folder
        self._open: dict[tuple[bytes, str], tuple[Any, Path]] = {}
        self._made = 0

    def run(self, key: tuple[bytes, str], name: str, cycle: int) -> CycleRecord:
        """Run one cycle; whatever it raises becomes a harness error."""
        try:
            record: CycleRecord = self._at(key).run(cycle)
        except BaseException as error:  # noqa: BLE001 - SystemExit of a cycle is no end of the run
            self._drop(key)
            return CycleRecord(name, cycle, "harness_error", detail=_last_lines(error))
        return record

    def _at(self, key: tuple[bytes, str]) -> Any:
        if key not in self._open:
            while len(self._open) >= OPEN_SITES:
                self._drop(next(iter(self._open)))
            self._made += 1
            folder = self._folder / f"site-{self._made}"
            folder.mkdir()
            condition = pickle.loads(key[0])  # noqa: S301 - written by the parent process
            try:
                site = self._site(condition, self._seed, Path(key[1]), folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self._open[key] = (site, folder)
        self._open[key] = self._open.pop(key)  # the one used last stands last
        return self._open[key][0]

    def _drop(self, key: tuple[bytes, str]) -> None:
        if key in self._open:
            site, folder = self._open.pop(key)
            with contextlib.suppress(Exception):  # it is thrown away because it is broken
                site.close()
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Close every site."""
        for key in list(self._open):
            self._drop(key)


def work(
    pipe: Connection, site: str, seed: int, folder: str, progress_path: str, slot: int
) -> None:
    """Run what comes through ``pipe`` until it ends: (condition pickled, pristine, cycles, asked).

    Back go the records and, where that is asked, which share of the time was work: of it alone the
    parent can tell cycles that wait.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # what a cycle starts may be interrupted
    os.setsid()  # what a cycle starts dies with the worker
    threading.Thread(target=_end_with_parent, daemon=True).start()
    module, _, attribute = site.partition(":")
    bench = Bench(getattr(importlib.import_module(module), attribute), seed, Path(folder))
    progress = Progress(Path(progress_path))
    with contextlib.suppress(EOFError, OSError):  # the parent is gone, or has had enough
        while True:
            blob, pristine, cycles, asked = pipe.recv()
            busy = Busy() if asked else None
            name = pickle.loads(blob).name  # noqa: S301 - written by the parent process
            records = []
            for cycle in cycles:
                progress.begin(slot, cycle)
                records.append(bench.run((blob, pristine), name, cycle))
            progress.begin(slot)
            pipe.send((records, busy.share() if busy else None))
    bench.close()


def _end_with_parent() -> None:
    """Wait for the parent to end; then end too, with all that was started, in whatever cycle."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)


def _last_lines(error: BaseException) -> str:
    """What happened first; where in the code only for what nobody foresaw."""
    if isinstance(error, HarnessError):
        return str(error)[:2000]
    lines = "".join(traceback.format_exception(error)).strip().splitlines()
    return "\n".join([f"{type(error).__name__}: {error}"[:500], *lines[-12:-1]])[:2000]
