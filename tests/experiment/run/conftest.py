from __future__ import annotations

from pathlib import Path

import pytest

from tests.experiment.run.runs import Runs


@pytest.fixture
def runs(folder: Path) -> Runs:
    """Give runs in a folder of their own."""
    return Runs(folder)
