"""``harness init``: from a database to an experiment that runs at once, and says how to go on."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.databases.engine import Given
from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.experiment.cycle.grounds import file_of, ground_of
from harness.experiment.init.looking import Looked, look
from harness.experiment.init.striking import Chances, chances_of
from harness.experiment.written.claimed import confidence_each, parse_claim
from harness.experiment.written.configuration import Experiment, load
from harness.experiment.written.project import ProjectSetting
from harness.experiment.written.schema import FILE
from harness.printable import printed
from harness.statistics.sequential import support_boundary

ROWS = ProjectSetting.model_fields["rows"].default
_CLAIM = "reliability >= 0.99"
_CONFIDENCE = Experiment.model_fields["confidence"].default
_FAILURES = 2  # of each condition, for which the cycles still suffice to support its claim
_RATE = 0.05  # of each slot: often enough to be met in a short run
_MOST = 40  # tables, or foreign keys, told one by one
_WIDTH, _LONGEST = 96, 300  # characters of a line of words, and of one name or reason

# As people write them; the words are theirs to change.
_COMMAND = "npm run e2e:clean"
_FUNCTION = "e2e.cleanup:clean"


def init(given: Given, output: Path, *, force: bool = False) -> str:
    """Write an experiment for a database to ``output``; return what to say of it.

    Raises:
        UsageError: there is nothing to look at, or something stands at ``output`` already.
    """
    database = file_of(given, what="DATABASE")
    _refuse_taken(database, output, force=force)
    with ground_of(database).private_copy(database) as copy:
        looked = look(copy, database, rows=ROWS)
        text = _Writer(database, output, looked, chances_of(copy, looked)).text()
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"--output {output}: cannot be written: {error.strerror}") from error
    try:
        load(output)
    except ConfigurationError as error:  # what is written here must be right
        raise MeasurementError(f"what was written cannot be loaded: {error}") from error
    return printed(_told(database, output, looked))


def _refuse_taken(database: Path, output: Path, *, force: bool) -> None:
    if output.is_dir():
        raise UsageError(f"--output {output} is a folder. Give the name of a file in it.")
    if output.exists() and database.exists() and output.samefile(database):
        raise UsageError(f"--output {output} is the database itself. Give another name.")
    if os.path.lexists(output) and not force:
        raise UsageError(
            f"{output} is there already and was left as it is. "
            "Give another name with --output, or write over it with --force."
        )


def quoted(text: str) -> str:
    """Write a TOML string; UsageError for what no TOML file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{text!r} is not UTF-8 and cannot stand in an experiment. Give it another name."
        ) from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def plain(text: str) -> str:
    """Write a name or a reason in one line of a comment."""
    shown = "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}" for character in text
    )
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def name_of(database: Path) -> str:
    """Make an experiment's name of a file's."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", database.stem).lstrip("_.-")
    return name or "database"


def _told(database: Path, output: Path, looked: Looked) -> Iterator[str]:
    yield plain(f"{database}: {_summary(looked)}")
    for name, why in (looked.unread | looked.refused).items():
        yield plain(f"left out: table {name}: {why}")
    if not looked.fills:
        yield f"{output} is written, but no rows can be made for any table by themselves:"
        yield "fill in your own create where it says FILL IN 1, before you run it."
        return
    yield f"{output} is written: 2 conditions that run until their claims are decided, on copies"
    yield "of the database."
    yield f"Next: harness run {shlex.quote(str(output))}"
    yield "Then your own create, cleanup and test: the file says FILL IN where they go."


def _summary(looked: Looked) -> str:
    parts = [
        "SQLite",
        f"{looked.size_bytes:,} bytes",
        f"journal mode {looked.journal_mode}",
        _many(len(looked.rows) + len(looked.unread), "table"),
        _many(sum(looked.rows.values()), "row"),
        _many(len(looked.references), "foreign key"),
    ]
    return ", ".join(parts)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def cycles_for(conditions: int) -> int:
    """Return the cycles in which so many conditions, each with its claim, can all be supported.

    Also where in each of them ``_FAILURES`` cycles fail.
    """
    each = confidence_each(_CONFIDENCE, conditions)
    return conditions * support_boundary(_FAILURES, parse_claim(_CLAIM).at_least, each)


class _Writer:
    """Writes the file, part by part."""

    def __init__(self, database: Path, output: Path, looked: Looked, chances: Chances) -> None:
        self._database, self._output = database, output
        self._found, self._chances = looked, chances

    def text(self) -> str:
        """The whole file."""
        conditions, own = list(self._conditions()), list(self._own())
        number = sum("[[conditions]]" in line for line in (*conditions, *own))
        parts = [*self._head(number), *self._defaults(), *conditions, *own, *self._never()]
        return "\n".join([*parts, *self._what_is_there()]) + "\n"

    def _head(self, conditions: int) -> Iterator[str]:
        yield f"#:schema ./{FILE}"
        yield plain(f"# Is {self._database.name} its baseline again after every test?")
        yield "#"
        yield plain(f"#     harness run {shlex.quote(str(self._output))}")
        yield "#"
        yield "# Everything happens on copies; the database itself is only read. Three places are"
        yield "# for you: FILL IN 1 (create), FILL IN 2 (clean) and, if you like, FILL IN 3 (test)."
        yield f"# Editors explain every key once they have: harness list --schema > {FILE}"
        yield ""
        yield f"name = {quoted(name_of(self._database))}"
        yield "seed = 1"
        yield "# Shared by all conditions: each ends once its claim is decided. Enough for all that"
        yield f"# stand in this file, though in each of them {_FAILURES} cycles fail."
        yield f"budget = {{ cycles = {cycles_for(conditions)} }}"
        yield ""

    def _what_is_there(self) -> Iterator[str]:
        looked = self._found
        yield "#"
        yield f"# Found: {_summary(looked)}."
        largest = sorted(looked.rows.items(), key=lambda counted: (-counted[1], counted[0]))
        yield from _listed([f"{name}: {_many(count, 'row')}" for name, count in largest])
        if looked.references:
            yield "# Foreign keys:"
            yield from _listed(
                f"{reference.table} ({', '.join(reference.columns)}) refers to {reference.parent}, "
                f"ON DELETE {reference.on_delete}"
                for reference in looked.references
            )
        for name, why in looked.unread.items():
            yield plain(f"# Cannot be read here, and left out: {name}: {why}")

    def _defaults(self) -> Iterator[str]:
        folder = os.path.realpath(self._output.parent)
        chain = self._chances.recoveries
        yield "[defaults]"
        yield 'demands = "rows"  # "exact": sequences too, which no cleanup by DELETE puts back'
        yield f"recoveries = [{', '.join(map(quoted, chain))}]"
        yield f"# others: {', '.join(self._chances.other_recoveries)}; 'harness list recovery'"
        yield ""
        yield "[defaults.project]"
        yield f"database = {quoted(os.path.relpath(os.path.realpath(self._database), folder))}"
        yield "# FILL IN 1: what your tests leave behind. A command finds the copy's path in"
        yield "# DATABASE_PATH and DATABASE_URL, a function in the context it is given; SQL may"
        yield "# bind :cycle and :seed. Or rows made for whatever schema there is:"
        yield from self._create()
        yield '# create = "npm run e2e:seed"'
        yield '# create = "e2e.data:create"'
        yield '# create = ["INSERT INTO ..."]'
        yield "# FILL IN 3: what runs after create, if anything: the tests themselves."
        yield '# test = "npm run test:e2e"'
        yield "# timeout_s = 20  # of each command"
        yield ""

    def _create(self) -> Iterator[str]:
        looked = self._found
        if not looked.fills:
            for name, why in looked.refused.items():
                yield plain(f"# no rows can be made for {name}: {why}")
            yield 'create = "auto"  # cannot work here: write one of the following'
            return
        yield 'create = "auto"'
        yield f"# rows = {ROWS}  # of each table"
        if looked.refused or looked.unread:
            for name, why in looked.refused.items():
                yield plain(f"# no rows can be made for {name}: {why}")
            yield f"tables = [{', '.join(map(quoted, looked.fills))}]"

    def _conditions(self) -> Iterator[str]:
        yield from _condition(
            "by difference", '"by_difference"', self._chances.by_difference, "cleaned by comparing"
        )
        yield from _condition(
            "restore only", '"none"', self._chances.none, "no cleanup: restored every time"
        )

    def _own(self) -> Iterator[str]:
        sql = json.dumps(self._chances.statements, ensure_ascii=False)
        yield "# FILL IN 2: your own cleanup, as you run it: a command, a function or SQL. Take the"
        yield "# first '# ' away before every line of one, and change what cleanup says."
        yield "#"
        for name, written, kinds in (
            ("deleted by key", quoted("sql"), self._chances.by_key),
            ("our command", quoted(_COMMAND), self._chances.command),
            ("our function", quoted(_FUNCTION), self._chances.function),
            ("our SQL", sql, self._chances.sql),
        ):
            if written == quoted("sql") and not self._found.fills:
                continue  # it deletes what "auto" has made
            remark = 'what create = "auto" has made' if written == quoted("sql") else ""
            lines = _condition(name, written, kinds, remark)
            yield from (f"# {line}".rstrip() for line in lines)

    def _never(self) -> Iterator[str]:
        if self._chances.never:
            yield "# What cannot strike here, and why:"
            for why, kinds in self._chances.never.items():
                yield from _wrapped(f"{', '.join(kinds)}: {plain(why)}")
            yield "# Requests need your own backend: [defaults.project.backend] with start = ..."


def _condition(name: str, cleanup: str, kinds: Sequence[str], remark: str) -> Iterator[str]:
    """Write one condition, what strikes it by default first, the rest to be asked for."""
    yield "[[conditions]]"
    yield f"name = {quoted(name)}" + (f"  # {remark}" if remark else "")
    yield f"cleanup = {cleanup}"
    yield f"claims = [{quoted(_CLAIM)}]"
    active = [kind for kind in kinds if kind in Chances.usual]
    later = [kind for kind in kinds if kind not in Chances.usual]
    yield "[conditions.faults]"
    yield from (f"{kind} = {{ rate = {_RATE} }}" for kind in active)
    if later:
        yield from _wrapped(f"more that can strike: {', '.join(later)}")
    yield ""


def _listed(lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    every = list(lines)
    yield from (plain(f"#   {line}") for line in every[:_MOST])
    if len(every) > _MOST:
        yield f"#   and {len(every) - _MOST} more"


def _wrapped(text: str) -> Iterator[str]:
    line = "#"
    for word in text.split(" "):
        if len(line) + 1 + len(word) > _WIDTH and line != "#":
            yield line
            line = "#  "
        line += f" {word}"
    yield line


__all__ = ["init", "name_of", "plain", "quoted"]
