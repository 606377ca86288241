from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from harness.errors import HarnessError
from harness.results.folder import CYCLES, RUN
from harness.results.store import Store
from tests.guard.power.judging import Recording, failures, found_in, noticed
from tests.guard.power.layers import recorded
from tests.guard.power.recorder import SQLITE, Recorder
from tests.results.cycles import EXPERIMENT, new_run, typical

BATCHES = [range(5), range(5, 25), range(25, 26), range(26, 60)]
CYCLE_RECORDS = [
    # timings are kept to the microsecond
    replace(cycle, timings_ms={key: round(ms, 3) for key, ms in cycle.timings_ms.items()})
    for cycle in map(typical, range(BATCHES[-1].stop))
]
CLOSED = "the store is closed"


class Stored:
    """The law of a store: it opens, holds whole batches from the first on, and goes on."""

    marks = frozenset({CLOSED})

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, known: frozenset[str]) -> str:
        """Open it, look, and store the rest."""
        if not (self.folder / RUN).exists():
            there = (self.folder / CYCLES).exists() and os.path.getsize(self.folder / CYCLES)
            return "the results stand there without run.json" if there else ""
        try:
            store = Store.resume(self.folder, EXPERIMENT)
        except HarnessError as error:
            return str(error)
        try:
            done = store.done("a")
            if done not in ([], *([range(batch.stop)] for batch in BATCHES)):
                return f"not whole batches from the first on: {done}"
            stop = done[0].stop if done else 0
            if CLOSED in known and stop != BATCHES[-1].stop:
                return f"{BATCHES[-1].stop} cycles were stored, and {stop} are there"
            if list(store.records("a")) != CYCLE_RECORDS[:stop]:
                return "the cycles are not what was stored"
            store.append(CYCLE_RECORDS[stop:])
        finally:
            store.close()
        found = found_in(self.folder / CYCLES)
        return found if isinstance(found, str) else ""


@contextmanager
def seen(recorder: Recorder) -> Iterator[None]:
    """Record as well what a program does by Python's own means: a new file, its sync, a rename."""
    sync, rename = os.fsync, Path.replace

    def found(path: Path) -> int:
        inode = recorder.inode_at(path)
        if inode is None:  # a new file: what it holds was written since
            inode = recorder.created(path)
            recorder.wrote(inode, 0, path.read_bytes(), path.stat().st_mtime_ns)
        return inode

    def synced(descriptor: int) -> None:
        sync(descriptor)
        recorder.synced(found(Path(os.readlink(f"/proc/self/fd/{descriptor}"))), whole=True)

    def replaced(source: Path, target: Path) -> Path:
        inode = found(source)
        done = rename(source, target)
        recorder.named([(target, inode), (source, None)])
        return done

    with mock.patch("os.fsync", synced), mock.patch.object(Path, "replace", replaced):
        yield


def record(folder: Path) -> Recording:
    """Store four batches, the last after a pause, with another connection reading on."""
    with recorded(folder) as recorder, seen(recorder):
        store = Store.create(folder / "run", new_run())
        recorder.named([(folder / "run", 0)])
        recorder.events.insert(0, recorder.events.pop())  # it was made before what is in it
        for number, batch in enumerate(BATCHES):
            if number == 3:
                store.close()
                store = Store.resume(folder / "run", EXPERIMENT)
            store.append(CYCLE_RECORDS[cycle] for cycle in batch)
        store.update_run(ended="well")
        store.close()
        recorder.mark(CLOSED)
    return Recording.of(recorder, Stored(folder / "run"))


def test_results_after_a_power_cut(folder: Path) -> None:
    """Whatever a power cut leaves of a run opens, holds whole batches in order, and goes on."""
    (root := folder / "disk").mkdir()
    recording = record(root)
    wrong = [f"{image.told}: {what}" for image, what in failures(recording)]
    assert not wrong, "\n".join(wrong)
    assert len(recording.seen) > 50
    for syncs in ({"folder.write_run: sync 1"}, {SQLITE}):
        assert noticed(recording, syncs), f"without {syncs} nothing is missed"
