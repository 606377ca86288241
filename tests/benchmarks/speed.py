"""What the speed figures of the README come from: `python -m tests.benchmarks.speed [NAME ...]`.

Figures are medians and ratios of things measured side by side in one run. Nothing here passes or
fails: a timed test says more about the machine than about the code.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness import registry
from harness.backend.client import ApiClient, Service
from harness.databases.sqlite.session import connect
from harness.experiment.cycle.site import Site
from harness.experiment.run.pool import Pool, Task
from harness.experiment.written.configuration import Condition
from harness.results.records import CycleRecord
from harness.system.files import Files
from tests.benchmarks import commands, filling, own
from tests.benchmarks import guard as by_guard
from tests.benchmarks.turns import (
    Spent,
    median,
    of_calls,
    of_command,
    ratio,
    row,
    turn_by_turn,
)

SIZE_BYTES = 2_691_072
CONDITION = Condition.model_validate(
    {"name": "speed", "demands": "rows", "policy": "hybrid_verified"}
)
PHASES = ("backup", "create", "cleanup", "verify", "dispose", "truth")


@contextmanager
def in_memory() -> Iterator[Path]:
    """Give a folder on tmpfs where there is one."""
    memory = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's, and the folder made is private
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def baseline(folder: Path, size_bytes: int = SIZE_BYTES) -> Path:
    """Build the platform baseline."""
    path = folder / f"pristine-{size_bytes}"
    registry.find("workloads", "platform").build_baseline(
        path, size_bytes=size_bytes, seed=1, journal_mode="wal"
    )
    return path


def say(line: str) -> None:
    """Print one figure."""
    sys.stdout.write(line + "\n")


def hand_written(folder: Path, pristine: Path) -> Callable[[int], None]:
    """Give the loop that most people have: copy, same SQL, copy back, nobody looks."""
    database, backup = folder / "loop.sqlite3", folder / "loop.backup"
    shutil.copyfile(pristine, database)
    workload = registry.find("workloads", "platform")("simple", 1)
    delete = {
        table: f"DELETE FROM {table} WHERE id = ?" for table in ("integrations", "bots", "users")
    }

    def cycle(number: int) -> None:
        shutil.copyfile(database, backup)
        connection = connect(database)
        entities = workload.create(connection, number).entities
        for entity in reversed(entities):
            connection.execute(delete[entity.table], (entity.key[0][1],))
        connection.close()
        shutil.copyfile(backup, database)
        backup.unlink()

    return cycle


def cycle() -> tuple[Spent, Spent]:
    """A full cycle without faults against the hand-written loop, turn by turn."""
    with in_memory() as folder:
        pristine = baseline(folder)
        (folder / "site").mkdir()
        site, loop = Site(CONDITION, 1, pristine, folder / "site"), hand_written(folder, pristine)
        records: list[CycleRecord] = []
        things = {
            "ours": of_calls(lambda number: records.append(site.run(number)), 50),
            "theirs": of_calls(loop, 50),
        }
        turn_by_turn(things, 3)  # warm
        records.clear()
        spent = turn_by_turn(things, 21)
        if {record.outcome for record in records} != {"cleaned"}:
            raise SystemExit("a cycle without faults did not end clean: nothing was measured")
        ours, theirs = median(spent["ours"]), median(spent["theirs"])
        by = ratio(spent["ours"], spent["theirs"])
        say(f"full cycle: {_said(ours)} ({1000 / ours.wall_ms:.0f} a second, one worker)")
        say(f"hand-written loop, no verification: {_said(theirs)}")
        say(f"ratio loop / cycle: {by.wall_ms:.2f}, by CPU time {by.cpu_ms:.2f}")
        for what, times in (("wall", "timings_ms"), ("CPU", "cpu_ms")):
            parts = {
                phase: statistics.median(getattr(r, times)[phase] for r in records)
                for phase in (*PHASES, "cycle")
            }
            whole_ms = parts.pop("cycle")
            rest_ms = whole_ms - sum(parts.values())
            said = ", ".join(f"{phase} {ms:.3f} ms" for phase, ms in parts.items())
            say(f"{what}: {said}, what is between them {rest_ms:.3f} ms")
        return ours, by


def _said(spent: Spent) -> str:
    return f"{spent.wall_ms:.3f} ms, CPU {spent.cpu_ms:.3f} ms"


def workers() -> tuple[Spent, float]:
    """Cycles of one and of two workers, turn by turn; store and all left out."""
    with ExitStack() as ending:
        folder = ending.enter_context(in_memory())
        pristine = baseline(folder)
        (folder / "loop").mkdir()
        things = {"loop": of_calls(hand_written(folder / "loop", pristine), 200)}
        for count in (1, 2):
            place = folder / f"of-{count}"
            place.mkdir()
            pool = Pool("harness.experiment.cycle.site:Site", 1, count, place)
            things[f"{count} worker(s)"] = _of_pool(ending.enter_context(pool), pristine, 400)
        turn_by_turn(things, 1)  # workers start and warm up
        spent = turn_by_turn(things)
        for name, times in spent.items():
            one = median(times)
            by = ratio(times, spent["loop"])
            rate = f"{1000 / one.wall_ms:.0f} a second, CPU {one.cpu_ms:.3f} ms a cycle"
            say(f"{name}: {rate}, {by.wall_ms:.2f} of the loop's rate")
        by = ratio(spent["2 worker(s)"], spent["1 worker(s)"])
        say(f"two workers by one: {by.wall_ms:.2f}")
        return median(spent["2 worker(s)"]), by.wall_ms


def _of_pool(pool: Pool, pristine: Path, cycles: int) -> Callable[[], Spent]:
    """Make a thing of a pool's cycles, its workers' CPU time included."""

    def call(number: int) -> None:
        task = Task(CONDITION, pristine, range(number * cycles, (number + 1) * cycles))
        if sum(len(records) for records in pool.run([task])) != cycles:
            raise SystemExit("a pool did not run all of its cycles")

    whole = of_calls(call, 1, pool.processes)

    def thing() -> Spent:
        wall_ms, cpu_ms = whole()
        return Spent(wall_ms / cycles, cpu_ms / cycles)

    return thing


def pin() -> None:
    """Backup and restore of 150 MB by wal_pin against two copies of the file."""
    with in_memory() as folder:
        database = baseline(folder, 150_999_040)
        pinned_ms, copied_ms = [], []
        for _ in range(15):
            recovery = registry.find("recovery", "wal_pin")(
                database, folder / "unused", files=Files()
            )
            started = time.perf_counter()
            recovery.capture()
            captured = time.perf_counter()
            connection = connect(database)
            connection.execute("UPDATE users SET name = 'x' WHERE id = 1")
            connection.close()
            again = time.perf_counter()
            recovery.restore()
            ended = time.perf_counter()
            recovery.dispose()
            pinned_ms.append((captured - started + ended - again) * 1000)
            started = time.perf_counter()
            shutil.copyfile(database, folder / "copy")
            shutil.copyfile(folder / "copy", database)
            copied_ms.append((time.perf_counter() - started) * 1000)
        say(f"150 MB, wal_pin, backup and restore: {statistics.median(pinned_ms):.3f} ms")
        say(f"150 MB, two copies: {statistics.median(copied_ms):.0f} ms")


def over_http(recovery: str) -> Condition:
    """Give a condition whose tests and cleanup go through proxy and backend."""
    return Condition.model_validate(
        {
            "name": "network",
            "demands": "rows",
            "policy": "hybrid_verified",
            "connection": "backend",
            "cleanup": "api",
            "recoveries": [recovery],
            "api": {"timeout_ms": 5000.0},
        }
    )


def network() -> dict[str, Spent]:
    """Full cycles through proxy and backend, and what the proxy adds to a request.

    With wal_pin the cycle is what HTTP makes of it; online_backup, which can restore while the
    backend is connected, copies the whole database in every cycle.
    """
    with ExitStack() as ending:
        folder = ending.enter_context(in_memory())
        pristine = baseline(folder)
        things = {"the loop": of_calls(hand_written(folder, pristine), 60)}
        sites, records = {}, list[CycleRecord]()
        for recovery in ("wal_pin", "online_backup"):
            (folder / recovery).mkdir()
            site = sites[recovery] = Site(over_http(recovery), 1, pristine, folder / recovery)
            ending.callback(site.close)
            things[recovery] = _of_site(site, records)
        turn_by_turn(things, 1)  # warm
        records.clear()
        spent = turn_by_turn(things)
        if {record.outcome for record in records} != {"cleaned"}:
            raise SystemExit("a cycle without faults did not end clean: nothing was measured")
        medians = {name: median(times) for name, times in spent.items()}
        for name, one in medians.items():
            by = ratio(spent[name], spent["the loop"])
            rate = f"{1000 / one.wall_ms:.0f} a second, {by.wall_ms:.2f} of the loop's rate"
            say(f"full cycle over HTTP, {name}: {_said(one)} ({rate})")
        parts = {phase: statistics.median(r.timings_ms[phase] for r in records) for phase in PHASES}
        say("of it " + ", ".join(f"{phase} {ms:.2f} ms" for phase, ms in parts.items()))
        _proxy(sites["online_backup"])
        return medians


def _of_site(site: Site, records: list[CycleRecord]) -> Callable[[], Spent]:
    backend = site.scene.backend
    if backend is None or not backend.pid:
        raise SystemExit("the site has no backend")
    pid = backend.pid
    return of_calls(lambda number: records.append(site.run(number)), 60, lambda: [pid])


def _proxy(site: Site) -> None:
    """The same request with and without the proxy, turn by turn."""
    application = site.scene.backend, site.scene.proxy
    if application[0] is None or application[1] is None:
        raise SystemExit("the site has no backend")
    urls = {"direct": application[0].url, "by the proxy": application[1].url}
    clients = {
        name: ApiClient(Service(url, site.scene.token, 5000.0)) for name, url in urls.items()
    }
    spent_ms: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(2000):
        for name, client in clients.items():
            started = time.perf_counter()
            client.request("GET", "/bots/1")
            spent_ms[name].append((time.perf_counter() - started) * 1000)
    medians = {name: statistics.median(values[100:]) for name, values in spent_ms.items()}
    said = ", ".join(f"{name} {value:.3f} ms" for name, value in medians.items())
    say(f"a request: {said}: the proxy adds {medians['by the proxy'] - medians['direct']:.3f} ms")
    for client in clients.values():
        client.close()


EXPERIMENT = """
name = "decide"
cycles = {cycles}
[defaults]
demands = "rows"
recoveries = ["wal_pin"]
[[conditions]]
name = "no faults"
claims = ["reliability >= 0.999"]
"""


def _of_run(folder: Path, cycles: int, *options: str) -> Callable[[], Spent]:
    """Make a thing of the experiment run as people do it, from start to report."""
    path, output = folder / "decide.toml", folder / "run"
    path.write_text(EXPERIMENT.format(cycles=cycles))
    command = [sys.executable, "-m", "harness", "run", str(path), "--output", str(output), *options]
    # 0: supported, 3: too few cycles to decide
    return of_command(command, (0, 3), before=lambda: shutil.rmtree(output, ignore_errors=True))


def decide() -> Spent:
    """The claim 0.999 from scratch: start, baseline, 3,402 clean cycles, verdict, report."""
    with in_memory() as folder:
        (folder / "loop").mkdir()
        things = {
            "loop": of_calls(hand_written(folder / "loop", baseline(folder / "loop")), 300),
            "ours": _of_run(folder, 20_000, "--stop-when-decided"),
        }
        turn_by_turn(things, 1)  # modules are compiled, files read
        spent = turn_by_turn(things)
        summary = json.loads((folder / "run" / "summary.json").read_text())["conditions"][0]
        ours, cycles = median(spent["ours"]), summary["decided_at_cycle"]
        by = ratio(spent["ours"], spent["loop"])
        say(
            f"0.999 {summary['verdict']} at cycle {cycles}: {ours.wall_ms / 1000:.1f} s, CPU "
            f"{ours.cpu_ms / 1000:.1f} s, {by.wall_ms * cycles:.2f} of the loop's rate"
        )
        return ours


def figures() -> None:
    """All that the table of docs/speed.md keeps of a revision, as a row of it."""
    (ours, by), (_, scaled), whole, http = cycle(), workers(), decide(), network()
    said = [
        f"{ours.wall_ms:.2f} ({ours.cpu_ms:.2f})",
        f"{by.wall_ms:.2f} ({by.cpu_ms:.2f})",
        f"{scaled:.2f}",
        f"{whole.wall_ms / 1000:.1f} ({whole.cpu_ms / 1000:.1f})",
        *(f"{1000 / http[name].wall_ms:.0f}" for name in ("wal_pin", "online_backup")),
    ]
    say(row(said))


def many() -> None:
    """What a cycle costs on disk, and whether memory grows, over 20,000 cycles."""
    with in_memory() as folder:
        for cycles in (2_000, 20_000):
            wall_s = _of_run(folder, cycles)().wall_ms / 1000
            peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            stored = (folder / "run" / "cycles.sqlite").stat().st_size
            say(
                f"{cycles} cycles: {wall_s:.0f} s, {stored / cycles:.0f} bytes a cycle stored, "
                f"largest process {peak_mb:.0f} MB"
            )


def command() -> None:
    """A cycle of a user's own commands against the commands alone, turn by turn."""
    with in_memory() as folder:
        for line in commands.measure(folder):
            say(line)


def big(size_mb: int = 1000) -> None:
    """A big database on disk: the whole guard, as people start it, against one durable copy."""
    folder = Path(tempfile.mkdtemp())
    try:
        database, copy = folder / "big.sqlite3", folder / "copy"
        filling.fill(database, size_mb * 1_000_000)
        guard = [sys.executable, "-m", "harness", "guard", "--database", str(database)]
        insert = f"import apsw; apsw.Connection({str(database)!r}).execute({_INSERT!r})"
        runs = {
            "cp and sync": [
                "sh",
                "-c",
                'cp "$1" "$2" && sync "$2"',
                "sh",
                str(database),
                str(copy),
            ],
            "guard -- true": [*guard, "--", "true"],
            "guard -- one INSERT": [*guard, "--", sys.executable, "-c", insert],
            "guard --recovery wal_pin -- true": [
                *guard,
                "--i-know",
                "--recovery",
                "wal_pin",
                "--",
                "true",
            ],
        }
        spent_s: dict[str, list[float]] = {name: [] for name in runs}
        peak_mb = dict.fromkeys(runs, 0.0)
        for _ in range(5):
            for name, command in runs.items():
                wall_s, mb = _measured(command)
                spent_s[name].append(wall_s)
                peak_mb[name] = max(peak_mb[name], mb)
                for left in folder.glob("copy*"):
                    left.unlink()
                for left in folder.glob("*.e2e-archive-*"):
                    left.unlink()
                os.sync()  # nobody pays for another's removals
        whole_s = statistics.median(spent_s["cp and sync"])
        say(f"{database.stat().st_size:,} bytes, medians of 5, turn by turn")
        for name, values in spent_s.items():
            wall_s = statistics.median(values)
            say(
                f"{name}: {wall_s:.2f} s, {wall_s / whole_s:.2f} of the copy, "
                f"peak {peak_mb[name]:.0f} MB"
            )
    finally:
        shutil.rmtree(folder)


_INSERT = "INSERT INTO filled(body) VALUES ('test')"


# Of a process of its own: the kernel counts what a process was before it became the command.
_MEASURE = """
import resource, subprocess, sys, time
started = time.perf_counter()
done = subprocess.run(sys.argv[1:], stderr=subprocess.PIPE)
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
sys.stderr.buffer.write(done.stderr)
sys.exit(done.returncode)
"""


def _measured(command: list[str]) -> tuple[float, float]:
    """Run to the end; seconds, and the largest process's memory in MB."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MEASURE, *command],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    wall_s, peak_mb = map(float, done.stdout.split())
    return wall_s, peak_mb


def by_own() -> None:
    """Measure a cycle on a database of somebody's own, by SQL and by commands."""
    with in_memory() as folder:
        own.measure(folder, say)


def guard(size_mb: int = 1000, beside: Path | None = None) -> None:
    """The guard as a command at 2.69 MB and at 1 GB: by pin, by copy, with shared blocks."""
    by_guard.measure(say, size_mb=size_mb, beside=beside)


BENCHMARKS: dict[str, Callable[[], object]] = {
    "big": big,
    "cycle": cycle,
    "workers": workers,
    "pin": pin,
    "network": network,
    "decide": decide,
    "figures": figures,
    "many": many,
    "command": command,
    "own": by_own,
    "guard": guard,
}


def main(names: list[str]) -> None:
    """Run the benchmarks asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--size-mb", type=int, default=1000, help="of the databases of big and guard"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="CHECKOUT",
        help="for guard: of another revision, measured in turn with this one",
    )
    options = parser.parse_args(names)
    for name in options.names or [name for name in BENCHMARKS if name != "figures"]:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark is called {name}: choose of {', '.join(BENCHMARKS)}")
        say(f"== {name}")
        if name == "big":
            big(options.size_mb)
        elif name == "guard":
            guard(options.size_mb, options.beside)
        else:
            BENCHMARKS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
