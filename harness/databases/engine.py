"""How a database is named, and what its engine answers, whichever it is.

An address is made once, at the door (``engines.address_of``), and carried with its engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from harness.databases import Differences, Grade
from harness.system.files import Files

Given = str | bytes | os.PathLike[str]  # how people give a database, and code passes it on


class Address(Protocol):
    """A database, as people have named it. ``str()`` never shows a password."""

    @property
    def engine(self) -> Engine:
        """What kind of database it is."""

    @property
    def name(self) -> str:
        """Its own name: of the file in its folder, of the database on its server."""

    @property
    def whole(self) -> str:
        """The address as it can be given from anywhere."""

    def absolute(self) -> Address:
        """Make one that means the same wherever the process changes to."""


class Reason(NamedTuple):
    """What an error of a database is."""

    word: str  # in people's words: "foreign-key violation", "timeout", ...
    code: int  # the engine's own number
    transient: bool  # whether another attempt may pass
    lock: bool = False  # whether somebody else's lock is what is in the way
    silent: bool = False  # whether the error has no text worth telling


class Dialect(Protocol):
    """What SQL that is written here, and not by the user, has to know of an engine."""

    placeholder: str  # where a value goes: "?", "%s"

    def column(self, name: str) -> str:
        """Write the name of a column in SQL that takes values."""

    def table(self, name: str) -> str:
        """Write the name of a table, as ``Differences`` and people have it, in such SQL."""

    def folded(self, name: str) -> str:
        """Give what names have in common that are the same table's."""

    def referred_tables(self, connection: Any) -> dict[str, set[str]]:
        """Tell to which tables each table's foreign keys refer."""

    def schema_version(self, connection: Any) -> str:
        """Give what is the same while no foreign key is defined, dropped or renamed."""


class Engine(Protocol):
    """One kind of database."""

    name: str
    # the package with its ``target``, ``by_hand`` and ``worker_copies``: "harness.guard.sqlite"
    guarding: str
    contract: str  # what it needs, in one sentence
    # Of a guard, where nobody names any: those of them that can work on the database at hand.
    default_recoveries: tuple[str, ...]
    recoveries_in_process: tuple[str, ...]  # of one whose tests run in its own process
    Error: type[Exception]  # of its driver, as PEP 249 names it
    dialect: Dialect

    def address(self, given: Given, *, what: str) -> Address:
        """Make the address of what people have given; UsageError, of ``what``, for what is none."""

    def connect(
        self,
        database: Any,
        *,
        busy_timeout_ms: int = ...,
        read_only: bool = ...,
        immutable: bool = ...,
    ) -> Any:
        """Open a connection of the engine's own kind; ``immutable``: on what nobody writes."""

    def quoted(self, name: str) -> str:
        """Quote the name of a table or column for SQL."""

    def differences(
        self,
        database: Any,
        baseline: Any,
        *,
        grade: Grade = ...,
        checked: bool = ...,
        busy_timeout_ms: int = ...,
    ) -> Differences:
        """Find every difference between a live database and its baseline.

        ``checked``: off for who puts back all that is stored, whatever else could be wrong.
        """

    def put_back(
        self,
        database: Any,
        baseline: Any,
        found: Differences,
        *,
        connect: Callable[[Any], Any],
        checks_foreign_keys: bool = ...,
    ) -> dict[str, str]:
        """Make what differs the baseline's again; by table or setting, why what cannot be is not.

        May be begun again anywhere: what is raised, or a kill, leaves the database as it was.
        """

    def make_durable(self, database: Any, files: Files) -> None:
        """Make the present content last a power cut, whoever wrote it."""

    def describe(self, error: BaseException) -> Reason | None:
        """Say what an error of this engine's is; None for what is none of its."""
