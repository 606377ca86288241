"""What a run of a million cycles costs to read: `python -m tests.benchmarks.million`.

Four conditions of a quarter of a million cycles each, made by storing the cycles of a published
run over and over. Every figure is of a process of its own, as people meet it: with the start of
Python and every import. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from harness.analysis.summary import write
from harness.experiment.written.configuration import Experiment
from harness.faults.schedule.ledger import LedgerEntry
from harness.results.folder import CYCLES
from harness.results.reading import TIMINGS, Results
from harness.results.records import CycleRecord
from harness.results.store import Store

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "results" / "summary_claims"
CONDITIONS = 4
BATCH = 10_000
EVERY_WITH_FAULTS = 10  # one cycle in so many

_LOAD = "import harness; run = harness.load({0!r})"
_SUMMARISE = (
    "from pathlib import Path; from harness.analysis import results, summary; "
    "summary.summarise(results.Results(Path({0!r})))"
)
_CODE = {
    "import harness": "import harness",
    "harness.load": _LOAD,
    "harness.load and .cycles": _LOAD + "; run.cycles",
    "harness.load and .timings": _LOAD + "; run.timings",
    "summary of everything": _SUMMARISE,
}


def make(folder: Path, cycles: int) -> None:
    """Store ``cycles`` cycles in ``folder``, with faults planned in a tenth of them."""
    published = Results(PUBLISHED)
    names = [one["name"] for one in published.conditions]
    chosen = [name for name in names if name.startswith("combined")][:CONDITIONS]
    kept = [one for one in published.conditions if one["name"] in chosen]
    experiment = {**published.experiment, "conditions": kept, "rows": []}
    for one in kept:
        one["claims"] = ["reliability >= 0.999"]
    resolved = Experiment.from_json(experiment).to_json()
    content = {**published.run, "experiment": resolved, "wall_s_by_condition": {}}
    store = Store.create(folder, content)
    for name in chosen:
        records = _records(published, name, cycles // len(chosen))
        while batch := list(itertools.islice(records, BATCH)):
            store.append(batch)
    store.close()


def _records(published: Results, name: str, cycles: int) -> Iterator[CycleRecord]:
    """Give the published cycles over and over: with faults in one of EVERY_WITH_FAULTS."""
    rows = published.cycles(name).to_dict("records")
    struck = itertools.cycle([row for row in rows if row["faults"]] or rows)
    quiet = itertools.cycle([row for row in rows if not row["faults"]] or rows)
    for number in range(cycles):
        row = next(quiet if number % EVERY_WITH_FAULTS else struck)
        entries = [LedgerEntry(*one) for one in json.loads(row["faults"] or "[]")]
        timings_ms = {step: row[f"{step}_ms"] for step in TIMINGS}
        yield CycleRecord(
            condition=name,
            cycle=number,
            timings_ms={step: ms for step, ms in timings_ms.items() if ms == ms},
            faults=tuple(entries),
            **{
                key: None if row[key] != row[key] else row[key]
                for key in CycleRecord.__slots__  # type: ignore[attr-defined] # it has slots
                if key in row and key not in ("cycle", "faults", "cleanup_ok", "shadow_ok")
            },
            cleanup_ok=_known(row["cleanup_ok"]),
        )


def _known(value: object) -> bool | None:
    return bool(value) if value is True or value is False else None


def took_s(command: list[str], repeats: int = 3) -> float:
    """Return the median wall time of ``command`` in a process of its own, in seconds."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        found.append(time.perf_counter() - started)
        if done.returncode not in (0, 1, 3):
            raise SystemExit(done.stderr)
    return statistics.median(found)


def measure(folder: Path) -> Iterator[tuple[str, float]]:
    """Give what each thing people do with the run in ``folder`` takes, in seconds."""
    python = [sys.executable, "-c"]
    for name, code in _CODE.items():
        yield name, took_s([*python, code.format(str(folder))])
    harness = [sys.executable, "-m", "harness"]
    page = ["--output", str(folder / "page.html")]
    for name in ("html", "console"):
        command = [*harness, "report", str(folder), "--format", name, *page]
        yield f"harness report --format {name}", took_s(command)
    yield "harness check --help", took_s([*harness, "check", "--help"])
    yield "harness check", took_s([*harness, "check", str(folder)])
    published = took_s([*harness, "compare", str(PUBLISHED), str(folder)])
    yield "harness compare with the published run", published
    hidden = folder / "cycles.parquet"
    aside = hidden.rename(folder / "aside")  # without it the database is read
    yield (
        "summary of everything, from the database",
        took_s([*python, _SUMMARISE.format(str(folder))], repeats=1),
    )
    aside.rename(hidden)


def main(arguments: list[str]) -> None:
    """Make the run, measure it and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the run here, or read it from here")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "run"
        if not (folder / CYCLES).exists():
            started = time.perf_counter()
            make(folder, options.cycles)
            print(f"{time.perf_counter() - started:8.2f} s  stored")  # noqa: T201 - it prints a table
            started = time.perf_counter()
            write(Results(folder))
            print(f"{time.perf_counter() - started:8.2f} s  summed up and written")  # noqa: T201 - as above
        for path in sorted(folder.iterdir()):
            print(f"{path.stat().st_size / 1e6:8.1f} MB {path.name}")  # noqa: T201 - as above
        for name, seconds in measure(folder):
            print(f"{seconds:8.2f} s  {name}", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(sys.argv[1:])
