"""Run the notebooks and keep what they show: ``python notebooks/execute.py``, from the root.

Pictures and small tables are stored, so that a notebook can be read where nothing runs; what
changes from one execution to the next (counts, times, ids) is not, so that a difference in a
stored notebook is one of its code or of the runs it reads.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
_KEPT = ("image/svg+xml", "text/html", "text/plain")


def executed(path: Path, folder: Path, run: str | None = None) -> Any:
    """Run ``path`` in a kernel of its own in ``folder``, on another run if it is named.

    The kernel finds this checkout's package, installed or not.
    """
    notebook = nbformat.read(path, as_version=4)
    if run is not None:
        cell = next(cell for cell in notebook.cells if cell.source.startswith("RUN = "))
        cell.source = f"RUN = {run!r}"
    with tempfile.TemporaryDirectory() as settings:
        file = Path(settings) / "matplotlibrc"
        # ids that stay the same, and text as text: a tenth of its outlines
        file.write_text("svg.hashsalt: notebooks\nsvg.fonttype: none\n")
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MATPLOTLIBRC": str(file),
            "IPYTHONDIR": settings,  # nothing is left in anybody's home
            "XDG_CONFIG_HOME": settings,
            "SOURCE_DATE_EPOCH": "0",
        }
        env.pop("MPLBACKEND", None)  # figures are drawn into the notebook
        client = NotebookClient(
            notebook, timeout=120, record_timing=False, resources={"metadata": {"path": folder}}
        )
        return client.execute(env=env)


def kept(notebook: Any) -> Any:
    """Take away what would differ the next time, and what a picture says a second time."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.outputs = [one for one in cell.outputs if not _is_name(one)]
        for output in cell.outputs:
            output.pop("execution_count", None)
            if "data" not in output:
                continue
            if output.output_type == "execute_result":
                output.output_type = "display_data"
            data = output.data
            first = next(kind for kind in _KEPT if kind in data)
            output.data = {first: data[first]}
            output.metadata = {}
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def _is_name(output: Any) -> bool:
    """Whether it is only how a returned object is called, as <Axes: ...>."""
    data = output.get("data", {})
    return output.output_type == "execute_result" and set(data) == {"text/plain"}


def main() -> None:
    """Execute every notebook, and store it where anything of it is another."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = nbformat.writes(kept(executed(path, ROOT))) + "\n"
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            print(f"{path.name}: stored anew")
        else:
            print(f"{path.name}: the same")


if __name__ == "__main__":
    sys.exit(main())
