from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.given_once import Once, OnceGroup


def _called(command: click.Command, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, words)
    return done.exit_code, done.output


@click.command(cls=Once)
@click.option("-d", "--database")
@click.option("--name", multiple=True)
@click.option("--quiet", is_flag=True)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def small(database: str, name: tuple[str, ...], quiet: bool, rest: tuple[str, ...]) -> None:
    """A command of each kind of option."""
    click.echo(f"{database} {name} {quiet} {rest}")


@pytest.mark.parametrize(
    "words",
    ["--database a --database b", "-d a --database=a", "--database a x -da"],
)
def test_a_second_value_is_refused(words: str) -> None:
    """In any spelling, wherever it stands, and also where both say the same."""
    status, said = _called(small, *words.split())
    assert status == 2
    assert "is given 2 times and takes one value" in said


def test_what_may_be_given_again_may() -> None:
    """A list, a flag, and whatever stands behind --."""
    words = "-d a --name x --name y --quiet --quiet -- --database b"
    status, said = _called(small, *words.split())
    assert (status, said) == (0, "a ('x', 'y') True ('--database', 'b')\n")


def test_every_verb_is_one_of_them() -> None:
    """Every option of every verb that takes one value is refused at the second, as is any new."""
    assert isinstance(cli, OnceGroup)
    tried = 0
    for name, command in cli.commands.items():
        for option in command.params:
            if isinstance(option, click.Option) and not (option.multiple or option.is_flag):
                status, said = _called(cli, name, *([option.opts[-1], "1"] * 2))
                assert (status, "is given 2 times" in said) == (2, True), (name, option.opts, said)
                tried += 1
    assert tried > 20
