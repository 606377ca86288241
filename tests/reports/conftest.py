"""One run with something of everything, for every report."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.summary import write
from tests.reports.stories import write_stories
from tests.stored_runs import cycles, make_run, row, struck

NASTY = "<script>alert('a')</script> & | `b` *c* [d](e)\nnext"
CONDITIONS = [
    {"name": "good", "claims": ["reliability >= 0.999"]},
    {"name": NASTY.split("\n", maxsplit=1)[0], "policy": "hybrid_trusting"},
    {"name": "never run"},
]


@pytest.fixture
def run(folder: Path) -> Path:
    """Write a run with supported, refuted, solved and unmeasured rows, and with hostile text."""
    nasty = str(CONDITIONS[1]["name"])
    records = cycles(["cleaned"] * 5000, condition="good", faults=(struck("timeout"),))
    records += cycles(["cleaned", "dirty_silent"] * 40, condition=nasty, detail=NASTY)
    rows = [
        row(condition="good", claim="combined approach", claimed="99.9%", at_least=0.999),
        row(condition=nasty, claim=NASTY, claimed=NASTY, at_least=0.999),
        row(condition="good", claim="solved", at_least=0.5, set_point=True),
        row(condition="never run", claim="absent", at_least=0.5),
    ]
    results = make_run(
        folder / "a run",
        records,
        conditions=CONDITIONS,
        rows=rows,
        machine={"cpu": "A & B <C>", "cores": 2},
        versions={"sqlite": "3.50.0"},
    )
    write(results)
    return results.folder


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a run that keeps stories, of every way a cycle can end; tests only read it."""
    return write_stories(tmp_path_factory.mktemp("told"))
