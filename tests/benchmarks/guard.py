"""The guard as a command, turn by turn with what it is measured against.

At 2.69 MB in memory what it takes is mostly its own start; at 1 GB on disk it is the backup, beside
`cp` and `sync` of the file; where blocks can be shared (an XFS in a file, for root) it is neither.
Bytecode is kept, as it is for whoever has installed the package.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import filling
from tests.reflinks import xfs

SMALL_BYTES = 2_691_072
_TURNS_SMALL, _TURNS_BIG = 15, 5
_INSERT = "import sqlite3; c = sqlite3.connect({!r}); c.execute({!r}); c.commit()"
Say = Callable[[str], None]


class Spent(NamedTuple):
    """What a command took."""

    wall_s: float
    cpu_s: float  # with all it has started


class Runner:
    """Runs commands in turn; ``checkouts`` by what their figures are called."""

    def __init__(self, say: Say, folder: Path, checkouts: dict[str, Path]) -> None:
        self._say, self._checkouts = say, checkouts
        self._environment = os.environ | {
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            "HARNESS_STATE_DIR": "",
        }
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def compare(
        self, plain: dict[str, list[str]], ours: dict[str, list[str]], place: Path, turns: int
    ) -> dict[str, Spent]:
        """Run all of them ``turns`` times and say the medians; ``ours`` by every checkout."""
        state = place / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        runs = [(name, command, Path.cwd()) for name, command in plain.items()]
        for name, arguments in ours.items():
            for called, checkout in self._checkouts.items():
                command = [sys.executable, "-m", "harness", *arguments]
                runs.append((f"{name}{called}", command, checkout))
        spent: dict[str, list[Spent]] = {name: [] for name, *_ in runs}
        for turn in range(turns + 1):
            for name, command, checkout in runs:
                took = self._timed(command, checkout, state)
                for left in (*place.glob("*.e2e-archive-*"), *place.glob("copy*")):
                    left.unlink()
                os.sync()  # nobody pays for another's writes
                if turn:  # the first writes the bytecode
                    spent[name].append(took)
        medians = {
            name: Spent(*map(statistics.median, zip(*values, strict=True)))
            for name, values in spent.items()
        }
        for name, (wall_s, cpu_s) in medians.items():
            self._say(f"{name}: {wall_s:.3f} s, {cpu_s:.3f} s of a processor")
        return medians

    def _timed(self, command: list[str], checkout: Path, state: Path) -> Spent:
        environment = self._environment | {
            "HARNESS_STATE_DIR": str(state),
            "PYTHONPATH": str(checkout),
        }
        started = time.perf_counter()
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=state,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{command} ended with {child.returncode}: nothing was measured")
        return Spent(wall_s, used.ru_utime + used.ru_stime)


def measure(say: Say, *, size_mb: int = 1000, beside: Path | None = None) -> None:
    """Measure all; ``beside``: the checkout of another revision, run in turn with this one."""
    checkouts = {"": Path(__file__).parents[2]}
    if beside is not None:
        checkouts[f" of {_revision(beside)}"] = beside
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runner = Runner(say, folder, checkouts)
        memory = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's, and the folder made is private
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as inside:
            _small(runner, Path(inside), say)
        big = folder / "big.sqlite3"
        filling.fill(big, size_mb * 1_000_000)
        _big(runner, big, say)
        try:
            with xfs(folder, 3 * size_mb + 400) as mounted:
                _shared(runner, mounted, big, say)
        except RuntimeError as error:
            say(f"with shared blocks: not measured: {error}")


def _revision(checkout: Path) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()
    return str(checkout)


def _guard(database: Path, *recoveries: str) -> list[str]:
    chosen = [word for name in recoveries for word in ("--recovery", name)]
    return ["guard", "--i-know", "--database", str(database), *chosen]


def _small(runner: Runner, place: Path, say: Say) -> None:
    database = place / "small.sqlite3"
    filling.fill(database, SMALL_BYTES)
    say(f"{database.stat().st_size:,} bytes in memory, medians of {_TURNS_SMALL}, turn by turn")
    runner.compare(
        {"python -c pass": [sys.executable, "-c", "pass"]},
        {
            "harness --version": ["--version"],
            "guard -- true": [*_guard(database), "--", "true"],
            "guard --recovery wal_pin -- true": [*_guard(database, "wal_pin"), "--", "true"],
        },
        place,
        _TURNS_SMALL,
    )


def _copying(database: Path, *, option: str = "") -> dict[str, list[str]]:
    copy = f'cp {option} "$1" "$2" && sync "$2"'
    where = [str(database), str(database.with_name("copy"))]
    return {"cp and sync": ["sh", "-c", copy, "sh", *where]}


def _inserting(database: Path) -> list[str]:
    statement = "INSERT INTO filled(body) VALUES ('test')"
    return [sys.executable, "-c", _INSERT.format(str(database), statement)]


def _big(runner: Runner, database: Path, say: Say) -> None:
    say(f"{database.stat().st_size:,} bytes on disk, medians of {_TURNS_BIG}, turn by turn")
    medians = runner.compare(
        _copying(database),
        {
            f"guard --recovery {name} -- true": [*_guard(database, name), "--", "true"]
            for name in ("wal_pin", "online_backup", "file_copy")
        },
        database.parent,
        _TURNS_BIG,
    )
    whole = medians["cp and sync"]
    for name, (wall_s, _) in medians.items():
        say(f"{name}: {wall_s / whole.wall_s:.2f} of cp and sync")


def _shared(runner: Runner, place: Path, source: Path, say: Say) -> None:
    small, big = place / "small.sqlite3", place / "big.sqlite3"
    filling.fill(small, SMALL_BYTES)
    shutil.copyfile(source, big)
    os.sync()
    say(f"with shared blocks, medians of {_TURNS_BIG}, turn by turn")
    runs = {}
    for database in (small, big):
        for recovery in ("online_backup", "file_copy"):
            guard = [*_guard(database, recovery), "--"]
            runs[f"guard --recovery {recovery} {database.name} -- true"] = [*guard, "true"]
        inserting = _inserting(database)
        runs[f"guard {database.name} -- one INSERT"] = [*guard, *inserting]
    runner.compare(_copying(big, option="--reflink=never"), runs, place, _TURNS_BIG)
