"""What is computed is printed, or written as figures and a page."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from harness.statistics import coverage, error_rates

RESULTS = Path(__file__).resolve().parents[2] / "results"


@pytest.mark.parametrize("published", [coverage, error_rates], ids=["coverage", "error_rates"])
def test_the_command_writes_figures_and_page(
    published: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a folder both files are written; without one the page, or JSON, is printed."""
    folder = RESULTS / published.__name__.rpartition(".")[2]
    stored = json.loads((folder / published.JSON).read_text(encoding="utf-8"))
    page = (folder / published.TABLE).read_text(encoding="utf-8")
    monkeypatch.setattr(published, "computed", lambda: stored)
    published.main(["--output", str(tmp_path / "new")])
    assert json.loads((tmp_path / "new" / published.JSON).read_text()) == stored
    assert (tmp_path / "new" / published.TABLE).read_text() == page
    published.main([])
    assert capsys.readouterr().out == page
    published.main(["--json"])
    assert json.loads(capsys.readouterr().out) == stored
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit):
        published.main(["--output", str(tmp_path / "file" / "in it")])
    assert "cannot be written" in capsys.readouterr().err
