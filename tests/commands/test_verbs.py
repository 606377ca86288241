from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from harness.cli import cli
from harness.commands.verbs import PLACES, Verbs

COMMANDS = Path(__file__).parents[2] / "harness" / "commands"


def test_every_verb_is_called_as_it_is_listed() -> None:
    """And every command that stands in a file of the folder is one."""
    verbs = Verbs()
    assert {name: command.name for name, command in verbs.items()} == {n: n for n in PLACES}
    decorated = sum(
        path.read_text(encoding="utf-8").count("@click.command(") for path in COMMANDS.glob("*.py")
    )
    assert decorated == len(verbs) == len(cli.commands)


def test_a_name_that_is_none_is_none() -> None:
    """As any group says."""
    with pytest.raises(KeyError):
        Verbs()["sing"]
    assert cli.get_command(click.Context(cli), "sing") is None


def test_a_group_may_have_more_of_its_own() -> None:
    """Another package's command can be added, put in a place, and taken away."""
    verbs = Verbs()
    verbs["sing"] = click.Command("sing")
    assert [*verbs] == [*PLACES, "sing"]
    del verbs["sing"]
    assert "sing" not in verbs


def test_only_what_is_used_is_loaded() -> None:
    """A guard does not wait for the options of other verbs."""
    code = (
        "import sys; from harness.cli import cli\n"
        "try: cli.main(['guard', '-h'], standalone_mode=False)\n"
        "finally: print(*(m for m in sys.modules if m.startswith('harness.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.splitlines()[-1].split()}
    assert loaded == {"guarding", "options", "printing", "verbs"}
