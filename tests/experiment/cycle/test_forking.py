"""How processes that run cycles begin."""

from __future__ import annotations

import os
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from harness.experiment.cycle.forking import SITE, process_context


def _tell(pipe: Connection) -> None:
    opened = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    pipe.send((threading.active_count(), opened))


@pytest.mark.skipif(sys.platform != "linux", reason="what is open is seen in /proc")
def test_nothing_is_inherited(tmp_path: Path) -> None:
    """Neither a thread nor a file that its parent has open: SQLite forbids a fork of both."""
    held = tmp_path / "held"
    over = threading.Event()
    waiting = threading.Thread(target=over.wait, daemon=True)
    waiting.start()
    context = process_context(SITE)
    ours, theirs = context.Pipe()
    with held.open("w"):
        process = context.Process(target=_tell, args=(theirs,))  # type: ignore[attr-defined]  # each context has its own
        process.start()
        assert ours.poll(60)
        threads, opened = ours.recv()
    process.join()
    over.set()
    assert threads == 1
    assert str(held) not in opened
