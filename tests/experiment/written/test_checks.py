"""What is wrong with an experiment although every key by itself is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.experiment.written.checks import shape_of
from harness.experiment.written.settings import Condition, WorkloadSetting
from harness.faults import Slot
from tests.experiment.writing import BACKEND, read, refused

# What is planted in BACKEND: (text to replace, by what, the line, everything that has to be said)
PLANTED = {
    "no backend": ('connection = "backend"', 'connection = "held"', 12,
                   ["cleanup: api asks a backend; set connection = \"backend\""]),
    "not over the API": ("story = true", 'workload.test_data = "complex"', 13,
                         ["workload.test_data", "cannot make 'complex'", "simple, team",
                          'connection = "closed"']),
    "too many stories": ("cycles = 50", "cycles = 1001", 13, ["story: 1001", "at most 1000"]),
    "burst of no request": ("faults.reset_before", "faults.timeout", 17,
                            ["faults.timeout.burst", "comes in no bursts"]),
    "burst lasts": ("burst = 5", 'burst = 5\nlasting = { phase = 1 }', 18,
                    ['lasting must be "attempt"']),
    "burst too dense": ("rate = 0.1", "rate = 0.84", 16, ["at most 0.8333, not 0.84"]),
    "burst always": ("rate = 0.1", "rate = 1", 16, ["at most 0.8333, not 1"]),
    "phase without a slot": ('"cleanup"]', '"restore"]', 18,
                             ["faults.reset_before.phases.1", "it has in: create, cleanup"]),
    "strike without a slot": ('phase = "restore"', 'phase = "create"', 28,
                              ["strikes.1.phase", "io_error can never strike in 'create'"]),
    "strike on no recovery": ('on = "online_backup"', 'on = "online_bakup"', 29,
                              ["strikes.1.on", "did you mean 'online_backup'?"]),
    "strike on another": ('on = "online_backup"', 'on = "online_backup"\nnumber = 2', 30,
                          ["strikes.1.number", "no number 2"]),
    "strike never tried": ('"all"', "[1, 4]", 24, ["strikes.0.attempts", "there are 3"]),
    "cause of nothing": ('"timeout"]', '"permission"]', 33,
                         ["causes.disk.faults.1: permission can never strike here",
                          "take it out"]),
    "cause elsewhere": ("rate = 0.01", 'rate = 0.01\nphases = ["verify"]', 34,
                        ["disk_full can never strike", "no slot in verify", "backup, restore"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "said"), PLANTED.values(), ids=PLANTED)
def test_each_mistake_is_named(
    tmp_path: Path, old: str, new: str, line: int, said: list[str]
) -> None:
    """One line says where it stands, in which condition, what is wrong and what to do."""
    assert old in BACKEND
    message = refused(tmp_path, BACKEND.replace(old, new, 1))
    where = f":{line}: condition 'one': "
    found = [one for one in message.splitlines() if one.startswith(where)]
    assert any(all(part in one for part in said) for one in found), message


def test_a_condition_without_a_mistake_is_accepted(tmp_path: Path) -> None:
    """Nothing is found where nothing is planted; a workload of nobody's is said once."""
    assert [one.name for one in read(tmp_path, BACKEND)] == ["one"]
    message = refused(tmp_path, BACKEND.replace("story", 'workload.test_data = "simpel"\nstory'))
    assert "did you mean 'simple'?" in message
    assert len(message.splitlines()) == 1


def test_what_never_strikes_is_left_alone(tmp_path: Path) -> None:
    """At a rate of 0 neither a fault nor a cause needs a slot."""
    text = BACKEND.replace("rate = 0.1", "rate = 0").replace("rate = 0.01", "rate = 0")
    text = text.replace('"cleanup"]', '"restore"]').replace('"timeout"]', '"permission"]')
    assert read(tmp_path, text)[0].kinds() == ("reset_after", "io_error")


FAULT = """
name = "x"
[[conditions]]
name = "one"
policy = "%s"
recoveries = ["%s"]
[conditions.faults.%s]
rate = 0.1
"""


def test_a_fault_elsewhere_is_no_fault_here(tmp_path: Path) -> None:
    """A fault that has slots only outside its own phases must be told to strike there."""
    text = FAULT % ("cleanup_only", "online_backup", "disk_full")
    assert "disk_full can never strike here: the policy takes no backup" in refused(tmp_path, text)
    assert read(tmp_path, text + 'phases = ["cleanup"]\n')[0].kinds() == ("disk_full",)
    text = (FAULT % ("hybrid_verified", "online_backup", "reset_before")).replace(
        "policy", 'connection = "backend"\npolicy'
    )
    message = refused(tmp_path, text)
    assert "it has no slot in cleanup; it has in: create" in message
    assert read(tmp_path, text + 'phases = ["create"]\n')[0].kinds() == ("reset_before",)


def test_the_shape_knows_of_the_backend() -> None:
    """Requests are there for the tests over a backend, and for the cleanup that asks it."""
    plain = Condition(name="c", workload=WorkloadSetting())
    assert shape_of(plain).request_slots() == []
    backend = plain.model_copy(update={"connection": "backend"})
    assert shape_of(backend).request_slots() == [Slot("create", "create any 1", 1)]
    api = backend.model_copy(update={"cleanup": "api"})
    assert {slot.phase for slot in shape_of(api).request_slots()} == {"create", "cleanup"}
    restoring = api.model_copy(update={"policy": "restore_only"})
    assert {slot.phase for slot in shape_of(restoring).request_slots()} == {"create"}


def test_a_recovery_of_another_engine_is_refused(tmp_path: Path) -> None:
    """Before a cycle is run: none of its could work on the experiment's database."""
    text = f"{FAULT % ('hybrid_verified', 'online_backup', 'timeout')}phases = ['cleanup']\n"
    text = text.replace('"online_backup"', '"online_backup", "truncate"')
    assert "truncate: for postgresql, and experiments are on sqlite" in refused(tmp_path, text)
