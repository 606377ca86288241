"""Where cycles run: a private folder, in memory where there is room, gone when the run is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

from harness import registry
from harness.errors import UsageError, WorkloadError
from harness.experiment.cycle.grounds import ground_of
from harness.experiment.cycle.removing import remove_tree
from harness.experiment.cycle.site import database_name
from harness.experiment.written.configuration import Condition
from harness.experiment.written.project import ProjectSetting
from harness.guard.state_folder import VARIABLE

MEMORY = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's; the folder made is private
PREFIX = "harness-run-"
_LOCK = "lock"
ROOM_FACTOR = 8  # copies of a baseline a worker may need at once: database, backups, sites


class WorkRoot:
    """A private folder for one run, removed when it ends; a context manager.

    Args:
        room_bytes: /dev/shm is used when it exists and has this much room, else the system's
            temporary folder.
        parent: a folder to use instead of both.

    While it is entered, the guards of this process and of those it starts keep their second names
    in it: they are on the file system of their databases then, and gone with them.

    Runs that were killed leave theirs behind: entering sweeps those away. A living run holds a
    lock (flock(2)) on a file in its folder, which no killed one can.
    """

    def __init__(self, room_bytes: int, parent: Path | None = None) -> None:
        self._parent = parent or _roomy(room_bytes)
        self._lock = -1
        self._before: str | None = None
        self.path = self._parent

    def __enter__(self) -> WorkRoot:
        """Sweep, make the folder, lock it."""
        sweep(self._parent)
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=self._parent))
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = str(self.path / "state")
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder and all in it."""
        if self._before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = self._before
        remove_tree(self.path)
        os.close(self._lock)


def sweep(parent: Path) -> list[Path]:
    """Remove what runs that are dead have left in ``parent``; return the folders removed."""
    removed = []
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or just now being made or removed
            descriptor = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
                removed.append(folder)
            finally:
                os.close(descriptor)
    return removed


class Baselines:
    """Each distinct baseline, built once in ``root``."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root, self._seed = root, seed
        self._built: dict[tuple[str, int, str], Path] = {}
        self._copies: dict[Path, Path] = {}
        self._fingerprints: dict[Path, str] = {}  # of the pristines

    def of(self, condition: Condition) -> Path:
        """Return the pristine baseline of ``condition``; UsageError when there can be none."""
        if condition.project is not None:
            return self._copied(condition.name, condition.project)
        workload = condition.workload
        key = (workload.kind, workload.size_bytes, workload.journal_mode)
        if key not in self._built:
            ground = ground_of(Path(database_name(condition)))
            path = ground.pristine(self._root, f"baseline-{len(self._built)}")
            key_named = f"condition {condition.name!r}: workload.size_bytes"
            self._check_room(workload.size_bytes, key_named)
            make = partial(
                registry.find("workloads", workload.kind).build_baseline,
                size_bytes=workload.size_bytes,
                seed=self._seed,
                journal_mode=workload.journal_mode,
            )
            try:
                ground.build(path, make)
            except WorkloadError as error:
                raise UsageError(f"{key_named}: {error}") from error
            self._built[key] = path
        return self._built[key]

    def fingerprint(self, condition: Condition) -> str:
        """Tell the baseline's content from any other; UsageError when there can be none."""
        pristine = self.of(condition)
        if pristine not in self._fingerprints:
            self._fingerprints[pristine] = ground_of(pristine).fingerprint(pristine)
        return self._fingerprints[pristine]

    def _copied(self, condition: str, project: ProjectSetting) -> Path:
        """Copy a user's database once, consistently, whoever is connected to it."""
        source = project.path.resolve()
        if source not in self._copies:
            ground = ground_of(source)
            path = ground.pristine(self._root, f"copy-{len(self._copies)}")
            key_named = f"condition {condition!r}: project.database"
            try:
                self._check_room(ground.size_of(source), key_named)
                ground.copy(source, path)
            except UsageError as error:
                raise UsageError(f"{key_named}: {error}") from error
            except OSError as error:
                raise UsageError(f"{key_named}: {source} cannot be copied: {error}") from error
            self._copies[source] = path
        return self._copies[source]

    def _check_room(self, size_bytes: int, key_named: str) -> None:
        free = shutil.disk_usage(self._root).free
        if 2 * size_bytes > free:  # the baseline and one copy to work on
            raise UsageError(
                f"{key_named}: {size_bytes} bytes twice do not fit into {self._root.parent},"
                f" where {free} bytes are free"
            )


def size_bytes(condition: Condition) -> int:
    """Size of a condition's database, before it is there; 0 where nobody can tell."""
    if condition.project is None:
        return condition.workload.size_bytes
    try:
        return ground_of(condition.project.path).size_of(condition.project.path)
    except OSError:
        return 0


def _roomy(room_bytes: int) -> Path:
    memory = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    if memory and shutil.disk_usage(MEMORY).free > room_bytes:
        return MEMORY
    return Path(tempfile.gettempdir())
