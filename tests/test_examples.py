"""The experiments on real databases and the example projects: they run, and find what is there.

Skipped, with the reason, where a database, node, npm or a registry is missing.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.experiment.run import verdicts
from harness.experiment.written.claimed import confidence_each
from harness.statistics.sequential import support_boundary
from tests.real_databases import ROOT, needed

EXPERIMENTS = ROOT / "experiments"
EXAMPLES = EXPERIMENTS / "examples"
DATABASES = {
    "chinook": "chinook.sqlite",
    "northwind": "northwind.db",
    "wagtail": "wagtail_bakerydemo.sqlite3",
}
SET_UP_S = 240


def run(experiment: Path, output: Path, *more: str) -> dict[str, Any]:
    """Run it and return its conditions by name; no cycle may be a harness error."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", "run", str(experiment), "--output", str(output), *more],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    summary = output / "summary.json"
    assert summary.exists(), done.stderr
    conditions = {one["name"]: one for one in json.loads(summary.read_text())["conditions"]}
    failures = {n: one["to_replay"] for n, one in conditions.items() if errors(one)}
    assert not failures, failures
    return conditions


def errors(condition: dict[str, Any]) -> int:
    """How many of its cycles the harness itself has spoiled."""
    return int(condition["outcomes"]["harness_error"])


def only(folder: Path, *names: str, faults: bool = False) -> Path:
    """Write a shorter experiment beside it: these conditions, the report trusted where it may be.

    What rates plan in so few cycles may not fire: without ``faults`` there are none.
    """
    text = (folder / "experiment.toml").read_text().partition("[[rows]]")[0]
    text = re.sub(r"each = .*", 'policy = "hybrid_trusting"', text)
    head, *conditions = text.split("[[conditions]]")
    kept = [one for one in conditions if any(f'name = "{name}"' in one for name in names)]
    assert len(kept) == len(names), names
    if not faults:
        kept = [one.partition("[conditions.faults]")[0] for one in kept]
    path = folder / "shorter.toml"
    path.write_text("[[conditions]]".join([head, *kept]))
    return path


def copied(name: str, folder: Path) -> Path:
    """Copy an example as it is committed, without what a set-up has made in it."""
    made = shutil.ignore_patterns("node_modules", ".venv", "__pycache__", "*.sqlite*", "runs")
    return Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=made))


def set_up(folder: Path, *commands: list[str]) -> None:
    """Run the set-up's commands; what a registry does not give skips the test."""
    for command in commands:
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=SET_UP_S, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"{' '.join(command)}: no answer within {SET_UP_S} s")
        if done.returncode:
            pytest.skip(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.rglob("*.toml")), ids=lambda path: path.stem)
def test_the_first_comment_asks(path: Path) -> None:
    """Every experiment opens with the question that it answers, and states it in itself."""
    text = path.read_text()
    assert text.startswith("# ")
    assert tomllib.loads(text)["question"].endswith("?")


@pytest.mark.long
@pytest.mark.parametrize("name", DATABASES)
def test_real_databases(name: str, folder: Path) -> None:
    """Each runs on its real database without one harness error, and restores what it must."""
    database = needed(DATABASES[name])
    before = database.read_bytes()
    conditions = run(
        EXPERIMENTS / f"{name}.toml",
        folder / "run",
        "--cycles=2",
        f"--set=defaults.project.database={database}",
    )
    assert database.read_bytes() == before
    for one in conditions.values():
        if one["policy"] == "hybrid_verified":
            assert one["outcomes"]["dirty_silent"] == 0
    planted = {
        "chinook": ("forgets playlists/cleanup_only", {"Playlist"}),
        "wagtail": ("forgets the count/cleanup_only", {"wagtailcore_collection"}),
        "northwind": ("row by row, nothing else/exact", {"sequence Orders"}),
    }
    condition, tables = planted[name]
    assert tables <= set(conditions[condition]["unsaid"]["tables"])


@pytest.mark.long
def test_node(folder: Path) -> None:
    """The careless cleanup of the task board leaves rows and says it is fine; the careful none."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    project = copied("node", folder)
    set_up(project, ["npm", "ci"], ["npm", "run", "database"])
    short = only(project, "careless, no faults", "careful, no faults")
    conditions = run(short, folder / "run", "--cycles=6", "--workers=1")
    careless = conditions["careless, no faults"]
    assert careless["unsaid"]["left"] == careless["outcomes"]["dirty_silent"] > 0
    assert set(careless["unsaid"]["tables"]) == {"tasks", "projects", "users"}
    assert conditions["careful, no faults"]["outcomes"]["cleaned"] == 6


@pytest.mark.long
def test_django(folder: Path) -> None:
    """The careless cleanup of the shop leaves a customer and ends with 0; faults strike it."""
    project = copied("django", folder)
    set_up(
        project,
        [sys.executable, "-m", "venv", ".venv"],
        [".venv/bin/pip", "install", "-q", "-r", "requirements.txt"],
        [".venv/bin/python", "manage.py", "migrate"],
    )
    short = only(project, "careless, no faults", "careful, faults", faults=True)
    conditions = run(short, folder / "run", "--cycles=6")
    careless = conditions["careless, no faults"]
    assert careless["unsaid"]["left"] == careless["outcomes"]["dirty_silent"] > 0
    assert set(careless["unsaid"]["tables"]) == {"shop_customer"}
    careful = conditions["careful, faults"]
    assert careful["outcomes"]["dirty_silent"] == 0
    assert sum(counts["fired"] for counts in careful["faults"].values()) > 0


@pytest.mark.parametrize(("example", "run"), [("node", "taskboard"), ("django", "shop")])
def test_an_example_ends_as_its_claims_do(example: str, run: str) -> None:
    """The status its README tells is that of its run, and every claim has cycles to be decided."""
    judged = verdicts.check(ROOT / "results" / run)
    readme = (EXAMPLES / example / "README.md").read_text()
    assert f"status {verdicts.exit_code(judged)}, and is meant to" in " ".join(readme.split())
    assert re.search(r"takes .* minutes", readme)
    experiment = tomllib.loads((EXAMPLES / example / "experiment.toml").read_text())
    claims = [one.judged for one in judged if one.judged and one.judged.get("at_least")]
    refuted = [one["at_least"] for one in claims if one["verdict"] == "refuted"]
    assert refuted == [0.95]  # what the example is about
    experiment = tomllib.loads((EXAMPLES / example / "experiment.toml").read_text())
    others = [row["at_least"] for row in experiment["rows"] if row["at_least"] not in refuted]
    each = confidence_each(0.95, len(experiment["rows"]))
    assert len(others) == 2
    assert all(support_boundary(0, least, each) <= experiment["cycles"] for least in others)


@pytest.mark.parametrize("example", ["node", "django"])
def test_nothing_generated_is_committed(example: str) -> None:
    """What a set-up makes is ignored where it is made."""
    ignored = (EXAMPLES / example / ".gitignore").read_text().split()
    made = {"node": {"node_modules/", "*.sqlite*"}, "django": {".venv/", "*.sqlite3*"}}
    assert made[example] <= set(ignored)
