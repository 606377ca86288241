"""One row in the making: the values of each try, and what a refusal teaches for the next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from harness.databases.schema import ForeignKey
from harness.databases.sqlite.ddl import words_of
from harness.test_rows.schema import Table

SAMPLES = 12  # rows of a table that are looked at
_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")

Values = dict[str, Any]


class Source(Protocol):
    """Where values come from: ``Maker``."""

    def count(self, table: Table) -> int:
        """How many rows of the table were made."""
        ...

    def no_next(self, table: Table) -> bool:
        """Whether SQLite would draw the next row's number by lot."""
        ...

    def samples(self, table: Table) -> Sequence[Values]:
        """Some rows that the table holds."""
        ...

    def suggested(self, table: Table, column: str) -> list[Any]:
        """What the column may hold."""
        ...

    def fresh(self, table: Table, column: str) -> Any:
        """Another value that the column does not hold yet."""
        ...

    def parents(self, table: Table, reference: ForeignKey) -> list[tuple[Any, ...]]:
        """Whom a row may refer to."""
        ...

    def promise(self, table: Table, reference: ForeignKey) -> tuple[Any, ...] | None:
        """Think of a parent that is yet to come."""
        ...


class Attempt:
    """One row in the making: which values were refused, and what comes next."""

    def __init__(self, maker: Source, table: Table, given: Values) -> None:
        self._maker, self._table, self._given = maker, table, given
        self._levels: Counter[str] = Counter()
        self._template = maker.count(table)
        self._turns: Counter[int] = Counter()  # how far each reference's parents were gone through
        self._choices: Counter[int] = Counter()  # how many each has
        self._current: Values = {}
        self._thought_of: list[tuple[ForeignKey, tuple[Any, ...]]] = []
        self._new = self._must_be_new()

    def _must_be_new(self) -> set[str]:
        """Of every unique set one column at least must hold what is not there yet."""
        table = self._table
        referring = {name for reference in table.references for name in reference.columns}
        sets = [*table.uniques, *([frozenset(table.key)] if table.key else [])]
        new_columns: set[str] = set()
        for unique in sorted(sets, key=lambda names: (len(names), sorted(names))):
            free = [name for name in table.columns if name in unique and name not in referring]
            if free and not unique & new_columns and table.alias not in unique:
                new_columns.add(max(free, key=lambda name: "TEXT" in table.columns[name].type))
        if table.alias is not None and self._maker.no_next(table):
            new_columns.add(table.alias)
        return new_columns - self._given.keys()

    def values(self) -> Values:
        """The values of the next try."""
        table, maker = self._table, self._maker
        values = {**self._given}
        for name in sorted(self._new - values.keys()):
            if name not in self._current:
                self._current[name] = maker.fresh(table, name)
            values[name] = self._current[name]
        self._refer(values)
        samples = maker.samples(table)
        sample = samples[self._template % len(samples)] if samples else {}
        for name in table.columns:
            if name in values or (name == table.alias and not self._levels[name]):
                continue
            values[name] = self._free(name, sample)
        return values

    def _free(self, name: str, sample: Values) -> Any:
        level = self._levels[name]
        if (
            level == 0
            and name in sample
            and (sample[name] is not None or name not in self._table.key)
        ):
            return sample[name]
        suggested = self._maker.suggested(self._table, name)
        if not suggested:
            return None
        place = level - 1 if name in sample else level
        return suggested[(place + (self._template if level == 0 else 0)) % len(suggested)]

    def _refer(self, values: Values) -> None:
        """Set the foreign keys: each combination of parents in its turn."""
        self._thought_of = []
        for number, reference in enumerate(self._table.references):
            fixed = [
                (place, values[name])
                for place, name in enumerate(reference.columns)
                if name in values
            ]
            if len(fixed) == len(reference.columns):
                continue
            choices = self._maker.parents(self._table, reference)
            choices = [
                choice
                for choice in choices
                if all(choice[place] == value for place, value in fixed)
            ]
            choices = choices or self._without_parents(reference, values)
            self._choices[number] = len(choices)
            values.update(
                (name, value)
                for name, value in zip(
                    reference.columns, choices[self._turns[number] % len(choices)], strict=True
                )
                if name in self._table.columns and name not in values
            )

    def _turn(self, blamed: set[str]) -> None:
        """Go on to the next combination of parents; ``blamed``: of these columns only, if any."""
        for number, reference in enumerate(self._table.references):
            if blamed and not blamed & set(reference.columns):
                continue
            self._turns[number] += 1
            if self._turns[number] % max(self._choices[number], 1):
                return

    def _without_parents(self, reference: ForeignKey, values: Values) -> list[tuple[Any, ...]]:
        nothing = (None,) * len(reference.columns)
        promised = self._maker.promise(self._table, reference)
        if promised is None:
            return [nothing]
        if reference.parent == self._table.name:  # the row refers to itself
            values.update(zip(reference.referred, promised, strict=True))
        else:
            self._thought_of.append((reference, promised))
        return [promised]

    def promises(self) -> list[tuple[str, Values]]:
        """The parents that the row just made needs."""
        return [
            (reference.parent, dict(zip(reference.referred, promised, strict=True)))
            for reference, promised in self._thought_of
        ]

    def learn(self, error: Exception) -> None:
        """Change what was refused."""
        text = str(error)
        blamed = self._blamed(text)
        self._current = {name: value for name, value in self._current.items() if name not in blamed}
        free = blamed - self._new
        self._levels.update(free)
        referring = {name for reference in self._table.references for name in reference.columns}
        if "UNIQUE" in text and not blamed & self._new:
            self._new |= set(sorted(blamed - referring - self._given.keys())[:1])
        if "FOREIGN KEY" in text or blamed & referring or not blamed:
            self._turn(blamed & referring)
        if not blamed:
            self._template += 1
            self._current = {}
            if self._template % (SAMPLES + 1) == SAMPLES:
                self._levels.update(self._table.columns.keys() - self._new)

    def _blamed(self, text: str) -> set[str]:
        columns = {name.lower(): name for name in self._table.columns}
        if match := _UNIQUE.search(text):
            index = re.match(r"index '(.+)'", match[1])
            if not index:
                names = [qualified.rpartition(".")[2] for qualified in match[1].split(", ")]
                return {columns[name.lower()] for name in names if name.lower() in columns}
        if text.startswith("CHECKConstraint") or "CHECK constraint failed" in text:
            return self._in_check(text.partition(": ")[2], columns)
        named = re.search(r"(?:NOT NULL constraint failed: |column )(.+)", text)
        if named:
            name = named[1].rpartition(".")[2].lower()
            return {columns[name]} if name in columns else set()
        return set()

    def _in_check(self, text: str, columns: dict[str, str]) -> set[str]:
        """The columns of the CHECK that SQLite tells of, by its name or its expression."""
        words = words_of(text)
        blamed = {columns[word] for word in words & columns.keys()}
        if not blamed:
            several = [check for check in self._table.checks if not self._table.alone(check)]
            blamed = {columns[name] for check in several for name in check.names & columns.keys()}
        # one column of several at a time, in turn: all at once would never meet
        order = sorted(blamed - self._given.keys())
        return {order[sum(self._levels.values()) % len(order)]} if order else set()


__all__ = ["SAMPLES", "Attempt", "Values"]
