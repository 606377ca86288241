"""From a condition to its planner: the same draws as ever, and scripts that find their slots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigurationError
from harness.experiment.plan.planning import check_script, planner
from harness.experiment.written.settings import CauseSetting, Condition, FaultSetting, StrikeSetting
from harness.faults import REQUEST, Planned, Shape, Slot
from harness.faults.schedule.plan import Planner
from harness.steps import Entity

TABLES = (("users", 7), ("bots", 87), ("bots", 88), ("bots", 89), ("integrations", 12))
SHAPE = Shape(
    tuple(Entity(table, (("id", number),)) for table, number in TABLES),
    cleans=True,
    backs_up=True,
    recoveries=("online_backup", "file_copy"),
    attempts=3,
    restricted=frozenset({"bots"}),
    creates=("create users 1", "create bots 1", "create bots 2", "create bots 3"),
    cleans_over_http=True,
)


def condition(*strikes: dict[str, Any], **more: Any) -> Condition:
    """Make a condition with these strikes."""
    made = tuple(StrikeSetting(**strike) for strike in strikes)
    return Condition(name="scripted", strikes=made, **more)


def slots(*strikes: dict[str, Any]) -> list[Slot]:
    """Where a script strikes, the same in every cycle."""
    made = planner(condition(*strikes), 1, SHAPE)
    first, second = ([p.slot for p in made.draw(cycle)[1]] for cycle in (3, 4))
    assert first == second
    return first


def test_a_condition_without_new_keys_is_planned_as_ever() -> None:
    """The planner of a condition draws what one made by hand from rates and weights draws."""
    faults = {
        "timeout": FaultSetting(rate=0.2),
        "io_error": FaultSetting(rate=0.3, lasting={"phase": 0.25, "cycle": 0.75}),
        "noop": FaultSetting(rate=0),
    }
    made = planner(Condition(name="a", faults=faults), 5, SHAPE)
    by_hand = Planner(
        5,
        "a",
        SHAPE,
        {"timeout": (0.2, {"attempt": 1.0}), "io_error": (0.3, {"phase": 0.25, "cycle": 0.75})},
    )
    assert [made.draw(c) for c in range(100)] == [by_hand.draw(c) for c in range(100)]
    assert any(made.draw(c)[1] for c in range(100))


def test_every_setting_reaches_the_planner() -> None:
    """Phases, bursts and causes of a condition are those that are drawn."""
    made = planner(
        Condition(
            name="a",
            faults={
                "noop": FaultSetting(rate=0.5, phases=("backup",)),
                "reset_before": FaultSetting(rate=0.5, burst=3, phases=("create",)),
            },
            causes={"c": CauseSetting(rate=1, faults=("noop",), phases=("restore",))},
        ),
        1,
        SHAPE,
    )
    drawn = [p for cycle in range(50) for p in made.draw(cycle)[1]]
    assert {(p.kind, p.slot.phase, p.lasting) for p in drawn} == {
        ("noop", "backup", "attempt"),
        ("reset_before", "create", "attempt"),
        ("noop", "restore", "phase"),
    }
    assert {p.slot for p in drawn if p.kind == "reset_before"} == {
        Slot("create", REQUEST, number) for number in (1, 2, 3, 4)
    }


def test_a_script_finds_its_operations() -> None:
    """The second of the bots is the second made, whatever its key; recoveries go by name."""
    assert slots({"fault": "noop", "on": "users"}) == [Slot("cleanup", "delete users 7", 1)]
    assert slots({"fault": "timeout", "on": "bots", "number": 2, "attempts": [2]}) == [
        Slot("cleanup", "delete bots 88", 2)
    ]
    create = {"fault": "reset_after", "phase": "create"}
    assert slots(create | {"on": "bots", "number": 2}, create | {"on": "users"}) == [
        Slot("create", "create bots 2", 1),
        Slot("create", "create users 1", 1),
    ]
    assert slots({"fault": "io_error", "phase": "restore", "on": "file_copy"}) == [
        Slot("restore", "file_copy", 1)
    ]


def test_all_attempts_are_those_that_the_fault_has() -> None:
    """Every attempt of a removal, the only one at a create, the first at a missing backup."""
    everywhere = {"attempts": "all", "lasting": "cycle"}
    assert slots({"fault": "noop", "on": "integrations"} | everywhere) == [
        Slot("cleanup", "delete integrations 12", attempt) for attempt in (1, 2, 3)
    ]
    assert slots(
        {"fault": "reset_before", "on": "bots", "phase": "create"} | everywhere,
        {"fault": "backup_missing", "on": "file_copy", "phase": "restore"} | everywhere,
    ) == [Slot("create", "create bots 1", 1), Slot("restore", "file_copy", 1)]
    made = planner(condition({"fault": "noop", "on": "users", "attempts": [3, 1, 3]}), 1, SHAPE)
    planned: list[Planned] = made.draw(0)[1]
    assert [(p.slot.attempt, p.lasting) for p in planned] == [(3, "attempt"), (1, "attempt")]


@pytest.mark.parametrize(
    ("strike", "said"),
    [
        ({"on": "bot"}, ".on: the test data has no 'bot'; did you mean 'bots'? known: users, bots"),
        ({"on": "bots", "number": 4}, ".number: the test data has 3 of 'bots', and no number 4"),
        ({"on": "bots", "attempts": [1, 4]}, ".attempts: noop cannot strike attempt 4"),
        ({"on": "wal_pin", "phase": "backup"}, ": noop has no slot for 'wal_pin' in backup; known"),
        (
            {"fault": "reset_before", "on": "bots", "number": 4, "phase": "create"},
            "no slot for 'create bots 4' in create; did you mean 'create bots",
        ),
        (
            {"fault": "reset_before", "on": "bots", "attempts": [2], "phase": "create"},
            "cannot strike attempt 2 at 'create bots 1' in create, only 1",
        ),
        (
            {"on": "bots", "phase": "create"},
            "noop has no slot for 'create bots 1' in create; it has",
        ),
        ({"fault": "foreign_key", "on": "users"}, "foreign_key has no slot for 'delete users 7'"),
    ],
)
def test_a_script_that_finds_nothing_is_refused(strike: dict[str, Any], said: str) -> None:
    """The condition and the strike are named, and what there is instead."""
    right = {"fault": "noop", "on": "users"}
    with pytest.raises(ConfigurationError) as caught:
        planner(condition(right, {"fault": "noop"} | strike), 1, SHAPE)
    assert str(caught.value).startswith("condition 'scripted': strikes.1")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("strike", "message"),
    [
        ({"fault": "timeout", "on": "nonesuch"}, "the test data has no 'nonesuch'"),
        ({"fault": "timeout", "on": "bots", "number": 99}, "no number 99"),
        ({"fault": "reset_after", "phase": "create", "on": "bots", "attempts": [2]}, "attempt 2"),
    ],
)
def test_a_script_that_fits_nothing_is_refused_before_any_cycle(
    strike: dict[str, Any], message: str, pristine: Path
) -> None:
    """The real baseline and test data decide what a script may name."""
    over_http = {"connection": "backend", "cleanup": "api"}
    check_script(condition({"fault": "timeout", "on": "bots"}, **over_http), 1, pristine)
    with pytest.raises(ConfigurationError, match=message):
        check_script(condition(strike, **over_http), 1, pristine)
