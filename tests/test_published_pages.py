"""The published pages are what the code of today makes of the stored runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import registry

ROOT = Path(__file__).resolve().parents[1]
RUNS = sorted(path.parent.name for path in ROOT.glob("results/*/report.html"))


@pytest.mark.parametrize("run", RUNS)
def test_a_page_is_up_to_date(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written again from its stored cycles, from the top of the checkout, it is the same page."""
    monkeypatch.chdir(ROOT)
    folder = Path("results", run)
    again = f"python -m harness.reports.published.anew results/published.toml --pages --only {run}"
    written = (folder / "report.html").read_text(encoding="utf-8")
    assert (registry.find("reports", "html")().render(folder) == written) is True, again
