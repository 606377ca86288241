"""Every notebook runs from top to bottom, from the root, from its own folder, without its runs."""

from __future__ import annotations

import ast
import json
import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of the notebook at ``path``, in order."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def executed(path: Path, folder: Path) -> Any:
    """Run ``path`` in a kernel of its own in ``folder``; return it with its outputs.

    The kernel finds this checkout's package, installed or not.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("MPLBACKEND", None)  # figures are drawn into the notebook
    return client.execute(env=env)


def outputs(notebook: Any) -> list[Any]:
    """All outputs of an executed notebook."""
    return [one for cell in notebook.cells for one in cell.get("outputs", ())]


def printed(notebook: Any) -> str:
    """Everything it printed."""
    return "".join(one["text"] for one in outputs(notebook) if one.get("name") == "stdout")


def needed(path: Path) -> list[str]:
    """The names of the published runs that the notebook at ``path`` reads."""
    tree = ast.parse("\n".join("".join(cell["source"]) for cell in cells(path)))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        one.args[0].value
        for one in calls
        if isinstance(one.func, ast.Name)
        and one.func.id == "published"
        and isinstance(one.args[0], ast.Constant)
        and isinstance(one.args[0].value, str)
    ]


def test_there_are_notebooks() -> None:
    """The notebooks are found, and what they read: a test over none would prove nothing."""
    assert {path.stem: needed(path) for path in NOTEBOOKS} == {
        "first_steps": ["summary_claims"],
        "reliability_curves": ["curves", "rare_faults", "independence"],
        "timings": ["recovery_cost"],
    }


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    """No cell raises or warns, and figures are drawn of the runs that are there."""
    done = executed(path, ROOT)
    assert [one["text"] for one in outputs(done) if one.get("name") == "stderr"] == []
    drawn = any("image/png" in one.get("data", {}) for one in outputs(done))
    there = [name for name in needed(path) if (ROOT / "results" / name / "run.json").is_file()]
    assert drawn == bool(there)


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_missing_run_is_said_in_a_sentence(path: Path, tmp_path: Path) -> None:
    """Without the published runs it runs to its end, from its own folder, and names each."""
    (tmp_path / "results").mkdir()
    (tmp_path / "notebooks").mkdir()
    copied = Path(shutil.copy(path, tmp_path / "notebooks"))
    said = printed(executed(copied, copied.parent))
    for name in needed(path):
        assert f"There is no run in results/{name}" in said
        assert (ROOT / "experiments" / f"{name}.toml").is_file()  # the command it names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    """Outputs and counts of executions are stripped, so that a difference is one of the code."""
    assert [c for c in cells(path) if c["outputs"] or c["execution_count"] is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_well_formed(path: Path) -> None:
    """It is what its format (nbformat 4.5) demands, so that every program opens it."""
    nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.long
def test_a_raising_cell_is_seen(tmp_path: Path) -> None:
    """A cell that raises after good ones makes the run fail: the check itself is checked."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_markdown_cell("this is not code"),
        nbformat.v4.new_code_cell("good = 1\nprint(good)"),
    ]
    planted = tmp_path / "planted.ipynb"
    nbformat.write(notebook, planted)
    assert printed(executed(planted, tmp_path)) == "1\n"
    notebook.cells.append(nbformat.v4.new_code_cell("raise ValueError('planted')"))
    nbformat.write(notebook, planted)
    with pytest.raises(CellExecutionError, match="planted"):
        executed(planted, tmp_path)
