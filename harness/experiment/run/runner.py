"""Run an experiment: baselines, calibrations, every condition's cycles, and the results."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from harness import registry
from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.experiment.cycle.forking import SITE
from harness.experiment.cycle.rehearsal import commands_s, rehearse
from harness.experiment.plan import pilot, planning
from harness.experiment.plan.rates import Calibrate, Measure, solved
from harness.experiment.run import machine, verdicts
from harness.experiment.run.place import ROOM_FACTOR, Baselines, WorkRoot, size_bytes
from harness.experiment.run.pool import Pool, Task, find_site
from harness.experiment.run.progress import ProgressDisplay, Tally
from harness.experiment.written.configuration import Condition, Experiment, load
from harness.experiment.written.family import family
from harness.printable import printable
from harness.results.again import take_away
from harness.results.folder import CYCLES, check_same, fingerprint, refuse_unused, refuse_used
from harness.results.records import CycleRecord
from harness.results.store import Store

INTERRUPTED, REPORT = 130, "report.html"


class _Printer(Console):
    """Where people read; a reader who has left (``| head``) does not end the run."""

    def on_broken_pipe(self) -> None:
        """Print to nowhere from here on; rich would exit with 1, which means refuted."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass
class _Run:
    """One run under way."""

    source: Path  # the TOML file
    configured: Experiment  # rates may still be to be solved for
    folder: Path
    pool: Pool
    baselines: Baselines
    display: ProgressDisplay
    console: Console
    walls_s: dict[str, float] = field(default_factory=dict)  # by condition


def run(
    path: Path,
    *,
    cycles: int | None = None,
    seed: int | None = None,
    workers: int | None = None,
    output: Path | None = None,
    resume: bool = False,
    again: bool = False,
    overrides: Sequence[str] = (),
    stop_when_decided: bool = False,
    site: str = SITE,
    calibrate: Calibrate | None = None,
    watchdog_s: float = 60.0,
    work_folder: Path | None = None,
    console: Console | None = None,
) -> int:
    """Run the experiment in ``path`` and return the exit status.

    Args:
        path: the TOML file.
        cycles: of every condition, instead of what the file says; of one with strata those
            that are drawn.
        seed: instead of the file's.
        workers: processes; default: one a core.
        output: the run's folder; default: runs/NAME-SEED.
        resume: go on with what ``output`` holds; it ends with the rows of an unbroken run.
        again: with ``resume``, run those cycles again whose worker was killed from outside.
        overrides: KEY=VALUE, put into the file's values.
        stop_when_decided: end a condition at the first decision on its claims, in order of cycle
            number; exactly the cycles up to that one are stored, however many workers there are.
            A condition with strata runs all its cycles: they are judged together.
        site: "module:Class" that runs a cycle.
        calibrate: solves for rates; default: ``solved``.
        watchdog_s: a cycle that takes longer is killed and counts as a harness error; its own
            commands have their own time beside it.
        work_folder: where cycles run; default: /dev/shm where there is room.
        console: where people read; default: standard output.

    Returns:
        4 for any harness error or fault that never fired, else 1 for any claim refuted, 3 for any
        undecided, else 0; 130 when interrupted (what has come in is stored).

    Raises:
        UsageError: the experiment cannot be run as asked, or the folder holds another.
        MeasurementError: results cannot be stored, or workers cannot work.
    """
    console = console or _Printer()
    experiment = _asked(path, overrides, cycles, seed)
    workers = workers or os.cpu_count() or 1
    folder = output or Path("runs") / f"{experiment.name}-{experiment.seed}"
    earlier: dict[str, Any] | None = None
    if again and not resume:
        raise UsageError("--again is about the results that are there: say --resume as well")
    if resume:
        refuse_unused(folder)
        earlier = check_same(folder, experiment)
        _check_stored(folder)
    else:
        refuse_used(folder)
    find_site(site)
    watchdog_s += commands_s(experiment.conditions)
    largest = max(map(size_bytes, experiment.conditions))
    with (
        WorkRoot(largest * ROOM_FACTOR * (workers + 1), work_folder) as root,
        Pool(site, experiment.seed, workers, root.path, watchdog_s=watchdog_s) as pool,
        _interrupts(pool),
        ProgressDisplay(console, experiment.confidence) as display,
    ):
        baselines = Baselines(root.path, experiment.seed)
        one = _Run(path, experiment, folder, pool, baselines, display, console)
        return _go(
            one, earlier, calibrate or solved, again=again, stop_when_decided=stop_when_decided
        )


def _asked(
    path: Path, overrides: Sequence[str], cycles: int | None, seed: int | None
) -> Experiment:
    """Return the experiment as the command line wants it."""
    experiment = load(path, overrides)
    if cycles is not None and cycles < 1:
        raise UsageError(f"--cycles {cycles}: must be 1 or more")
    if seed is not None and seed < 0:
        raise UsageError(f"--seed {seed}: must be 0 or more")
    if cycles is not None:
        experiment = experiment.with_cycles(cycles)
    return experiment if seed is None else experiment.model_copy(update={"seed": seed})


def _go(
    run: _Run,
    earlier: dict[str, Any] | None,
    calibrate: Calibrate,
    *,
    again: bool,
    stop_when_decided: bool,
) -> int:
    """Calibrate, open the store, run every condition, judge."""
    began_s = time.monotonic()
    configured = run.configured
    _say(run, f"{configured.name}: seed {configured.seed}, results in {run.folder}")
    if earlier is None:  # before anything is written: a size may be impossible
        _build_baselines(run)
    rates = dict(earlier["rates"]) if earlier else _calibrated(run, calibrate)
    experiment = configured.resolved(rates)
    _say_rates(run, experiment)
    experiment = pilot.stored(experiment, earlier) if earlier else _designed(run, experiment)
    for condition in experiment.conditions:
        if condition.strata is not None:
            _say(run, pilot.sentence(condition))
    store = _opened(
        run, experiment, rates, resumed=earlier is not None, stop_when_decided=stop_when_decided
    )
    if again:
        _take_away(run, store)
    run.walls_s = dict(store.run["wall_s_by_condition"])
    before_s = float(store.run["wall_s"])
    finished = None
    try:
        for condition in experiment.conditions:
            if not run.pool.stop.is_set():
                _run_condition(run, store, condition, stop_when_decided=stop_when_decided)
        finished = None if run.pool.stop.is_set() else _now()
    finally:
        with contextlib.suppress(MeasurementError):  # where the disk is full that was said already
            wall_s = before_s + time.monotonic() - began_s
            store.update_run(wall_s=wall_s, wall_s_by_condition=run.walls_s, finished=finished)
        store.close()
    if finished is None:
        _say(run, f"interrupted; what came in is stored in {run.folder}: go on with --resume")
        return INTERRUPTED
    return _judge(run)


def _check_stored(folder: Path) -> None:
    """Raise MeasurementError where what would be gone on with is damaged."""
    if (folder / CYCLES).exists():
        from harness.results.reading import Results  # noqa: PLC0415 - pandas is slow to import

        reading = Results(folder)
        for condition in reading.conditions:
            reading.columns(condition["name"])


def _take_away(run: _Run, store: Store) -> None:
    """Let the cycles of killed workers be run again, and say how many they are."""
    try:
        number = take_away(store)
    except BaseException:
        store.close()
        raise
    _say(
        run,
        f"running again {number:,} cycle{'' if number == 1 else 's'} whose worker was killed "
        "from outside"
        if number
        else "no cycle's worker was killed from outside, so none is run again",
    )


def _build_baselines(run: _Run) -> None:
    """Build every baseline; UsageError names file, condition and key where there can be none."""
    for condition in run.configured.conditions:
        if run.pool.stop.is_set():
            raise KeyboardInterrupt
        try:
            pristine = run.baselines.of(condition)
            planning.check_script(condition, run.configured.seed, pristine)
            rehearse(
                condition,
                run.configured.seed,
                pristine,
                run.pool.root,
                stopped=run.pool.stop.is_set,
            )
        except UsageError as error:
            raise ConfigurationError(f"{run.source}: {error}") from error


def _calibrated(run: _Run, calibrate: Calibrate) -> dict[str, float]:
    if not run.configured.calibrations:
        return {}
    _say(run, f"calibrating: {', '.join(run.configured.calibrations)}")
    return dict(calibrate(run.configured, _measure(run)))


def _designed(run: _Run, experiment: Experiment) -> Experiment:
    """Allocate the cycles of strata; UsageError names the file where there are too few."""

    def slots(condition: Condition) -> dict[str, int]:
        pristine = run.baselines.of(condition)
        return planning.slots_by_kind(condition, experiment.seed, pristine)

    try:
        return pilot.designed(experiment, slots, _measure(run))
    except UsageError as error:
        raise ConfigurationError(f"{run.source}: {error}") from error


def _measure(run: _Run) -> Measure:
    """Run cycles that are not stored."""

    def measure(condition: Condition, cycles: range) -> list[CycleRecord]:
        task = Task(condition, run.baselines.of(condition), cycles)
        records = [record for batch in run.pool.run([task]) for record in batch]
        if run.pool.stop.is_set():
            raise KeyboardInterrupt
        return sorted(records, key=lambda record: record.cycle)

    return measure


def _opened(
    run: _Run,
    experiment: Experiment,
    rates: dict[str, float],
    *,
    resumed: bool,
    stop_when_decided: bool,
) -> Store:
    """Open the store; run.json is there before the first cycle is."""
    if resumed:
        store = Store.resume(run.folder, run.configured)
        # the results of a run that had ended were there to be looked at before it went on
        looked = store.run.get("looked", False) or store.run.get("finished") is not None
        looked = looked or stop_when_decided
        store.update_run(experiment=experiment.to_json(), finished=None, looked=looked)
        return store
    return Store.create(
        run.folder,
        {
            "version": 1,
            "fingerprint": fingerprint(run.configured),
            "seed": experiment.seed,
            "rates": rates,
            "experiment": experiment.to_json(),
            "configured": run.configured.to_json(),
            "versions": machine.versions(),
            "machine": machine.machine(run.pool.root),
            "revision": machine.revision(),
            "workers": run.pool.size,
            "started": _now(),
            "finished": None,
            "looked": stop_when_decided,  # whether how many cycles there are depends on results
            "wall_s": 0.0,
            "wall_s_by_condition": {},
        },
    )


def _run_condition(
    run: _Run, store: Store, condition: Condition, *, stop_when_decided: bool
) -> None:
    """Run the cycles of one condition that are not stored yet."""
    began_s = time.monotonic()
    designed = condition.strata is not None
    tally = Tally(condition.name, condition.cycles, designed=designed)
    tally.add_stored(store.outcomes(condition.name), store.fired(condition.name))
    run.display.begin(tally)
    in_order = None
    found = family(run.configured.to_json(), run.configured.confidence)
    if stop_when_decided and condition.strata is None:
        claims = found.claims[condition.name]
        in_order = verdicts.InOrder(store, condition, claims, found.each)
    missing = gaps(store.done(condition.name), condition.cycles)
    if missing and not (in_order and in_order.decided):
        pristine = run.baselines.of(condition)
        tasks = [Task(condition, pristine, cycles) for cycles in missing]
        enough = (lambda: in_order.decided) if in_order else (lambda: False)
        for records in run.pool.run(tasks, enough):
            passed = in_order.take(records) if in_order else records
            store.append(passed)
            tally.add(passed)
            run.display.tick()
    run.display.show()
    wall_s = time.monotonic() - began_s
    run.walls_s[condition.name] = run.walls_s.get(condition.name, 0.0) + wall_s


def gaps(done: Sequence[range], cycles: int) -> list[range]:
    """Return the cycles of ``range(cycles)`` that are in none of the ascending ranges ``done``."""
    missing, at = [], 0
    for stored in [*done, range(cycles, cycles)]:
        missing.append(range(at, min(stored.start, cycles)))
        at = stored.stop
    return [cycles for cycles in missing if cycles]


def _judge(run: _Run) -> int:
    """Write summary and report, print them; return the exit status."""
    from harness.analysis import summary  # noqa: PLC0415 - pandas is slow to import
    from harness.results import reading  # noqa: PLC0415 - pandas is slow to import

    summary.write(reading.Results(run.folder))
    try:
        html = registry.find("reports", "html")().render(run.folder)
        (run.folder / REPORT).write_text(html, encoding="utf-8")
    except OSError as error:
        raise MeasurementError(f"{run.folder / REPORT}: cannot be written: {error}") from error
    run.console.out(registry.find("reports", "console")().render(run.folder), highlight=False)
    judged = verdicts.of_run(reading.Results(run.folder))
    for line in verdicts.lines(judged):
        _say(run, line)
    return verdicts.exit_code(judged)


def _say_rates(run: _Run, experiment: Experiment) -> None:
    for condition in experiment.conditions:
        rates = condition.rates()
        for kind, setting in condition.faults.items():
            lasting = ", ".join(f"{word} {share:.3g}" for word, share in setting.lasting.items())
            _say(run, f"  {condition.name}: {kind} at {rates[kind]:.6g} a slot, lasts {lasting}")


def _say(run: _Run, line: str) -> None:
    run.console.out(printable(line), highlight=False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def _interrupts(pool: Pool) -> Iterator[None]:
    """End in good order on the first Ctrl-C or SIGTERM, at once on the second."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals; elsewhere the caller ends the run
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if pool.stop.is_set():
            raise KeyboardInterrupt
        pool.stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
