"""The platform's application as its API: every row that a shape adds becomes a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from harness.backend.client import ApiClient
from harness.errors import ApiError, WorkloadError
from harness.steps import Failure, Listener, Step
from harness.workloads.platform_parts.shapes import Made, Values

OFFERED = ("users", "bots", "integrations")
_TRANSACTIONS = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")  # each request is one by itself
_CLOCK = ("created_at", "updated_at")  # the backend has its own


class Calls:
    """Stands where a connection does: an INSERT becomes a POST, its id is the answer's.

    What the backend has confirmed stands in ``made``, also when a later call failed: more than
    that no test can know, whatever the database holds. Each call is announced to ``listener`` and
    made once: a POST is not safe to repeat.
    """

    in_transaction = False

    def __init__(self, api: ApiClient, listener: Listener) -> None:
        self._api, self._listener = api, listener
        self._calls: Counter[str] = Counter()
        self._id = 0
        self.made: Made = []
        self.failures: list[Failure] = []

    def cursor(self) -> Calls:
        """Return itself."""
        return self

    def last_insert_rowid(self) -> int:
        """Return the id that the backend gave last."""
        return self._id

    def execute(self, sql: str, bindings: Values = ()) -> None:
        """Make one call; ApiError where it failed, WorkloadError where the API offers none."""
        if sql in _TRANSACTIONS:
            return
        table, columns = _insert(sql)
        self._calls[table] += 1
        step = Step("create", call(table, self._calls[table]), 1)
        body = {
            column: value
            for column, value in zip(columns, bindings, strict=True)
            if column not in _CLOCK
        }
        self._listener(step)
        try:
            self._id = _id_in(self._api.request("POST", f"/{table}", body).json())
        except ApiError as error:
            said = f"{type(error).__name__}: {error}"
            self.failures.append(Failure(step, error.reason, said, error.status))
            raise
        self.made.append((table, self._id))


def call(table: str, number: int) -> str:
    """Name the call that makes the ``number``th row (from 1) of ``table``."""
    return f"create {table} {number}"


def calls(tables: Sequence[str]) -> tuple[str, ...]:
    """Name the calls that make rows of these tables, in this order."""
    counted: Counter[str] = Counter()
    names = []
    for table in tables:
        counted[table] += 1
        names.append(call(table, counted[table]))
    return tuple(names)


@cache
def _insert(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return the table and the columns of an INSERT of the schema's."""
    words, _, rest = sql.partition(" (")
    table = words.removeprefix("INSERT INTO ")
    if table not in OFFERED:
        raise WorkloadError(f"the API cannot do this: {sql}")
    return table, tuple(column.strip() for column in rest.partition(")")[0].split(","))


def _id_in(row: Any) -> int:
    """Read the id out of the row that the backend answers with."""
    if not isinstance(row, dict) or type(row.get("id")) is not int:
        raise ApiError("the answer names no id", reason="malformed response", ambiguous=True)
    return int(row["id"])
