"""Open a run's results: a new folder, or one that is gone on with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.experiment.run import machine, same_baseline
from harness.experiment.run.under_way import UnderWay
from harness.experiment.written.configuration import Experiment
from harness.results import overwriting, shards
from harness.results.again import take_away
from harness.results.folder import CYCLES, fingerprint
from harness.results.store import Store


def check_stored(folder: Path) -> None:
    """Raise MeasurementError where what would be gone on with is damaged."""
    if (folder / CYCLES).exists():
        from harness.results.reading import Results  # noqa: PLC0415 - pandas is slow to import

        reading = Results(folder)
        for condition in reading.conditions:
            reading.columns(condition["name"])


def opened(
    run: UnderWay, experiment: Experiment, rates: dict[str, float] | None, *, resumed: bool
) -> Store:
    """Open the store; run.json is there before the first cycle is.

    ``rates`` of None: the run was interrupted before they were known, and finds them on resuming.
    """
    if resumed:
        store = Store.resume(run.folder, run.configured)
        # the results of a run that had ended were there to be looked at before it went on
        looked = store.run.get("looked", False) or store.run.get("finished") is not None
        looked = looked or run.options.stop_when_decided
        store.update_run(experiment=experiment.to_json(), rates=rates, finished=None, looked=looked)
        if run.options.again:
            _take_away_killed(run, store)
        return store
    if run.options.overwrite:
        overwriting.move_aside(run.folder)
    try:
        return _begun(run, experiment, rates)
    except BaseException:
        if run.options.overwrite:
            overwriting.put_back(run.folder)
        raise


def _begun(run: UnderWay, experiment: Experiment, rates: dict[str, float] | None) -> Store:
    cycles = run.options.cycles
    shard = cycles if isinstance(cycles, range) else None  # told in run.json before any cycle is
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
            **run.pool.noted(),
            **same_baseline.noted(experiment, run.folder, run.baselines, every=shard is not None),
            **({} if shard is None else shards.noted(shard)),
            "started": now(),
            "finished": None,
            # whether how many cycles there are depends on results
            "looked": run.options.stop_when_decided,
            "wall_s": 0.0,
            "wall_s_by_condition": {},
        },
    )


def now() -> str:
    """Return the time as run.json has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _take_away_killed(run: UnderWay, store: Store) -> None:
    """Let the cycles of killed workers be run again, and say how many they are."""
    try:
        number = take_away(store)
    except BaseException:
        store.close()
        raise
    run.tell(
        f"running again {number:,} cycle{'' if number == 1 else 's'} whose worker was killed "
        "from outside"
        if number
        else "no cycle's worker was killed from outside, so none is run again"
    )
