"""The page of JSON documents has every key that these have, and no others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.summary import summarise
from tests.stored_runs import cycles, make_run

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "json-documents.md").read_text(encoding="utf-8")


def told(section: str, table: int = 0) -> set[str]:
    """The keys in the first column of one of a section's tables."""
    part = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?:^\|.*\n)+", part, re.MULTILINE)[table].splitlines()[2:]
    return {key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])}


def said(project: Path, *words: str) -> dict[str, Any]:
    """Run a verb that writes a document to ``document.json`` or prints it."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    written = project / "document.json"
    found: dict[str, Any] = json.loads(written.read_text() if written.exists() else done.stdout)
    return found


@pytest.fixture
def project(folder: Path) -> Path:
    """A database that a command will change."""
    made = "CREATE TABLE t (n); INSERT INTO t VALUES (1)"
    (folder / "change.py").write_text(
        "import sqlite3, sys\nc = sqlite3.connect('a.db')\nc.executescript(sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "change.py", made], cwd=folder, check=True)
    return folder


def test_how_a_guarded_command_ended(project: Path) -> None:
    """Each key of guard --json stands in the table, and what differs in the block below."""
    change = [sys.executable, "change.py", "INSERT INTO t VALUES (2)"]
    document = said(
        project,
        "guard",
        "--database",
        "a.db",
        "--json",
        "document.json",
        "--verbose",
        "--",
        *change,
    )
    assert told("How a guarded command ended") == set(document) - {"version"}
    assert document["found"]["tables"]["t"]["rows"]["added"], "told with its rows"
    shape = PAGE.partition("```text\n")[2].partition("```")[0]
    keys = set(re.findall(r'(?:^|   )"(\w+)"', shape, re.MULTILINE))
    assert set(document["found"]) == keys - {"rows", "owner"}, "rows and owner stand further in"
    assert "| how a guarded command ended | `harness guard --json FILE` | 2 |" in PAGE
    assert document["version"] == 2


def test_what_is_in_a_summary(folder: Path) -> None:
    """Each key of summary.json, and of each of its conditions, stands in its table."""
    records = cycles(["restored", "cleaned", "dirty_known"], condition="one")
    made = summarise(make_run(folder / "run", records, conditions=[{"name": "one"}]))
    assert told("A stored run") - {"made_from", "sha256"} >= set(made) - {"version"}
    assert told("A stored run", 1) >= set(made["conditions"][0])


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*/summary.json")), ids=str)
def test_published_summaries_have_these_keys(path: Path) -> None:
    """Also what is published, whatever it has of them."""
    summary = json.loads(path.read_text(encoding="utf-8"))
    assert set(summary) - {"version"} <= told("A stored run")
    assert {key for one in summary["conditions"] for key in one} <= told("A stored run", 1)


def test_the_versions_are_those_of_the_documents(project: Path) -> None:
    """What the first table says of verify, config and list."""
    copy = subprocess.run(
        [sys.executable, "-m", "harness", "backup", "a.db", "b.db"], cwd=project, check=False
    )
    assert copy.returncode == 0
    for words, version in ((("verify", "a.db", "b.db"), 2), (("config",), 1), (("list",), 1)):
        assert said(project, *words, "--json")["version"] == version
        assert re.search(rf"`harness {words[0]} --json`.* \| {version} \|", PAGE)
