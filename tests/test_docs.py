"""README.md names everything that people can type, and every experiment asks its question."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from harness import registry
from harness.analysis.measures import contracts
from harness.cli import cli
from harness.configured.keys import KEYS
from harness.experiment.written.claimed import MIRRORS
from harness.experiment.written.configuration import Condition, load
from harness.experiment.written.project import BackendSetting, ProjectSetting
from harness.guard import POLICIES
from tests.real_databases import needed

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.toml"))


def section(readme: str, first: str) -> str:
    """The rows of the README's table whose head begins with ``first``; empty without one."""
    found = re.search(rf"^\| {re.escape(first)} \|.*\n((?:\|.*\n?)*)", readme, re.MULTILINE)
    return found[1] if found else ""


def options(readme: str) -> dict[str, set[str]]:
    """The options that the README's table lists of each command; an empty cell is a ditto."""
    listed: dict[str, set[str]] = {}
    command = ""
    for row in section(readme, "command").splitlines():
        first, second = (cell.strip() for cell in row.split("|")[1:3])
        command = first.strip("`") or command
        listed.setdefault(command, set()).update(re.findall(r"`(--[a-z-]+)", second))
    return listed


def unnamed(readme: str) -> list[str]:
    """What people can type and ``readme`` does not say, each as it should stand there."""
    listed = options(readme)
    missing = []
    for command in cli.commands.values():
        if not re.search(rf"\bharness {command.name}\b", readme):
            missing.append(f"harness {command.name}")
        missing += [
            f"{command.name} {name}"
            for option in command.params
            if isinstance(option, click.Option)
            for name in option.opts
            if name not in listed.get(str(command.name), set())
        ]
    words = {name for package in registry.PACKAGES for name in registry.names(package)}
    words |= set(POLICIES) | (set(Condition.model_fields) - {"name", "sweep"})
    words |= (set(ProjectSetting.model_fields) - {"home"}) | set(BackendSetting.model_fields)
    places = {f"experiments/{path.name}" for path in EXPERIMENTS}
    return missing + sorted(word for word in words | places if f"`{word}`" not in readme)


def test_the_page_of_measures_says_what_they_count() -> None:
    """docs/measures.md has every measure with the words that `harness list measures` prints."""
    page = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)) == contracts()
    assert all(f"`{mirror}`" in page for mirror in MIRRORS)


def test_the_page_of_configuration_has_every_key() -> None:
    """docs/configuration.md has a row for each, with its option, and no others."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.MULTILINE))
    assert [*rows] == [*KEYS]
    assert [name for name, key in KEYS.items() if f"`{key.option}`" not in rows[name]] == []


def test_the_readme_names_everything() -> None:
    """Every command, option, fault, recovery, policy and so on stands in the README."""
    assert unnamed((ROOT / "README.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("harness replay DIR", "harness replay"),
        ("| | `--stop-when-decided`", "run --stop-when-decided"),
        ("| | `--output FILE`", "report --output"),
        ("| `disk_full`", "disk_full"),
        ("| `wal_pin`", "wal_pin"),
        ("| `restore_only`", "restore_only"),
        ("| `busy_timeout_ms`", "busy_timeout_ms"),
        ("| `reset_after`", "reset_after"),
        ("| `timeout_s`", "timeout_s"),
        ("| `backend` | your own", "port_variable"),
        ("harness list", "harness list"),
        ("| `workload.kind`", "platform"),
        ("| `experiments/quickstart.toml`", "experiments/quickstart.toml"),
    ],
)
def test_an_omission_is_seen(line: str, missing: str) -> None:
    """A README without one line is found out: the check itself is checked."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    without = [one for one in lines if not one.startswith(line)]
    assert len(without) == len(lines) - 1
    assert missing in unnamed("\n".join(without))


def asks(text: str) -> bool:
    """Whether an experiment's first paragraph of comment holds a question."""
    comment = re.match(r"(?:#.*\n)+", text)
    return comment is not None and "?" in comment[0]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_experiment_loads_and_asks(path: Path) -> None:
    """Every experiment that is shipped is valid and begins with the question it answers."""
    text = path.read_text(encoding="utf-8")
    assert asks(text)
    database = re.search(r'^database = "databases/(.*)"', text, re.MULTILINE)
    overrides = [f"defaults.project.database={needed(database[1])}"] if database else []
    assert load(path, overrides).name == path.stem


def test_a_missing_question_is_seen() -> None:
    """No comment, or one without a question, is found out; a later comment is no help."""
    assert asks("# Is it so?\nname = 1\n")
    assert not asks("# It is so.\nname = 1\n")
    assert not asks("name = 1\n# Is it so?\n")
