"""The pages name everything that people can type, and every experiment asks its question."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from harness import registry
from harness.analysis.measures import contracts
from harness.cli import INTERRUPTED, cli
from harness.configured.keys import KEYS
from harness.errors import MeasurementError, UsageError
from harness.experiment.written.claimed import MIRRORS
from harness.experiment.written.configuration import Condition, load
from harness.experiment.written.project import BackendSetting, ProjectSetting
from harness.guard import POLICIES
from harness.guard.child import NOT_EXECUTABLE, NOT_FOUND
from harness.guard.result import GUARD_FAILED
from tests.real_databases import needed

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.toml"))
MOST_LINES = 150  # of the README: who looks for a tool reads no more


def words() -> dict[str, set[str]]:
    """What each page has to name."""
    return {
        "faults": {
            *registry.names("faults"), *registry.names("cleanup"), *registry.names("workloads"),
        },
        "recoveries": {*registry.names("recovery"), *POLICIES},
        "read-a-report": set(registry.names("reports")),
        "experiments": {
            *(set(Condition.model_fields) - {"name", "sweep"}),
            *(f"experiments/{path.name}" for path in EXPERIMENTS),
        },
        "measure-your-own": {
            *(set(ProjectSetting.model_fields) - {"home"}), *BackendSetting.model_fields,
        },
    }  # fmt: skip


def unnamed(page: str, text: str) -> list[str]:
    """What people can type and ``page`` does not say, each as it should stand there."""
    return sorted(word for word in words()[page] if f"`{word}`" not in text)


def astray(text: str) -> list[str]:
    """The links and pictures of a README that lead to no file here; other sites are not asked."""
    found = re.findall(r"\]\(([^)#\s]+)|(?:src|srcset)=\"([^\"]+)", text)
    places = [one or other for one, other in found if "://" not in (one or other)]
    return [place for place in places if not (ROOT / place).exists()]


def unlisted(text: str) -> list[str]:
    """The commands that the list at the top of the page of commands lacks."""
    return [
        name for name in cli.commands if not re.search(rf"^harness {name}\b", text, re.MULTILINE)
    ]


def unhelpful() -> list[str]:
    """The commands and options that do not say what they are for: the page of commands is made."""
    return [
        f"{name} {'/'.join(getattr(option, 'opts', ()))}"
        for name, command in cli.commands.items()
        for option in [command, *command.params]
        if not isinstance(option, click.Argument) and not option.help
    ]


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


@pytest.mark.parametrize("page", words())
def test_the_pages_name_everything(page: str) -> None:
    """Every fault, recovery, policy, key, experiment and so on stands on its page."""
    assert unnamed(page, (DOCS / f"{page}.md").read_text(encoding="utf-8")) == []


def test_the_page_of_commands_lists_them() -> None:
    """Each has its line at the top; one that is left out is seen."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert unlisted(text) == []
    assert unlisted(text.replace("harness replay DIR", "harness again DIR")) == ["replay"]


def test_what_the_readme_points_to_is_there() -> None:
    """Every page and picture; one that is not there is seen. Within the site Sphinx looks."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert astray(text) == []
    wrong = '[a](docs/none.md#b) <img src="none.svg"> <source srcset="docs/none.svg">'
    assert astray(text + wrong) == ["docs/none.md", "none.svg", "docs/none.svg"]
    assert len(re.findall(r"\]\(docs/", text)) > 10


def test_the_statuses_are_those_of_the_program() -> None:
    """What page and README say of 2, 4, 125, 126, 127 and 130 is what the program means by it."""
    page = (DOCS / "exit-statuses.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE))
    assert rows.keys() == {"0", "1", "2", "3", "4", "130", "125", "126", "127"}
    assert "usage" in rows[str(UsageError.exit_code)]
    assert "harness error" in rows[str(MeasurementError.exit_code)]
    assert "interrupted" in rows[str(INTERRUPTED)]
    assert "not proven" in rows[str(GUARD_FAILED)]
    assert "cannot be run" in rows[str(NOT_EXECUTABLE)]
    assert "no such command" in rows[str(NOT_FOUND)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    assert f"{UsageError.exit_code} usage or configuration" in readme
    assert f"{MeasurementError.exit_code} harness error, {INTERRUPTED} interrupted" in readme
    assert f"{GUARD_FAILED} says that the database is not proven back" in readme
    assert f"{NOT_EXECUTABLE} and {NOT_FOUND} that the command cannot be run" in readme


def test_every_kind_of_part_has_its_page() -> None:
    """A part of whatever kind that can be named is looked for on one of the pages."""
    named = {name for package in registry.PACKAGES for name in registry.names(package)}
    assert named <= set().union(*words().values())


def test_every_option_says_what_it_is_for() -> None:
    """Each command and option has its help, of which the page of commands is made; and -v alike."""
    assert unhelpful() == []


def test_an_option_without_help_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is checked: an option, and a command."""
    option = next(one for one in cli.commands["run"].params if isinstance(one, click.Option))
    monkeypatch.setattr(option, "help", None)
    monkeypatch.setattr(cli.commands["verify"], "help", None)
    assert unhelpful() == [f"run {'/'.join(option.opts)}", "verify "]


def test_the_readme_names_every_command_that_it_can() -> None:
    """The README is short, and sends people to the page where every command is."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert "(docs/commands.md)" in text


@pytest.mark.parametrize(
    ("page", "line", "missing"),
    [
        ("faults", "| `disk_full`", "disk_full"),
        ("faults", "| `reset_after`", "reset_after"),
        ("faults", "| `workload.kind`", "platform"),
        ("recoveries", "| `wal_pin`", "wal_pin"),
        ("recoveries", "| `restore_only`", "restore_only"),
        ("experiments", "| `busy_timeout_ms`", "busy_timeout_ms"),
        ("experiments", "| `experiments/quickstart.toml`", "experiments/quickstart.toml"),
        ("measure-your-own", "| `timeout_s`", "timeout_s"),
        ("measure-your-own", "| `backend` | your own", "port_variable"),
        ("read-a-report", "| `junit`", "junit"),
    ],
)
def test_an_omission_is_seen(page: str, line: str, missing: str) -> None:
    """A page without one line is found out: the check itself is checked."""
    lines = (DOCS / f"{page}.md").read_text(encoding="utf-8").splitlines()
    without = [one for one in lines if not one.startswith(line)]
    assert len(without) == len(lines) - 1
    assert missing in unnamed(page, "\n".join(without))


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
