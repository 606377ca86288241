from __future__ import annotations

import json

from harness.results.reading import ledger
from tests.faults.conftest import Stage, plan


def test_what_is_counted_of_real_faults(stage: Stage) -> None:
    """Entries stored as JSON are counted as planned, fired, surfaced and masked, each once."""
    stage.scene._children["users"] = ("logins", "user_id", "id")  # it cascades
    injector = stage.injector(
        plan("timeout", "delete bots 9"),
        plan("timeout", "delete bots 9", attempt=3),  # there is no third attempt
        plan("foreign_key", "delete users 7"),
    )
    report = stage.clean(injector)
    stored = json.dumps(injector.finish(report.failures))
    assert ledger([stored, None, stored]) == {
        "foreign_key": {"planned": 2, "fired": 2, "surfaced": 0, "masked": 2},
        "timeout": {"planned": 4, "fired": 2, "surfaced": 2, "masked": 0},
    }
