"""Shadow restores: the very same cycle once more, restored in any case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import MeasurementError
from harness.experiment.cycle.project_backend import OwnBackend
from harness.experiment.cycle.shadow import InAnyCase, Sample, in_any_case
from harness.experiment.cycle.site import Site
from harness.experiment.run.both_records import same
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.replay import replay
from harness.experiment.run.runner import run
from harness.experiment.written.settings import Condition
from harness.faults import Planned
from harness.guard.policy import POLICIES
from harness.recovery.online_backup import OnlineBackup
from harness.results.records import CycleRecord
from harness.results.store import Store
from tests.experiment.cycle.test_project_backend import START, condition_of, make_database
from tests.experiment.cycle.test_site import SQL_FAULTS, site, timeless
from tests.experiment.cycle.test_site_over_http import over_http
from tests.experiment.own_project import condition as own_condition
from tests.experiment.own_project import make_project

CYCLES = 24
# beaten by no retry and by no other recovery, there being none
IN_RESTORE = {"io_error": {"rate": 0.15, "lasting": "cycle", "phases": ["restore"]}}
BOTH = IN_RESTORE | {"foreign_key": {"rate": 0.02, "lasting": "phase"}}


def shadowed(folder: Path, share: float = 1.0, **settings: Any) -> Site:
    """Make a site of a condition with shadows."""
    folder.mkdir(exist_ok=True)
    return site(folder, **({"recoveries": ["online_backup"], "shadow": share} | settings))


def records(here: Site, cycles: Sequence[int] = range(CYCLES)) -> list[CycleRecord]:
    """Run cycles."""
    return [timeless(here.run(cycle)) for cycle in cycles]


def struck_in_restore(here: Site, cycle: int) -> bool:
    """Whether the plan of ``cycle`` has a fault at the first attempt of the restore."""
    first = {fault.slot.attempt for fault in here.planner.draw(cycle)[1]}
    return 1 in first


def wrong(here: Site, cycles: Sequence[int] = range(CYCLES)) -> list[int]:
    """Name the cycles whose shadow does not say what their plan does."""
    said = {cycle: here.run(cycle).shadow_ok for cycle in cycles}
    return [cycle for cycle in cycles if said[cycle] is struck_in_restore(here, cycle)]


@pytest.mark.parametrize("connection", ["closed", "held"])
def test_the_restore_meets_what_was_planned_for_it(folder: Path, connection: str) -> None:
    """A fault planned in the restore alone fails the shadow in exactly those cycles."""
    here = shadowed(folder, faults=IN_RESTORE, connection=connection)
    assert wrong(here) == []
    struck = [struck_in_restore(here, cycle) for cycle in range(CYCLES)]
    assert 0 < sum(struck) < CYCLES


def test_a_plan_drawn_anew_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a shadow that meets the faults of another cycle is caught by the test above."""
    here = shadowed(folder, faults=IN_RESTORE)
    once = Site._once

    def another(
        self: Site, record: CycleRecord, draw: int, planned: list[Planned], policy: Any
    ) -> Any:
        if isinstance(policy, InAnyCase):
            planned = self.planner.draw(record.cycle + 1000)[1]
        return once(self, record, draw, planned, policy)

    monkeypatch.setattr(Site, "_once", another)
    assert wrong(here) != []


def test_the_record_is_that_of_the_ordinary_cycle(folder: Path) -> None:
    """With a shadow in every cycle all but its answer is as without, faults and stories too."""
    plain = records(shadowed(folder / "plain", 0, faults=BOTH, story=True))
    with_one = records(shadowed(folder / "shadowed", 1, faults=BOTH, story=True))
    assert [replace(one, shadow_ok=None) for one in with_one] == plain
    assert all(one.shadow_ok is None for one in plain)


def test_every_believed_cleanup_has_one_and_no_other_cycle(folder: Path) -> None:
    """At a share of 1 exactly the cycles without a restore are run again; some fail, some do not.

    A backup refused has none either.
    """
    refusing = BOTH | {"disk_full": {"rate": 0.1, "lasting": "cycle", "phases": ["backup"]}}
    found = records(shadowed(folder, faults=refusing), range(60))
    for one in found:
        assert (one.shadow_ok is not None) == (one.outcome == "cleaned"), one
    assert {one.shadow_ok for one in found} == {True, False, None}
    assert {one.outcome for one in found} == {"cleaned", "restored", "refused"}


def test_a_share_is_drawn_and_depends_on_seed_condition_and_cycle_alone() -> None:
    """The share is met; other seeds and names draw others; the same draw the same, in any order."""
    condition = Condition(name="a", shadow=0.3)
    cycles = range(2000)
    one = [cycle for cycle in cycles if Sample(condition, 1).has(cycle)]
    assert abs(len(one) - 600) < 5 * 20.5
    again = Sample(condition, 1)
    assert sorted(cycle for cycle in reversed(cycles) if again.has(cycle)) == one
    assert one != [cycle for cycle in cycles if Sample(condition, 2).has(cycle)]
    other = Sample(condition.model_copy(update={"name": "b"}), 1)
    assert one != [cycle for cycle in cycles if other.has(cycle)]
    more = Sample(condition.model_copy(update={"shadow": 0.6}), 1)
    assert all(more.has(cycle) for cycle in one)


def test_whether_a_cycle_has_one_is_not_told_by_its_faults(folder: Path) -> None:
    """The draw for the sample is none of those for the plan: faults and test data are the same."""
    none, some = (shadowed(folder / str(share), share, faults=BOTH) for share in (0.0, 0.5))
    for cycle in range(CYCLES):
        assert none.planner.draw(cycle) == some.planner.draw(cycle)


def test_a_restore_that_put_back_nothing_is_no_restore(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At grade rows the cleanup has put all right already; such a shadow fails all the same."""
    here = shadowed(folder)
    assert here.run(0).shadow_ok is True
    monkeypatch.setattr(OnlineBackup, "restore", lambda self: None)
    assert here.run(1).shadow_ok is False


@pytest.mark.parametrize("recovery", ["wal_pin", "online_backup", "file_copy"])
def test_every_recovery_puts_back_sequences_too(folder: Path, recovery: str) -> None:
    """So a shadow that asks for it asks no more than what every restore does."""
    here = shadowed(folder, recoveries=[recovery], faults=SQL_FAULTS, policy="hybrid_trusting")
    found = records(here, range(16))
    restored = [one for one in found if one.outcome == "restored"]
    assert restored
    assert all(one.exact for one in restored)
    assert {one.shadow_ok for one in found if one.outcome == "cleaned"} == {True}


def test_a_shadow_that_goes_another_way_is_a_harness_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a cleanup that fails the second time; that is no shadow of this cycle."""
    here = shadowed(folder)
    cleanup = here._cleanup
    assert cleanup is not None
    clean, calls = type(cleanup).clean, []

    def once(self: Any, *args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise OSError("planted")
        return clean(self, *args, **options)

    monkeypatch.setattr(type(cleanup), "clean", once)
    with pytest.raises(MeasurementError, match=r"shadow.*success.*then.*failure"):
        here.run(0)


def test_the_policy_is_the_condition_s_own_but_for_one_thing() -> None:
    """It looks, believes and verifies as the ordinary one, and always wants the restore."""
    for name, ordinary in POLICIES.items():
        policy = in_any_case(name)
        for what in ("name", "cleans", "restores", "backs_up", "verifies"):
            assert getattr(policy, what) == getattr(ordinary, what)
        assert policy.wants_restore(reported_ok=True, found_clean=True)
    assert not POLICIES["hybrid_verified"].wants_restore(reported_ok=True, found_clean=True)


def test_over_http_the_restore_is_made_beneath_a_living_backend(folder: Path) -> None:
    """The backend stays connected in the shadow as it does in the cycle."""
    here = over_http(folder, shadow=1.0, faults=IN_RESTORE)
    try:
        assert wrong(here, range(8)) == []
    finally:
        here.close()


def own_site(folder: Path, condition: Condition, pristine: Path) -> Site:
    """Make a site of a project of somebody's own."""
    work = folder / "work"
    work.mkdir()
    return Site(condition, 1, pristine, work)


def test_a_project_of_ones_own_is_run_again_as_it_was(folder: Path) -> None:
    """Commands find the same number and the baseline; the restore meets what was planned."""
    database = make_project(folder)
    changes = {"shadow": 1.0, "faults": IN_RESTORE}
    here = own_site(folder, own_condition(folder, **changes), database)
    assert wrong(here, range(8)) == []


def test_a_backend_of_ones_own_lives_through_it(folder: Path) -> None:
    """The same process serves cycle and shadow, each from the baseline, whatever it remembers."""
    database = folder / "pristine.sqlite"
    make_database(database)
    often = {"io_error": IN_RESTORE["io_error"] | {"rate": 0.4}}
    changes: dict[str, Any] = {"shadow": 1.0, "faults": often}
    here = own_site(folder, condition_of(database, START, **changes), database)
    try:
        assert isinstance(here._application, OwnBackend)
        pid = here._application.server.pid
        found = {cycle: here.run(cycle) for cycle in range(6)}
        assert {one.outcome for one in found.values()} == {"cleaned"}
        struck = {cycle: struck_in_restore(here, cycle) for cycle in found}
        assert 0 < sum(struck.values()) < len(struck)
        assert {cycle: not one.shadow_ok for cycle, one in found.items()} == struck
        assert here._application.server.pid == pid or any(struck.values())
    finally:
        here.close()


EXPERIMENT = """
name = "again"
cycles = 30
[defaults]
demands = "rows"
recoveries = ["online_backup"]
workload = { size_bytes = 327680 }
[[conditions]]
name = "a"
shadow = 0.5
faults.foreign_key = { rate = 0.02, lasting = "phase" }
faults.io_error = { rate = 0.2, lasting = "cycle", phases = ["restore"] }
"""


def test_workers_and_replay_make_no_difference(folder: Path) -> None:
    """One worker, two, and a replay: the same records, shadows and all."""
    path = folder / "again.toml"
    path.write_text(EXPERIMENT)
    found = {}
    for workers in (1, 2):
        output = folder / f"run-{workers}"
        options = RunOptions(output=output, workers=workers)
        run(path, options, Machinery(work_folder=folder))
        store = Store(output)
        found[workers] = [timeless(one) for one in store.records("a")]
        store.close()
    assert found[1] == found[2]
    assert {one.shadow_ok for one in found[1]} == {True, False, None}
    cycle = next(one.cycle for one in found[1] if one.shadow_ok is False)
    stored, new = replay(folder / "run-2", "a", cycle)
    assert same(stored, new)
    assert new.shadow_ok is False
