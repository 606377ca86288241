"""A synthetic run with something of everything in it, and no window for its figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import harness
from harness.analysis.loading import Run
from tests.reports.samples import write_sample

mpl.use("Agg")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A synthetic run whose summary has every part."""
    return harness.load(write_sample(tmp_path / "sample"))


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Figures are closed after each test."""
    yield
    plt.close("all")
