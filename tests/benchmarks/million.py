"""What millions of stored cycles cost: `python -m tests.benchmarks.million --cycles 5000000`.

Four conditions, made from the cycles of a published run: its faults in a tenth of them, one failure
in two thousand, every timing moved by a chance of its own. They go through the real store, in
batches as a run's workers send them. Every figure is of a process of its own, as people meet it:
with the start of Python and every import; the largest memory is the kernel's figure for it
(``ru_maxrss``). Beside each stands what was aimed at. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "results" / "summary_claims"
CONDITIONS = 4
BATCH = 500
SMALL = 1_200
EVERY_WITH_FAULTS, EVERY_FAILED = 10, 2_000  # one cycle in so many
_NO_CACHE = "PYTHONDONTWRITEBYTECODE"  # set, every process compiles every module anew
_MOVED = 0.2  # the standard deviation of a timing's logarithm
_CPU = 0.6  # of a step's time, the processor's
_WELL = ("cleaned", "restored")

_RESULTS = "from pathlib import Path; from harness.results.reading import Results; "
_SUMMARISE = _RESULTS + (
    "from harness.analysis.summary import summarise; summarise(Results(Path({0!r})))"
)
_WRITE = _RESULTS + "from harness.analysis.summary import write; write(Results(Path({0!r})))"
_LOAD = "import harness; run = harness.load({0!r})"


class Cost(NamedTuple):
    """What one process took."""

    wall_s: float
    cpu_s: float  # user and system
    peak_mb: float


class Aim(NamedTuple):
    """What was aimed at for 5,000,000 cycles, where anything was."""

    wall_s: float | None = None
    peak_mb: float | None = None


def make(folder: Path, cycles: int, seed: int) -> None:
    """Store ``cycles`` cycles in ``folder``; print now and then how much memory it takes."""
    from harness.experiment.written.configuration import Experiment  # noqa: PLC0415 - the parent stays small
    from harness.results.reading import Results  # noqa: PLC0415 - as above
    from harness.results.store import Store  # noqa: PLC0415 - as above

    published = Results(PUBLISHED)
    names = [one["name"] for one in published.conditions]
    chosen = [name for name in names if name.startswith("combined")][:CONDITIONS]
    kept = [one for one in published.conditions if one["name"] in chosen]
    for one in kept:
        one |= {"claims": ["reliability >= 0.999"], "cycles": cycles // len(chosen)}
    experiment = {**published.experiment, "conditions": kept, "rows": []}
    resolved = Experiment.from_json(experiment).to_json()
    content = {**published.run, "experiment": resolved, "wall_s_by_condition": {}}
    store = Store.create(folder, content)
    stored = 0
    for name in chosen:
        records = _records(published, name, cycles // len(chosen), seed)
        while batch := list(itertools.islice(records, BATCH)):
            store.append(batch)
            if stored * 10 // cycles != (stored + len(batch)) * 10 // cycles:
                peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"{stored + len(batch):11,} cycles stored: {peak_mb:6.0f} MB", flush=True)  # noqa: T201 - it prints a table
            stored += len(batch)
    store.close()


def _records(published: Any, name: str, cycles: int, seed: int) -> Iterator[Any]:
    """Give the published cycles over and over, with faults in one of EVERY_WITH_FAULTS."""
    import numpy as np  # noqa: PLC0415 - the parent stays small

    rows = [_row(row) for row in published.cycles(name).to_dict("records")]
    quiet = [row for row in rows if not row["faults"] and row["outcome"] in _WELL]
    struck = [row for row in rows if row["faults"] and row["outcome"] in _WELL]
    failed = [row for row in rows if row["outcome"] not in _WELL] or struck
    draw = np.random.default_rng(seed)
    for start in range(0, cycles, BATCH):
        moved = np.exp(draw.normal(0, _MOVED, (BATCH, 8)))
        for number in range(start, min(start + BATCH, cycles)):
            every, place = quiet, number
            if number % EVERY_WITH_FAULTS == 1:
                every, place = struck, number // EVERY_WITH_FAULTS
            if number % EVERY_FAILED == EVERY_FAILED // 2:
                every, place = failed, number // EVERY_FAILED
            yield _moved(every[place % len(every)], name, number, moved[number - start])


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a record is made of, but for its name, its number and its times."""
    from harness.outcomes import TIMINGS  # noqa: PLC0415 - the parent stays small
    from harness.results import ledgers  # noqa: PLC0415 - as above

    known = {key: None if value is None or value != value else value
             for key, value in row.items() if key in _KEPT}  # fmt: skip
    ran = row["cleanup_ok"]
    return {
        **known,
        "cleanup_ok": bool(ran) if ran is True or ran is False else None,
        "faults": ledgers.of_text(row["faults"]),
        "timings_ms": {step: row[f"{step}_ms"] for step in TIMINGS if row[f"{step}_ms"] >= 0},
    }


_KEPT = ("outcome", "rows", "exact", "says_clean", "restored_by", "left_behind", "backup_bytes",
         "payload_bytes", "grown_bytes", "detail")  # fmt: skip


def _moved(row: dict[str, Any], name: str, number: int, by: Any) -> Any:
    from harness.results.records import CycleRecord  # noqa: PLC0415 - the parent stays small

    times = {
        step: ms * factor for (step, ms), factor in zip(row["timings_ms"].items(), by, strict=False)
    }
    cpu_ms = {step: ms * _CPU for step, ms in times.items()}
    return CycleRecord(condition=name, cycle=number, **{**row, "timings_ms": times}, cpu_ms=cpu_ms)


def cost(command: list[str], *, shown: bool = False) -> Cost:
    """Run ``command`` in a process of its own and return what it took; SystemExit where it fails.

    0, 1 and 3 are verdicts; a traceback ends with 1 as well, and is none.
    """
    with tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        out = None if shown else subprocess.DEVNULL
        usual = {key: value for key, value in os.environ.items() if key != _NO_CACHE}
        child = subprocess.Popen(command, cwd=ROOT, env=usual, stdout=out, stderr=errors)
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read()
    if child.returncode not in (0, 1, 3) or "Traceback" in said:
        raise SystemExit(said)
    return Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def commands(folder: Path, small: Path, twin: Path) -> Iterator[tuple[str, list[str], Aim]]:
    """Give each thing people do with the run in ``folder``, and what was aimed at."""
    python, harness = [sys.executable, "-c"], [sys.executable, "-m", "harness"]
    page = ["--output", str(folder / "page.html")]
    yield "harness check", [*harness, "check", str(folder)], Aim(1)
    for name, aim in (("html", Aim(15)), ("console", Aim())):
        command = [*harness, "report", str(folder), "--format", name, *page]
        yield f"harness report --format {name}", command, aim
    compare = [*harness, "compare"]
    name = f"harness compare, {SMALL:,} before"
    yield name, [*compare, str(small), str(folder)], Aim(20, 1024)
    yield "harness compare, as many before", [*compare, str(twin), str(folder)], Aim(20, 1024)
    yield "summary of everything", [*python, _SUMMARISE.format(str(folder))], Aim()
    yield "harness.load", [*python, _LOAD.format(str(folder))], Aim()
    timings = _LOAD.format(str(folder)) + "; run.timings"
    yield "harness.load and .timings", [*python, timings], Aim()


def told(name: str, took: Cost, aim: Aim) -> str:
    """Return a row of the table."""
    aims = [f"{aim.wall_s:g} s"] if aim.wall_s else []
    aims += [f"{aim.peak_mb:,.0f} MB"] if aim.peak_mb else []
    figures = f"{took.wall_s:8.2f} s {took.cpu_s:8.2f} s CPU {took.peak_mb:7,.0f} MB"
    return f"{figures}  {name}" + (f" (aim: {', '.join(aims)})" if aims else "")


def main(arguments: list[str]) -> None:
    """Make the runs, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000_000)
    parser.add_argument(
        "--folder", type=Path, help="keep the runs here, or take those that are here"
    )
    parser.add_argument("--make", type=Path, help="only store a run here")
    parser.add_argument("--seed", type=int, default=1, help="of the runs' timings")
    options = parser.parse_args(arguments)
    if options.make:
        make(options.make, options.cycles, options.seed)
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = options.folder or Path(temporary)
        folder, small, twin = (root / name for name in ("run", "small", "twin"))
        for path, cycles in ((small, SMALL), (folder, options.cycles)):
            if not path.exists():
                _store(path, cycles)
            _sum_up(path)
        if not twin.exists():
            shutil.copytree(folder, twin)
        journal = (folder / "cycles.sqlite").stat().st_size / options.cycles
        print(f"{journal:8.1f} bytes a cycle in cycles.sqlite (aim: 80)")  # noqa: T201 - it prints a table
        for path in sorted(folder.iterdir()):
            print(f"{path.stat().st_size / 1e6:8.1f} MB {path.name}")  # noqa: T201 - as above
        for name, command, aim in commands(folder, small, twin):
            print(told(name, cost(command), aim), flush=True)  # noqa: T201 - as above


def _store(folder: Path, cycles: int) -> None:
    this = [sys.executable, "-m", "tests.benchmarks.million"]
    large = cycles > SMALL
    took = cost([*this, "--make", str(folder), "--cycles", str(cycles)], shown=large)
    if large:
        print(told("stored", took, Aim(None, 300)), flush=True)  # noqa: T201 - it prints a table


def _sum_up(folder: Path) -> None:
    """Sum a run up from its database as a run does in the end."""
    for name in ("summary.json", "cycles.parquet"):
        (folder / name).unlink(missing_ok=True)
    summed = cost([sys.executable, "-c", _WRITE.format(str(folder))])
    if folder.name == "run":
        print(told("summed up and written", summed, Aim(5)), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(sys.argv[1:])
