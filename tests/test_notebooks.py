"""Every notebook runs from top to bottom, from the root and from its own folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[dict[str, object]]:
    """The code cells of the notebook at ``path``, in order."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the code cells of ``path`` one after another in a fresh interpreter in ``folder``."""
    code = "\n".join("".join(cell["source"]) for cell in cells(path))  # type: ignore[arg-type] # nbformat 4: a list of lines
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        # this checkout's package, installed or not
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_there_are_notebooks() -> None:
    """The notebooks are found: a test over none of them would prove nothing."""
    assert NOTEBOOKS


@pytest.mark.parametrize("folder", [ROOT, ROOT / "notebooks"], ids=["root", "notebooks"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, folder: Path) -> None:
    """No cell raises, whichever of the two folders people start it from."""
    done = run(path, folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    """Outputs and counts of executions are stripped, so that a difference is one of the code."""
    assert [c for c in cells(path) if c["outputs"] or c["execution_count"] is not None] == []


def test_a_raising_cell_is_seen(tmp_path: Path) -> None:
    """A cell that raises after good ones makes the run fail: the check itself is checked."""
    notebook = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    notebook["cells"] = [
        {"cell_type": "markdown", "source": ["this is not code"]},
        {"cell_type": "code", "source": ["good = 1\n", "print(good)"]},
    ]
    planted = tmp_path / "planted.ipynb"
    planted.write_text(json.dumps(notebook), encoding="utf-8")
    assert run(planted, tmp_path).stdout == "1\n"
    notebook["cells"].append({"cell_type": "code", "source": ["raise ValueError('planted')"]})
    planted.write_text(json.dumps(notebook), encoding="utf-8")
    done = run(planted, tmp_path)
    assert done.returncode != 0
    assert "ValueError: planted" in done.stderr
