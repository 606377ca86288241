"""A process to fork from, for tests that kill guards by the hundred."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.small_process import SmallProcess


@pytest.fixture(scope="session")
def small_process() -> Iterator[SmallProcess]:
    """Start it once; it is ended with the session."""
    process = SmallProcess()
    yield process
    process.close()
