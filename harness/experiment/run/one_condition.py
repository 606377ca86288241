"""Run the cycles of one condition that are not stored yet, and store them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.errors import MeasurementError
from harness.experiment.run.in_order import InOrder
from harness.experiment.run.part import of_condition
from harness.experiment.run.pool import Task
from harness.experiment.run.progress import Tally
from harness.experiment.run.under_way import UnderWay
from harness.experiment.written.configuration import Condition
from harness.experiment.written.family import family
from harness.log import Log
from harness.results.shards import named
from harness.results.store import Store

_LOG = Log("run.condition")


def run_condition(run: UnderWay, store: Store, condition: Condition) -> None:
    """Run the cycles of one condition that are not stored yet."""
    began_s = time.monotonic()
    designed = condition.strata is not None
    wanted = of_condition(condition, run.options.cycles)
    tally = Tally(condition.name, len(wanted), designed=designed)
    tally.add_stored(store.outcomes(condition.name), store.fired(condition.name))
    run.display.begin(tally)
    in_order = None
    claimed = family(run.configured.to_json(), run.configured.confidence)
    if run.options.stop_when_decided and condition.strata is None:
        claims = claimed.claims[condition.name]
        in_order = InOrder(store, condition, claims, claimed.each)
    missing = gaps(store.done(condition.name), wanted)
    _LOG.info("%s: %d cycles to run", condition.name, sum(map(len, missing)))
    if missing and not (in_order and in_order.decided):
        pristine = run.baselines.of(condition)
        tasks = [Task(condition, pristine, cycles) for cycles in missing]
        enough = (lambda _: in_order.decided) if in_order else (lambda _: False)
        for records in run.pool.run(tasks, enough):
            passed = in_order.take(records) if in_order else records
            store.append(passed)
            tally.add(passed)
            run.display.tick()
        if not (in_order and in_order.decided):
            refuse_lost(run, store, condition.name, wanted)
    run.display.show()
    if in_order is not None and in_order.decided:
        run.display.decided(condition.name, in_order.cycles)
    wall_s = time.monotonic() - began_s
    run.walls_s[condition.name] = run.walls_s.get(condition.name, 0.0) + wall_s


def refuse_lost(run: UnderWay, store: Store, name: str, wanted: range) -> None:
    """Raise MeasurementError where workers have ended, and cycles that nobody stopped are missing.

    A verdict on what is there would leave out what may have failed.
    """
    if run.pool.stop.is_set():
        return
    if lost := gaps(store.done(name), wanted):
        raise MeasurementError(
            f"condition {name!a}: {', '.join(map(named, lost))} "
            f"{'is' if sum(map(len, lost)) == 1 else 'are'} missing, though "
            "nothing is under way any more: a defect of the harness. What came in is stored: go on "
            "with --resume"
        )


def gaps(done: Sequence[range], wanted: range) -> list[range]:
    """Return the cycles of ``wanted`` that are in none of the ascending ranges ``done``."""
    missing, at = [], wanted.start
    for stored in [*done, range(wanted.stop, wanted.stop)]:
        missing.append(range(at, min(stored.start, wanted.stop)))
        at = max(at, stored.stop)
    return [cycles for cycles in missing if cycles]
