"""Try a user's own create, test and cleanup once, before anything is measured with them.

What cannot work in any cycle is refused here, with the file's own keys: a create that fails or
changes nothing, a function that is not there, a command that does not exist. A cleanup that fails
or leaves rows is not refused: that is what is measured.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import registry
from harness.cleanup import Cleanup, CleanupReport
from harness.errors import BackendError, HarnessError, MeasurementError, UsageError
from harness.experiment.cycle.bounded_call import Tell, call_apart, never
from harness.experiment.cycle.grounds import ground_of
from harness.experiment.cycle.grounds.ground import Ground
from harness.experiment.cycle.project import OwnApplication, own_cleanup
from harness.experiment.cycle.project_backend import own_application
from harness.experiment.cycle.removing import remove_tree
from harness.experiment.plan.project_workload import OwnProject
from harness.experiment.written.project_checks import is_own
from harness.experiment.written.settings import Condition
from harness.guard.policy import POLICIES
from harness.processes.actions import Callback
from harness.processes.command import NOT_EXECUTABLE, NOT_FOUND
from harness.processes.launcher import SHARED
from harness.processes.supervisor import GRACE_S
from harness.processes.terms import Terms
from harness.processes.written import action_of
from harness.retry import Retry
from harness.steps import nobody

_TIMED = 2  # the first run warms caches: the quicker is the usual one
_LONGEST_S = 60.0  # for everything but commands and a backend's start
_LONGEST = 500  # characters of an error


def rehearse(
    condition: Condition,
    seed: int,
    pristine: Path,
    root: Path,
    *,
    stopped: Callable[[], bool] = never,
) -> None:
    """Run a project's create, test and cleanup on a private copy of its baseline in ``root``.

    It is done in a process of its own: whatever a function of the user's does to the process it
    is called in, it does to that one. ``stopped``: whether somebody wants it to end.

    Raises:
        UsageError: names the condition and the key of what cannot work.
        MeasurementError: nothing can be run here at all.
        KeyboardInterrupt: ``stopped`` said so.
    """
    project = condition.project
    if project is None:
        return
    ready_s = project.backend.ready_timeout_s if project.backend else 0.0
    limit_s = _LONGEST_S + commands_s([condition]) + ready_s
    home = str(Path(project.home).absolute())
    condition = condition.model_copy(update={"project": project.model_copy(update={"home": home})})
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=root)).absolute()
    kind = ground_of(project.path)
    before = kind.traces(project.path)
    try:
        call_apart(
            _rehearse,
            pickle.dumps(condition),
            seed,
            pristine.absolute(),
            folder,
            limit_s=limit_s,
            stopped=stopped,
        )
    finally:
        remove_tree(folder)
        if kind.traces(project.path) != before:
            raise UsageError(
                f"{_at(condition, 'project.database')}: {project.path} itself was written to while "
                "create, test and cleanup were tried once on a copy of it: have them work on the "
                "file that DATABASE_PATH names, and on no other. If it was another program that "
                "wrote, stop that first."
            )


def _rehearse(tell: Tell, pickled: bytes, seed: int, pristine: Path, folder: Path) -> None:
    condition: Condition = pickle.loads(pickled)  # noqa: S301 - see rehearse
    project = condition.project
    assert project is not None  # noqa: S101 - see rehearse
    workload = OwnProject(project, seed)
    try:
        tell(_at(condition, "project"))
        ground = ground_of(pristine)(pristine, folder / project.path.name)
        connection = ground.connect()
        try:
            workload.learn(connection)
        finally:
            connection.close()
        _import(condition, tell)
        tell(_at(condition, "project.backend"))
        try:
            application = own_application(ground, workload)
        except BackendError as error:
            raise UsageError(f"{_at(condition, 'project.backend')}: {error}") from error
        try:
            tell(_at(condition, "project.create"))
            _create(condition, application, ground)
            tell(_at(condition, "cleanup"))
            if is_own(condition) and POLICIES[condition.policy].cleans:
                _clean(condition, application, ground)
        finally:
            application.close()
    finally:
        SHARED.close()


def commands_s(conditions: Sequence[Condition]) -> float:
    """How long the commands of one cycle may take at most, their ends included."""
    projects = [condition.project for condition in conditions if condition.project is not None]
    return max((3 * (project.timeout_s + 2 * GRACE_S) for project in projects), default=0.0)


def needs_time(condition: Condition) -> bool:
    """Whether some fault of the condition has to know how long the cleanup takes."""
    kinds = {*condition.faults, *(strike.fault for strike in condition.strikes)}
    kinds.update(kind for cause in condition.causes.values() for kind in cause.faults)
    return any(registry.find("faults", kind).needs_time for kind in kinds)


def time_cleanup(application: OwnApplication, cleanup: Cleanup, ground: Ground) -> None:
    """Note how long the cleanup's command takes; the database is its baseline again afterwards."""
    took_s = []
    for _ in range(_TIMED):
        application.begin(0, 0)
        failed = application.create(0, nobody).failures
        if failed:
            raise MeasurementError(f"the rehearsal's create failed: {failed[0].error}")
        _run(cleanup, ground)
        if application.cleanup_terms.ended is not None:
            took_s.append(application.cleanup_terms.ended.took_s)
        # what a careless cleanup leaves must not be in the way of the next create
        application.end()
        application.judge()
        application.put_back()
    application.cleanup_terms.usual_s = min(took_s, default=0.0)


def _import(condition: Condition, tell: Tell) -> None:
    """Find the functions first: one that is missing need not wait for a create."""
    project = condition.project
    assert project is not None  # noqa: S101 - see rehearse
    cleanup = condition.cleanup if is_own(condition) else None
    for key, written in (
        ("project.create", project.create),
        ("project.test", project.test),
        ("cleanup", cleanup),
    ):
        if written is None:
            continue
        action = action_of(written, Path(project.home), timeout_s=project.timeout_s)
        if isinstance(action, Callback):
            tell(_at(condition, key))
            try:
                action.function()
            except UsageError as error:
                raise UsageError(f"{_at(condition, key)}: {error}") from error


def _create(condition: Condition, application: OwnApplication, ground: Ground) -> None:
    application.begin(0, 0)
    key = _at(condition, "project.create")
    try:
        failures = application.create(0, nobody).failures
    except HarnessError as error:
        if application.terms.error is not None:
            raise  # nothing can be run here
        raise UsageError(f"{key}: {error}") from error
    if failures:
        place = _at(condition, f"project.{application.at}")
        raise UsageError(f"{place}: fails before anything is measured: {failures[0].error}")
    try:
        differences = ground.engine.differences(ground.database, ground.baseline, grade="rows")
    except ground.errors as error:
        raise UsageError(
            f"{key}: when it is over, the database cannot be read: {error}. Have it, and what it "
            "asks, commit and end every transaction."
        ) from error
    if differences.schema and not POLICIES[condition.policy].backs_up:
        altered = "; ".join(map(str, differences.schema))
        raise UsageError(
            f"{key}: changes the schema ({altered}), which only a restore undoes, and policy = "
            f"{condition.policy!r} has none: choose another policy, or migrate the database itself "
            "and give that as project.database"
        )
    if differences.clean("rows"):
        raise UsageError(
            f"{key}: every row is as before when it is over, so there is nothing to clean: have "
            "it write to the file that DATABASE_PATH names, and commit"
        )


def _clean(condition: Condition, application: OwnApplication, ground: Ground) -> None:
    """Run the cleanup; refuse only one that cannot be run at all."""
    report = _run(own_cleanup(condition, application), ground)
    terms: Terms = application.cleanup_terms
    if terms.error is not None:
        raise UsageError(f"{_at(condition, 'cleanup')}: {str(terms.error)[:_LONGEST]}")
    if terms.ended is not None and terms.ended.status in (NOT_EXECUTABLE, NOT_FOUND):
        raise UsageError(f"{_at(condition, 'cleanup')}: {report.failures[-1].error}")


def _run(cleanup: Cleanup, ground: Ground) -> CleanupReport:
    return cleanup.clean(
        ground.database,
        (),
        connect=ground.engine.connect,
        retry=Retry(attempts=1),
        listener=nobody,
    )


def _at(condition: Condition, key: str) -> str:
    return f"condition {condition.name!r}: {key}"


__all__ = ["commands_s", "needs_time", "rehearse", "time_cleanup"]
