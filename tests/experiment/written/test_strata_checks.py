"""What a condition with strata cannot have is refused, with the key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.experiment.writing import read, refused

TEXT = """\
name = "rare"
[[conditions]]
name = "one"
policy = "hybrid_verified"
recoveries = ["online_backup"]
strata = { cycles = 200 }
#more
[conditions.faults]
timeout = { rate = 0.01 }
"""
FAULT = "timeout = { rate = 0.01 }"
SCRIPT = '[[conditions.strikes]]\nfault = "timeout"\non = "bots"'
PLANTED = {
    "story": ("#more", "story = true\ncycles = 5", "story: no stories are kept"),
    "shadow": ("#more", "shadow = 0.5", "shadow: restores are forced in cycles at a rate"),
    "strikes": (FAULT, f"{FAULT}\n{SCRIPT}", "strikes: strata need faults that strike each"),
    "causes": (FAULT, f'{FAULT}\n[conditions.causes.x]\nrate = 0.1\nfaults = ["timeout"]',
               "causes: strata need faults that strike each slot by itself"),
    "no fault": (f"[conditions.faults]\n{FAULT}", "", "strata: there is no fault"),
    "rate 0": ("0.01", "0", "faults.timeout.rate: strata need a rate above 0 and below 1"),
    "rate 1": ("0.01", "1", "not 1"),
    "range": ("cycles = 200", "lowest_rate = 0.2", "strata.lowest_rate: must be below highest"),
    "few": ("cycles = 200", "cycles = 99", "strata.cycles"),
    "enumerate": ("cycles = 200", "enumerate = 4", "strata.enumerate"),
    "calibration": (FAULT, f'{FAULT}\n[calibrations.c]\ntarget = 0.9\ncondition = "one"',
                    "calibrations.c.condition: 'one' has strata"),
    "row": (FAULT, f'{FAULT}\n[[rows]]\nclaim = "a"\nclaimed = "b"\ncondition = "one"',
            "claim it in the condition's own claims"),
}  # fmt: skip


def test_a_plain_condition_with_strata_is_fine(tmp_path: Path) -> None:
    """What the other tests spoil is accepted as it stands."""
    (one,) = read(tmp_path, TEXT)
    assert one.strata is not None
    assert one.strata.cycles == 200


@pytest.mark.parametrize(("old", "new", "said"), PLANTED.values(), ids=PLANTED)
def test_each_misfit_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Nothing that strata cannot have is left out in silence: the sentence names its key."""
    assert old in TEXT
    assert said in refused(tmp_path, TEXT.replace(old, new))


def test_bursts_are_refused(tmp_path: Path) -> None:
    """A burst strikes slots together, so no slot strikes by itself."""
    text = TEXT.replace(FAULT, "reset_before = { rate = 0.01, burst = 3 }").replace(
        "#more", 'connection = "backend"\ncleanup = "api"'
    )
    assert "burst: strata need faults that strike each slot" in refused(tmp_path, text)
