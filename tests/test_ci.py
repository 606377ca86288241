"""What people copy into their CI: parsed, and its steps run for real."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from docs.blocks import blocks
from harness.databases.engines import engine_of
from harness.experiment.run import verdicts
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.runner import run
from harness.experiment.written.configuration import load
from harness.results.reading import Results
from harness.statistics.sequential import support_boundary

ROOT = Path(__file__).resolve().parents[1]
ACTION = ROOT / ".github" / "actions" / "harness" / "action.yml"
WORKFLOW, GITLAB = ROOT / "docs" / "ci" / "harness.yml", ROOT / "docs" / "ci" / "gitlab.yml"
MANY = ROOT / "docs" / "ci" / "many-machines.yml"
PAGE = ROOT / "docs" / "ci.md"
EXPERIMENT = """
name = "mine"
[[conditions]]
name = "guarded"
recoveries = ["wal_pin"]
claims = ["reliability >= {claim}"]
[conditions.faults]
foreign_key = {{ rate = 0.05 }}
"""


def parsed(path: Path) -> dict[str, Any]:
    """Read a YAML file."""
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def run_action(
    folder: Path, path: Path = ACTION, scripts: Path | None = None, **inputs: str
) -> tuple[dict[str, int], dict[str, str]]:
    """Run the action's own shell steps as GitHub does; return their statuses and its outputs.

    A step after one that failed is not run. Setting up Python is left out, and so is installing
    where no ``scripts`` are given: the folder of a Python's programs to do it with.
    """
    action = parsed(path)
    values = {name: str(one.get("default", "")) for name, one in action["inputs"].items()} | inputs
    files = {name: folder / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    for file in files.values():
        file.touch()
    programs = f"{scripts or Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    statuses: dict[str, int] = {}
    for step in action["runs"]["steps"]:
        if "run" not in step or (step["name"] == "Install" and scripts is None):
            continue
        given = {
            key: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda m: values[m[1]], text)
            for key, text in step["env"].items()
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder,
            env={**os.environ, "PATH": programs, **{k: str(v) for k, v in files.items()}, **given},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        statuses[step["name"]] = done.returncode
        if done.returncode:
            break
    told = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return statuses, told


@pytest.fixture
def experiment(folder: Path) -> Path:
    """Write an experiment that claims 90%."""
    (folder / "mine.toml").write_text(EXPERIMENT.format(claim="0.9"))
    return folder


@pytest.mark.long
def test_the_action_passes_what_is_supported(experiment: Path) -> None:
    """Run, report and check succeed; summary page and JUnit file are there, and hold the claim."""
    statuses, told = run_action(experiment, experiment="mine.toml", cycles="120")
    assert statuses == {"Run": 0, "Report": 0, "Check": 0}
    assert told == {"status": "0"}
    assert "reliability &gt;= 0.9" in (experiment / "GITHUB_STEP_SUMMARY").read_text() or (
        "reliability >= 0.9" in (experiment / "GITHUB_STEP_SUMMARY").read_text()
    )
    junit = ET.parse(experiment / "harness-results" / "junit.xml")  # noqa: S314 - our own
    assert any("0.9" in str(case.get("name")) for case in junit.iter("testcase"))
    assert not list(junit.iter("failure"))


@pytest.mark.long
def test_the_action_fails_what_is_undecided_unless_that_may_pass(experiment: Path) -> None:
    """Too few cycles end with status 3; allowed, the job passes and still says 3."""
    (experiment / "mine.toml").write_text(EXPERIMENT.format(claim="0.999"))
    few = {"experiment": "mine.toml", "cycles": "60"}
    statuses, told = run_action(experiment, **few)
    assert (statuses["Check"], told["status"]) == (3, "3")
    (experiment / "GITHUB_OUTPUT").unlink()
    statuses, told = run_action(experiment, **few, output="again", **{"allow-undecided": "true"})
    assert (statuses["Check"], told["status"]) == (0, "3")


@pytest.mark.long
def test_the_action_fails_what_is_refuted(experiment: Path) -> None:
    """A cleanup that cannot win against its fault refutes the claim, after the report is made."""
    always = 'permission = { rate = 1.0, lasting = "phase" }'
    text = EXPERIMENT.format(claim="0.9").replace("foreign_key = { rate = 0.05 }", always)
    text = text.replace('recoveries = ["wal_pin"]', 'policy = "cleanup_only"')
    (experiment / "mine.toml").write_text(text)
    statuses, told = run_action(experiment, experiment="mine.toml", cycles="60")
    assert statuses == {"Run": 0, "Report": 0, "Check": 1}
    assert told == {"status": "1"}


def test_the_action_ends_at_once_where_nothing_can_be_run(experiment: Path) -> None:
    """An experiment that cannot be read fails in the step that runs it."""
    statuses, told = run_action(experiment, experiment="other.toml")
    assert (statuses, told) == ({"Run": 2}, {})


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    """Every input in the file people copy is one that the action knows, and the needed is there."""
    inputs = parsed(ACTION)["inputs"]
    steps = parsed(WORKFLOW)["jobs"]["claims"]["steps"]
    (step,) = [one for one in steps if one.get("uses") == "./.github/actions/harness"]
    assert set(step["with"]) <= set(inputs)
    assert {name for name, one in inputs.items() if one.get("required")} <= set(step["with"])


@pytest.mark.parametrize("path", [ACTION, WORKFLOW, GITLAB, MANY], ids=lambda path: path.name)
def test_nothing_has_to_be_filled_in(path: Path) -> None:
    """What is copied names no owner, no address and no path that only stands for one."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"OWNER|example\.com|/path/to|<[a-z-]+>|TODO", text) == []


@pytest.mark.long
def test_the_workflow_runs_as_copied(experiment: Path) -> None:
    """What the page says to type into a repository is enough: its action installs and judges."""
    shell = [block.text for block in blocks(PAGE.read_text("utf-8")) if block.kind == "sh"]
    (copying,) = [text for text in shell if text.startswith("pip wheel")]
    programs = experiment / "python" / "bin"
    subprocess.run([sys.executable, "-m", "venv", programs.parent], check=True)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-c", copying.replace("/path/to/reliability-harness", str(ROOT))],
        cwd=experiment,
        env={**os.environ, "PATH": path, "PIP_RETRIES": "0", "HOME": str(experiment)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "No matching distribution found for hatchling" in done.stderr:
        pytest.skip("no package index can be reached, and building needs hatchling from one")
    assert done.returncode == 0, done.stderr
    (experiment / "e2e").mkdir()
    (experiment / "mine.toml").rename(experiment / "e2e" / "reliability.toml")
    (copied,) = (experiment / ".github" / "workflows").iterdir()
    (step,) = [one for one in parsed(copied)["jobs"]["claims"]["steps"] if "with" in one][:1]
    action = experiment / step["uses"] / "action.yml"
    with pytest.MonkeyPatch.context() as given:
        given.setenv("HOME", str(experiment))  # pip asks rustc for its version, which writes there
        given.setenv("PIP_CONSTRAINT", str(ROOT / "constraints.txt"))
        statuses, told = run_action(experiment, action, programs, **step["with"])
    assert statuses == {"Install": 0, "Run": 0, "Report": 0, "Check": 0}
    assert told == {"status": "0"}
    assert (experiment / "harness-results" / "junit.xml").exists()
    where = subprocess.run(
        [programs / "python", "-c", "import harness; print(harness.__file__)"],
        cwd=experiment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(programs.parent), "installed, from the wheel"


def test_the_page_names_every_input() -> None:
    """The table in the documentation is the action's own list of inputs."""
    page = PAGE.read_text(encoding="utf-8")
    listed = re.search(r"\| input \| meaning \|\n\|.*\n((?:\|.*\n)+)", page)
    assert listed is not None
    assert re.findall(r"^\| `([a-z-]+)` \|", listed[1], re.MULTILINE) == list(
        parsed(ACTION)["inputs"]
    )


@pytest.mark.long
def test_the_gitlab_job_runs_for_real(experiment: Path) -> None:
    """Its script, but for the installation, ends with the check's status and leaves the reports."""
    job = parsed(GITLAB)["reliability"]
    script = "\n".join(line for line in job["script"] if "pip install" not in line)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = job["variables"] | {"EXPERIMENT": "mine.toml"}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=experiment,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = experiment / job["artifacts"]["paths"][0]
    assert (kept / "report.html").exists()
    assert (experiment / job["artifacts"]["reports"]["junit"]).exists()


def steps_of(job: dict[str, Any], folder: Path, **variables: object) -> None:
    """Run a job's own shell steps as GitHub does, but for the installation."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path} | {k: str(v) for k, v in variables.items()}
    for step in job["steps"]:
        if "run" in step and step["name"] != "Install":
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=folder, env=environment, capture_output=True, text=True, check=False,
                timeout=300,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr


def artifacts(jobs: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What each job uploads: {job: {"name": ..., "path": ...}}."""
    return {
        name: {key: str(step["with"][key]) for key in ("name", "path")}
        for name, job in jobs.items()
        for step in job["steps"]
        if str(step.get("uses")).startswith("actions/upload-artifact")
    }


@pytest.mark.long
def test_the_jobs_on_many_machines_run_for_real(experiment: Path) -> None:
    """Each in a folder of its own, artifacts carried from one to the next; two shards of twenty."""
    many = parsed(MANY)
    jobs, kept = many["jobs"], artifacts(many["jobs"])
    variables = many["env"] | {"EXPERIMENT": "mine.toml", "CYCLES": 20}
    machines = {name: experiment / name for name in ("first", "0", "1", "merged")}
    for machine in machines.values():
        machine.mkdir()
        shutil.copy(experiment / "mine.toml", machine)
    steps_of(jobs["first"], machines["first"], **variables)
    rates = machines["first"] / kept["first"]["path"]
    for number in jobs["shards"]["strategy"]["matrix"]["shard"][:2]:
        machine = machines[str(number)]
        shutil.copytree(rates, machine / "shards" / kept["first"]["name"])
        steps_of(jobs["shards"], machine, **variables, SHARD=number)
        name, path = (
            kept["shards"][key].replace("${{ matrix.shard }}", str(number))
            for key in ("name", "path")
        )
        shutil.copytree(machine / path, machines["merged"] / "shards" / name)
    shutil.copytree(rates, machines["merged"] / "shards" / kept["first"]["name"])
    steps_of(jobs["merged"], machines["merged"], **variables)
    merged = Results(machines["merged"] / kept["merged"]["path"])
    assert merged.columns("guarded")["cycle"].tolist() == [*range(40)]
    assert [one["cycles"] for one in merged.run["shards"]] == [[0, 0], [0, 19], [20, 39]]


def test_the_jobs_on_many_machines_can_decide_their_claim() -> None:
    """They have cycles for a failure, as the page and the file say; and wait for each other."""
    many = parsed(MANY)
    jobs = many["jobs"]
    cycles = int(many["env"]["CYCLES"]) * len(jobs["shards"]["strategy"]["matrix"]["shard"])
    assert support_boundary(1, 0.9999) <= cycles
    figures = [f"{support_boundary(failures, 0.9999):,}" for failures in (0, 1)]
    for path in (MANY, ROOT / "docs" / "many-machines.md"):
        text = " ".join(path.read_text(encoding="utf-8").replace("#", "").split())
        assert all(figure in text for figure in figures), path
    assert (jobs["shards"]["needs"], jobs["merged"]["needs"]) == ("first", "shards")
    names = [entry["name"] for entry in artifacts(jobs).values()]
    assert names == ["shard-first", "shard-${{ matrix.shard }}", "reliability"]
    fetched = [
        step["with"] for job in jobs.values() for step in job["steps"]
        if str(step.get("uses")).startswith("actions/download-artifact")
    ]  # fmt: skip
    assert fetched == [
        {"name": "shard-first", "path": "shards/shard-first"},
        {"pattern": "shard-*", "path": "shards"},
    ]


def test_the_claim_of_our_own_builds_can_be_decided_in_them() -> None:
    """Our own CI has 99.9% decided of a guard's default chain, with cycles for a failure."""
    experiment = load(ROOT / "experiments" / "ci_claim.toml")
    (guarded,) = experiment.conditions
    assert guarded.claims == ("reliability >= 0.999",)
    assert guarded.policy == "hybrid_verified"
    assert guarded.recoveries == engine_of("a file").default_recoveries
    assert experiment.budget is not None
    assert support_boundary(1, 0.999) <= (experiment.budget.cycles or 0)
    assert "ci_claim.toml" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.long
def test_a_broken_guard_fails_the_build(folder: Path) -> None:
    """With a verification that finds nothing, planted, the very same run and check end with 1."""
    machinery = Machinery(site="tests.experiment.sites:LyingVerification",
                          console=Console(file=io.StringIO()))  # fmt: skip
    options = RunOptions(output=folder / "broken")
    assert run(ROOT / "experiments" / "ci_claim.toml", options, machinery) == 1
    judged = verdicts.check(folder / "broken")
    assert verdicts.exit_code(judged) == 1
    assert [one.judged["verdict"] for one in judged if one.judged] == ["refuted"]
    assert json.loads((folder / "broken" / "summary.json").read_text())["conditions"][0][
        "outcomes"
    ]["dirty_silent"]
