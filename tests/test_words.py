"""Whatever a message tells people to type is there to be typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from _pytest.config.argparsing import Parser

from harness import pytest_plugin
from harness.cli import cli

ROOT = Path(__file__).parents[1]
NO_VERBS = {"error", "errors", "worker", "reads"}  # "harness error" is an outcome
# CSS writes its variables as options are; and programs of their own, or of others
NO_MESSAGES = {
    "html_parts/style.py", "published/readme.py", "published/anew.py", "postgresql/server.py",
    "postgresql/pouring.py", "postgresql/programs.py", # the options of PostgreSQL's own programs
}  # fmt: skip
OF_GIT = {"--always", "--dirty", "--abbrev", "--exclude"}
_COMMAND = re.compile(r"\bharness ([a-z][a-z_-]*)([^'`\n;:]*)")
_OPTION = re.compile(r"(?<![\w(-])--[a-z]++(?:-[a-z]++)*+(?!-)")


def texts(source: str) -> Iterator[str]:
    """Every text in a source, one that is put together with a gap for each value."""
    whole: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):  # what holds others comes before them
        if isinstance(node, ast.JoinedStr):
            whole.update(node.values)
            parts = (part.value if isinstance(part, ast.Constant) else "_" for part in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in whole:
            yield node.value


@cache
def options() -> dict[str, set[str]]:
    """What each verb takes; "" of pytest and of all verbs together."""
    taken = {
        name: {
            word
            for option in command.params
            for word in (*option.opts, *option.secondary_opts)
            if word.startswith("--")
        }
        | {"--help"}
        for name, command in cli.commands.items()
        if isinstance(command, click.Command)
    }
    parser = Parser(_ispytest=True)
    pytest_plugin.pytest_addoption(parser)
    of_pytest = {word for group in parser._groups for o in group.options for word in o.names()}
    return taken | {"": set().union(*taken.values()) | of_pytest | OF_GIT}


def unknown(text: str) -> list[str]:
    """The verbs and options that a text names and nobody has."""
    known, found = options(), []
    for verb, rest in _COMMAND.findall(text):
        if verb not in known:
            found += [] if verb in NO_VERBS else [f"harness {verb}"]
            continue
        said = _OPTION.findall(rest.partition(" -- ")[0])
        found += [f"harness {verb} {option}" for option in said if option not in known[verb]]
    return found + [option for option in _OPTION.findall(text) if option not in known[""]]


def test_every_command_and_option_that_is_named_is_there() -> None:
    """In every text of the package: a message may send nobody to what is not there."""
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "harness").rglob("*.py")
        if not any(path.match(other) for other in NO_MESSAGES)
        for text in texts(path.read_text(encoding="utf-8"))
        for name in unknown(text)
    }
    assert sorted(wrong) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('f"{a}: harness archives {b}"', ["harness archives"]),
        ("f\"run 'harness restore {a} --lst'\"", ["harness restore --lst", "--lst"]),
        ('"harness verify " "a b --force"', ["harness verify --force"]),
        ('"give --guard-databas or --guard-database"', ["--guard-databas"]),
        ("f\"'harness restore {a} --list', or harness guard --database {a} -- x --y\"", ["--y"]),
        ('"a harness error"', []),
    ],
)
def test_a_wrong_one_is_found(source: str, found: list[str]) -> None:
    """The check is checked: a verb, an option, and an option of another verb."""
    assert [name for text in set(texts(source)) for name in unknown(text)] == found
