"""A real scheduler and real workers, as processes on loopback, to be killed at will."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

CHECKOUT = Path(__file__).parents[4]
LONGEST_S = 60.0


class Cluster:
    """One scheduler, and workers as they are wanted; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cluster"
        self._folder.mkdir()
        self._file = self._folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self._file)
        )
        wait_until(self._file.exists)
        self.address = ""
        wait_until(self._read)

    def __enter__(self) -> Cluster:
        """Enter: the scheduler listens."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all."""
        self.end()

    def _read(self) -> bool:
        with contextlib.suppress(ValueError):  # half written
            self.address = json.loads(self._file.read_text(encoding="utf-8"))["address"]
        return bool(self.address)

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *arguments],
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / f"{what}.log").open("ab"),
            env={**os.environ, "DASK_TEMPORARY_DIRECTORY": str(self._folder)},
        )

    def start(self, count: int = 1, *, nanny: bool = False, preload: str = "") -> None:
        """Start workers; ``preload`` is code that each runs first."""
        for _ in range(count):
            place = self._folder / f"worker-{len(self.workers)}"
            place.mkdir()
            more = ["--nanny" if nanny else "--no-nanny"]
            if preload:
                (place / "first.py").write_text(preload, encoding="utf-8")
                more += ["--preload", str(place / "first.py")]
            more += ["--host", "127.0.0.1", "--nthreads", "1", "--memory-limit", "0"]
            more += ["--local-directory", str(place)]
            self.workers.append(self._start("worker", self.address, *more))

    def end(self) -> None:
        """End all that is left."""
        for process in [*self.workers, self.scheduler]:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(10)


def hosts() -> list[psutil.Process]:
    """The processes that run cycles beside a Dask worker, of any run."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "cluster.host import main" in " ".join(process.info["cmdline"] or ())
    ]


def hosts_below(*parents: subprocess.Popen[bytes] | subprocess.Popen[str]) -> list[psutil.Process]:
    """Those that these processes have started."""
    ids = {parent.pid for parent in parents}
    below = []
    for host in hosts():
        with contextlib.suppress(psutil.NoSuchProcess):
            if ids & {above.pid for above in host.parents()}:
                below.append(host)
    return below


def wait_until(true: object, longest_s: float = LONGEST_S) -> None:
    """Wait until a function says so."""
    assert callable(true)
    deadline = time.monotonic() + longest_s
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 0, **how: bool | str) -> Iterator[Cluster]:
    """Give a cluster of so many workers."""
    with Cluster(folder) as made:
        made.start(workers, **how)  # type: ignore[arg-type]  # as asked
        yield made
