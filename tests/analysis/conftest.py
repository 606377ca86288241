from __future__ import annotations

import pytest

from harness.results.records import CycleRecord
from tests.analysis.designed_runs import records


@pytest.fixture(scope="session")
def whole() -> list[CycleRecord]:
    """Give all cycles of the system that fails where two things meet."""
    return records()
