"""What these pages say of commands and files, made from the program when the site is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from docutils import nodes
from sphinx import addnodes

from harness.cli import cli
from harness.experiment.written.schema import schema

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
RESULTS = "../results/"  # how a page links to what is published, as hosts of the sources show it


def commands() -> str:
    """Tell every command as its ``--help`` does: how it is called, what it does, its options."""
    return "\n".join(line for name in cli.commands for line in _command(name))


def _command(name: str) -> Iterator[str]:
    command = cli.commands[name]
    context = click.Context(command, info_name=f"harness {name}", parent=None)
    yield from (f"## harness {name}", "", "```text", command.get_usage(context), "```", "")
    yield from (*_paragraphs(command.help or ""), "")
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        yield from ("| option | meaning |", "|---|---|")
    for option in options:
        yield _option(option, context)
    yield ""


def _paragraphs(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield _plain(line.strip())


def _plain(text: str) -> str:
    """Keep what is no Markdown from being read as a tag or a link."""
    return text.replace("<", "&lt;").replace("](", "]\\(").replace("[[", "\\[\\[")


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None, f"{option.name} is hidden"
    written, meaning = (cell.replace("|", "\\|") for cell in record)
    return f"| `{written}` | {_plain(meaning)} |"


def keys() -> str:
    """Tell every table and key that an experiment can have, from the schema for editors."""
    whole = schema()
    tables = {"Experiment": whole, **whole["$defs"]}
    return "\n".join(line for name, table in tables.items() for line in _table(name, table))


def _table(name: str, table: dict[str, Any]) -> Iterator[str]:
    if "properties" not in table:
        return
    yield from (f"## {name}", "", *_paragraphs(table.get("description", "")), "")
    yield from ("| key | value | unless said otherwise | meaning |", "|---|---|---|---|")
    needed = set(table.get("required", ()))
    for key, value in table["properties"].items():
        default = "needed" if key in needed else _literal(value.get("default"))
        meaning = _plain(" ".join(value.get("description", "").split()))
        yield f"| `{key}` | {_kind(value)} | {default} | {meaning} |".replace("  ", " ")
    yield ""


def _literal(value: Any) -> str:
    return "" if value in (None, "", [], {}) else f"`{str(value).replace('|', chr(92) + '|')}`"


def _kind(value: dict[str, Any]) -> str:
    """Say in words what a value may be."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if "properties" in schema()["$defs"][name] else "table"
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    several = value.get("anyOf") or value.get("oneOf") or value.get("allOf")
    if several:
        kinds = [_kind(one) for one in several if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    kind = str(value.get("type", "any"))
    if kind == "array" and isinstance(value.get("items"), dict):
        return f"list of {_kind(value['items'])}"
    if kind == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"table of {_kind(value['additionalProperties'])}"
    return {"object": "table"}.get(kind, kind) + _bounds(value)


def _bounds(value: dict[str, Any]) -> str:
    words = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
    }
    said = [f"{sign} {value[key]}" for key, sign in words.items() if key in value]
    return f", {', '.join(said)}" if said else ""


MADE: dict[str, Callable[[], str]] = {"commands": commands, "keys": keys}


def fill(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put what is made where a page has ``<!-- made: NAME -->``."""
    for name, make in MADE.items():
        marker = f"<!-- made: {name} -->"
        if marker in source[0]:
            source[0] = source[0].replace(marker, make())


def link_results(_app: Sphinx, tree: nodes.document) -> None:
    """Let a link to a published report open it, in place of a download of it."""
    for found in list(tree.findall(addnodes.download_reference)):
        target = str(found["reftarget"])
        if target.startswith(RESULTS):
            link = nodes.reference("", "", *found.children, refuri=target.removeprefix("../"))
            found.replace_self(link)


def copy_results(app: Sphinx, error: Exception | None) -> None:
    """Put the published reports beside the pages."""
    if error or app.builder.format != "html":
        return
    for report in sorted((ROOT / "results").glob("*/report.html")):
        place = Path(app.outdir) / "results" / report.parent.name
        place.mkdir(parents=True, exist_ok=True)
        (place / report.name).write_bytes(report.read_bytes())


def begin(app: Sphinx) -> dict[str, bool]:
    """Take part in the making of the pages, as Sphinx asks its configuration to."""
    app.connect("source-read", fill)
    app.connect("doctree-read", link_results, priority=400)  # before downloads are collected
    app.connect("build-finished", copy_results)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
