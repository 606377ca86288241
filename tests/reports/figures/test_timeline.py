import json
from pathlib import Path
from typing import Any

from harness.analysis.drawn.one_cycle import OneCycle, Step, Struck
from harness.reports.figures.timeline import drawn, timeline, worst
from tests.reports.samples import HOSTILE, write_sample

CURVES = Path(__file__).resolve().parents[3] / "results" / "curves"


def _summary() -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((CURVES / "summary.json").read_text(encoding="utf-8"))
    return summary


def test_a_published_failure_is_told() -> None:
    """Its steps, the faults with their evidence, and what each part said of it."""
    page = worst(CURVES, _summary())
    assert page == timeline(CURVES, "trusting/0.0316", 156)
    assert "<h3>trusting/0.0316, cycle 156: dirty and said so</h3>" in page
    assert page.count('class="struck"') == 3
    assert "BEGIN IMMEDIATE held by another connection before wal_pin" in page
    assert "nobody looked: the policy is hybrid_trusting" in page


def test_without_stored_cycles_there_is_none(tmp_path: Path) -> None:
    """A run that was published without its cycles has no time line, and neither has a clean one."""
    folder = write_sample(tmp_path / "sample")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert worst(folder, summary) == timeline(folder, "steady", 0) == ""
    assert worst(CURVES, {"conditions": []}) == ""


def test_what_people_wrote_stays_text() -> None:
    """Neither names nor what a part said make an element."""
    struck = Struck(HOSTILE, "cleanup", HOSTILE, 1, "attempt", True, False, HOSTILE)
    step = Step("cleanup", 0.0, 3.0, (struck,), (HOSTILE,), bad=True)
    page = drawn(OneCycle(HOSTILE, 3, "dirty_silent", 9.0, (step,)))
    assert "<b onclick" not in page
    assert "nobody noticed" in page
