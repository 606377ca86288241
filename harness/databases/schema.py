"""A database's schema, whatever the engine: tables, keys, foreign keys, triggers, sequences.

Names are spelt as the database's own definitions spell them, wherever they are used. What one
engine alone knows stands in that engine's own subclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_RESTRICTING = ("RESTRICT", "NO ACTION")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    type: str  # as declared: "VARCHAR(20)"; "" for none
    nullable: bool
    default: str | None  # as SQL
    generated: bool  # computed from other columns: it cannot be written


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """Columns of which no two rows may hold the same, other than the primary key."""

    name: str
    columns: tuple[str, ...]  # also those that its expressions look at
    partial: bool  # it holds for some rows only
    computed: bool  # some of its terms are expressions


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key."""

    table: str  # the child: whose key it is
    columns: tuple[str, ...]
    parent: str
    referred: tuple[str, ...]  # the parent's columns; () where it has none that could be meant
    on_delete: str  # "NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"
    deferred: bool  # whether it may be looked at only when the transaction ends

    @property
    def restricts(self) -> bool:
        """Whether a child row keeps its parent from being deleted."""
        return self.on_delete in _RESTRICTING


@dataclass(frozen=True, slots=True)
class Table:
    """One table that holds rows."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    numbered: str | None  # the column that the database itself fills with the next number
    unique_keys: tuple[UniqueKey, ...]
    foreign_keys: tuple[ForeignKey, ...]
    checks: tuple[str, ...]  # the expressions of its CHECKs, as SQL


@dataclass(frozen=True, slots=True)
class Trigger:
    """What the database runs by itself when rows of a table or view change."""

    name: str
    table: str
    definition: str  # as SQL


@dataclass(frozen=True, slots=True)
class Sequence:
    """What remembers the last number given to a column, also when the row is gone."""

    name: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Schema:
    """What a user has defined in a database; nothing that the engine keeps for itself."""

    tables: Mapping[str, Table]  # in the order they were made
    triggers: tuple[Trigger, ...]
    sequences: tuple[Sequence, ...]
    unread: Mapping[str, str] = field(default_factory=dict)  # table -> why it cannot be read here
