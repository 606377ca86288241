"""Real power cuts: a real file system that is shut down under a guard, no log flushed.

``python -m tests.guard.power.real --all`` cuts at every operation of every scene, on ext4 and XFS.
Needs root, loop devices and mkfs. The file system lies in a file; FS_IOC_SHUTDOWN makes it forget
what has not reached that file, as a power cut does; mounting it again replays its journal.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.guard.killing import Countdown, KillingFiles, KillingVFS, die, forked
from tests.guard.power.judging import STATE, content_aside, settled
from tests.guard.power.scenes import (
    DEFAULT,
    REMOVED,
    TO_CLEAN,
    CleansUnsynced,
    Recovered,
    Scene,
    copying,
    ended,
    tested,
    write_late,
)
from tests.recovery.helpers import execute, make

FILE_SYSTEMS = ("ext4", "xfs")
SIZE_BYTES = 320 << 20  # XFS takes no less than 300 MB; the file is sparse
LOOP_GOES_S = 0.5  # the kernel lets go of a loop device a little after its file system
FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
SCENES = [
    Scene(("file_copy",), "delete"),
    Scene(("file_copy",), "wal"),
    Scene(("online_backup",), "delete"),
    Scene(("online_backup",), "wal", archives=True),
    Scene(("online_backup",), "wal", in_kernel=True),
    Scene(("wal_pin",), "wal"),
    Scene(DEFAULT, "wal", unfolded=True),
    Scene(DEFAULT, "wal", unsynced=True),
    Scene(("file_copy",), "delete", TO_CLEAN, CleansUnsynced),
    Scene(DEFAULT, "wal", TO_CLEAN, CleansUnsynced),
    Scene(("online_backup",), "wal", TO_CLEAN, CleansUnsynced, connected="FULL"),
    Scene(DEFAULT, "wal", REMOVED, connected="NORMAL"),
]


@dataclass
class RealDisk:
    """A file system in a file, mounted."""

    file_system: str
    file: Path
    root: Path

    def cut(self) -> NoReturn:
        """Cut the power, and with it end this process."""
        descriptor = os.open(self.root, os.O_RDONLY)
        fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        die()

    def mount(self) -> None:
        """Let the power come back, to another file where the one that was cut is still mounted.

        Whatever has mount namespaces of its own, as a browser's sandbox, keeps what was mounted
        when it was started: mounting that file again would give the one that is shut down.
        """
        if _held(self.file):
            copied = self.file.with_name(f"{self.file.name}+")
            _run("cp", "--sparse=always", self.file, copied)
            self.file.unlink()
            self.file = copied
        # nouuid: XFS mounts no copy beside what it was copied from
        options = "loop,nouuid" if self.file_system == "xfs" else "loop"
        _run("mount", "-o", options, self.file, self.root)

    def unmount(self) -> None:
        """Take away what is mounted."""
        _run("umount", self.root)


@contextmanager
def real_disk(file_system: str) -> Iterator[RealDisk]:
    """Make a file system; OSError says why there is none to be had here."""
    memory = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's, and the folder made is private
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    disk = RealDisk(file_system, folder / "disk.img", folder / "mounted")
    try:
        disk.root.mkdir()
        with disk.file.open("wb") as file:
            file.truncate(SIZE_BYTES)
        _run(f"mkfs.{file_system}", "-q", disk.file)
        disk.mount()
        try:
            yield disk
        finally:
            disk.unmount()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def why_not(file_system: str) -> str:
    """Say why the power of such a file system cannot be cut here; "" where it can be."""
    if os.geteuid() != 0:
        return "only root can mount a file system and shut it down"
    if shutil.which(f"mkfs.{file_system}") is None:
        return f"there is no mkfs.{file_system}"
    try:
        # more than once: whoever lets the whole machine sync its disks keeps what was to be lost
        if not any(_loses(file_system) for _ in range(3)):
            return f"{file_system} does not lose what was not synced when it is shut down"
    except OSError as error:
        return f"{file_system} cannot be mounted from a file here: {error}"
    return ""


def _loses(file_system: str) -> bool:
    """Whether a power cut takes what was not synced, and that alone."""
    with real_disk(file_system) as disk:
        unsynced, synced = disk.root / "unsynced", disk.root / "synced"
        descriptor = os.open(disk.root, os.O_RDONLY)
        synced.touch()
        os.fsync(descriptor)
        os.close(descriptor)
        unsynced.write_text("lost")
        status = forked(disk.cut)
        disk.unmount()
        disk.mount()
        kept = unsynced.exists() and bool(unsynced.read_text())
        return status == -9 and synced.exists() and not kept


def cuts(
    disk: RealDisk, scene: Scene, step: int, tell: Callable[[str], None] = lambda _: None
) -> tuple[int, list[str]]:
    """Cut the power at every ``step``-th operation and at the end: how often, what was wrong."""
    wrong, nth, count, reached_end = [], step, 0, False
    start = disk.root.parent / "start"
    shutil.rmtree(start, ignore_errors=True)
    start.mkdir()
    made = make(start, scene.mode, rows=20)
    if scene.unfolded:
        execute(made, "INSERT INTO users VALUES ('in@the.wal')", fold=False)
    law = _law(scene, made, disk)
    while not reached_end:
        reached_end = _run_until(disk, scene, start, nth)
        disk.unmount()
        disk.mount()
        found = _said(lambda: law(_marks(disk)))
        if found:
            wrong.append(f"{scene}, {'the end' if reached_end else f'operation {nth}'}: {found}")
            tell(wrong[-1])
        nth, count = nth + step, count + 1
    return count, wrong


def _law(scene: Scene, made: Path, disk: RealDisk) -> Callable[[frozenset[str]], str]:
    """Ask what the baseline is of a copy to which its last rows are written as well."""
    aside = made.parent.parent / "baseline"
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(made.parent, aside)
    write_late(scene, aside / made.name)
    baseline = content_aside(aside / made.name)
    database = disk.root / "work" / made.name
    law = Recovered(database, baseline, None, scene.archives, scene.unsynced)

    def judged(known: frozenset[str]) -> str:
        with settled(disk.root):
            return law(known)

    return judged


def _run_until(disk: RealDisk, scene: Scene, start: Path, nth: int) -> bool:
    """Renew the disk, run the scene and cut; whether the guard had ended."""
    for name in ("work", STATE):
        shutil.rmtree(disk.root / name, ignore_errors=True)
    shutil.copytree(start, disk.root / "work")
    (disk.root / STATE).mkdir(mode=0o700)
    _run("sync", "--file-system", disk.root)  # this one alone: another may be about to be cut
    _marks_of(disk).write_text("")
    database = next(disk.root.glob("work/*.sqlite3"))

    def mark(text: str) -> None:
        with _marks_of(disk).open("a") as file:
            file.write(f"{text}\n")

    def run() -> None:
        countdown = Countdown(nth, end=disk.cut)
        with settled(disk.root), copying(in_kernel=scene.in_kernel):
            write_late(scene, database)
            vfs = KillingVFS(countdown)
            ended(*tested(scene, database, KillingFiles(countdown), mark), mark)
            mark("the end")
            disk.cut()
            del vfs

    status = forked(run)
    if status != -9:
        raise AssertionError(f"{scene}: the guard failed (its error is above)")
    return "the end" in _marks(disk)


def _marks_of(disk: RealDisk) -> Path:
    return disk.root.parent / "marks"


def _marks(disk: RealDisk) -> frozenset[str]:
    return frozenset(_marks_of(disk).read_text().splitlines())


def _said(ask: Callable[[], str]) -> str:
    """Ask in a process of its own, that nothing of it keeps the file system busy."""
    reading, writing = os.pipe()
    status = forked(lambda: os.write(writing, ask().encode()[:4000]))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return said or ("" if status == 0 else f"status {status}")


def _held(file: Path) -> bool:
    """Whether a loop device still has this file, a moment after what it held was unmounted."""
    until = time.monotonic() + LOOP_GOES_S
    while held := bool(_run("losetup", "--associated", file)):
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    return held


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def main() -> int:
    """Cut everywhere, or at a sample; 1 when anything was wrong, 2 where it cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="at every operation, not every tenth")
    parser.add_argument("--file-system", choices=FILE_SYSTEMS, action="append")
    parser.add_argument("--scene", help="only those of which the name holds this", default="")
    options = parser.parse_args()
    status = 0
    for file_system in options.file_system or FILE_SYSTEMS:
        if reason := why_not(file_system):
            print(f"{file_system}: {reason}")  # noqa: T201 - a command's output
            status = 2
            continue
        with real_disk(file_system) as disk:
            for scene in SCENES:
                if options.scene in str(scene):
                    count, wrong = cuts(disk, scene, 1 if options.all else 10, print)
                    print(f"{file_system} {scene}: {count} cuts, {len(wrong)} wrong")  # noqa: T201
                    status = status or int(bool(wrong))
    return status


if __name__ == "__main__":
    sys.exit(main())
