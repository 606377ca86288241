"""Run the conditions of an experiment on a budget that they share.

In rounds. In the first each condition gets what it says for itself, the others a floor, which they
run however soon they are decided: so that each share can be read. Before every further one it is
looked at what each open condition needs, at the soonest, for its next verdict. The named ones are
served first, each alone, then whoever needs least, with those beside it that need at most twice as
much. What needs more than is left gets nothing more: that is said, and leaves the cycles to who
can be decided. A condition ends at the cycle that decides it, and gives back what is left of its
grant.

Any such allocation is valid: a verdict may be looked at after every cycle
(`harness.statistics.sequential`), so nothing is gained or lost by when a condition stops. Rounds
are decided by nothing but the cycles that had their turn, in order of their number, so a budget of
cycles gives the same whatever the number of workers, interrupted and resumed or not. One of
seconds does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.experiment.run.in_order import InOrder
from harness.experiment.run.one_condition import gaps, refuse_lost, run_condition
from harness.experiment.run.pool import Task
from harness.experiment.run.progress import Tally
from harness.experiment.run.under_way import UnderWay
from harness.experiment.written.budget import FLOOR, BudgetSetting
from harness.experiment.written.configuration import Condition, Experiment
from harness.experiment.written.family import family
from harness.results.records import CycleRecord
from harness.results.store import Store
from harness.statistics.sequential import UNREACHABLE

BESIDE = 2  # who needs at most so many times the least need is served in the same round
# how a condition of a budget ended
DECIDED, WHOLE, BEYOND, SPOILED = "decided", "all its cycles", "beyond the budget", "spoiled"


class Need(NamedTuple):
    """What a condition that shares needs next."""

    cycles: int  # at the least; 0: nothing more
    most: int  # cycles it may still get


def granted(needs: Sequence[Need], left: int, first: int = 0) -> dict[int, int]:
    """Divide ``left`` cycles among conditions, in the order in which they are to be served.

    Args:
        needs: of each condition.
        left: cycles that there are.
        first: how many of them are served before the others, each alone.

    Returns:
        {index: further cycles}, of those whose turn it is and whose need fits.
    """
    fitting = {
        index: need.cycles
        for index, need in enumerate(needs)
        if 0 < need.cycles <= min(left, need.most)
    }
    named = [index for index in fitting if index < first]
    if named:
        return {named[0]: fitting[named[0]]}
    grants: dict[int, int] = {}
    for index, cycles in fitting.items():
        if cycles <= min(left, BESIDE * min(fitting.values())):
            grants[index] = cycles
            left -= cycles
    return grants


@dataclass
class _Part:
    """One condition's part of the budget."""

    condition: Condition
    in_order: InOrder
    tally: Tally
    shares: bool
    rank: int  # among those that are served first
    allowed: int = 0

    @property
    def need(self) -> Need:
        """Return what it needs next; nothing, where it has all that it says for itself."""
        needed = self.in_order.needed() if self.shares else 0
        return Need(needed, self.condition.cycles - self.in_order.cycles)


@dataclass
class Rounds:
    """The rounds of one run."""

    run: UnderWay
    store: Store
    experiment: Experiment
    budget: BudgetSetting
    began_s: float  # monotonic, of the whole run
    before_s: float = 0.0  # what an interrupted run has taken already
    designed: int = 0  # cycles of conditions with strata: they are judged together, and run whole
    parts: list[_Part] = field(default_factory=list)

    def go(self) -> None:
        """Run all there is to run; stops where the pool is stopped."""
        for condition in self.experiment.conditions:
            if condition.strata is not None and not self.run.pool.stop.is_set():
                run_condition(self.run, self.store, condition)
                self.designed += condition.cycles
        self.parts = list(self._made())
        cycling_s = time.monotonic()
        grants = {id(part): _first(part) for part in self.parts}
        while any(grants.values()) and not self.run.pool.stop.is_set() and not self._late():
            self._round(grants)
            parts = sorted(self.parts, key=lambda part: (part.rank, part.need.cycles))
            named = sum(part.rank < len(self.budget.first) for part in parts)
            shares = granted([part.need for part in parts], self._left(cycling_s), named)
            grants = {id(parts[index]): cycles for index, cycles in shares.items()}
        self.store.update_run(budget=self._told())

    def sentences(self) -> Iterator[str]:
        """Say what could not be decided within the budget, and what it would take."""
        for name, told in self._told()["got"].items():
            if told["end"] == BEYOND:
                yield (
                    f"  {name}: not decided within the budget: {told['cycles']:,} cycles ran; at "
                    f"the soonest {told['needs']:,} more might, and fewer were left"
                )

    def _made(self) -> Iterator[_Part]:
        claimed = family(self.run.configured.to_json(), self.run.configured.confidence)
        first = self.budget.first
        for condition in self.experiment.conditions:
            if condition.strata is not None:
                continue
            name = condition.name
            shares = name in self.budget.sharing
            stops = shares or self.run.options.stop_when_decided
            claims = claimed.claims[name] if stops else ()
            least = min(FLOOR, condition.cycles) if shares else 0
            in_order = InOrder(self.store, condition, claims, claimed.each, least=least, allowed=0)
            tally = Tally(name, condition.cycles)
            tally.add_stored(self.store.outcomes(name), self.store.fired(name))
            rank = first.index(name) if name in first else len(first)
            yield _Part(condition, in_order, tally, shares, rank)

    def _round(self, grants: dict[int, int]) -> None:
        """Let every condition go on by what it was granted, all of them side by side."""
        began_s, spent_s = time.monotonic(), dict(self.run.pool.spent_s)
        tasks, going = [], {}
        for part in sorted(self.parts, key=lambda part: part.rank):
            more = grants.get(id(part), 0)
            if not more:
                continue
            part.allowed = min(part.in_order.cycles + more, part.condition.cycles)
            part.in_order.allow(part.allowed)
            missing = gaps(self.store.done(part.condition.name), range(part.allowed))
            if missing and not part.in_order.decided:
                going[part.condition.name] = part
                part.tally.go_on(part.allowed)
                self.run.display.begin(part.tally)
                pristine = self.run.baselines.of(part.condition)
                tasks += [Task(part.condition, pristine, cycles) for cycles in missing]
        for records in self.run.pool.run(
            tasks, lambda name: going[name].in_order.decided or self._late()
        ):
            self._take(records, going)
        for name, part in going.items():
            if not part.in_order.decided and not self._late():
                refuse_lost(self.run, self.store, name, range(part.allowed))
        self.run.display.show()
        self._account(time.monotonic() - began_s, spent_s)

    def _take(self, records: list[CycleRecord], going: dict[str, _Part]) -> None:
        for name in dict.fromkeys(record.condition for record in records):
            part = going[name]
            passed = part.in_order.take(r for r in records if r.condition == name)
            self.store.append(passed)
            part.tally.add(passed)
            if part.in_order.decided:
                self.run.display.decided(name, part.in_order.cycles)
        self.run.display.tick()

    def _account(self, wall_s: float, before_s: dict[str, float]) -> None:
        """Divide the wall time of a round among its conditions by what workers spent on them."""
        spent_s = {
            name: total - before_s.get(name, 0.0) for name, total in self.run.pool.spent_s.items()
        }
        for name, part_s in spent_s.items():
            share = part_s / (sum(spent_s.values()) or 1.0)
            self.run.walls_s[name] = self.run.walls_s.get(name, 0.0) + wall_s * share

    def _given(self) -> int:
        return self.designed + sum(part.in_order.cycles for part in self.parts)

    def _elapsed_s(self) -> float:
        return self.before_s + time.monotonic() - self.began_s

    def _late(self) -> bool:
        return self.budget.seconds is not None and self._elapsed_s() >= self.budget.seconds

    def _left(self, cycling_s: float) -> int:
        """Count the cycles that are left; of seconds, as many as fit at the speed so far."""
        if self.budget.cycles is not None:
            return self.budget.cycles - self._given()
        assert self.budget.seconds is not None  # noqa: S101 - one of both is
        per_second = self._given() / max(time.monotonic() - cycling_s, 1e-9)
        return max(0, int(per_second * (self.budget.seconds - self._elapsed_s())))

    def _told(self) -> dict[str, Any]:
        """Return what run.json says of the budget."""
        return {
            "cycles": self.budget.cycles,
            "seconds": self.budget.seconds,
            "first": list(self.budget.first),
            "reproducible": self.budget.cycles is not None,
            "got": {
                part.condition.name: {
                    "cycles": part.in_order.cycles,
                    "end": _end(part),
                    "needs": part.need.cycles if _end(part) == BEYOND else 0,
                }
                for part in self.parts
            },
        }


def _first(part: _Part) -> int:
    return min(FLOOR, part.condition.cycles) if part.shares else part.condition.cycles


def _end(part: _Part) -> str:
    if part.in_order.decided:
        return DECIDED
    if not part.shares:
        return WHOLE if part.in_order.cycles >= part.condition.cycles else BEYOND
    return SPOILED if part.need.cycles >= UNREACHABLE else BEYOND
