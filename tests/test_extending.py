"""docs/extending.md is a package that works: its very lines are installed and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness import registry

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extending.md"
_FILE = re.compile(r"^\*\*`([^`]+)`\*\*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENTRIES = "harness."


def install(folder: Path, replaced: dict[str, str] | None = None) -> Path:
    """Write the page's files and, as pip would, the metadata with their entry points."""
    files = dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))
    for name, text in files.items():
        for old, new in (replaced or {}).items():
            text = text.replace(old, new)  # noqa: PLW2901 - one defect after the other
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / "acme_harness-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return folder


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command line where the package is installed."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}:{PAGE.parents[1]}", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.long
def test_every_kind_runs(folder: Path) -> None:
    """Fault, recovery, cleanup and workload of the page are measured, its report prints the run."""
    install(folder)
    done = harness(folder, "run", "experiment.toml", "--output", "out", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = json.loads((folder / "out" / "summary.json").read_text())["conditions"]
    assert told["outcomes"]["harness_error"] == 0
    assert told["outcomes"]["cleaned"] > 0, "most cycles are struck by nothing"
    assert told["outcomes"]["restored"] > 0, "the recovery of the page was needed"
    assert told["outcomes"]["cleaned"] + told["outcomes"]["restored"] == told["cycles"] == 60
    struck = told["faults"]["delete_forbidden"]
    assert struck["fired"] == struck["surfaced"] > 0
    printed = harness(folder, "report", "out", "--format", "csv").stdout
    assert printed.splitlines()[0] == "condition,cycles,reliability,lower,upper"
    assert printed.splitlines()[1].startswith("all of it ours,60,1.0,")


def test_all_are_listed(folder: Path) -> None:
    """Each stands in ``harness list`` with its contract and the distribution it comes from."""
    install(folder)
    listed = json.loads(harness(folder, "list", "--json").stdout)
    theirs = {
        (kind, one["name"]): one
        for kind in registry.PACKAGES
        for one in listed[kind]
        if one["source"] == "acme-harness 1.0"
    }
    assert {name for _, name in theirs} == {
        "delete_forbidden",
        "page_copy",
        "newest_first",
        "todo",
        "csv",
    }
    assert all(one["contract"] and not one["problem"] for one in theirs.values())


def test_rates_of_nought_touch_nothing(folder: Path) -> None:
    """At rate 0 the page's fault is never made: the run is clean in every cycle."""
    install(folder, {"rate = 0.1": "rate = 0"})
    done = harness(folder, "run", "experiment.toml", "--output", "out", "--cycles", "5")
    assert done.returncode in (0, 3), done.stdout + done.stderr
    (told,) = json.loads((folder / "out" / "summary.json").read_text())["conditions"]
    assert told["outcomes"]["cleaned"] == told["cycles"] == 5


def test_what_is_wrong_is_said(folder: Path) -> None:
    """Each broken class is told in a sentence with file and key, exit 2; the list still lists."""
    install(
        folder,
        {
            'name = "todo"\n    contract': 'name = "other"\n    contract',
            "import csv\n": "import csv, no_such_module_here\n",
            "from harness.steps import Step": "1 / 0",
            "acme.recovery:PageCopy": "acme.recovery:Path.home",
        },
    )
    listed = harness(folder, "list")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("CANNOT BE USED") == 4
    assert listed.stdout.count("acme-harness") >= 5
    assert max(map(len, listed.stdout.splitlines())) <= 80
    refused = harness(folder, "run", "experiment.toml")
    printed = harness(folder, "report", "out", "--format", "csv")
    assert (refused.returncode, printed.returncode) == (2, 2)
    assert refused.stderr.count("experiment.toml:") == 3
    for said in ("carries the name 'other'", "load: ZeroDivisionError", "is no class"):
        assert said in refused.stderr
    assert "does not load: ModuleNotFoundError: No module named 'no_such" in printed.stderr
    assert "Traceback" not in refused.stderr + printed.stderr


def test_a_cleanup_that_is_none_is_said(folder: Path) -> None:
    """A cleanup is looked up later than the rest; it too is told with file and key, exit 2."""
    install(folder, {"class NewestFirst(Cleanup)": "class NewestFirst"})
    refused = harness(folder, "run", "experiment.toml")
    assert refused.returncode == 2
    assert re.search(
        r"experiment\.toml:\d+: .*cleanup: .*is a class but no Cleanup", refused.stderr
    )


def test_the_page_names_every_group() -> None:
    """The page shows an entry point of every kind there is."""
    text = PAGE.read_text(encoding="utf-8")
    assert all(f'."{_ENTRIES}{package}"]' in text for package in registry.PACKAGES)
