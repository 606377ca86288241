"""Published runs are made anew by the commands that people type, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.analysis.summary import read_summary
from harness.errors import UsageError
from harness.experiment.run.same_baseline import at_its_place
from harness.experiment.written.configuration import Condition
from harness.reports.published import said
from harness.reports.published.anew import KEPT, make_run, missing, read_manifest
from harness.reports.published.anew import main as make_anew
from harness.reports.published.readme import BEGIN, END, RUNS_BEGIN, RUNS_END

ROOT = Path(__file__).resolve().parents[3]
EXPERIMENT = """
name = "small"
question = "Is it small?"
seed = 1
cycles = 4
[[conditions]]
name = "wal_pin/262144"
workload = { size_bytes = 262144 }
recoveries = ["wal_pin"]
"""
MANIFEST = """
readme = "README.md"
page = "page.md"
pictures = ["draw.py"]
[runs.small]
experiment = "small.toml"
formats = { "summary.md" = "markdown" }
prepare = ["touch prepared"]
[runs.other]
experiment = "other.toml"
needs = ["other.db"]
quoted = false
"""
DRAW = """
import sys
from pathlib import Path
Path(sys.argv[1]).with_name("drawn").write_text(" ".join(sys.argv[1:]))
"""


@pytest.fixture
def published(folder: Path) -> Path:
    """A manifest of two runs, of which one can be made, a README and a page."""
    (folder / "small.toml").write_text(EXPERIMENT, encoding="utf-8")
    short = f"{said.BEGIN}\n{said.END}\n"
    (folder / "README.md").write_text(short, encoding="utf-8")
    full = f"{RUNS_BEGIN}\n{RUNS_END}\n{short}{BEGIN}\n{END}\n"
    (folder / "page.md").write_text(full, encoding="utf-8")
    (folder / "draw.py").write_text(DRAW, encoding="utf-8")
    (manifest := folder / "published.toml").write_text(MANIFEST, encoding="utf-8")
    return manifest


def anew(manifest: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as people do."""
    module = "harness.reports.published.anew"
    return subprocess.run(
        [sys.executable, "-m", module, str(manifest), *arguments],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_one_is_made_and_quoted(published: Path) -> None:
    """What it prepares is done, what it leaves is stored, and the page shows its table."""
    done = anew(published, "--only", "small")
    assert done.returncode == 0, done.stderr
    folder = published.parent
    assert sorted(os.listdir(folder / "small")) == sorted([*KEPT, "summary.md"])
    assert (folder / "prepared").exists()
    assert read_summary(folder / "small" / "summary.json")["conditions"][0]["cycles"] == 4
    assert "Measured in 4 cycles" in (folder / "page.md").read_text(encoding="utf-8")
    assert (folder / "drawn").read_text(encoding="utf-8") == str(folder / "small")
    assert not [name for name in os.listdir(folder) if name.startswith(".small")]
    page = (folder / "small" / "report.html").read_text(encoding="utf-8")
    (folder / "small" / "report.html").write_text("older", encoding="utf-8")
    stored = (folder / "small" / "run.json").stat().st_mtime_ns
    make_anew([str(published), "--pages"], standalone_mode=False)
    assert (folder / "small" / "report.html").read_text(encoding="utf-8") == page
    assert (folder / "small" / "run.json").stat().st_mtime_ns == stored


def test_what_is_not_there_is_said_before_anything_runs(published: Path) -> None:
    """A database that is missing and a name that is none: named, exit 2, nothing made."""
    done = anew(published)
    assert done.returncode == 2
    assert "other.toml is not there" in done.stderr
    assert "other.db is not there" in done.stderr
    assert not (published.parent / "small").exists()
    assert missing(read_manifest(published), ["smal"]) == ["smal: no such run; known: small, other"]


@pytest.mark.long
def test_a_run_that_fails_replaces_nothing(published: Path) -> None:
    """A harness error is no answer: what was published stays as it was, to the byte."""
    folder, manifest = published.parent, read_manifest(published)
    (run,) = (run for run in manifest.runs if run.name == "small")
    make_run(run, manifest)
    before = {file: (folder / "small" / file).read_bytes() for file in KEPT}
    broken = EXPERIMENT + "[conditions.faults]\nnoop = { rate = 1e-12 }\n"  # it never fires
    (folder / "small.toml").write_text(broken, encoding="utf-8")
    with pytest.raises(UsageError, match="ended with 4; what is published stays"):
        make_run(run, manifest)
    assert {file: (folder / "small" / file).read_bytes() for file in KEPT} == before
    assert not [name for name in os.listdir(folder) if name.startswith(".small")]


def test_the_manifest_names_all_that_is_published() -> None:
    """Every folder of results/ is made by it, from an experiment that its run.json tells again."""
    manifest = read_manifest(ROOT / "results" / "published.toml")
    stand = (path for path in (ROOT / "results").iterdir() if path.is_dir())
    folders = {path.name for path in stand if not path.name.startswith(".")}  # else being made
    assert folders == {run.name for run in manifest.runs} | set(manifest.simulations)
    for run in manifest.runs:
        assert run.experiment.exists()
        told = json.loads((manifest.folder / run.name / "run.json").read_text(encoding="utf-8"))
        assert f'name = "{told["experiment"]["name"]}"' in run.experiment.read_text("utf-8")


def test_what_is_published_names_no_folder_of_a_machine() -> None:
    """In any checkout a replay finds the experiment's folder, told relative to the run's own."""
    manifest = read_manifest(ROOT / "results" / "published.toml")
    for run in manifest.runs:
        told = json.loads((manifest.folder / run.name / "run.json").read_text(encoding="utf-8"))
        for written in told["experiment"]["conditions"]:
            condition = Condition.model_validate(written)
            if condition.project is None:
                continue
            assert not Path(condition.project.home).is_absolute(), run.name
            place = at_its_place(condition, told, manifest.folder / run.name).project
            assert place is not None
            assert Path(place.home) == run.experiment.resolve().parent
