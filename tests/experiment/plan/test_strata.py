"""Plans with a set number of faults: every set once, drawn sets as they occur, paths and all."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ConfigurationError
from harness.experiment.cycle.site import Site
from harness.experiment.plan.planning import slots_by_kind
from harness.experiment.plan.strata import (
    PILOT,
    Numbering,
    StrataPlanner,
    check_number,
    enumerated_cycles,
    of_each,
)
from harness.experiment.run.place import Baselines
from harness.experiment.written.configuration import Condition
from harness.experiment.written.designs import StrataSetting
from harness.faults import Slot
from harness.faults.schedule.plan import Chance
from harness.statistics.strata import Stratum, curve

SLOTS = [("io_error", Slot("restore", "file_copy", n)) for n in (1, 2, 3)] + [
    ("timeout", Slot("cleanup", f"delete bots {n}", 1)) for n in (1, 2)
]
CHANCES = {
    "io_error": Chance(0.1, {"attempt": 1.0}),
    "timeout": Chance(0.3, {"attempt": 3.0, "phase": 1.0}),
}
LASTING = [CHANCES[kind].lasting for kind, _ in SLOTS]
SETTING = StrataSetting(enumerate=2, repeats=3, pilot=5, allocated={"4": 40, "3": 5000})


def made(setting: StrataSetting = SETTING, seed: int = 1) -> StrataPlanner:
    """Make a planner of five slots."""
    return StrataPlanner(seed, "one", SLOTS, CHANCES, setting)


def test_every_set_and_every_way_to_last_is_run_so_often() -> None:
    """The enumerated cycles hold each set of up to two slots with each lasting, three times."""
    planner = made()
    found = Counter(
        tuple((p.kind, p.slot, p.lasting) for p in planner.draw(cycle)[1])
        for cycle in range(planner.numbering.first_sampled)
    )
    ways = [
        [
            (kind, slot, held)
            for held in (("attempt", "phase") if kind == "timeout" else ("attempt",))
        ]
        for kind, slot in SLOTS
    ]
    wanted = {
        struck
        for k in range(3)
        for chosen in itertools.combinations(ways, k)
        for struck in itertools.product(*chosen)
    }
    assert set(found) == wanted
    assert set(found.values()) == {3}
    assert len(wanted) * 3 == enumerated_cycles(SETTING, LASTING, 2)


def test_the_variants_of_a_set_weigh_as_their_shares() -> None:
    """Those of a set sum to 1, and two faults that last the phase are 1/4 times 1/4 of theirs."""
    shares: dict[tuple[int, ...], float] = {}
    for variant in Numbering(SETTING, LASTING).variants:
        shares[variant.slots] = shares.get(variant.slots, 0) + variant.share
        if variant.lasting == ("phase", "phase"):
            assert variant.share == pytest.approx(1 / 16)
    assert list(shares.values()) == pytest.approx([1] * len(shares))


def test_drawn_sets_occur_as_given_that_so_many_are_struck() -> None:
    """Of 5,000 drawn cycles of k = 3 each set's share is its odds' product, within 5 sigma."""
    planner, numbering = made(), made().numbering
    first = numbering.first_sampled
    index = {slot: number for number, slot in enumerate(SLOTS)}
    drawn = Counter(
        tuple(index[p.kind, p.slot] for p in planner.draw(cycle)[1])
        for cycle in range(first, first + 5000)
    )
    odds = [0.1 / 0.9] * 3 + [0.3 / 0.7] * 2
    weights = {one: math.prod(odds[s] for s in one) for one in itertools.combinations(range(5), 3)}
    for one, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(drawn[one] / 5000 - share) < 5 * math.sqrt(share * (1 - share) / 5000)
    assert [numbering.struck(cycle) for cycle in (first + 4999, first + 5000)] == [3, 4]
    with pytest.raises(IndexError, match=r"cycle 5,121 is beyond the 5,121"):
        numbering.struck(numbering.total)


def test_a_cycle_is_the_same_in_any_order_and_by_any_worker() -> None:
    """Seed and number give the plan; another seed, and a cycle of the pilot, another one."""
    one, other = made(), made()
    cycles = [0, 7, 153, 160, 2000, PILOT, PILOT + 7]
    assert [one.draw(cycle) for cycle in cycles] == [
        other.draw(cycle) for cycle in reversed(cycles)
    ][::-1]
    assert one.draw(2000) != made(seed=2).draw(2000)
    assert [len(one.draw(PILOT + n)[1]) for n in (0, 4, 5, 9, 10)] == [3, 3, 4, 4, 5]


def test_too_many_sets_are_refused_with_what_would_do() -> None:
    """The sentence says how many cycles there would be, and the most that may be enumerated."""
    with pytest.raises(ConfigurationError, match=r"3 of 70 slots, 2 times.*114,452.*enumerate = 2"):
        check_number(StrataSetting(enumerate=3), [{"attempt": 1.0}] * 70)
    check_number(StrataSetting(enumerate=2), [{"attempt": 1.0}] * 70)
    assert enumerated_cycles(StrataSetting(enumerate=3), [{"attempt": 1.0}] * 70, 3) == 114_452


def test_slots_are_numbered_by_kind() -> None:
    """The order is that of the planner: kinds by name, each with its slots."""
    assert of_each({"timeout": 2, "io_error": 1}) == ["io_error", "timeout", "timeout"]


def chained(folder: Path) -> tuple[Condition, Path]:
    """Make a condition whose path depends on what strikes: two attempts each, two recoveries."""
    condition = Condition.model_validate(
        {
            "name": "chain", "policy": "restore_only", "demands": "rows",
            "recoveries": ["online_backup", "file_copy"], "retry": {"attempts": 2},
            "workload": {"size_bytes": 262_144},
            "faults": {"io_error": {"rate": 0.2, "phases": ["backup", "restore"]}},
        }
    )  # fmt: skip
    return condition, Baselines(folder, 1).of(condition)


def outcomes_of(condition: Condition, pristine: Path, folder: Path) -> dict[str, list[int]]:
    """Run every set of the slots for real: how many struck, how many fired, whether it failed."""
    slots = slots_by_kind(condition, 1, pristine)
    every = StrataSetting().model_copy(update={"enumerate": 8, "repeats": 1, "slots": slots})
    site = Site(condition.model_copy(update={"strata": every}), 1, pristine, folder)
    try:
        records = [site.run(cycle) for cycle in range(2 ** sum(slots.values()))]
    finally:
        site.close()
    assert not [one for one in records if one.outcome == "harness_error"]
    return {
        "struck": [len(one.faults) for one in records],
        "fired": [sum(entry.fired for entry in one.faults) for one in records],
        "failed": [one.outcome != "restored" for one in records],
    }


@pytest.mark.long
def test_slots_that_the_path_makes_and_skips_are_exact_by_what_was_drawn(folder: Path) -> None:
    """On a real chain with retries k is what was drawn; by what fired the curve is biased.

    All 256 sets are run, so the truth at any rate is known. Slots of the second recovery exist
    only after the first has failed, second attempts only after the first ones.
    """
    condition, pristine = chained(folder)
    found = {
        key: np.array(value) for key, value in outcomes_of(condition, pristine, folder).items()
    }
    assert found["fired"].max() < found["struck"].max() == 8  # the path never comes to them all

    def truth(rate: float) -> float:
        chance = rate ** found["struck"] * (1 - rate) ** (8 - found["struck"])
        return float(chance[found["failed"].astype(bool)].sum())

    def strata(by: str) -> list[Stratum]:
        chance = 0.2 ** found["struck"] * 0.8 ** (8 - found["struck"])
        shares = [
            chance[(found[by] == k) & found["failed"]].sum() / (chance[found[by] == k].sum() or 1)
            for k in range(9)
        ]
        return [Stratum(k, 10**12, round(float(share) * 10**12)) for k, share in enumerate(shares)]

    rates = [0.02, 0.1, 0.4]
    right = curve(strata("struck"), rates, [0.2] * 8)
    wrong = curve(strata("fired"), rates, [0.2] * 8)
    for number, rate in enumerate(rates):
        assert right.lower[number] <= truth(rate) <= right.upper[number]
        assert not 0.9 * wrong.lower[number] <= truth(rate) <= 1.1 * wrong.upper[number]
