"""Run an experiment: baselines, calibrations, every condition's cycles, and the results."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from harness.errors import MeasurementError
from harness.experiment.plan import pilot
from harness.experiment.plan.rates import Calibrate
from harness.experiment.run import (
    concluding,
    given_rates,
    part,
    preparation,
    same_baseline,
    verdicts,
)
from harness.experiment.run.one_condition import run_condition
from harness.experiment.run.opening import check_stored, now, opened
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.place import ROOM_FACTOR, Baselines, WorkRoot, size_bytes
from harness.experiment.run.placing import asked_place, workers
from harness.experiment.run.pool import find_site
from harness.experiment.run.progress_json import displayed
from harness.experiment.run.sharing import Rounds
from harness.experiment.run.under_way import UnderWay
from harness.experiment.run.workers import Lost, Workers
from harness.experiment.written.configuration import Experiment
from harness.results import overwriting, shards
from harness.results.folder import RUN, check_same, refuse_unused, refuse_used
from harness.statistics.digits import number
from harness.terminal import Fitted, command, is_terminal, labelled

INTERRUPTED = 130


class Printer(Console):
    """Where people read; a reader who has left (``| head``) does not end the run.

    FORCE_COLOR and its like make no terminal of a pipe: a log is no place to draw in.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        super().__init__(stderr=stderr, force_terminal=is_terminal(stream))

    def on_broken_pipe(self) -> None:
        """Print to nowhere from here on; rich would exit with 1, which means refuted."""
        self.quiet = True
        stream = sys.stderr if self.stderr else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run(path: Path, options: RunOptions | None = None, machinery: Machinery | None = None) -> int:
    """Run the experiment in ``path``, a TOML file, and return the exit status.

    A cycle that takes longer than the watchdog allows is killed and counts as a harness error.

    Returns:
        4 for any harness error or fault that never fired, else 1 for any claim refuted, 3 for any
        undecided, else 0; 130 when interrupted (what has come in is stored).

    Raises:
        UsageError: the experiment cannot be run as asked, or the folder holds another.
        MeasurementError: results cannot be stored, or workers cannot work.
    """
    options, machinery = options or RunOptions(), machinery or Machinery()
    console = machinery.console or Printer()
    progress = machinery.progress or machinery.console or Printer(stderr=True)
    experiment = options.experiment(path)
    folder = options.folder(experiment)
    earlier: dict[str, Any] | None = None
    if options.resume:
        refuse_unused(folder)
        earlier = check_same(folder, experiment)
        shards.refuse_to_go_on(folder, earlier, _shard(options))
        if _shard(options) is not None:
            given_rates.refuse_other_versions(folder, earlier)
        check_stored(folder)
    elif options.overwrite:
        overwriting.refuse_no_results(folder)
    else:
        refuse_used(folder)
    if options.rates_of is not None:
        given_rates.read(options.rates_of, experiment)
    find_site(machinery.site)
    place = asked_place(options, experiment)
    largest = max(map(size_bytes, experiment.conditions))
    with (
        WorkRoot(largest * ROOM_FACTOR * (options.processes() + 1), machinery.work_folder) as root,
        workers(place, options, experiment, machinery, root.path) as pool,
        _interrupts(pool),
        displayed(options.progress, progress, experiment.confidence) as display,
    ):
        baselines = Baselines(root.path, experiment.seed)
        under_way = UnderWay(path, options, experiment, folder, pool, baselines, display, console)
        return _go(under_way, earlier, machinery.calibrate)


def _go(run: UnderWay, earlier: dict[str, Any] | None, calibrate: Calibrate) -> int:
    """Calibrate, open the store, run every condition, judge."""
    began_s = time.monotonic()
    run.display.started(_told(run, resumed=earlier is not None))
    run.tell(f"{run.configured.name}: seed {run.configured.seed}, results in {run.folder}")
    known = earlier if earlier and earlier["rates"] is not None else None
    if earlier and (
        unsure := same_baseline.refuse_another(earlier, run.folder, run.configured, run.baselines)
    ):
        run.say(unsure)
    try:
        with _told_as_lost(earlier):
            experiment, rates = _prepared(run, known, calibrate)
    except KeyboardInterrupt:  # no cycle has run, but --resume must find what was asked for
        if run.options.overwrite and (run.folder / RUN).exists():
            return _interrupted(run, untouched=True)
        if earlier is None:
            opened(run, run.configured, None, resumed=False).close()
        return _interrupted(run)
    store = opened(run, experiment, rates, resumed=earlier is not None)
    run.walls_s = dict(store.run["wall_s_by_condition"])
    before_s = float(store.run["wall_s"])
    finished, untouched = None, False
    try:
        if experiment.budget is not None:
            rounds = Rounds(run, store, experiment, experiment.budget, began_s, before_s)
            rounds.go()
            for line in [] if run.pool.stop.is_set() else rounds.sentences():
                run.tell(line)  # of one that was interrupted nobody knows what the budget decides
        else:
            for condition in experiment.conditions:
                if not run.pool.stop.is_set():
                    run_condition(run, store, condition)
        finished = None if run.pool.stop.is_set() else now()
    finally:
        with contextlib.suppress(MeasurementError):  # where the disk is full that was said already
            wall_s = before_s + time.monotonic() - began_s
            store.update_run(
                wall_s=wall_s,
                wall_s_by_condition=run.walls_s,
                finished=finished,
                **run.pool.noted(store.run),
            )
        began = bool(store.conditions())
        store.close()
        if run.options.overwrite and not began:
            untouched = overwriting.put_back(run.folder)
    return _interrupted(run, untouched=untouched) if finished is None else _settled(run)


@contextlib.contextmanager
def _told_as_lost(earlier: dict[str, Any] | None) -> Iterator[None]:
    """Say of workers that were lost before the first cycle that there is nothing to go on with."""
    try:
        yield
    except Lost as lost:
        if earlier is not None:
            raise
        raise MeasurementError(
            f"{lost.why}; nothing was stored yet, so run it again, with --on or without"
        ) from lost


def _prepared(
    run: UnderWay, known: dict[str, Any] | None, calibrate: Calibrate
) -> tuple[Experiment, dict[str, float]]:
    """Return the experiment with its rates and designs, and the rates by calibration.

    ``known`` is run.json of an interrupted run that has found them already. KeyboardInterrupt
    where somebody has said stop.
    """
    if known is None:  # before anything is written: a size may be impossible
        run.tell("preparing baselines and rehearsing every condition")
        preparation.build_baselines(run)
        if run.options.rates_of is not None:
            known = given_rates.given(run.options.rates_of, run.configured, run.baselines)
    run.pool.prepare(run.configured.conditions, run.baselines)
    rates = dict(known["rates"]) if known else preparation.calibrated(run, calibrate)
    experiment = run.configured.resolved(rates)
    _tell_rates(run, experiment)
    experiment = pilot.stored(experiment, known) if known else preparation.designed(run, experiment)
    for condition in experiment.conditions:
        if condition.strata is not None:
            run.tell(pilot.sentence(condition))
    if isinstance(run.options.cycles, range):
        part.refuse_empty(experiment, run.options.cycles)
    return experiment, rates


def _interrupted(run: UnderWay, *, untouched: bool = False) -> int:
    """Say what there is; ``untouched``: still the results that were to be overwritten."""
    run.display.stop()
    run.display.finished(INTERRUPTED, [])
    if untouched:
        run.say(f"interrupted before a cycle was stored; {run.folder} is as it was")
        return INTERRUPTED
    run.say(f"interrupted; what came in is stored in {run.folder}: go on with --resume")
    if kept := overwriting.sentence(run.folder):
        run.say(kept)
    words = [word for part in run.options.to_resume(run.source) for word in part]
    foot: dict[str, Fitted] = {
        "exit status": lambda width: [f"{INTERRUPTED}: interrupted, and nothing is judged yet"],
        "next": lambda width: command(words, width),
    }
    for line in labelled(foot, run.console.width):
        run.say(line)
    return INTERRUPTED


def _settled(run: UnderWay) -> int:
    """Judge; what was overwritten goes once it is known that this run has ended well."""
    status = _judge(run)
    if status != MeasurementError.exit_code:
        overwriting.settle(run.folder)
    elif kept := overwriting.sentence(run.folder):
        run.say(kept)
    return status


def _judge(run: UnderWay) -> int:
    """Say what came of it, a verdict where it is no shard; return the exit status."""
    run.display.stop()
    judged: list[verdicts.Verdict] = []
    if (shard := _shard(run.options)) is not None:
        status = concluding.shard_ended(run, shard)
    else:
        judged = concluding.concluded(run.folder, run.console, run.options.to_resume(run.source))
        status = verdicts.exit_code(judged)
    run.display.finished(status, [verdict.told() for verdict in judged if verdict.judged])
    return status


def _told(run: UnderWay, *, resumed: bool) -> dict[str, Any]:
    cycles = run.options.cycles
    conditions = [
        {"name": c.name, "cycles": len(cycles) if isinstance(cycles, range) else c.cycles}
        for c in run.configured.conditions
    ]
    return {
        "experiment": run.configured.name,
        "seed": run.configured.seed,
        "folder": str(run.folder),
        "workers": run.pool.size,
        "resumed": resumed,
        "conditions": conditions,
    }


def _shard(options: RunOptions) -> range | None:
    """Return the range that a shard is asked for; None of a whole run."""
    return options.cycles if isinstance(options.cycles, range) else None


def _tell_rates(run: UnderWay, experiment: Experiment) -> None:
    for condition in experiment.conditions:
        rates = condition.rates()
        for kind, setting in condition.faults.items():
            lasting = ", ".join(
                f"{word} {number(share)}" for word, share in setting.lasting.items()
            )
            run.tell(
                f"  {condition.name}: {kind} at {number(rates[kind], 6)} a slot, lasts {lasting}"
            )


@contextlib.contextmanager
def _interrupts(pool: Workers) -> Iterator[None]:
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
