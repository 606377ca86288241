"""One worker's own database, on which it runs the cycles of one condition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import registry
from harness.cleanup import Cleanup
from harness.errors import BackupError, MeasurementError
from harness.experiment.cycle import shadow, story
from harness.experiment.cycle.applications import Application, Direct, OverHttp
from harness.experiment.cycle.ending import Ending, note, outcome_of
from harness.experiment.cycle.grounds import ground_of
from harness.experiment.cycle.grounds.ground import Ground
from harness.experiment.cycle.project import OwnApplication, own_cleanup
from harness.experiment.cycle.project_backend import OwnBackend, own_application
from harness.experiment.cycle.rehearsal import needs_time, time_cleanup
from harness.experiment.plan.planning import planner, shape_of, workload_of
from harness.experiment.plan.project_workload import OwnProject
from harness.experiment.written.project import NONE
from harness.experiment.written.project_checks import is_own
from harness.faults import Planned, Shape
from harness.faults.reach.scene import Front, Scene
from harness.faults.schedule.injector import Injector
from harness.faults.schedule.ledger import LedgerEntry
from harness.guard.policy import POLICIES, Policy
from harness.guard.protocol import Guard
from harness.guard.target import target_of
from harness.recovery import Recovery
from harness.results.records import CycleRecord
from harness.retry import Retry
from harness.steps import Failure, Listener, nobody
from harness.system.cpu import Stopwatch
from harness.workloads import Workload

if TYPE_CHECKING:
    from harness.experiment.written.configuration import Condition

DATABASE_NAME = "api_db_dev.sqlite3"  # as in the summary that is being measured


class Site:
    """A database, where cycles run, and the plan of every cycle of one condition.

    ``run`` is one whole cycle: backup, test data, cleanup, verify, restore, verify, dispose,
    truth, and the very baseline put back for the next. The guard in it is the guard that
    people use, told nothing of all this.
    """

    def __init__(self, condition: Condition, seed: int, pristine: Path, folder: Path) -> None:
        self.condition = condition
        self.database = folder / database_name(condition)
        self._ground = ground_of(pristine)(pristine, self.database)
        self._workload = workload_of(condition, seed)
        retry = condition.retry
        self._retry = Retry(
            retry.attempts, retry.first_ms, retry.factor, retry.longest_ms, retry.jitter
        )
        self._undone: tuple[Failure, ...] = ()  # the tests' own calls that failed in this cycle
        self.shape = self._learn()
        self.planner = planner(condition, seed, self.shape)
        self._shadows = shadow.Sample(condition, seed)
        self._application = application(condition, self._ground, self._workload, folder)
        if isinstance(self._application, OwnBackend):
            self._ground.rebase()
        self._cleanup = self._make_cleanup()
        self.scene = self._make_scene()
        if isinstance(self._application, OwnApplication) and needs_time(condition):
            assert self._cleanup is not None  # noqa: S101 - such a fault needs a cleanup to strike
            time_cleanup(self._application, self._cleanup, self._ground)

    def _learn(self) -> Shape:
        connection = self._ground.connect()
        try:
            shape = shape_of(self.condition, self._workload, connection)
        finally:
            connection.close()
        self._ground.reset()
        return shape

    def _make_cleanup(self) -> Cleanup | None:
        condition, application = self.condition, self._application
        if condition.cleanup == NONE:
            return None
        if isinstance(application, OwnApplication) and is_own(condition):
            return own_cleanup(condition, application)
        kind: type[Cleanup] = registry.find("cleanup", str(condition.cleanup))
        if kind.over == "baseline":
            baseline = self._recovery(condition.recoveries[0], 0).baseline
            return kind(baseline, busy_timeout_ms=condition.busy_timeout_ms)  # type: ignore[call-arg]  # see Cleanup.over
        if kind.over == "http" and isinstance(self._application, OverHttp):
            cleanup: Cleanup = kind(self._application.service)  # type: ignore[call-arg]  # see Cleanup.over
            return cleanup
        return kind()

    def _recovery(self, name: str, place: int) -> Recovery:
        """Make a recovery as the guard will, to be asked where it keeps its backup."""
        return target_of(self.database).recovery(name, place)

    def _make_scene(self) -> Scene:
        condition = self.condition
        return Scene(
            self.database,
            busy_timeout_ms=condition.busy_timeout_ms,
            size_bytes=self._ground.size_bytes,
            backups={
                name: self._recovery(name, place).backup
                for place, name in enumerate(condition.recoveries)
            },
            front=self._front(),
            terms=getattr(self._application, "cleanup_terms", None),
            pristine=self._ground.origin,
        )

    def _front(self) -> Front:
        application, timeout_ms = self._application, self.condition.api.timeout_ms
        if isinstance(application, OwnBackend):
            return Front(
                application.proxy, application.server, api_timeout_ms=timeout_ms, own_backend=True
            )
        if isinstance(application, OverHttp):
            token = application.service.token
            return Front(application.proxy, application.backend, token, timeout_ms)
        return Front(api_timeout_ms=timeout_ms)

    def run(self, cycle: int) -> CycleRecord:
        """Run one cycle; raise only where the instrument itself fails (MeasurementError)."""
        draw, planned = self.planner.draw(cycle)
        return self.run_planned(cycle, draw, planned)

    def run_planned(self, cycle: int, draw: int, planned: list[Planned]) -> CycleRecord:
        """Run one cycle with exactly these faults."""
        condition, application = self.condition, self._application
        record = CycleRecord(condition.name, cycle, "harness_error")
        ending = self._once(record, draw, planned, POLICIES[condition.policy])
        note(record, ending, condition.demands)
        if isinstance(application, OwnApplication):
            failed = record.outcome not in ("cleaned", "restored")
            sentences = [record.detail, *application.notes(failed=failed)]
            record.detail = "; ".join(filter(None, sentences))[:2000]
        if condition.story:
            record.story = story.tell(
                ending.result, ending.judgement, undone=ending.undone, served=ending.served
            ).replace(f"{self.database.parent}/", "")
        # the same cycle is the same record wherever it ran
        record.detail = record.detail.replace(f"{self.database.parent}/", "")
        if self._shadows.has(cycle) and shadow.needs_none(ending.result):
            record.shadow_ok = self._shadow(cycle, draw, planned, ending)
        return record

    def _shadow(self, cycle: int, draw: int, planned: list[Planned], ordinary: Ending) -> bool:
        """Run the cycle once more, restored in any case; whether that brought the baseline back.

        Nothing of it is kept but the answer: the record is that of the ordinary cycle.
        """
        unkept = CycleRecord(self.condition.name, cycle, "harness_error")
        try:
            again = self._once(unkept, draw, planned, shadow.in_any_case(self.condition.policy))
            return shadow.brought_back(ordinary.result, again)
        except MeasurementError as error:
            raise MeasurementError(f"in the cycle's shadow: {error}") from error

    def _once(
        self, record: CycleRecord, draw: int, planned: list[Planned], policy: Policy
    ) -> Ending:
        """Make one trip, judge it, and put the baseline back; timings go to ``record``."""
        self.scene.start()
        self.scene.reach.storage_in_cleanup = any(
            _is_in_storage(fault) and fault.slot.phase == "cleanup" for fault in planned
        )
        self._undone = ()
        injector = Injector(self.scene, planned) if planned else None
        faults: tuple[LedgerEntry, ...] = ()
        watch = Stopwatch()
        guard = self._guard(injector, planned, policy)
        try:
            self._trip(guard, draw, record, injector.listener if injector else nobody, planned)
        finally:
            guard.abandon()
            if injector is not None:
                faults = injector.finish([*self._undone, *guard.result.failures])
        self._check(injector)
        served = self._application.end(restored="restore" in guard.result.timings_ms)
        judging = Stopwatch()
        is_backup = self._ground.is_backup(self.condition.recoveries)  # the judge may change that
        judgement = self._application.judge()
        intact = is_backup or not judgement.lost or self._ground.is_kept(self._backups)
        record.timings_ms = guard.result.timings_ms | record.timings_ms
        record.cpu_ms = guard.result.cpu_ms | record.cpu_ms
        judging.add_to("truth", record.timings_ms, record.cpu_ms)
        self._application.put_back()
        if not guard.result.says_clean:  # else the next guard would bring this one's baseline back
            self._ground.forget_guard()
        watch.add_to("cycle", record.timings_ms, record.cpu_ms)
        outcome = outcome_of(
            guard.result, judgement, self.condition.demands, intact=intact, served=served
        )
        return Ending(guard.result, judgement, outcome, self._undone, served, faults)

    def _check(self, injector: Injector | None) -> None:
        """Refuse a cycle in which the instrument itself failed, or what no fault had made fail."""
        if injector is not None and injector.error is not None:
            self._application.close()
            self._ground.reset()
            raise MeasurementError(
                f"a fault could not strike: {injector.error}"
            ) from injector.error
        for failure in self._undone:
            if injector is None or not injector.explains(failure):
                raise MeasurementError(
                    f"{failure.step.operation} failed though nothing struck it: {failure.error}"
                )

    def _guard(self, injector: Injector | None, planned: list[Planned], policy: Policy) -> Guard:
        condition = self.condition
        seams: dict[str, Any] = {}
        if injector is not None:  # without a fault, nothing at all stands between guard and world
            seams = {"listener": injector.listener, "connect": self.scene.connect}
            if any(map(_is_in_storage, planned)):
                kinds = [registry.find("recovery", name) for name in condition.recoveries]
                seams |= self.scene.reach.seams({kind.copies_by for kind in kinds})
        return Guard(
            self.database,
            policy=policy,
            recoveries=condition.recoveries,
            cleanup=self._cleanup,
            grade=condition.demands,
            retry=self._retry,
            busy_timeout_ms=condition.busy_timeout_ms,
            state=self._ground.state,
            **seams,
        )

    def _trip(
        self,
        guard: Guard,
        draw: int,
        record: CycleRecord,
        listener: Listener,
        planned: Sequence[Planned],
    ) -> None:
        self._application.begin(record.cycle, draw)
        try:
            guard.begin()
        except BackupError as error:
            record.detail = str(error)
            return
        watch = Stopwatch()
        patient = not any(fault.slot.phase == "create" for fault in planned)
        data = self._application.create(draw, listener, patient=patient)
        watch.add_to("create", record.timings_ms, record.cpu_ms)
        record.payload_bytes = data.payload_bytes
        record.grown_bytes = self._application.used_bytes() - self._ground.size_bytes
        self._undone = tuple(data.failures)
        self._application.leave()
        if isinstance(self._application, OwnApplication) and not data.failures:
            self._application.refuse_unchanged(self._baseline())
        guard.track(data.entities)
        guard.finish()

    def _baseline(self) -> Path:
        """Where the guard has its baseline; the pristine where it takes none."""
        if not POLICIES[self.condition.policy].backs_up:
            return self._ground.origin
        return self._ground.guards_baseline(self._backups)

    @property
    def _backups(self) -> list[Path]:
        return list(self.scene.backups.values())

    def close(self) -> None:
        """End the application; remove the database and all that belongs to it."""
        self._application.close()
        self._ground.close()


def _is_in_storage(fault: Planned) -> bool:
    return bool(registry.find("faults", fault.kind).in_storage)


def database_name(condition: Condition) -> str:
    """Name the database as people see it in paths and sentences."""
    return DATABASE_NAME if condition.project is None else condition.project.path.name


def application(
    condition: Condition, ground: Ground, workload: Workload, folder: Path
) -> Application:
    """Make what the tests of ``condition`` work with."""
    if isinstance(workload, OwnProject):
        return own_application(ground, workload)
    if condition.connection == "backend":
        return OverHttp(ground, workload, condition, folder)
    return Direct(ground, workload, held=condition.connection == "held")
