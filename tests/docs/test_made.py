import re

import click
import pytest

from docs import made
from harness.cli import cli
from harness.experiment.written.schema import schema


def test_every_command_and_option_is_told() -> None:
    """The page has a heading for each command, and a row for each of its options."""
    page = made.commands()
    assert re.findall(r"^## harness (\S+)$", page, re.MULTILINE) == list(cli.commands)
    for name, command in cli.commands.items():
        part = page.partition(f"## harness {name}\n")[2].partition("\n## ")[0]
        options = {word for one in command.params for word in one.opts if word.startswith("--")}
        assert options <= set(re.findall(r"--[a-z-]+", part)), name


def test_the_page_of_commands_follows_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that is new stands there with its help; what Markdown would read stays."""
    new = click.Option(["--planted"], metavar="A|B", help="Put <here> into [x](y).")
    monkeypatch.setattr(cli.commands["check"], "params", [*cli.commands["check"].params, new])
    assert "| `--planted A\\|B` | Put &lt;here> into [x]\\(y). |" in made.commands()


def test_every_table_and_key_is_told() -> None:
    """Each key of the schema has a row in its table, and every link leads to a heading."""
    page, whole = made.keys(), schema()
    headings = {heading.lower() for heading in re.findall(r"^## (\w+)$", page, re.MULTILINE)}
    for name, table in {"Experiment": whole, **whole["$defs"]}.items():
        part = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        keys = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
        assert keys == list(table.get("properties", {})), name
    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= headings


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, "integer, ≥ 1, ≤ 9"),
        ({"enum": ["a", "b"]}, "`a`, `b`"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string"),
        (
            {"type": "array", "items": {"$ref": "#/$defs/StrikeSetting"}},
            "list of [StrikeSetting](#strikesetting)",
        ),
    ],
)
def test_a_kind_is_said_in_words(value: dict[str, object], words: str) -> None:
    """Numbers with their bounds, choices, what may be left out, tables by their name."""
    assert made._kind(value) == words
