"""Every notebook runs from top to bottom: from the root, from its own folder, on any run or none.

What is stored in it is what it shows: pictures, small tables and sentences of the published runs.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tests.stored_runs import cycles, make_run

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 400_000  # of a stored notebook: what a page shows at once
KINDS = {"image/svg+xml", "text/html", "text/plain"}

_spec = importlib.util.spec_from_file_location("execute", ROOT / "notebooks" / "execute.py")
assert _spec is not None
assert _spec.loader is not None
execute: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(execute)


@pytest.fixture(autouse=True)
def ipython_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a kernel makes a folder of IPython's, too."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


def cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of the notebook at ``path``, in order."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook: Any) -> list[Any]:
    """All outputs of an executed notebook."""
    return [one for cell in notebook.cells for one in cell.get("outputs", ())]


def printed(notebook: Any) -> str:
    """Everything it printed."""
    return "".join(one["text"] for one in outputs(notebook) if one.get("name") == "stdout")


def warned(notebook: Any) -> list[str]:
    """What it said on standard error."""
    return [one["text"] for one in outputs(notebook) if one.get("name") == "stderr"]


def pictures(notebook: Any) -> int:
    """How many figures it drew."""
    return sum("image/svg+xml" in one.get("data", {}) for one in outputs(notebook))


def read(notebook: Any) -> list[str]:
    """What there is to read in it: its tables and sentences, without the pictures."""
    return [
        one.get("text") or "".join(one.data.values())
        for one in outputs(notebook)
        if "image/svg+xml" not in one.get("data", {})
    ]


def needed(path: Path) -> list[str]:
    """The names of the published runs that the notebook at ``path`` reads."""
    code = "\n".join("".join(cell["source"]) for cell in cells(path))
    return re.findall(r'^RUN = "results/(\w+)"', code, re.MULTILINE) + re.findall(
        r'its_own_or\("(\w+)"', code
    )


def test_there_are_notebooks() -> None:
    """The notebooks are found, and what they read: a test over none would prove nothing."""
    assert {path.stem: needed(path) for path in NOTEBOOKS} == {
        "first_steps": ["summary_claims"],
        "reliability_curves": ["curves", "rare_faults", "independence"],
        "timings": ["recovery_cost"],
    }


def test_the_page_says_where_to_name_a_run() -> None:
    """docs/notebooks.md lists each notebook, and shows the cell as it stands in the first."""
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS if f"`{path.name}`" not in page] == []
    assert "".join(cells(NOTEBOOKS[0])[0]["source"]) in page


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_stored(path: Path) -> None:
    """No cell raises or warns; sentences and tables are the stored ones, figures are as many.

    Where it is not so the notebook is of other runs, or other code: notebooks/execute.py.
    """
    there = [name for name in needed(path) if (ROOT / "results" / name / "run.json").is_file()]
    done = execute.kept(execute.executed(path, ROOT))
    stored = nbformat.read(path, as_version=4)
    assert warned(done) == []
    assert bool(pictures(done)) == bool(there)
    assert pictures(done) == pictures(stored)
    assert read(done) == read(stored)


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_run_of_ones_own(path: Path, folder: Path) -> None:
    """One cell names it: a run with one condition and nothing in it, and one with many."""
    make_run(folder / "own", cycles(["cleaned", "restored", "cleaned"]))
    many = ("network", "taskboard")[NOTEBOOKS.index(path) % 2]
    for run in (folder / "own", ROOT / "results" / many):
        done = execute.executed(path, ROOT, str(run))
        assert warned(done) == [], run
        assert pictures(done) > 0, run
        assert f"no run in {run}" not in printed(done)


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_missing_run_is_said_in_a_sentence(path: Path, tmp_path: Path) -> None:
    """Without the published runs it runs to its end, from its own folder, and names each."""
    (tmp_path / "results").mkdir()
    (tmp_path / "notebooks").mkdir()
    copied = Path(shutil.copy(path, tmp_path / "notebooks"))
    said = printed(execute.executed(copied, copied.parent))
    for name in needed(path):
        assert f"There is no run in results/{name}" in said
        assert (ROOT / "experiments" / f"{name}.toml").is_file()  # the command it names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_small_and_stays_the_same(path: Path) -> None:
    """Pictures as SVG, tables and sentences; no counts, which differ from one run to the next."""
    stored = nbformat.read(path, as_version=4)
    assert pictures(stored) > 0
    assert path.stat().st_size < MOST_BYTES
    assert [cell for cell in cells(path) if cell["execution_count"] is not None] == []
    assert {kind for one in outputs(stored) for kind in one.get("data", ())} <= KINDS
    assert stored.metadata.title == stored.cells[0].source.splitlines()[0].removeprefix("# ")


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
    assert printed(execute.executed(planted, tmp_path)) == "1\n"
    notebook.cells.append(nbformat.v4.new_code_cell("raise ValueError('planted')"))
    nbformat.write(notebook, planted)
    with pytest.raises(CellExecutionError, match="planted"):
        execute.executed(planted, tmp_path)
